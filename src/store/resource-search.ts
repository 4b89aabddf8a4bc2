import type { Db, Document } from 'mongodb'
import type { OdsCode } from '../fls/fact.ts'
import type { SearchCondition } from '../sources/fhir/search-conditions.ts'
import type { DateCondition } from '../sources/fhir/search-dates.ts'
import { type ResourceDocument, resourcesOf } from './resources.ts'
import { lastUpdatedFilter, searchFilter } from './search-filter.ts'

export type ResourceSearch = {
  readonly sender: string
  /** Of this organisation only. */
  readonly organisation?: OdsCode
  readonly type: string
  /** Any of these ids. */
  readonly ids?: readonly string[]
  readonly conditions: readonly SearchCondition[]
  readonly lastUpdated: readonly DateCondition[]
  /** Only resources after this id. */
  readonly after?: string
  readonly count: number
  readonly hasTotal: boolean
}

/** How long one search may take before it is broken off: a wide one never holds the database up. */
const mostMs = 20_000

/** One page in order of id, one more than asked for when there is a next page, and the number of all matches when it is wanted. */
export async function searchResources(
  db: Db,
  search: ResourceSearch,
): Promise<{ page: ResourceDocument[]; total: number }> {
  const { sender, organisation, type, ids, conditions, lastUpdated, after, count, hasTotal } = search
  const narrowed: Document[] = [
    ...conditions.map(searchFilter),
    ...lastUpdated.map(one => lastUpdatedFilter(one, '$current.at')),
  ]
  const matching = {
    sender,
    type,
    ...(organisation ? { organisation } : {}),
    ...(ids ? { id: { $in: [...ids] } } : {}),
    ...(narrowed.length > 0 ? { $and: narrowed } : {}),
  }
  const resources = resourcesOf(db)
  const page = resources
    .find({ ...matching, ...(after ? { _id: { $gt: `${type}/${after}` } } : {}) })
    .sort({ _id: 1 })
    .limit(count + 1)
    .maxTimeMS(mostMs)
  const [found, total] = await Promise.all([
    count > 0 ? page.toArray() : [],
    hasTotal ? resources.countDocuments(matching, { maxTimeMS: mostMs }) : 0,
  ])
  return { page: found, total }
}
