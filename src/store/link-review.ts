import type { Filter } from 'mongodb'
import type { ScopeFilter } from '../access/scope.ts'
import type { FactId, RecordKey } from '../fls/fact.ts'
import type { EpisodeDocument, FactDocument, PersonDocument, RecordDocument, ReviewDocument } from './documents.ts'
import type { Store } from './store.ts'

type LinkStore = Pick<Store, 'reviews' | 'persons' | 'episodes' | 'records' | 'facts'>

/** Reviews in scope after a position (the id of the last one seen), ordered by id. */
export async function listReviews(
  store: Pick<Store, 'reviews'>,
  scope: ScopeFilter,
  query: { readonly after?: string; readonly kind?: ReviewDocument['kind']; readonly limit: number },
): Promise<ReviewDocument[]> {
  const filter: Filter<ReviewDocument> = {
    ...scope,
    ...(query.kind ? { kind: query.kind } : {}),
    ...(query.after ? { _id: { $gt: query.after } } : {}),
  }
  return store.reviews.find(filter).sort({ _id: 1 }).limit(query.limit).toArray()
}

/** What a reviewer sees of one side of a pair: a record with every demographic version, or a fact with its place in the message. */
export type ReviewSide =
  | {
      readonly kind: 'record'
      readonly record: RecordKey
      readonly organisation: string
      readonly facets: RecordDocument['facets']
    }
  | { readonly kind: 'fact'; readonly fact: FactDocument }

export type LinkView =
  | {
      readonly kind: 'review'
      readonly review: ReviewDocument
      readonly a: ReviewSide | undefined
      readonly b: ReviewSide | undefined
    }
  | { readonly kind: 'person'; readonly person: PersonDocument }
  | { readonly kind: 'episode'; readonly episode: EpisodeDocument; readonly person: PersonDocument | undefined }

/** A review, person or episode by id or alias, with the reasons for its links. Undefined when there is none in scope. */
export async function findLink(store: LinkStore, scope: ScopeFilter, id: string): Promise<LinkView | undefined> {
  const review = await store.reviews.findOne({ _id: { $eq: id }, ...scope })
  if (review) {
    const [a, b] = await Promise.all([sideOf(store, review.kind, review.a), sideOf(store, review.kind, review.b)])
    return { kind: 'review', review, a, b }
  }
  const person = await store.persons.findOne({ ...byIdOrAlias(id), ...scope })
  if (person) return { kind: 'person', person }
  const episode = await store.episodes.findOne({ ...byIdOrAlias(id), ...scope })
  if (!episode) return undefined
  const itsPerson = await store.persons.findOne({ _id: { $eq: episode.personId } })
  return { kind: 'episode', episode, person: itsPerson ?? undefined }
}

/** The persons two records or facts belong to now, and the record of the first; undefined when one of them is unknown or none of its persons is in scope. */
export async function placesOfPair(
  store: LinkStore,
  scope: ScopeFilter,
  kind: ReviewDocument['kind'],
  pair: readonly [string, string],
): Promise<{ readonly record: RecordKey; readonly persons: readonly string[] } | undefined> {
  const records = await Promise.all(
    pair.map(one => (kind === 'person' ? recordOf(store, one) : recordOfFact(store, one))),
  )
  if (!records.every(record => record !== undefined)) return undefined
  const persons = await Promise.all(
    records.map(record => store.persons.findOne({ 'members.record': record, ...scope }, { projection: { _id: 1 } })),
  )
  const ids = persons.flatMap(person => (person ? [person._id] : []))
  const [record] = records
  return record && ids.length === pair.length ? { record, persons: [...new Set(ids)] } : undefined
}

function byIdOrAlias(id: string): { $or: [{ _id: { $eq: string } }, { aliases: { $eq: string } }] } {
  return { $or: [{ _id: { $eq: id } }, { aliases: { $eq: id } }] }
}

async function sideOf(store: LinkStore, kind: ReviewDocument['kind'], id: string): Promise<ReviewSide | undefined> {
  if (kind === 'person') {
    const record = await store.records.findOne({ _id: id as RecordKey }, { projection: { organisation: 1, facets: 1 } })
    return record
      ? { kind: 'record', record: record._id, organisation: record.organisation, facets: record.facets }
      : undefined
  }
  const fact = await store.facts.findOne({ _id: id as FactId })
  return fact ? { kind: 'fact', fact } : undefined
}

async function recordOf(store: LinkStore, id: string): Promise<RecordKey | undefined> {
  return (await store.records.findOne({ _id: id as RecordKey }, { projection: { _id: 1 } }))?._id
}

async function recordOfFact(store: LinkStore, id: string): Promise<RecordKey | undefined> {
  return (await store.facts.findOne({ _id: id as FactId }, { projection: { record: 1 } }))?.record
}
