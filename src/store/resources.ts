import type { AnyBulkWriteOperation, Collection, Db, Document } from 'mongodb'
import type { InboxId, OdsCode } from '../fls/fact.ts'
import type { InboxEntry } from '../sources/arrival.ts'
import { writtenResources } from '../sources/fhir/written.ts'

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
 * Collection `resources`: the index of what senders posted on `/fhir`, content stays in the inbox. Written by the door right after `accept()`
 * and by `indexEntries` on replay; both give the same document. `_id` = `Type/id`. `versions` oldest first, the last is current.
 */
export type ResourceDocument = {
  _id: string
  type: string
  id: string
  sender: string
  organisation: OdsCode
  versions: ResourceVersion[]
  /** Of the current version: `system|value` and `*|value` of each identifier. Patient data. */
  search: { identifier: string[] }
  /** Patient only: the identifiers as sent, so that later resources about the patient find its record. Patient data. */
  patient?: Document
  /** Medication only: its code as sent, so that later resources find the drug. */
  medication?: Document
}

/** One written resource, ready to be indexed. */
export type IndexedResource = Omit<ResourceDocument, '_id' | 'versions'> & { readonly version: ResourceVersion }

const collection = (db: Db): Collection<ResourceDocument> => db.collection<ResourceDocument>('resources')

export async function createResourceIndexes(db: Db): Promise<void> {
  await collection(db).createIndex({ 'search.identifier': 1, sender: 1, type: 1 })
  await collection(db).createIndex({ sender: 1, type: 1, _id: 1 })
}

/** Adds versions to their resources. Doing it again changes nothing; a version older than the current one never replaces what is searched. */
export async function indexResources(db: Db, resources: readonly IndexedResource[]): Promise<void> {
  if (resources.length === 0) return
  const operations: AnyBulkWriteOperation<ResourceDocument>[] = resources.map(resource => ({
    updateOne: { filter: { _id: `${resource.type}/${resource.id}` }, update: addVersion(resource), upsert: true },
  }))
  await collection(db).bulkWrite(operations, { ordered: true })
}

function addVersion({ version, ...resource }: IndexedResource): Document[] {
  const known = { $ifNull: ['$versions', []] }
  const isKnown = { $in: [version.versionId, { $map: { input: known, in: '$$this.versionId' } }] }
  // Of two doors that index the same bytes at once, the one that kept them has the earlier time, as replay will.
  const isThis = { $eq: ['$$this.versionId', version.versionId] }
  const earliest = { $mergeObjects: ['$$this', { at: { $min: ['$$this.at', { $literal: version.at }] } }] }
  const timed = { $map: { input: known, in: { $cond: [isThis, earliest, '$$this'] } } }
  const all = { $cond: [isKnown, timed, { $concatArrays: [known, [{ $literal: version }]] }] }
  const isCurrent = { $eq: [{ $last: '$versions.versionId' }, version.versionId] }
  const current = Object.entries(resource).map(([name, content]) => [
    name,
    { $cond: [isCurrent, { $literal: content }, `$${name}`] },
  ])
  return [
    { $set: { versions: { $sortArray: { input: all, sortBy: { at: 1, versionId: 1 } } } } },
    { $set: Object.fromEntries(current) },
  ]
}

/**
 * Indexes the resources of kept entries again (replay, or a door that died between keeping and indexing); what the door has indexed is only
 * looked up. Other protocols: nothing.
 */
export async function indexEntries(db: Db, entries: readonly InboxEntry[]): Promise<void> {
  const written = entries.filter(entry => entry.protocol === 'fhir').flatMap(writtenResources)
  if (written.length === 0) return
  const ids = [...new Set(written.map(({ type, id }) => `${type}/${id}`))]
  const projection = { 'versions.versionId': 1, 'versions.at': 1 }
  const found = await collection(db)
    .find({ _id: { $in: ids } }, { projection })
    .toArray()
  const keptAt = new Map(
    found.flatMap(({ _id, versions }) => versions.map(({ versionId, at }) => [`${_id} ${versionId}`, at] as const)),
  )
  const missing = written.filter(({ type, id, version }) => {
    const at = keptAt.get(`${type}/${id} ${version.versionId}`)
    return at === undefined || at > version.at
  })
  await indexResources(db, missing)
}

/** This sender's resource, or undefined: another sender's is as unknown as none. */
export async function findResource(
  db: Db,
  sender: string,
  type: string,
  id: string,
): Promise<ResourceDocument | undefined> {
  return (await collection(db).findOne({ _id: `${type}/${id}`, sender })) ?? undefined
}

/** This sender's resources among `keys` (`Type/id`). */
export async function findResources(
  db: Db,
  sender: string,
  keys: readonly string[],
): Promise<ReadonlyMap<string, ResourceDocument>> {
  if (keys.length === 0) return new Map()
  const found = await collection(db)
    .find({ _id: { $in: [...keys] }, sender })
    .toArray()
  return new Map(found.map(document => [document._id, document]))
}

/** This sender's resources of a type that carry an identifier; at most two, since the question is none, one or more. */
export async function findByToken(
  db: Db,
  sender: string,
  type: string,
  token: string,
): Promise<readonly ResourceDocument[]> {
  return collection(db).find({ 'search.identifier': token, sender, type }).sort({ _id: 1 }).limit(2).toArray()
}

export type ResourceSearch = {
  readonly sender: string
  /** Of this organisation only. */
  readonly organisation?: OdsCode
  readonly type: string
  /** Any of these ids. */
  readonly ids?: readonly string[]
  /** Within a list one token suffices; every list must match. */
  readonly tokens: readonly (readonly string[])[]
  /** Only resources after this id. */
  readonly after?: string
  readonly count: number
}

/** One page in order of id, one more than asked for when there is a next page, and the number of all matches. */
export async function searchResources(
  db: Db,
  search: ResourceSearch,
): Promise<{ page: ResourceDocument[]; total: number }> {
  const { sender, organisation, type, ids, tokens, after, count } = search
  const matching = {
    sender,
    type,
    ...(organisation ? { organisation } : {}),
    ...(ids ? { id: { $in: [...ids] } } : {}),
    ...(tokens.length > 0 ? { $and: tokens.map(anyOf => ({ 'search.identifier': { $in: [...anyOf] } })) } : {}),
  }
  const page = collection(db)
    .find({ ...matching, ...(after ? { _id: { $gt: `${type}/${after}` } } : {}) })
    .sort({ _id: 1 })
    .limit(count + 1)
  const [found, total] = await Promise.all([count > 0 ? page.toArray() : [], collection(db).countDocuments(matching)])
  return { page: found, total }
}
