import { BSON, type Collection, type Document } from 'mongodb'
import type { InboxId } from '../fls/fact.ts'
import { readingsOf } from './replay-progress.ts'
import type { Store } from './store.ts'

export const comparedCollections = ['facts', 'records', 'persons', 'episodes', 'reviews'] as const
export type ComparedCollection = (typeof comparedCollections)[number]

/** Two versions of one document: as it is live, as the replay made it. One is absent when it is new or gone. */
export type Pair = {
  readonly collection: ComparedCollection
  readonly id: string
  readonly live?: Document
  readonly replayed?: Document
  /** Top-level fields that differ; none when one is absent. */
  readonly fields: readonly string[]
}

/** Bookkeeping of when something was written, not what it says. */
const bookkeeping = ['solve', 'version', 'dirty', 'dirtyAt', 'near'] as const
/** One changed table gives every fact a new hash; what the fact says is what counts. */
const versions = new Set(['tableHash'])

/**
 * Documents that differ, in order of id. Both collections are walked side by side, so memory stays flat; documents equal to the byte, nearly
 * all, are never decoded.
 */
export async function* differingPairs(
  collection: ComparedCollection,
  live: Store,
  scratch: Store,
): AsyncGenerator<Pair> {
  const [left, right] = [rawOf(live[collection] as never), rawOf(scratch[collection] as never)]
  let [a, b] = [await next(left), await next(right)]
  while (a || b) {
    const order = !a ? 1 : !b ? -1 : a.id < b.id ? -1 : a.id > b.id ? 1 : 0
    if (a && b && order === 0) {
      const pair = a.raw.equals(b.raw)
        ? undefined
        : pairOf(collection, BSON.deserialize(a.raw), BSON.deserialize(b.raw))
      if (pair && pair.fields.length > 0) yield pair
    } else if (a && order < 0) yield { collection, id: a.id, live: BSON.deserialize(a.raw), fields: [] }
    else if (b) yield { collection, id: b.id, replayed: BSON.deserialize(b.raw), fields: [] }
    if (order <= 0) a = await next(left)
    if (order >= 0) b = await next(right)
  }
}

function pairOf(collection: ComparedCollection, live: Document, replayed: Document): Pair {
  const fields = [...new Set([...Object.keys(live), ...Object.keys(replayed)])]
    .filter(key => canonical(live[key], versions) !== canonical(replayed[key], versions))
    .sort()
  return { collection, id: String(live['_id']), live, replayed, fields }
}

type Raw = { readonly id: string; readonly raw: Buffer }

async function* rawOf(collection: Collection<Document>): AsyncGenerator<Raw> {
  const projection = Object.fromEntries([...bookkeeping, 'source.tableHash'].map(field => [field, 0]))
  const found = collection.find({}, { projection, raw: true, batchSize: 1_000 }).sort({ _id: 1 })
  for await (const document of found) {
    const raw = Buffer.from(document as unknown as Uint8Array)
    yield { id: idOf(raw), raw }
  }
}

async function next(documents: AsyncGenerator<Raw>): Promise<Raw | undefined> {
  const step = await documents.next()
  return step.done ? undefined : step.value
}

/** `_id` stands first in every document: type 2 (text), the name, its length, the text. */
function idOf(raw: Buffer): string {
  const isUsual = raw[4] === 2 && raw.toString('latin1', 5, 9) === '_id\0'
  if (!isUsual) return String(BSON.deserialize(raw)['_id'])
  return raw.toString('utf8', 13, 13 + raw.readInt32LE(9) - 1)
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

/** What became of the entries that differing facts come from: gone by retention, or not read by the replay. */
export async function fatesOf(
  store: Store,
  ids: readonly InboxId[],
): Promise<ReadonlyMap<InboxId, 'expired' | 'unread' | 'read'>> {
  const [entries, readings] = await Promise.all([
    store.inbox.find({ _id: { $in: [...ids] } }, { projection: { state: 1 } }).toArray(),
    readingsOf(store.db)
      .find({ _id: { $in: [...ids] } }, { projection: { _id: 1 } })
      .toArray(),
  ])
  const states = new Map(entries.map(({ _id, state }) => [_id, state]))
  const read = new Set(readings.map(({ _id }) => _id))
  return new Map(
    ids.map(id => {
      const state = states.get(id)
      return [id, state === undefined || state === 'expired' ? 'expired' : read.has(id) ? 'read' : 'unread']
    }),
  )
}

/** Register statements kept since the replay began: what they change is solved live already. */
export async function registersSince(store: Store, at: Date): Promise<boolean> {
  return (await store.inbox.countDocuments({ protocol: 'register', receivedAt: { $gte: at } }, { limit: 1 })) > 0
}
