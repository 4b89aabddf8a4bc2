import type { ClientSession, Filter } from 'mongodb'
import type { ScopeFilter } from '../access/scope.ts'
import type { DayDate } from '../fls/dates.ts'
import type { EpisodeAnswer, EpisodeFracture } from '../fls/episode.ts'
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

/** What a table of episodes is made of: values without their origins, sides as numbers of entries. Any episode document is one as well. */
export type EpisodeCells = Pick<
  EpisodeDocument,
  | '_id'
  | 'personId'
  | 'records'
  | 'status'
  | 'excluded'
  | 'reportingFls'
  | 'datasetVersion'
  | 'diagnosedOn'
  | 'injuryDate'
  | 'ageAtDiagnosis'
  | 'isLinked'
> & {
  readonly fractures: readonly (Pick<EpisodeFracture, 'site' | 'laterality' | 'date' | 'status'> & {
    readonly facts: readonly Pick<EpisodeFracture['facts'][number], 'probability'>[]
  })[]
  readonly answers: Readonly<Record<string, Pick<EpisodeAnswer, 'values'>>>
  readonly hospital: { readonly length: number }
  readonly gp: { readonly length: number }
}

type Source = Pick<Store, 'db' | 'episodes' | 'records'>
const batch = 500

/**
 * Episodes for planning and research outputs, in a fixed order, without patients on the National Data Opt-Out list; withdrawn ones left
 * out unless asked for. Holds one batch at a time. Throws `OptOutListStale` before the first episode when the list is missing or expired.
 */
export async function* releasableEpisodes(
  store: Source,
  selection: EpisodeSelection,
  keyOf: (nhsNumber: string) => string,
  now: Date,
  session?: ClientSession,
): AsyncGenerator<EpisodeDocument> {
  const cursor = store.episodes
    .find(filterOf(selection), session ? { session } : {})
    .sort({ _id: 1 })
    .batchSize(batch)
  for await (const group of released(store, cursor, keyOf, now)) yield* group
}

/** As `releasableEpisodes`, by groups and with no more than cells need: the database leaves out what is nine tenths of an episode. */
export async function* releasableCells(
  store: Source,
  selection: EpisodeSelection,
  keyOf: (nhsNumber: string) => string,
  now: Date,
): AsyncGenerator<EpisodeCells[]> {
  const cursor = store.episodes
    .aggregate<StoredCells>([{ $match: filterOf(selection) }, { $sort: { _id: 1 } }, { $project: cells }])
    .batchSize(batch)
  for await (const group of released(store, cursor, keyOf, now)) yield group.map(cellsOf)
}

const valuesOfAnswers = {
  $map: { input: { $objectToArray: '$answers' }, as: 'answer', in: ['$$answer.k', '$$answer.v.values'] },
}
const cells = {
  ...Object.fromEntries(
    (
      [
        'personId',
        'records',
        'status',
        'excluded',
        'reportingFls',
        'datasetVersion',
        'diagnosedOn',
        'injuryDate',
      ] as const
    ).map(name => [name, 1]),
  ),
  ...{ ageAtDiagnosis: 1, isLinked: 1, hospital: { $size: '$hospital' }, gp: { $size: '$gp' } },
  fractures: { site: 1, laterality: 1, date: 1, status: 1, facts: { probability: 1 } },
  answers: valuesOfAnswers,
}
type StoredCells = Omit<EpisodeCells, 'answers' | 'hospital' | 'gp'> & {
  readonly answers: readonly (readonly [item: string, values: readonly string[]])[]
  readonly hospital: number
  readonly gp: number
}

function cellsOf({ answers, hospital, gp, ...rest }: StoredCells): EpisodeCells {
  return {
    ...rest,
    answers: Object.fromEntries(answers.map(([item, values]) => [item, { values }])),
    hospital: { length: hospital },
    gp: { length: gp },
  }
}

/** Groups of at most one batch without those whose patient objected; asked of the database a group at a time. */
async function* released<T extends Pick<EpisodeDocument, 'records'>>(
  store: Source,
  cursor: AsyncIterable<T>,
  keyOf: (nhsNumber: string) => string,
  now: Date,
): AsyncGenerator<T[]> {
  const { list } = await optOutListInForce(store.db, now)
  let group: T[] = []
  const release = async (): Promise<T[]> => {
    const objecting = await recordsOptedOut(store, group, list, keyOf)
    return group.filter(episode => !episode.records.some(record => objecting.has(record)))
  }
  for await (const episode of cursor) {
    group.push(episode)
    if (group.length < batch) continue
    yield await release()
    group = []
  }
  yield await release()
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
  episodes: readonly Pick<EpisodeDocument, 'records'>[],
  list: Awaited<ReturnType<typeof optOutListInForce>>['list'],
  keyOf: (nhsNumber: string) => string,
): Promise<ReadonlySet<RecordKey>> {
  const recordKeys = [...new Set(episodes.flatMap(episode => episode.records))]
  const records = await store.records
    .find({ _id: { $in: recordKeys } }, { projection: { 'facets.nhsNumber': 1 } })
    .toArray()
  const numbersOf = new Map(
    records.map(({ _id, facets }) => [_id, (facets ?? []).flatMap(facet => facet.nhsNumber ?? [])]),
  )
  const keys = new Map([...numbersOf.values()].flat().map(number => [number as string, '']))
  for (const number of keys.keys()) keys.set(number, keyOf(number))
  const found = await optedOut(store.db, list, [...keys.values()])
  return new Set(recordKeys.filter(record => numbersOf.get(record)?.some(number => found.has(keys.get(number) ?? ''))))
}
