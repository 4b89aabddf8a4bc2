import type { Db, Filter } from 'mongodb'
import type { InboxId } from './fls/fact.ts'
import type { River } from './pipeline.ts'
import type { InboxDocument } from './store/documents.ts'
import { closingMeta } from './store/extracts.ts'
import { derivedCollections, ensureIndexes, type Store, scratchStore } from './store/store.ts'
import { type Settlement, type WorkerOptions, workBatch } from './worker.ts'

/** One document that would differ: which collection, which id, and which top-level fields; never values. */
export type Difference = {
  readonly collection: string
  readonly id: string
  readonly change: 'added' | 'removed' | 'changed'
  readonly fields: readonly string[]
}
export type ReplayDiff = {
  readonly entries: number
  readonly expired: number
  readonly counts: Readonly<Record<string, Record<Difference['change'], number>>>
  readonly differences: readonly Difference[]
}

export type ReplayOptions = {
  readonly river: River
  readonly applyEntries: WorkerOptions['applyEntries']
  readonly report: WorkerOptions['report']
  readonly onProgress: (done: number, total: number) => void
}

const scratchPrefix = 'replay.'
const batchEntries = 200
const largestBatchBytes = 8 * 1024 * 1024
/** One changed table gives every fact a new hash; what the fact says is what counts. */
const versions = new Set(['tableHash'])
/** Bookkeeping of when something was written, not what it says. */
const bookkeeping = new Set(['solve', 'version', 'dirty', 'dirtyAt', 'near'])

/**
 * Reads the whole inbox again with the tables and models of today into scratch collections. Nothing live changes; entries expired by
 * retention are left out and counted. Registers first, then lane by lane; any other order gives the same documents. Throws when the
 * database goes away: no entry is set aside for that.
 */
export async function buildReplay({
  river,
  applyEntries,
  report,
  onProgress,
}: ReplayOptions): Promise<{ store: Store; entries: number }> {
  const store = scratchStore(river.store, scratchPrefix)
  await dropScratch(river.store.db)
  await ensureIndexes(store)
  const scratchRiver: River = { ...river, store }
  const again = new Set<InboxId>()
  const settlement = scratchSettlement(river.store.db, again)
  const filter = {
    state: { $in: ['received', 'claimed', 'done', 'waiting', 'quarantined', 'sealed'] as InboxDocument['state'][] },
  }
  const total = await river.store.inbox.countDocuments(filter)
  let done = 0
  for await (const batch of inBatches(inLanes(river.store, filter))) {
    await workBatch({ river: scratchRiver, applyEntries, report, settlement }, batch)
    done += batch.length
    onProgress(done, total)
  }
  // Whatever met its code table only later in the replay: the tables of a deployment are complete, those of an emptied one are not.
  const waited = river.store.inbox.find({ _id: { $in: [...again] } })
  const second = { ...settlement, isFirst: () => false }
  for await (const batch of inBatches(waited))
    await workBatch({ river: scratchRiver, applyEntries, report, settlement: second }, batch)
  return { store, entries: done }
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

/**
 * What every solve asks for first (registers, which extracts are whole). A lane holds all entries of its patients: read together, each is
 * solved once and not once for every message.
 */
async function* inLanes(store: Store, filter: Filter<InboxDocument>): AsyncGenerator<InboxDocument> {
  const first = {
    $or: [{ protocol: 'register' as const }, { protocol: 'extract' as const, 'meta.kind': closingMeta.kind }],
  }
  yield* store.inbox.find({ ...filter, ...first }).sort({ receivedAt: 1, _id: 1 })
  for (let bucket = 0; bucket < 256; bucket++) yield* store.inbox.find({ ...filter, bucket, $nor: first.$or })
}

/** Lists what would change, by collection, document and field. */
export async function diffReplay(live: Store, scratch: Store, entries: number, most = 1_000): Promise<ReplayDiff> {
  const counts: Record<string, Record<Difference['change'], number>> = {}
  const differences: Difference[] = []
  for (const collection of ['facts', 'records', 'persons', 'episodes', 'reviews'] as const) {
    const tally = { added: 0, removed: 0, changed: 0 }
    counts[collection] = tally
    for await (const difference of differencesOf(collection, live, scratch)) {
      tally[difference.change]++
      if (differences.length < most) differences.push(difference)
    }
  }
  const expired = await live.db.collection<{ _id: string; count: number }>('expired').findOne({ _id: 'inbox' })
  return { entries, expired: expired?.count ?? 0, counts, differences }
}

/** What the replay found wrong with each entry waits beside the scratch collections until they are swapped in. */
function scratchSettlement(db: Db, again: Set<InboxId>): Settlement {
  const readings = db.collection<Reading>(`${scratchPrefix}readings`)
  const note = (documents: Reading[]) =>
    documents.length === 0
      ? Promise.resolve()
      : readings
          .bulkWrite(
            documents.map(document => ({
              replaceOne: { filter: { _id: document._id }, replacement: document, upsert: true },
            })),
          )
          .then(() => undefined)
  return {
    // Scratch collections begin empty; an entry done again after a failure gives the same facts under the same ids.
    isFirst: () => true,
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
      for (const id of ids) again.add(id)
    },
  }
}

