import type { Db, Filter } from 'mongodb'
import type { River } from './pipeline.ts'
import type { InboxDocument } from './store/documents.ts'
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
/** Bookkeeping of when something was written, not what it says. */
/** One changed table gives every fact a new hash; what the fact says is what counts. */
const versions = new Set(['tableHash'])
const bookkeeping = new Set(['solve', 'version', 'dirty', 'dirtyAt', 'near'])

/**
 * Reads the whole inbox again with the tables and models of today into scratch collections. Nothing live changes; entries expired by
 * retention are left out and counted. Registers first, then lane by lane; any other order gives the same documents.
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
  const settlement = scratchSettlement(river.store.db)
  const filter = {
    state: { $in: ['received', 'claimed', 'done', 'waiting', 'quarantined', 'sealed'] as InboxDocument['state'][] },
  }
  const total = await river.store.inbox.countDocuments(filter)
  let done = 0
  let batch: InboxDocument[] = []
  const carry = async () => {
    await workBatch({ river: scratchRiver, applyEntries, report, settlement }, batch)
    done += batch.length
    batch = []
    onProgress(done, total)
  }
  for await (const document of inLanes(river.store, filter)) {
    batch.push(document)
    if (batch.length >= batchEntries) await carry()
  }
  if (batch.length > 0) await carry()
  return { store, entries: done }
}

/** A lane holds all entries of its patients: read together, each is solved once and not once for every message. */
async function* inLanes(store: Store, filter: Filter<InboxDocument>): AsyncGenerator<InboxDocument> {
  yield* store.inbox.find({ ...filter, protocol: 'register' }).sort({ receivedAt: 1, _id: 1 })
  for (let bucket = 0; bucket < 256; bucket++)
    yield* store.inbox.find({ ...filter, bucket, protocol: { $ne: 'register' } })
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
function scratchSettlement(db: Db): Settlement {
  const readings = db.collection<{ _id: string }>(`${scratchPrefix}readings`)
  const note = (documents: ({ _id: string } & Record<string, unknown>)[]) =>
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
          state: isWaiting ? 'waiting' : 'done',
          issues,
          facts,
        })),
      ),
    fail: (entry, code) => note([{ _id: entry._id, state: 'quarantined', failure: code }]),
    // The code tables are complete when a replay begins: nothing waits for what comes later in it.
    readAgain: async () => undefined,
  }
}

/** Puts the scratch collections in the place of the live ones, each in one atomic rename, and lets the workers go on with today's tables. */
export async function swapReplay(store: Store): Promise<void> {
  for (const name of derivedCollections) {
    const exists = await store.db.listCollections({ name: `${scratchPrefix}${name}` }).hasNext()
    if (exists) await store.db.renameCollection(`${scratchPrefix}${name}`, name, { dropTarget: true })
  }
  await store.db
    .collection(`${scratchPrefix}readings`)
    .aggregate([{ $merge: { into: 'inbox', on: '_id', whenMatched: 'merge', whenNotMatched: 'discard' } }])
    .toArray()
  await store.db.dropCollection(`${scratchPrefix}readings`).catch(() => false)
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
