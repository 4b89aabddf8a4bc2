import { hash } from 'node:crypto'
import { type AnyBulkWriteOperation, Long } from 'mongodb'
import type { Fact, OdsCode, RecordKey } from '../fls/fact.ts'
import type { Lanes } from './claims.ts'
import type { RecordDocument } from './documents.ts'
import { bucketOf } from './inbox.ts'
import { type Finder, updateNeighbours } from './neighbours.ts'
import { isOnlyRepeats, refusedWrites } from './refused-writes.ts'
import type { Store } from './store.ts'

/** No person has more records than this; a larger component is a broken feed and is cut in pieces rather than solved for ever. */
const largestComponent = 400

type Seen = { readonly version: number; readonly facts: readonly Fact[] }
/** The facts of records at a version of theirs: true for as long as the version stands. */
export type FactsSeen = ReadonlyMap<RecordKey, Seen>

/**
 * Brings the record documents of `touched` in line with their facts: facets, blocking keys, neighbours.
 * Written before candidates are searched, so that of two records arriving at once at least one sees the other. Unless it is the first
 * attempt, what looks unchanged is searched too: the attempt before may have written the record and died before the search.
 *
 * Rows of one patient may be carried down side by side. A record is therefore written only over the version seen before its facts were read;
 * whoever comes second reads them again, so that no older view ever stands over a newer one. Returns the facts it read.
 */
export async function updateRecords(
  store: Store,
  touched: ReadonlySet<RecordKey>,
  readFacts: (records: readonly RecordKey[]) => Promise<readonly Fact[]>,
  finder: Finder,
  isFirst: boolean,
): Promise<FactsSeen> {
  const seen = new Map<RecordKey, Seen>()
  let open = [...touched]
  for (let round = 0; open.length > 0; round++) {
    if (round === 50) throw new Error('a record kept changing while it was written')
    open = await updateOnce(store, open, readFacts, finder, isFirst, seen)
  }
  return seen
}

/** Returns the records somebody else has written meanwhile. */
async function updateOnce(
  store: Store,
  keys: readonly RecordKey[],
  readFacts: (records: readonly RecordKey[]) => Promise<readonly Fact[]>,
  finder: Finder,
  isFirst: boolean,
  seen: Map<RecordKey, Seen>,
): Promise<RecordKey[]> {
  // The order matters: what is written over must have been seen before the facts it is made of.
  const known = new Map(
    (await store.records.find({ _id: { $in: [...keys] } }).toArray()).map(document => [document._id, document]),
  )
  const facts = await readFacts(keys)
  const byRecord = Map.groupBy(facts, fact => fact.record)
  const changed: RecordDocument[] = []
  const alike: RecordKey[] = []
  for (const key of keys) {
    const own = byRecord.get(key) ?? []
    const before = known.get(key)
    const next = recordDocument(key, own, before, finder)
    if (isFirst && before && isAlike(before, next)) alike.push(key)
    else changed.push(next)
    seen.set(key, { version: next.version, facts: own })
  }
  const operations: AnyBulkWriteOperation<RecordDocument>[] = changed.map(next => writeOver(next, known.get(next._id)))
  // Most messages say nothing new of their patient: only the version tells that there are other facts to solve.
  if (alike.length > 0)
    operations.push({ updateMany: { filter: { _id: { $in: alike } }, update: { $inc: { version: 1 } } } })
  const lost = new Set((await writeUnlessMoved(store, operations)).map(index => changed[index]?._id))
  await updateNeighbours(
    store,
    changed.filter(document => !lost.has(document._id)),
    facts,
    finder,
  )
  return changed.flatMap(document => (lost.has(document._id) ? [document._id] : []))
}

function writeOver(next: RecordDocument, before: RecordDocument | undefined): AnyBulkWriteOperation<RecordDocument> {
  const { _id, organisation, side, facets, deathDate, bk, bucket } = next
  return {
    updateOne: {
      filter: { _id, version: before?.version ?? { $exists: false } },
      update: {
        $set: { organisation, side, facets, bk, bucket, ...(deathDate ? { deathDate } : {}) },
        ...(deathDate ? {} : { $unset: { deathDate: '' as const } }),
        $inc: { version: 1 },
        $setOnInsert: { near: [] },
      },
      upsert: true,
    },
  }
}

/** Places of the operations whose record has moved on: the upsert then collides with its key. */
async function writeUnlessMoved(store: Store, operations: AnyBulkWriteOperation<RecordDocument>[]): Promise<number[]> {
  if (operations.length === 0) return []
  try {
    await store.records.bulkWrite(operations, { ordered: false })
    return []
  } catch (cause) {
    const refused = refusedWrites(cause)
    if (!refused || !isOnlyRepeats(cause)) throw cause
    return [...refused.keys()]
  }
}

