import type { AnyBulkWriteOperation, Collection, Db, Document, WriteConcernSettings } from 'mongodb'
import type { InboxId, OdsCode } from '../fls/fact.ts'
import type { InboxEntry } from '../sources/arrival.ts'
import type { SearchTerms } from '../sources/fhir/search-terms.ts'
import { writtenResources } from '../sources/fhir/written.ts'
import { asideOf } from './causal-client.ts'

/** One version of a resource: where its bytes stand in the inbox, and what its references became when it was taken in. */
export type ResourceVersion = {
  readonly versionId: string
  readonly inboxId: InboxId
  /** Path inside the entry's bytes: empty, or `entry[3].resource`. */
  readonly path: string
  /** When it was kept. */
  readonly at: Date
  /** Reference as sent → `Type/id`. */
  readonly references?: readonly (readonly [string, string])[]
}

/**
 * Collection `resources`: what stands now of what senders posted on `/fhir`; content and earlier versions stay in the inbox
 * (`resource-versions.ts`). Written by the door right after `accept()` and by `indexEntries` on replay; both give the same document.
 * `_id` = `Type/id`. Current is the version kept last.
 */
export type ResourceDocument = {
  _id: string
  type: string
  id: string
  sender: string
  organisation: OdsCode
  current: ResourceVersion
  /** What the current version is found by, by search parameter. Patient data. */
  search: SearchTerms & { readonly identifier: readonly string[] }
  /** Patient only: the identifiers as sent, so that later resources about the patient find its record. Patient data. */
  patient?: Document
  /** Medication only: its code as sent, so that later resources find the drug. */
  medication?: Document
}

/** One written resource, ready to be indexed. */
export type IndexedResource = Omit<ResourceDocument, '_id' | 'current'> & { readonly version: ResourceVersion }

/**
 * Everything in the index is derived from entries that are on a majority already and is derived again by the worker before it calls an entry
 * done, so neither its writes nor its reads wait for the journal: what a crash takes out of it comes back.
 */
export const resourcesOf = (db: Db): Collection<ResourceDocument> =>
  asideOf(db).collection<ResourceDocument>('resources', {
    writeConcern: { w: 1, journal: false },
    readConcern: { level: 'local' },
  })

export async function createResourceIndexes(db: Db): Promise<void> {
  await resourcesOf(db).createIndex({ 'search.identifier': 1, sender: 1, type: 1 })
  await resourcesOf(db).createIndex({ sender: 1, type: 1, _id: 1 })
  await resourcesOf(db).createIndex({ 'search.patient': 1, sender: 1, type: 1 }, { sparse: true })
  await db.collection('inbox').createIndex(
    { 'meta.resources.id': 1, receivedAt: -1 },
    {
      name: 'by-resource',
      partialFilterExpression: { protocol: 'fhir' },
    },
  )
}

/** Brings resources to these versions, where none that was kept later stands already. Doing it again, in any order, changes nothing. */
export async function indexResources(
  db: Db,
  resources: readonly IndexedResource[],
  options: { readonly writeConcern?: WriteConcernSettings } = {},
): Promise<void> {
  if (resources.length === 0) return
  const operations: AnyBulkWriteOperation<ResourceDocument>[] = resources.map(({ version, ...resource }) => {
    const _id = `${resource.type}/${resource.id}`
    return {
      updateOne: { filter: { _id }, update: [replaceOlder({ _id, ...resource, current: version })], upsert: true },
    }
  })
  await resourcesOf(db).bulkWrite(operations, { ordered: false, ...options })
}

/** A resource not there yet is older than any: what is missing comes before every date. */
function replaceOlder(document: ResourceDocument): Document {
  const { at, versionId } = document.current
  const isOlder = { $lt: [['$current.at', '$current.versionId'], { $literal: [at, versionId] }] }
  return { $replaceWith: { $cond: [isOlder, { $literal: document }, '$$ROOT'] } }
}

/**
 * Indexes the resources of kept entries again (replay, or a door that died between keeping and indexing); what the door has indexed is only
 * looked up, as a majority knows it: the entry is called done on a majority, and a fail-over must not take its index back. Other protocols:
 * nothing.
 */
export async function indexEntries(db: Db, entries: readonly InboxEntry[]): Promise<void> {
  const written = entries.filter(entry => entry.protocol === 'fhir').flatMap(entry => writtenResources(entry))
  if (written.length === 0) return
  const ids = [...new Set(written.map(({ type, id }) => `${type}/${id}`))]
  const projection = { 'current.versionId': 1, 'current.at': 1 }
  const found = await resourcesOf(db)
    .find({ _id: { $in: ids } }, { projection, readConcern: { level: 'majority' } })
    .toArray()
  const standing = new Map(found.map(({ _id, current }) => [_id, current]))
  const missing = written.filter(({ type, id, version }) => {
    const stands = standing.get(`${type}/${id}`)
    return !stands || stands.at < version.at || (stands.at <= version.at && stands.versionId < version.versionId)
  })
  await indexResources(db, missing, { writeConcern: { w: 'majority', journal: true } })
}

/** This sender's resource, or undefined: another sender's is as unknown as none. */
export async function findResource(
  db: Db,
  sender: string,
  type: string,
  id: string,
): Promise<ResourceDocument | undefined> {
  return (await resourcesOf(db).findOne({ _id: `${type}/${id}`, sender })) ?? undefined
}
