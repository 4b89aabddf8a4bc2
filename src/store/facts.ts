import type { AnyBulkWriteOperation } from 'mongodb'
import type { Fact, FactId, InboxId, RecordKey } from '../fls/fact.ts'
import type { FactDocument } from './documents.ts'
import { insertIgnoringRepeats } from './refused-writes.ts'
import type { Store } from './store.ts'

/** What one entry was read to. `isFirst`: the entry was never read before, so nothing of it can stand in the way. */
export type EntryFacts = {
  readonly inboxId: InboxId
  readonly facts: readonly Fact[]
  readonly isFirst: boolean
  readonly waitsFor?: readonly string[]
}

/**
 * Makes the facts of these entries exactly what was read: facts of an earlier reading that are no longer read disappear.
 * Idempotent. Returns every record touched, old or new.
 */
export async function writeFacts(store: Store, entries: readonly EntryFacts[]): Promise<Set<RecordKey>> {
  const touched = new Set<RecordKey>()
  const again = entries.filter(entry => !entry.isFirst)
  const recordNow = new Map(again.flatMap(entry => entry.facts.map(fact => [fact.id, fact.record] as const)))
  const moved: FactId[] = []
  if (again.length > 0) {
    const ids = again.map(entry => entry.inboxId)
    for (const old of await store.facts
      .find({ 'source.inboxId': { $in: ids } }, { projection: { record: 1 } })
      .toArray()) {
      touched.add(old.record)
      const now = recordNow.get(old._id)
      if (now !== undefined && now !== old.record) moved.push(old._id)
    }
  }
  const operations: AnyBulkWriteOperation<FactDocument>[] = again.map(entry => ({
    deleteMany: { filter: { 'source.inboxId': entry.inboxId, _id: { $nin: entry.facts.map(fact => fact.id) } } },
  }))
  if (moved.length > 0) operations.push({ deleteMany: { filter: { _id: { $in: moved } } } })
  const fresh: FactDocument[] = []
  for (const entry of entries) {
    for (const fact of entry.facts) {
      touched.add(fact.record)
      const document = documentOf(fact, entry.waitsFor)
      if (entry.isFirst) fresh.push(document)
      // With its record: a sharded database must be told where a new one belongs, so a fact never changes its record, it moves.
      else {
        const filter = { _id: document._id, record: document.record }
        operations.push({ replaceOne: { filter, replacement: document, upsert: true } })
      }
    }
  }
  await insertIgnoringRepeats(store.facts, fresh)
  if (operations.length > 0) await store.facts.bulkWrite(operations, { ordered: true })
  return touched
}

/** All facts of these records. */
export async function factsOf(store: Store, records: readonly RecordKey[]): Promise<Fact[]> {
  if (records.length === 0) return []
  return (await store.facts.find({ record: { $in: [...records] } }).toArray()).map(factOf)
}

/** Entries with facts that wait for one of these code-table keys. */
export async function entriesWaitingFor(store: Store, keys: readonly string[]): Promise<InboxId[]> {
  return keys.length === 0 ? [] : store.facts.distinct('source.inboxId', { waitsFor: { $in: [...keys] } })
}

function documentOf(fact: Fact, waitsFor: readonly string[] | undefined): FactDocument {
  const { id, ...rest } = fact
  const isUnmapped = fact.concept === undefined && (fact.coding?.length ?? 0) > 0
  const waiting = isUnmapped
    ? waitsFor?.find(key => fact.coding?.some(coding => key.endsWith(`|${coding.code}`)))
    : undefined
  return {
    _id: id,
    ...rest,
    ...(isUnmapped ? { unmapped: true as const } : {}),
    ...(waiting ? { waitsFor: waiting } : {}),
  } as FactDocument
}

function factOf(document: FactDocument): Fact {
  const { _id, waitsFor: _waitsFor, unmapped: _unmapped, ...rest } = document
  return { id: _id, ...rest } as Fact
}
