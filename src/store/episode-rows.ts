import type { ClientSession, Filter } from 'mongodb'
import type { ScopeFilter } from '../access/scope.ts'
import type { DayDate } from '../fls/dates.ts'
import type { OdsCode, RecordKey } from '../fls/fact.ts'
import type { EpisodeDocument } from './documents.ts'
import { optedOut, optOutListInForce } from './opt-outs.ts'
import type { Store } from './store.ts'

export type EpisodeSelection = {
  readonly scope: ScopeFilter
  /** First and last day of 1.09, both included. */
  readonly from?: DayDate
  readonly to?: DayDate
  readonly linked?: boolean
  /** ODS code of the reporting FLS. */
  readonly reportingFls?: OdsCode
  readonly status?: EpisodeDocument['status']
}

const batch = 500

/**
 * Episodes for planning and research outputs, in a fixed order, without patients on the National Data Opt-Out list; withdrawn ones left
 * out unless asked for. Holds one batch at a time. Throws `OptOutListStale` before the first episode when the list is missing or expired.
 */
export async function* releasableEpisodes(
  store: Pick<Store, 'db' | 'episodes' | 'records'>,
  selection: EpisodeSelection,
  keyOf: (nhsNumber: string) => string,
  now: Date,
  session?: ClientSession,
): AsyncGenerator<EpisodeDocument> {
  const { list } = await optOutListInForce(store.db, now)
  const cursor = store.episodes
    .find(filterOf(selection), session ? { session } : {})
    .sort({ _id: 1 })
    .batchSize(batch)
  let group: EpisodeDocument[] = []
  const release = async (): Promise<EpisodeDocument[]> => {
    const objecting = await recordsOptedOut(store, group, list, keyOf)
    return group.filter(episode => !episode.records.some(record => objecting.has(record)))
  }
  for await (const episode of cursor) {
    group.push(episode)
    if (group.length < batch) continue
    yield* await release()
    group = []
  }
  yield* await release()
}

/** The instant up to which arrivals had been read: of the latest entry that is done. Undefined when nothing has been read yet. */
export async function dataCut(store: Pick<Store, 'inbox'>): Promise<Date | undefined> {
  const [last] = await store.inbox
    .find({ state: 'done' }, { projection: { receivedAt: 1 } })
    .sort({ receivedAt: -1 })
    .limit(1)
    .toArray()
  return last?.receivedAt
}

function filterOf({ scope, from, to, linked, status, reportingFls }: EpisodeSelection): Filter<EpisodeDocument> {
  return {
    ...scope,
    status: status ? { $eq: status } : { $ne: 'withdrawn' },
    ...(from || to ? { diagnosedOn: { ...(from ? { $gte: from } : {}), ...(to ? { $lte: to } : {}) } } : {}),
    ...(linked === undefined ? {} : { isLinked: linked }),
    ...(reportingFls === undefined ? {} : { reportingFls }),
  }
}

/** Every NHS number any of the person's records ever carried counts: an objection found under one of them is honoured. */
async function recordsOptedOut(
  store: Pick<Store, 'db' | 'records'>,
  episodes: readonly EpisodeDocument[],
  list: Awaited<ReturnType<typeof optOutListInForce>>['list'],
  keyOf: (nhsNumber: string) => string,
): Promise<ReadonlySet<RecordKey>> {
  const recordKeys = [...new Set(episodes.flatMap(episode => episode.records))]
  const records = await store.records
    .find({ _id: { $in: recordKeys } }, { projection: { 'facets.nhsNumber': 1 } })
    .toArray()
  const keysOf = new Map(
    records.map(({ _id, facets }) => [
      _id,
      (facets ?? []).flatMap(facet => (facet.nhsNumber ? [keyOf(facet.nhsNumber)] : [])),
    ]),
  )
  const found = await optedOut(store.db, list, [...new Set([...keysOf.values()].flat())])
  return new Set(recordKeys.filter(record => keysOf.get(record)?.some(key => found.has(key))))
}