/** Puts the scratch collections in the place of the live ones, each in one atomic rename, and lets the workers go on with today's tables. */
export async function swapReplay(store: Store): Promise<void> {
  for (const name of derivedCollections) {
    const exists = await store.db.listCollections({ name: `${scratchPrefix}${name}` }).hasNext()
    if (exists) await store.db.renameCollection(`${scratchPrefix}${name}`, name, { dropTarget: true })
  }
  const readings = store.db.collection<Reading>(`${scratchPrefix}readings`)
  let group: Reading[] = []
  for await (const reading of readings.find({})) {
    group.push(reading)
    if (group.length < 1_000) continue
    await settle(store, group)
    group = []
  }
  await settle(store, group)
  await store.db.dropCollection(`${scratchPrefix}readings`).catch(() => false)
}

type Reading = Pick<InboxDocument, '_id' | 'state'> &
  Partial<Pick<InboxDocument, 'issues' | 'facts' | 'readAt' | 'failure'>>

async function settle(store: Store, readings: readonly Reading[]): Promise<void> {
  if (readings.length === 0) return
  await store.inbox.bulkWrite(
    readings.map(({ _id, ...reading }) => ({
      updateOne: {
        filter: { _id },
        update: { $set: reading, ...(reading.failure === undefined ? { $unset: { failure: '' as const } } : {}) },
      },
    })),
    { ordered: false },
  )
}

export async function dropScratch(db: Db): Promise<void> {
  for (const name of [...derivedCollections, 'readings'])
    await db.dropCollection(`${scratchPrefix}${name}`).catch(() => false)
}

type AnyDocument = { _id: string } & Record<string, unknown>

/** Walks both collections in the order of their ids, so memory stays flat whatever their size. */
async function* differencesOf(
  collection: 'facts' | 'records' | 'persons' | 'episodes' | 'reviews',
  live: Store,
  scratch: Store,
): AsyncGenerator<Difference> {
  const left = live[collection].find({}).sort({ _id: 1 })[Symbol.asyncIterator]() as AsyncIterator<AnyDocument>
  const right = scratch[collection].find({}).sort({ _id: 1 })[Symbol.asyncIterator]() as AsyncIterator<AnyDocument>
  let [a, b] = [await left.next(), await right.next()]
  while (!a.done || !b.done) {
    if (b.done || (!a.done && a.value._id < b.value._id)) {
      yield { collection, id: a.value._id, change: 'removed', fields: [] }
      a = await left.next()
    } else if (a.done || b.value._id < a.value._id) {
      yield { collection, id: b.value._id, change: 'added', fields: [] }
      b = await right.next()
    } else {
      const fields = changedFields(a.value, b.value)
      if (fields.length > 0) yield { collection, id: a.value._id, change: 'changed', fields }
      ;[a, b] = [await left.next(), await right.next()]
    }
  }
}

function changedFields(a: AnyDocument, b: AnyDocument): string[] {
  return [...new Set([...Object.keys(a), ...Object.keys(b)])]
    .filter(key => !bookkeeping.has(key) && canonical(a[key], versions) !== canonical(b[key], versions))
    .sort()
}

/** Documents from the database, keys sorted, so that only content counts; keys in `left` are left out. */
export function canonical(value: unknown, left: ReadonlySet<string> = new Set()): string {
  return (
    JSON.stringify(value, (key, inner: unknown) =>
      left.has(key)
        ? undefined
        : inner !== null &&
            typeof inner === 'object' &&
            !Array.isArray(inner) &&
            Object.getPrototypeOf(inner) === Object.prototype
          ? Object.fromEntries(Object.entries(inner).sort(([a], [b]) => (a < b ? -1 : 1)))
          : inner,
    ) ?? 'undefined'
  )
}
