import type { Filter } from 'mongodb'
import type { InboxId } from './fls/fact.ts'
import type { River } from './pipeline.ts'
import type { InboxDocument } from './store/documents.ts'
import { closingMeta } from './store/extracts.ts'
import { insertIgnoringRepeats } from './store/refused-writes.ts'
import { againOf, type LaneName, type Reading, readingsOf, replayStore } from './store/replay-progress.ts'
import type { Store } from './store/store.ts'
import { type Settlement, type WorkerOptions, workBatch } from './worker.ts'

/** What reading a lane again needs; the same in the process of the command and in one of its own. */
export type LaneOptions = {
  /** The live river; its derived collections are not touched. */
  readonly river: River
  readonly applyEntries: WorkerOptions['applyEntries']
  readonly report: WorkerOptions['report']
}

const batchEntries = 200
const largestBatchBytes = 8 * 1024 * 1024

const readable: Filter<InboxDocument> = {
  state: { $in: ['received', 'claimed', 'done', 'waiting', 'quarantined', 'sealed'] },
}
/** What every solve asks for first: registers, and which extracts are whole. */
const first: Filter<InboxDocument> = {
  $or: [{ protocol: 'register' }, { protocol: 'extract', 'meta.kind': closingMeta.kind }],
}

/** Entries a replay would read now, by bucket; answered from the index alone. */
export async function countByBucket(store: Store): Promise<ReadonlyMap<number, number>> {
  const counted = await store.inbox
    .aggregate<{ _id: number; entries: number }>([
      { $match: readable },
      { $group: { _id: '$bucket', entries: { $sum: 1 } } },
    ])
    .toArray()
  return new Map(counted.map(({ _id, entries }) => [_id, entries]))
}

/**
 * Reads all entries of one lane again into the collections of the replay. A lane holds all entries of its patients: read together, each is
 * solved once and not once for every message. `isAgain`: an attempt before broke off, so facts of it may stand. Returns the number of entries;
 * throws when the database goes away: no entry is set aside for that.
 */
export async function replayLane(
  { river, applyEntries, report }: LaneOptions,
  lane: LaneName,
  isAgain: boolean,
  onBatch: (entries: number) => void = () => undefined,
): Promise<number> {
  const scratch: River = { ...river, store: replayStore(river.store) }
  const settlement = settlementOf(river.store, lane === 'again' || isAgain)
  let done = 0
  for await (const batch of inBatches(entriesOf(river.store, lane))) {
    await workBatch({ river: scratch, applyEntries, report, settlement }, batch)
    done += batch.length
    onBatch(batch.length)
  }
  return done
}

async function* entriesOf(store: Store, lane: LaneName): AsyncGenerator<InboxDocument> {
  if (lane === 'first') yield* store.inbox.find({ $and: [readable, first] }).sort({ receivedAt: 1, _id: 1 })
  else if (lane !== 'again') yield* store.inbox.find({ ...readable, bucket: lane, $nor: first.$or ?? [] })
  else for await (const ids of idsIn(againOf(store.db).find({}))) yield* store.inbox.find({ _id: { $in: ids } })
}

async function* idsIn(documents: AsyncIterable<{ _id: InboxId }>): AsyncGenerator<InboxId[]> {
  let ids: InboxId[] = []
  for await (const { _id } of documents) {
    ids.push(_id)
    if (ids.length < 1_000) continue
    yield ids
    ids = []
  }
  if (ids.length > 0) yield ids
}

async function* inBatches(entries: AsyncIterable<InboxDocument>): AsyncGenerator<InboxDocument[]> {
  let batch: InboxDocument[] = []
  let bytes = 0
  for await (const entry of entries) {
    batch.push(entry)
    bytes += entry.size
    if (batch.length < batchEntries && bytes < largestBatchBytes) continue
    yield batch
    batch = []
    bytes = 0
  }
  if (batch.length > 0) yield batch
}

/** What the replay finds of each entry waits beside its collections until they are swapped in. */
function settlementOf({ db }: Store, mayStand: boolean): Settlement {
  const note = async (readings: readonly Reading[]): Promise<void> => {
    if (readings.length === 0) return
    // One insert of many is a fifth of the work of as many upserts.
    if (!mayStand) return insertIgnoringRepeats(readingsOf(db), readings)
    await readingsOf(db).bulkWrite(
      readings.map(reading => ({
        replaceOne: { filter: { _id: reading._id }, replacement: reading, upsert: true },
      })),
      { ordered: false },
    )
  }
  return {
    isFirst: () => !mayStand,
    finish: finished =>
      note(
        finished.map(({ entry, issues, facts, isWaiting }) => ({
          _id: entry._id,
          state: isWaiting ? ('waiting' as const) : ('done' as const),
          issues: [...issues],
          facts,
          readAt: new Date(),
        })),
      ),
    fail: (entry, code) => note([{ _id: entry._id, state: 'quarantined', failure: code }]),
    setBack: async (_entries, cause) => {
      throw cause
    },
    readAgain: async ids => {
      if (ids.length === 0) return
      const operations = ids.map(_id => ({ updateOne: { filter: { _id }, update: { $set: {} }, upsert: true } }))
      await againOf(db).bulkWrite(operations, { ordered: false })
    },
  }
}
