import type { Collection, Db, Filter } from 'mongodb'
import type { Instant } from '../fls/dates.ts'
import type { InboxId, OdsCode, RecordKey } from '../fls/fact.ts'
import type { InboxEntry } from '../sources/arrival.ts'
import type { SearchCondition } from '../sources/fhir/search-conditions.ts'
import type { DateCondition } from '../sources/fhir/search-dates.ts'
import type { SearchTerms } from '../sources/fhir/search-terms.ts'
import { indexedResponse } from '../sources/form/indexed-response.ts'
import { lastUpdatedFilter, searchFilter } from './search-filter.ts'

/** One version of a submitted form; its bytes stand in the inbox. */
export type ResponseVersion = {
  readonly versionId: string
  readonly inboxId: InboxId
  readonly at: Date
  readonly ordinal: number
  /** No statement of this version is later: the next one is never older. */
  readonly asOf: Instant
  readonly record: RecordKey
}

/**
 * Collection `responses`: the index of submitted QuestionnaireResponses. Written by the door right after `accept()` and by `indexResponse` on
 * replay, with the same result. `organisation` is the tenant; `versions` oldest first.
 */
export type ResponseDocument = {
  _id: string
  organisation: OdsCode
  versions: ResponseVersion[]
  /** What the current version is found by, by search parameter. Patient data. */
  search: SearchTerms
}
export type IndexedResponse = Omit<ResponseDocument, 'versions'> & { readonly version: ResponseVersion }

const collection = (db: Db): Collection<ResponseDocument> => db.collection<ResponseDocument>('responses')

export async function createResponseIndexes(db: Db): Promise<void> {
  await collection(db).createIndex({ organisation: 1, _id: 1 })
  await collection(db).createIndex({ 'search.identifier': 1, organisation: 1 })
  await collection(db).createIndex({ 'search.subject': 1, organisation: 1 })
}

/** Adds a version; the same entry again changes nothing, and an older version never replaces what is searched. */
export async function addResponse(db: Db, { _id, organisation, search, version }: IndexedResponse): Promise<void> {
  const known = { $ifNull: ['$versions', []] }
  const isKnown = { $in: [version.inboxId, { $map: { input: known, in: '$$this.inboxId' } }] }
  const all = { $cond: [isKnown, known, { $concatArrays: [known, [{ $literal: version }]] }] }
  const isCurrent = { $eq: [{ $last: '$versions.inboxId' }, version.inboxId] }
  await collection(db).updateOne(
    { _id },
    [
      { $set: { versions: { $sortArray: { input: all, sortBy: { ordinal: 1, at: 1, versionId: 1 } } } } },
      {
        $set: {
          organisation: { $ifNull: ['$organisation', organisation] },
          search: { $cond: [isCurrent, { $literal: search }, '$search'] },
        },
      },
    ],
    { upsert: true },
  )
}

/** Indexes a kept entry of protocol `form` again (replay, or a door that died between keeping and indexing). Others: nothing. */
export async function indexResponse(db: Db, entry: InboxEntry): Promise<void> {
  if (entry.protocol !== 'form') return
  const indexed = indexedResponse(entry)
  if (indexed) await addResponse(db, indexed)
}

/** Undefined when it is not there or not one of these organisations'. */
export async function findResponse(
  db: Db,
  organisations: readonly OdsCode[],
  id: string,
): Promise<ResponseDocument | undefined> {
  return (await collection(db).findOne({ _id: id, organisation: { $in: [...organisations] } })) ?? undefined
}

/** Conditions as the door parsed them: texts and numbers only, never operators. */
export type ResponseQuery = {
  readonly ids?: readonly string[]
  readonly conditions: readonly SearchCondition[]
  readonly lastUpdated: readonly DateCondition[]
  readonly after?: string
  readonly count: number
  readonly hasTotal: boolean
}

/** One page in order of id, one more than asked for when there is a next page, and the number of all matches when it is wanted. */
export async function searchResponses(
  db: Db,
  organisations: readonly OdsCode[],
  query: ResponseQuery,
): Promise<{ page: ResponseDocument[]; total: number }> {
  const conditions: Filter<ResponseDocument>[] = [
    { organisation: { $in: [...organisations] } },
    ...(query.ids ? [{ _id: { $in: [...query.ids] } }] : []),
    ...query.conditions.map(searchFilter),
    ...query.lastUpdated.map(one => lastUpdatedFilter(one, { $last: '$versions.at' })),
  ]
  const matching: Filter<ResponseDocument> = { $and: conditions }
  const rest: Filter<ResponseDocument> = query.after
    ? { $and: [...conditions, { _id: { $gt: query.after } }] }
    : matching
  const [page, total] = await Promise.all([
    query.count > 0
      ? collection(db)
          .find(rest)
          .sort({ _id: 1 })
          .limit(query.count + 1)
          .toArray()
      : [],
    query.hasTotal ? collection(db).countDocuments(matching) : 0,
  ])
  return { page, total }
}
