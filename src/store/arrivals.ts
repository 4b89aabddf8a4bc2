import type { Filter } from 'mongodb'
import type { ScopeFilter } from '../access/scope.ts'
import type { InboxId, OdsCode } from '../fls/fact.ts'
import type { FactDocument, InboxDocument, InboxState, UnknownCode } from './documents.ts'
import type { Store } from './store.ts'

export const inboxStates = [
  'received',
  'claimed',
  'done',
  'quarantined',
  'sealed',
  'waiting',
  'expired',
] as const satisfies readonly InboxState[]
/** What one may ask for: `applied` is everything whose facts stand, `done` and `waiting`. */
export const arrivalStates = [...inboxStates, 'applied'] as const
export type ArrivalState = (typeof arrivalStates)[number]

export type ArrivalQuery = {
  readonly controlId?: string
  readonly feed?: string
  readonly state?: ArrivalState
  readonly issue?: string
  readonly from?: Date
  readonly to?: Date
  readonly limit: number
  /** Continue after this arrival (newest first). */
  readonly after?: { readonly receivedAt: Date; readonly id: InboxId }
}
export type ArrivalHead = Omit<InboxDocument, 'bytes'>

const withoutBytes = { bytes: 0 } as const

/** Whether it is shown as `sealed`: of a practice that is not opted in now, whatever state it has; what has expired is gone either way. */
export function isSealedArrival(arrival: ArrivalHead, isOpen: (practice: OdsCode) => boolean): boolean {
  const { side, practice, state } = arrival
  return side === 'gp' && practice !== undefined && state !== 'expired' && !isOpen(practice)
}

function inState(state: ArrivalState, open: readonly OdsCode[]): Filter<InboxDocument> {
  const isSealed: Filter<InboxDocument> = {
    side: 'gp',
    practice: { $exists: true, $nin: [...open] },
    state: { $ne: 'expired' },
  }
  if (state === 'sealed') return isSealed
  const stored = state === 'applied' ? { $in: ['done' as const, 'waiting' as const] } : state
  return { $and: [{ state: stored }, { $nor: [isSealed] }] }
}

/** Arrivals in scope, newest first. `open`: the practices opted in now; what others sent counts as sealed. */
export async function listArrivals(
  store: Pick<Store, 'inbox'>,
  scope: ScopeFilter,
  query: ArrivalQuery,
  open: readonly OdsCode[],
): Promise<ArrivalHead[]> {
  const { controlId, feed, state, issue, from, to, after, limit } = query
  const parts: Filter<InboxDocument>[] = [scope]
  if (controlId !== undefined) parts.push({ controlId: { $eq: controlId } })
  if (feed !== undefined) parts.push({ sender: { $eq: feed } })
  if (state) parts.push(inState(state, open))
  if (issue) parts.push({ 'issues.code': { $eq: issue } } as Filter<InboxDocument>)
  if (from) parts.push({ receivedAt: { $gte: from } })
  if (to) parts.push({ receivedAt: { $lt: to } })
  if (after)
    parts.push({
      $or: [{ receivedAt: { $lt: after.receivedAt } }, { receivedAt: after.receivedAt, _id: { $lt: after.id } }],
    })
  return store.inbox
    .find({ $and: parts }, { projection: withoutBytes })
    .sort({ receivedAt: -1, _id: -1 })
    .limit(limit)
    .toArray()
}

export type ArrivalDetail = {
  readonly arrival: ArrivalHead
  readonly facts: readonly FactDocument[]
  /** Persons and episodes its facts stand in now. */
  readonly persons: number
  readonly episodes: number
}

const mostFacts = 1_000

/** One arrival with what came of it; undefined when there is none in scope. */
export async function findArrival(
  store: Pick<Store, 'inbox' | 'facts' | 'records' | 'episodes'>,
  scope: ScopeFilter,
  id: string,
): Promise<ArrivalDetail | undefined> {
  const arrival = await store.inbox.findOne({ $and: [{ _id: id as InboxId }, scope] }, { projection: withoutBytes })
  if (!arrival) return undefined
  const facts = await store.facts.find({ 'source.inboxId': arrival._id }).sort({ _id: 1 }).limit(mostFacts).toArray()
  const records = [...new Set(facts.map(fact => fact.record))]
  const [persons, episodes] = await Promise.all([
    store.records.distinct('personId', { _id: { $in: records } }),
    store.episodes.countDocuments({ records: { $in: records } }),
  ])
  return { arrival, facts, persons: persons.length, episodes }
}

/** Codes nobody has mapped yet, most frequent first, with the feed that sent them. */
export async function unknownCodes(
  store: Pick<Store, 'facts'>,
  scope: ScopeFilter,
  limit: number,
): Promise<UnknownCode[]> {
  return store.facts
    .aggregate<UnknownCode>([
      { $match: { unmapped: true, status: { $ne: 'retracted' }, ...scope } },
      { $set: { one: { $first: '$coding' } } },
      { $match: { 'one.code': { $exists: true } } },
      {
        $group: {
          _id: { sender: '$source.sender', organisation: '$organisation', system: '$one.system', code: '$one.code' },
          display: { $first: '$one.display' },
          count: { $sum: 1 },
          sample: { $min: '$source.inboxId' },
        },
      },
      { $sort: { count: -1, '_id.sender': 1, '_id.system': 1, '_id.code': 1 } },
      { $limit: limit },
      {
        $project: {
          _id: 0,
          sender: '$_id.sender',
          organisation: '$_id.organisation',
          system: '$_id.system',
          code: '$_id.code',
          display: 1,
          count: 1,
          sample: 1,
        },
      },
    ])
    .toArray()
}
