import type { InboxId, RecordKey } from './fls/fact.ts'
import { carryDown, type River } from './pipeline.ts'
import type { AccessLog } from './store/access-log.ts'
import type { InboxDocument } from './store/documents.ts'
import {
  dropEmptyRecords,
  dropIndexed,
  dropPieces,
  emptyEntries,
  oldEntries,
  recordsOf,
  recordsWithEvidence,
} from './store/expiry.ts'
import { entryOf } from './store/inbox.ts'
import { holdLease } from './store/lease.ts'
import { retentionLog } from './store/retention-log.ts'

export type RetentionOptions = {
  readonly river: River
  readonly accessLog: AccessLog
  /** Entries kept longer ago than this may expire. */
  readonly days: number
  readonly now: Date
  /** Only counts. */
  readonly isDryRun?: boolean
}

export type RetentionReport = { readonly examined: number; readonly expired: number }

/** An access-log line names the entries; more of them, more lines. */
const sliceEntries = 200
const dayMs = 86_400_000

/**
 * Takes what came in more than `days` days ago and is of nobody with fracture evidence: bytes, facts, records and persons go, a stub stays and
 * is counted. An entry about several patients (a Bundle, a piece of an extract) goes when none of them has evidence; what was never understood
 * (quarantined, waiting for a code table) stays. The access log is told first. Each step may be broken off and is done again by the next run.
 * Throws `LeaseHeld` while a backup or a replay runs: what a replay has read would come back.
 */
export async function runRetention(options: RetentionOptions): Promise<RetentionReport> {
  const { river, days, now, isDryRun = false } = options
  const { store } = river
  const before = new Date(now.getTime() - days * dayMs)
  const replay = await holdLease(store.db, 'replay', 'Retention')
  try {
    const backup = await holdLease(store.db, 'backup-or-retention', 'Retention')
    try {
      let [examined, expired] = [0, 0]
      let after: { receivedAt: Date; id: InboxId } | undefined
      for (;;) {
        const slice = await oldEntries(store, before, after, sliceEntries)
        const last = slice.at(-1)
        if (!last) break
        after = { receivedAt: last.receivedAt, id: last._id }
        const going = await withoutEvidence(options, slice)
        examined += slice.length
        expired += going.length
        if (!isDryRun && going.length > 0) await expire(options, going)
      }
      if (!isDryRun) {
        await dropPieces(store)
        await retentionLog(store.db).updateOne({ _id: 'retention' }, { $set: { ranAt: now } }, { upsert: true })
      }
      return { examined, expired }
    } finally {
      await backup.release()
    }
  } finally {
    await replay.release()
  }
}

type Going = { readonly entry: InboxDocument; readonly records: ReadonlySet<RecordKey> }

async function withoutEvidence(
  { river: { store } }: RetentionOptions,
  slice: readonly InboxDocument[],
): Promise<Going[]> {
  const records = await recordsOf(store, slice)
  const evident = await recordsWithEvidence(store, [...new Set([...records.values()].flatMap(own => [...own]))])
  return slice.flatMap(entry => {
    const own = records.get(entry._id) ?? new Set()
    // A supplier's code table is of nobody, and others are read with it.
    const isCodeTable = entry.protocol === 'extract' && own.size === 0
    return isCodeTable || [...own].some(record => evident.has(record)) ? [] : [{ entry, records: own }]
  })
}

async function expire({ river, accessLog, now }: RetentionOptions, going: readonly Going[]): Promise<void> {
  const { store } = river
  const entries = going.map(({ entry }) => entry)
  const ids = entries.map(({ _id }) => _id)
  await accessLog.append({
    at: now,
    subject: 'flsdb',
    role: 'service',
    organisations: [...new Set(entries.map(({ organisation }) => organisation))],
    action: 'retention',
    status: 200,
    requestId: ids[0] ?? '',
    inboxIds: ids,
    rows: ids.length,
  })
  // The entries last: whatever of this is broken off, the next run meets them again.
  const reads = await Promise.all(
    entries.map(async entry => ({ entry: await entryOf(store, { ...entry, chunks: 0 }), facts: [], issues: [] })),
  )
  await carryDown(river, reads, () => false)
  await dropIndexed(store, entries)
  await dropEmptyRecords(store, [...new Set(going.flatMap(({ records }) => [...records]))])
  await emptyEntries(store, entries, now)
}