/** The closure of `start` over `near`, each component once. */
export async function componentsOf(store: Store, start: ReadonlySet<RecordKey>): Promise<RecordDocument[][]> {
  const found = new Map<RecordKey, RecordDocument>()
  const asked = new Set<RecordKey>()
  let frontier = [...start]
  for (let round = 0; frontier.length > 0 && round < 50; round++) {
    for (const key of frontier) asked.add(key)
    for (const document of await store.records.find({ _id: { $in: frontier } }).toArray())
      found.set(document._id, document)
    // Asked and not found: `near` may name records that have expired.
    frontier = [...new Set([...found.values()].flatMap(document => document.near))].filter(key => !asked.has(key))
    if (found.size > start.size * largestComponent) break
  }
  return splitComponents(found)
}

/** Those of the records a solve read that have changed since it read them. */
export async function changedSince(store: Store, read: readonly RecordDocument[]): Promise<Set<RecordKey>> {
  const now = await store.records
    .find({ _id: { $in: read.map(document => document._id) } }, { projection: { version: 1 } })
    .toArray()
  const before = new Map(read.map(document => [document._id, document.version]))
  return new Set(now.filter(({ _id, version }) => version !== before.get(_id)).map(({ _id }) => _id))
}

/**
 * Asks the workers to solve these records again because something outside their facts changed (opt-in, model, register). A new version as
 * well: who solves them at this moment with what was known before must see it, even when another has solved and cleared them meanwhile.
 */
export async function markDirty(
  store: Store,
  filter: { organisation?: OdsCode | { $in: OdsCode[] }; side?: 'gp'; 'facets.gpPractice'?: string },
  token: string,
  at: Date,
): Promise<number> {
  const { modifiedCount } = await store.records.updateMany(filter, {
    $set: { dirty: token, dirtyAt: at },
    $inc: { version: 1 },
  })
  return modifiedCount
}

/** Has these records solved again at `at`, unless they wait for it already. */
export async function solveOnceMore(store: Store, records: readonly RecordKey[], at: Date): Promise<void> {
  if (records.length === 0) return
  const filter = { _id: { $in: [...records] }, dirtyAt: { $exists: false } }
  await store.records.updateMany(filter, { $set: { dirty: `once more/${at.toISOString()}`, dirtyAt: at } })
}

/** Records of these lanes that were marked dirty, at most `most`. */
export async function dirtyRecords(store: Store, lanes: Lanes, most: number): Promise<RecordKey[]> {
  const found = await store.records
    .find({ bucket: { $gte: lanes.from, $lt: lanes.to }, dirtyAt: { $lte: new Date() } }, { projection: { _id: 1 } })
    .limit(most)
    .toArray()
  return found.map(document => document._id)
}

/** Tries a dirty record that could not be solved again later, so that it never stands in the way of the others. */
export async function postponeDirty(store: Store, record: RecordKey, until: Date): Promise<void> {
  await store.records.updateOne({ _id: record, dirtyAt: { $exists: true } }, { $set: { dirtyAt: until } })
}

function recordDocument(
  key: RecordKey,
  facts: readonly Fact[],
  before: RecordDocument | undefined,
  finder: Finder,
): RecordDocument {
  const evidence = finder.evidenceOf(key, facts)
  const first = facts[0]
  return {
    _id: key,
    organisation: evidence?.organisation ?? first?.organisation ?? before?.organisation ?? ('' as OdsCode),
    side: evidence?.side ?? first?.side ?? before?.side ?? 'hospital',
    facets: evidence ? [...evidence.facets] : [],
    ...(evidence?.deathDate ? { deathDate: evidence.deathDate } : {}),
    bk: evidence ? [...new Set(finder.blockingKeys(evidence))].sort().map(hashKey) : [],
    near: before?.near ?? [],
    bucket: bucketOf(key),
    version: (before?.version ?? 0) + 1,
  }
}

function splitComponents(found: Map<RecordKey, RecordDocument>): RecordDocument[][] {
  const left = new Map(found)
  const components: RecordDocument[][] = []
  for (const start of found.values()) {
    if (!left.delete(start._id)) continue
    const component = [start]
    for (const document of component) {
      for (const key of document.near) {
        const next = component.length < largestComponent ? left.get(key) : undefined
        if (next && left.delete(key)) component.push(next)
      }
    }
    components.push(component.sort((a, b) => (a._id < b._id ? -1 : 1)))
  }
  return components
}

/** A blocking key as it is stored: 64 bits of its SHA-256, no patient data to read. */
export function hashKey(key: string): Long {
  return Long.fromBigInt(hash('sha256', key, 'buffer').readBigInt64BE(0))
}

function isAlike(a: RecordDocument, b: RecordDocument): boolean {
  return (
    a.organisation === b.organisation &&
    a.side === b.side &&
    sameKeys(a.bk, b.bk) &&
    a.deathDate === b.deathDate &&
    // As stored and as read may differ in the order of their fields: then it is written again, which is only slower.
    JSON.stringify(a.facets) === JSON.stringify(b.facets)
  )
}

function sameKeys(a: readonly Long[], b: readonly Long[]): boolean {
  return (
    a.length === b.length && a.every((key, index) => b[index] !== undefined && key.toString() === b[index].toString())
  )
}
