import type { Filter } from 'mongodb'
import type { Principal } from '../access/principal.ts'
import { scopeFilter } from '../access/scope.ts'
import type { Episode } from '../fls/episode.ts'
import type { RecordKey } from '../fls/fact.ts'
import type { DateCondition } from '../sources/fhir/search-dates.ts'
import type { EpisodeQuery, FormDeps } from '../sources/form/door.ts'
import type { EpisodeDocument } from './documents.ts'
import { findResponse, indexResponse, searchResponses } from './responses.ts'
import type { Store } from './store.ts'
import { claimVersion, releaseVersion } from './version-claims.ts'

/** What the form door reads of the database, within the scope of whoever asks. */
export type FormStore = Pick<FormDeps, 'findEpisode' | 'searchEpisodes' | 'recordsOf' | 'responses'>

export function formStore(store: Pick<Store, 'db' | 'episodes' | 'records'>): FormStore {
  return {
    findEpisode: (principal, id) => findEpisode(store, principal, id),
    searchEpisodes: async (principal, query) => {
      const matching: Filter<EpisodeDocument>[] = [
        scopeFilter(principal),
        ...(query.ids ? [{ _id: { $in: [...query.ids] } }] : []),
        query.status ? { status: { $in: [...query.status] } } : { status: { $ne: 'withdrawn' as const } },
        ...(query.patients ? [patientFilter(query.patients, principal)] : []),
        ...query.diagnosed.map(dayFilter),
        ...(query.isUndated === undefined ? [] : [{ diagnosedOn: { $exists: !query.isUndated } }]),
        ...(query.isNone ? [{ _id: { $in: [] } }] : []),
      ]
      const page = store.episodes
        .find({ $and: [...matching, ...(query.after ? [{ _id: { $gt: query.after } }] : [])] })
        .sort({ _id: 1 })
        .limit(query.count + 1)
      const [found, total] = await Promise.all([
        query.count > 0 ? page.toArray() : [],
        query.hasTotal ? store.episodes.countDocuments({ $and: matching }) : 0,
      ])
      return { page: found.map(episodeOf), total }
    },
    recordsOf: async (episode, organisations) => {
      const own = await store.records
        .find(
          { _id: { $in: [...episode.records] }, organisation: { $in: [...organisations] } },
          { projection: { _id: 1 } },
        )
        .toArray()
      const known = new Set(own.map(record => record._id))
      return episode.records.filter(record => known.has(record))
    },
    responses: {
      find: (organisations, id) => findResponse(store.db, organisations, id),
      search: (organisations, query) => searchResponses(store.db, organisations, query),
      index: entry => indexResponse(store.db, entry),
      claim: (version, by, now) => claimVersion(store.db, version, by, now),
      release: (version, by) => releaseVersion(store.db, version, by),
    },
  }
}

const dayMs = 86_400_000

/** A condition on the day of 1.09, which stands as text: the last moment of a day is compared as its first, a day less a millisecond earlier. */
function dayFilter(condition: DateCondition): Filter<EpisodeDocument> {
  return {
    $or: condition.map(all => ({
      $and: all.map(({ end, operator, value }) => {
        const first = end === 'first' ? value : value - dayMs + 1
        const isRoundedUp = operator === '$gte' || operator === '$lt'
        const day = isRoundedUp ? Math.ceil(first / dayMs) : Math.floor(first / dayMs)
        return { diagnosedOn: { [operator]: new Date(day * dayMs).toISOString().slice(0, 10) } }
      }),
    })),
  }
}

/** Numbers are compared as values, never as operators; local numbers count within the organisations of whoever asks. */
function patientFilter(
  patients: NonNullable<EpisodeQuery['patients']>,
  { organisations }: Principal,
): Filter<EpisodeDocument> {
  const nhsNumbers = patients.filter(one => one.isNhsNumber).map(one => one.number)
  const stated = { $getField: { field: '1.01', input: '$answers' } }
  const keys = patients
    .filter(one => !one.isNhsNumber)
    .flatMap(one => organisations.map(organisation => `${organisation}|${one.number.toUpperCase()}` as RecordKey))
  return {
    $or: [
      {
        $expr: {
          $in: [
            { $first: { $ifNull: [{ $getField: { field: 'values', input: stated } }, []] } },
            { $literal: nhsNumbers },
          ],
        },
      },
      { records: { $in: keys } },
    ],
  }
}

/** By id, else by an id it had before; undefined outside the scope, so that others' episodes are as unknown as none. */
export async function findEpisode(
  store: Pick<Store, 'episodes'>,
  principal: Principal,
  id: string,
): Promise<Episode | undefined> {
  const scope = scopeFilter(principal)
  const found =
    (await store.episodes.findOne({ _id: id, ...scope })) ?? (await store.episodes.findOne({ aliases: id, ...scope }))
  return found ? episodeOf(found) : undefined
}

export function episodeOf({ _id, solve: _solve, ...rest }: EpisodeDocument): Episode {
  return { id: _id, ...rest }
}
