import { codeKeysOf, readExtract } from '../../mapping/extract.ts'
import type { CodebookEntry } from '../../mapping/extract-codebook.ts'
import { addCodes } from '../../store/codebook.ts'
import { findExtract, heldPart } from '../../store/extracts.ts'
import { findJob, tellProgress, unfinishedJobs, updateJob } from '../../store/jobs.ts'
import type { ExtractDeps } from './deps.ts'
import { clearSpool } from './spool.ts'
import { Tally } from './tally.ts'

/**
 * Counts the receipt of a kept extract by reading its chunks again from the inbox, code tables first. Nothing but counts is stored; a
 * process that died half-way starts again. `isAgain`: a person has decided about what was held. A failure of ours leaves the job `failed` with its code, never the extract unread.
 */
export async function countReceipt(deps: ExtractDeps, id: string, isAgain = false): Promise<void> {
  const job = await findJob(deps.db, id)
  if (!job || (job.state === 'done' && !isAgain) || job.isDryRun) return
  try {
    const extract = await findExtract(deps.db, id)
    const tally = new Tally(extract && heldPart(extract))
    const codebook = remembered(deps.codebook)
    const inOrder = [...job.chunks].sort((a, b) => Number(b.isCoding) - Number(a.isCoding))
    const progress = progressOf(deps, id, inOrder.length)
    let next = inOrder[0] && deps.entryOf(inOrder[0].inboxId)
    for (const index of inOrder.keys()) {
      const entry = await next
      const after = inOrder[index + 1]
      next = after && deps.entryOf(after.inboxId)
      // Read before it is asked for; should the count break off meanwhile, nobody asks.
      next?.catch(() => undefined)
      if (!entry) continue
      const reading = readExtract(entry, deps.tables, await codebook(codeKeysOf(entry, deps.tables)))
      if (reading.codes.length > 0) await addCodes(deps.db, reading.codes, String(entry.meta?.['asOf'] ?? ''))
      tally.add(reading)
      await progress(index + 1)
    }
    const unknown = await deps.unknownRecords(tally.unseen())
    const before = await deps.before(job.practice, job.extractId, tally.claims())
    const receipt = tally.receipt(unknown, job.unchanged ?? { count: 0, isExact: true }, before)
    await updateJob(deps.db, id, {
      state: 'done',
      receipt,
      issues: tally.issues(),
      conformance: { tables: deps.tables.mapping.hash, filled: tally.filled() },
      progress: { done: inOrder.length, total: inOrder.length },
      finishedAt: deps.clock(),
    })
  } catch (cause) {
    const failure = cause instanceof Error ? cause.name : 'unknown'
    await updateJob(deps.db, id, { state: 'failed', failure, finishedAt: deps.clock() })
    throw cause
  }
}

/** Told at most twice a second, the first time at once; losing one is no loss. */
function progressOf(deps: ExtractDeps, id: string, total: number): (done: number) => Promise<void> {
  let toldAt = Number.NEGATIVE_INFINITY
  return async done => {
    const now = deps.clock().getTime()
    if (now - toldAt < 500) return
    toldAt = now
    await tellProgress(deps.db, id, { done, total })
  }
}

/** Entries kept in memory while one receipt is counted; supplier tables hold some hundred thousand, a practice uses some thousand. */
const mostRemembered = 50_000

/** Of the codebook only what no chunk before has asked for. An id without an entry is asked again: its table may have come meanwhile. */
function remembered(load: ExtractDeps['codebook']): ExtractDeps['codebook'] {
  const known = new Map<string, CodebookEntry>()
  return async keys => {
    if (known.size > mostRemembered) known.clear()
    for (const [key, entry] of await load(keys.filter(key => !known.has(key)))) known.set(key, entry)
    return known
  }
}

/** At start of the intake process: left-over spool files go, jobs whose process stopped are counted again. */
export async function resumeReceipts(deps: ExtractDeps): Promise<void> {
  await clearSpool(deps.dataFolder)
  for (const job of await unfinishedJobs(deps.db)) {
    if (job.isDryRun)
      await updateJob(deps.db, job._id, { state: 'failed', failure: 'stopped', finishedAt: deps.clock() })
    else await countReceipt(deps, job._id)
  }
}
