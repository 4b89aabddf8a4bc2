import { availableParallelism } from 'node:os'
import { buildReplay } from '../replay.ts'
import { diffReplay, type ReplayDiff } from '../replay-diff.ts'
import { pauseWorkers, renewPause, resumeWorkers } from '../store/control.ts'
import { holdLease } from '../store/lease.ts'
import { dropScratch, readBuild } from '../store/replay-progress.ts'
import { NothingToTake, swapReplay } from '../store/replay-swap.ts'
import type { Store } from '../store/store.ts'
import { type Deployment, joinDeployment } from './connect.ts'
import { progressOf } from './progress.ts'
import { startReplayProcesses } from './replay-processes.ts'

export type ReplayCommand = {
  readonly diff?: boolean
  readonly keep?: boolean
  readonly swap?: boolean
  readonly discard?: boolean
  readonly json?: boolean
  readonly list?: string
  readonly workers?: string
}

/**
 * `flsdb replay`: everything after the inbox built again with today's tables and models. `--diff`: only compared, then discarded, or kept with
 * `--keep` until `--swap` takes it or `--discard` drops it. Broken off, the same command goes on where it was.
 */
export async function replayCommand(options: ReplayCommand): Promise<void> {
  const deployment = await joinDeployment({ mayStart: true })
  const { store } = deployment
  const lease = await holdLease(store.db, 'replay', 'A replay').catch(async (cause: unknown) => {
    await deployment.close()
    throw cause
  })
  try {
    if (options.discard) {
      await refuseWhileSwapping(store)
      await dropScratch(store.db)
      if (!options.json) console.log('Discarded. Nothing live was changed.')
    } else if (options.swap) tellTaken(await take(store), options)
    else await buildAndCompare(deployment, options)
  } finally {
    await lease.release()
    await deployment.close()
  }
}

const leastForProcesses = 5_000

async function buildAndCompare(deployment: Deployment, options: ReplayCommand): Promise<void> {
  const { store } = deployment
  await refuseWhileSwapping(store)
  const progress = progressOf('replay', options.json ?? false)
  const built = await build(deployment, options, progress.show).finally(() => progress.end())
  const diff = await diffReplay(store, built.store, built.entries, Number(options.list ?? 50))
  if (!options.json) tell(diff)
  if (!options.diff) {
    const queued = await take(store)
    if (options.json) console.log(JSON.stringify({ ...diff, swapped: true, queued }))
    else tellTaken(queued, options)
    return
  }
  if (!options.keep) await dropScratch(store.db)
  if (options.json) console.log(JSON.stringify({ ...diff, swapped: false }))
  else
    console.log(
      options.keep
        ? 'Nothing live was changed. flsdb replay --swap takes it, --discard drops it.'
        : 'Nothing was changed. Run without --diff to take it.',
    )
}

async function build(
  { river, applyEntries, config, uri, keyFile }: Deployment,
  options: ReplayCommand,
  show: (what: string, done: number, total: number) => void,
) {
  // A process of its own takes seconds to load its tables.
  const isSmall = (await river.store.inbox.estimatedDocumentCount()) < leastForProcesses
  const count = Number(options.workers ?? (isSmall ? 0 : availableParallelism()))
  const environment = {
    MONGODB_URI: uri,
    FLSDB_DATABASE: config.database,
    FLSDB_KEY_FILE: keyFile,
    FLSDB_TEST_NUMBERS: config.profile === 'production' ? '0' : '1',
    FLSDB_MAPPINGS: config.mappingsFolder ?? '',
  }
  const report: Parameters<typeof buildReplay>[0]['report'] = report =>
    report.kind === 'failure' && process.stderr.write(`entry set aside: ${report.inboxId ?? ''} ${report.code}\n`)
  const processes = count > 0 ? startReplayProcesses(count, environment, report) : undefined
  try {
    return await buildReplay({
      river,
      applyEntries,
      report,
      onProgress: (done, total) => show('entries', done, total),
      ...(config.mappingsFolder ? { mappingsFolder: config.mappingsFolder } : {}),
      ...(processes ? { lanes: processes } : {}),
    })
  } finally {
    processes?.stop()
  }
}

/** Workers pause for the renames alone; the doors stay open. */
async function take(store: Store): Promise<number> {
  await pauseWorkers(store)
  const keepPaused = setInterval(() => void renewPause(store), 30_000)
  try {
    return await swapReplay(store)
  } finally {
    clearInterval(keepPaused)
    await resumeWorkers(store)
  }
}

async function refuseWhileSwapping({ db }: Store): Promise<void> {
  if ((await readBuild(db))?.state === 'swapping')
    throw new NothingToTake('A replay was broken off while it was taken. Finish it first: flsdb replay --swap')
}

function tellTaken(queued: number, { json, swap }: ReplayCommand): void {
  if (json && swap) console.log(JSON.stringify({ swapped: true, queued }))
  else
    console.log(
      `Taken; workers and doors go on with the new tables.${queued > 0 ? ` ${queued} entries that arrived meanwhile are read again now.` : ''}`,
    )
}

function tell(diff: ReplayDiff): void {
  const { entries, expired, changedFiles, counts, links, answers, reasons, differences } = diff
  console.log(`${entries} entries read again${expired > 0 ? `, ${expired} expired by retention left out` : ''}`)
  console.log(`changed since the last replay: ${changedFiles.join(', ') || 'nothing'}`)
  for (const [collection, { added, removed, changed }] of Object.entries(counts))
    console.log(`${collection.padEnd(9)} ${added} added, ${removed} removed, ${changed} changed`)
  console.log(`links     ${links} records would belong to another person`)
  const items = Object.entries(answers).sort(([a], [b]) => (a < b ? -1 : 1))
  console.log(`answers   ${items.map(([item, count]) => `${item}: ${count}`).join(', ') || 'none would differ'}`)
  for (const { reason, detail, collection, count, examples } of reasons)
    console.log(`  ${reason}${detail ? ` ${detail}` : ''}: ${count} ${collection}, for example ${examples[0]}`)
  for (const { collection, id, change, fields, reason } of differences)
    console.log(`  ${change} ${collection} ${id} (${reason})${fields.length > 0 ? `: ${fields.join(', ')}` : ''}`)
}
