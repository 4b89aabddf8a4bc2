import { SingleBar } from 'cli-progress'
import { buildReplay, diffReplay, dropScratch, type ReplayDiff, swapReplay } from '../replay.ts'
import { pauseWorkers, renewPause, resumeWorkers } from '../store/control.ts'
import { joinDeployment } from './connect.ts'

export type ReplayCommand = { readonly diff?: boolean; readonly json?: boolean; readonly list?: string }

/** `flsdb replay`: everything after the inbox built again with today's tables and models; with `--diff` only compared, then discarded. */
export async function replayCommand(options: ReplayCommand): Promise<void> {
  const { store, river, applyEntries } = await joinDeployment()
  const bar =
    options.json || !process.stdout.isTTY
      ? undefined
      : new SingleBar({ format: 'replay {bar} {value}/{total} entries, {eta_formatted} left' })
  let total = 0
  const onProgress = (done: number, all: number) => {
    total = all
    if (!bar) return
    if (done <= 200) bar.start(all, done)
    else bar.update(done)
  }
  let keepPaused: NodeJS.Timeout | undefined
  try {
    if (!options.diff) {
      await pauseWorkers(store)
      keepPaused = setInterval(() => void renewPause(store), 30_000)
    }
    const built = await buildReplay({ river, applyEntries, report: () => undefined, onProgress })
    bar?.stop()
    const diff = await diffReplay(store, built.store, built.entries, Number(options.list ?? 50))
    tell(diff, options, total)
    if (options.diff) await dropScratch(store.db)
    else await swapReplay(store)
  } finally {
    bar?.stop()
    clearInterval(keepPaused)
    if (!options.diff) await resumeWorkers(store)
    await store.close()
  }
}

function tell(diff: ReplayDiff, options: ReplayCommand, total: number): void {
  if (options.json) {
    console.log(JSON.stringify({ ...diff, swapped: !options.diff }))
    return
  }
  console.log(
    `${diff.entries} of ${total} entries read again${diff.expired > 0 ? `, ${diff.expired} expired by retention left out` : ''}`,
  )
  for (const [collection, { added, removed, changed }] of Object.entries(diff.counts)) {
    console.log(`${collection.padEnd(9)} ${added} added, ${removed} removed, ${changed} changed`)
  }
  for (const { collection, id, change, fields } of diff.differences)
    console.log(`  ${change} ${collection} ${id}${fields.length > 0 ? `: ${fields.join(', ')}` : ''}`)
  console.log(
    options.diff ? 'Nothing was changed. Run without --diff to take it.' : 'Taken; workers go on with the new tables.',
  )
}
