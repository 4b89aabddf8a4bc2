import type { InboxId, RecordKey } from '../fls/fact.ts'
import type { InboxDocument } from './documents.ts'
import { closingMeta } from './extracts.ts'
import { resourcesOf } from './resources.ts'
import { retentionLog } from './retention-log.ts'
import type { Store } from './store.ts'

/** Clinical arrivals alone: registers and human decisions hold for ever, a form is an answer of a site about a fracture. */
const expiring = ['hl7v2', 'fhir', 'extract'] as const

/** Read entries kept before `before`, oldest first, after `after`; in slices. */
export function oldEntries(
  store: Store,
  before: Date,
  after: { readonly receivedAt: Date; readonly id: InboxId } | undefined,
  most: number,
): Promise<InboxDocument[]> {
  const beyond = after
    ? { $or: [{ receivedAt: { $gt: after.receivedAt } }, { receivedAt: after.receivedAt, _id: { $gt: after.id } }] }
    : {}
  return store.inbox
    .find({
      receivedAt: { $lt: before },
      state: 'done',
      protocol: { $in: [...expiring] },
      'meta.kind': { $ne: closingMeta.kind },
      ...beyond,
    })
    .project<InboxDocument>({ bytes: 0 })
    .sort({ receivedAt: 1, _id: 1 })
    .limit(most)
    .toArray()
}

/** Whose entries these are: the records of their facts, and of the patient the door knew. Entries about nobody have none. */
export async function recordsOf(
  store: Store,
  entries: readonly InboxDocument[],
): Promise<ReadonlyMap<InboxId, ReadonlySet<RecordKey>>> {
  const records = new Map(entries.map(({ _id, recordKey }) => [_id, new Set(recordKey ? [recordKey] : [])]))
  const facts = store.facts.find(
    { 'source.inboxId': { $in: entries.map(({ _id }) => _id) } },
    { projection: { record: 1, 'source.inboxId': 1 } },
  )
  for await (const { record, source } of facts) records.get(source.inboxId)?.add(record)
  return records
}

/**
 * Of these records, those of a person with any fracture evidence: a fracture of whatever status, or a fact that speaks of a fracture, an audit
 * question or a person's decision, whether or not it came to anything.
 */
export async function recordsWithEvidence(
  store: Store,
  records: readonly RecordKey[],
): Promise<ReadonlySet<RecordKey>> {
  const persons = await store.persons
    .find(
      { 'members.record': { $in: [...records] } },
      { projection: { 'members.record': 1, 'fractures.fractureId': 1 } },
    )
    .toArray()
  const together = new Map(
    persons.flatMap(({ members }) => {
      const all = members.map(({ record }) => record)
      return all.map(record => [record, all] as const)
    }),
  )
  const closure = new Set([...records, ...records.flatMap(record => together.get(record) ?? [])])
  const speaking: readonly RecordKey[] = await store.facts.distinct('record', {
    record: { $in: [...closure] },
    $or: [
      { 'concept.set': 'fracture-site' },
      { 'detail.mention': { $exists: true } },
      { kind: 'answer' },
      { kind: 'assertion', 'detail.by': 'human' },
    ],
  } as object)
  const evident = new Set<RecordKey>(speaking)
  for (const { members, fractures } of persons)
    if (fractures.length > 0) for (const { record } of members) evident.add(record)
  return new Set(
    records.filter(record => evident.has(record) || together.get(record)?.some(other => evident.has(other))),
  )
}

/**
 * Takes the bytes and everything of the patient out of these entries. What stays is a stub: id, sender, size, hash and times, so that they are
 * counted and the same message sent again is known. An entry somebody had read again meanwhile stays as it is. Idempotent.
 */
export async function emptyEntries(
  store: Store,
  entries: readonly Pick<InboxDocument, '_id' | 'fence'>[],
  at: Date,
): Promise<void> {
  await retentionLog(store.db).updateOne({ _id: 'retention' }, { $set: { expiredAt: at } }, { upsert: true })
  await store.inbox.updateMany(
    { $or: entries.map(({ _id, fence }) => ({ _id, fence, state: 'done' as const })) },
    {
      $set: { state: 'expired', expiredAt: at, controlId: '' },
      $unset: { bytes: '', recordKey: '', meta: '', issues: '', facts: '', failure: '' },
    },
  )
}

/** Removes the pieces of expired entries, those a broken-off run has left as well: a stub counts its pieces until they are gone. */
export async function dropPieces(store: Store): Promise<void> {
  const stubs = store.inbox.find({ state: 'expired', chunks: { $exists: true } }, { projection: { chunks: 1 } })
  for await (const { _id, chunks = 0 } of stubs) {
    const pieces = Array.from({ length: chunks }, (_, index) => `${_id}/${index}`)
    await store.db.collection<{ _id: string }>('inboxChunks').deleteMany({ _id: { $in: pieces } })
    await store.inbox.updateOne({ _id, state: 'expired' }, { $unset: { chunks: '' } })
  }
}

/** Records nobody has said anything of any more; their persons are gone with the last solve. */
export async function dropEmptyRecords(store: Store, records: readonly RecordKey[]): Promise<void> {
  const alive = new Set<RecordKey>(await store.facts.distinct('record', { record: { $in: [...records] } }))
  const empty = records.filter(record => !alive.has(record))
  // Facets say whether somebody has written the record again meanwhile.
  if (empty.length > 0) await store.records.deleteMany({ _id: { $in: empty }, facets: { $size: 0 } })
}

/** Resources whose bytes stood in these entries are no longer found; on a majority, for nothing would take them out again after a fail-over. */
export async function dropIndexed(store: Store, entries: readonly InboxDocument[]): Promise<void> {
  const resources = entries.flatMap(entry => resourceIdsIn(entry.meta?.['resources']))
  const ids = entries.map(({ _id }) => _id)
  if (resources.length > 0)
    await resourcesOf(store.db).deleteMany(
      { id: { $in: resources }, 'current.inboxId': { $in: ids } },
      { writeConcern: { w: 'majority', journal: true } },
    )
}

function resourceIdsIn(noted: unknown): string[] {
  return Array.isArray(noted)
    ? noted.flatMap((one: { id?: unknown }) => (typeof one.id === 'string' ? [one.id] : []))
    : []
}
