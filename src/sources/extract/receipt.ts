import { codeKeysOf, readExtract } from '../../mapping/extract.ts'
import { addCodes } from '../../store/codebook.ts'
import { findJob, unfinishedJobs, updateJob } from '../../store/jobs.ts'
import type { ExtractDeps } from './deps.ts'
import { clearSpool } from './spool.ts'
import { Tally } from './tally.ts'

/**
 * Counts the receipt of a kept extract by reading its chunks again from the inbox, code tables first. Nothing but counts is stored; a
 * process that died half-way starts again. A failure of ours leaves the job `failed` with its code, never the extract unread.
 */
export async function countReceipt(deps: ExtractDeps, id: string): Promise<void> {
  const job = await findJob(deps.db, id)
  if (!job || job.state === 'done' || job.isDryRun) return
  try {
    await updateJob(deps.db, id, { state: 'running' })
    const tally = new Tally()
    const inOrder = [...job.chunks].sort((a, b) => Number(b.isCoding) - Number(a.isCoding))
    for (const [index, { inboxId }] of inOrder.entries()) {
      const entry = await deps.entryOf(inboxId)
      if (!entry) continue
      const reading = readExtract(entry, deps.tables, await deps.codebook(codeKeysOf(entry, deps.tables)))
      if (reading.codes.length > 0) await addCodes(deps.db, reading.codes, String(entry.meta?.['asOf'] ?? ''))
      tally.add(reading)
      await updateJob(deps.db, id, { progress: { done: index + 1, total: inOrder.length } })
    }
    const unknown = await deps.unknownRecords(tally.unseen())
    const receipt = tally.receipt(unknown, job.unchanged ?? { count: 0, isExact: true })
    await updateJob(deps.db, id, { state: 'done', receipt, issues: tally.issues(), finishedAt: deps.clock() })
  } catch (cause) {
    const failure = cause instanceof Error ? cause.name : 'unknown'
    await updateJob(deps.db, id, { state: 'failed', failure, finishedAt: deps.clock() })
    throw cause
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
