import type { AnyBulkWriteOperation } from 'mongodb'
import type { Fact, FactOf, RecordKey } from '../fls/fact.ts'
import type { RecordEvidence } from '../linkage/linkage.ts'
import type { RecordDocument } from './documents.ts'
import type { Store } from './store.ts'

/** What person linkage contributes: keys that find candidates, and whether two records belong into one component. */
export type Finder = {
  readonly evidenceOf: (record: RecordKey, facts: readonly Fact[]) => RecordEvidence | undefined
  readonly blockingKeys: (evidence: RecordEvidence) => readonly string[]
  readonly isNear: (a: RecordEvidence, b: RecordEvidence) => boolean
}

/** Safety net for one candidate look-up; the blocking keys keep real ones far below. */
const mostCandidates = 2_000

/**
 * `near` only grows: it may hold pairs that are near no longer, so the solve splits the closure again by what holds now.
 * That keeps every write a plain addition, safe in any order.
 */
export async function updateNeighbours(
  store: Store,
  changed: readonly RecordDocument[],
  facts: readonly Fact[],
  finder: Finder,
): Promise<void> {
  const told = facts.filter(fact => fact.kind === 'assertion').map(fact => fact.record)
  const keys = [...new Set([...changed.map(document => document._id), ...told])]
  if (keys.length === 0) return
  const near = await assertedNeighbours(store, keys)
  const blocks = [...new Map(changed.flatMap(document => document.bk).map(key => [key.toString(), key])).values()]
  const byBlock = new Map<string, RecordDocument[]>()
  const candidates = await store.records
    .find({ bk: { $in: blocks } }, { projection: { facets: 1, deathDate: 1, organisation: 1, side: 1, bk: 1 } })
    .limit(mostCandidates * keys.length)
    .toArray()
  for (const candidate of candidates) for (const key of candidate.bk) push(byBlock, key.toString(), candidate)
  for (const document of changed) {
    const set = near.get(document._id) ?? new Set()
    for (const key of scoredNeighbours(document, byBlock, finder)) set.add(key)
    near.set(document._id, set)
  }
  const before = new Map(changed.map(document => [document._id, new Set(document.near)]))
  const operations = [...near].flatMap(([record, others]) => {
    const gained = [...others].filter(key => !before.get(record)?.has(key))
    return gained.length === 0 ? [] : [join(record, gained), ...gained.map(key => join(key, [record]))]
  })
  if (operations.length > 0) await store.records.bulkWrite(operations, { ordered: false })
}

/** Records tied by what somebody said of them, whichever of the two it was told under and whichever came first. */
async function assertedNeighbours(store: Store, keys: readonly RecordKey[]): Promise<Map<RecordKey, Set<RecordKey>>> {
  const near = new Map<RecordKey, Set<RecordKey>>()
  const told = await store.facts
    .find({ kind: 'assertion', $or: [{ record: { $in: [...keys] } }, { 'detail.other': { $in: [...keys] } }] })
    .toArray()
  for (const fact of told as unknown as FactOf['assertion'][]) {
    if (fact.detail.assertion.startsWith('fracture-')) continue
    const other = fact.detail.other as RecordKey
    near.set(fact.record, (near.get(fact.record) ?? new Set()).add(other))
  }
  return near
}

function scoredNeighbours(
  document: RecordDocument,
  byBlock: ReadonlyMap<string, RecordDocument[]>,
  finder: Finder,
): RecordKey[] {
  const own = evidenceIn(document)
  const candidates = new Map(
    document.bk.flatMap(key => byBlock.get(key.toString()) ?? []).map(candidate => [candidate._id, candidate]),
  )
  candidates.delete(document._id)
  return [...candidates.values()]
    .filter(candidate => finder.isNear(own, evidenceIn(candidate)))
    .map(candidate => candidate._id)
}

const evidenceIn = ({ _id, organisation, side, facets, deathDate }: RecordDocument): RecordEvidence => ({
  record: _id,
  organisation,
  side,
  facets,
  ...(deathDate ? { deathDate } : {}),
})

const join = (record: RecordKey, near: readonly RecordKey[]): AnyBulkWriteOperation<RecordDocument> => ({
  updateOne: { filter: { _id: record }, update: { $addToSet: { near: { $each: [...near] } }, $inc: { version: 1 } } },
})

function push<K, V>(map: Map<K, V[]>, key: K, value: V): void {
  const list = map.get(key)
  if (list) list.push(value)
  else map.set(key, [value])
}
