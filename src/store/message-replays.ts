import { randomUUID } from 'node:crypto'
import type { Filter } from 'mongodb'
import type { ScopeFilter } from '../access/scope.ts'
import type { InboxId, OdsCode } from '../fls/fact.ts'
import type { InboxDocument } from './documents.ts'
import type { Store } from './store.ts'

/** Which arrivals are read again: all that match. `ids`: these alone. */
export type ReplayFilter = {
  readonly ids?: readonly InboxId[]
  readonly feed?: string
  readonly controlId?: string
  readonly state?: 'done' | 'waiting' | 'quarantined'
  readonly issue?: string
  readonly from?: Date
  readonly to?: Date
}

/** A job of collection `jobs`: entries queued to be read again. Done when none of them waits; nothing is told of what they hold. */
export type MessageReplay = {
  _id: string
  kind: 'replay'
  createdAt: Date
  /** Subject of the token that asked. */
  by: string
  organisations: readonly OdsCode[]
  total: number
}
export type MessageReplayView = {
  readonly id: string
  readonly kind: 'replay'
  readonly state: 'running' | 'done'
  readonly createdAt: Date
  readonly progress: { readonly done: number; readonly total: number }
}

const jobs = (store: Pick<Store, 'db'>) => store.db.collection<MessageReplay>('jobs')
/** What is read already, whatever came of it; what waits for a worker is read anyway, what has expired cannot be. */
const replayable = ['done', 'waiting', 'quarantined'] as const

/** Number of matching entries by state. */
export async function countReplay(
  store: Store,
  scope: ScopeFilter,
  filter: ReplayFilter,
): Promise<Readonly<Record<string, number>>> {
  const counted = await store.inbox
    .aggregate<{ _id: string; entries: number }>([
      { $match: matching(scope, filter) },
      { $group: { _id: '$state', entries: { $sum: 1 } } },
      { $sort: { _id: 1 } },
    ])
    .toArray()
  return Object.fromEntries(counted.map(({ _id, entries }) => [_id, entries]))
}

/** Bytes of messages a preview may hold at once. */
const mostSampleBytes = 16 * 1024 * 1024

/** Some of the matching entries, newest first, whole: at most `most`, and no more than fit into memory beside all else. */
export async function sampleReplay(
  store: Store,
  scope: ScopeFilter,
  filter: ReplayFilter,
  most: number,
): Promise<InboxDocument[]> {
  const newest = { receivedAt: -1, _id: -1 } as const
  const matched = await store.inbox
    .find(matching(scope, filter), { projection: { size: 1 } })
    .sort(newest)
    .limit(most)
    .toArray()
  const ids: InboxId[] = []
  let bytes = 0
  for (const { _id, size } of matched) {
    bytes += size
    if (ids.length > 0 && bytes > mostSampleBytes) break
    ids.push(_id)
  }
  return store.inbox
    .find({ _id: { $in: ids } })
    .sort(newest)
    .toArray()
}

/** Queues all matching entries for the workers, who read them with the tables in force. */
export async function queueReplay(
  store: Store,
  scope: ScopeFilter,
  filter: ReplayFilter,
  asked: { readonly by: string; readonly organisations: readonly OdsCode[]; readonly at: Date },
): Promise<MessageReplayView> {
  const { by, organisations, at } = asked
  const job: MessageReplay = { _id: randomUUID(), kind: 'replay', createdAt: at, by, organisations, total: 0 }
  await jobs(store).insertOne(job)
  const { modifiedCount } = await store.inbox.updateMany(matching(scope, filter), {
    $set: { state: 'received', dueAt: at, attempts: 0, replay: job._id },
  })
  await jobs(store).updateOne({ _id: job._id }, { $set: { total: modifiedCount } })
  return viewReplay(store, { ...job, total: modifiedCount })
}

/** The job, when it is one of the asker's own or of an organisation in scope. */
export async function findReplay(store: Pick<Store, 'db'>, id: string): Promise<MessageReplay | undefined> {
  return (await jobs(store).findOne({ _id: id, kind: 'replay' })) ?? undefined
}

export async function viewReplay(
  store: Pick<Store, 'inbox'>,
  { _id, kind, createdAt, total }: MessageReplay,
): Promise<MessageReplayView> {
  const waiting = await store.inbox.countDocuments({ state: { $in: ['received', 'claimed'] }, replay: _id })
  return {
    id: _id,
    kind,
    state: waiting === 0 ? 'done' : 'running',
    createdAt,
    progress: { done: Math.max(0, total - waiting), total },
  }
}

function matching(
  scope: ScopeFilter,
  { ids, feed, controlId, state, issue, from, to }: ReplayFilter,
): Filter<InboxDocument> {
  return {
    $and: [
      scope,
      { state: state ? { $eq: state } : { $in: [...replayable] } },
      ...(ids ? [{ _id: { $in: [...ids] } }] : []),
      ...(feed === undefined ? [] : [{ sender: { $eq: feed } }]),
      ...(controlId === undefined ? [] : [{ controlId: { $eq: controlId } }]),
      ...(issue === undefined ? [] : [{ 'issues.code': { $eq: issue } }]),
      ...(from ? [{ receivedAt: { $gte: from } }] : []),
      ...(to ? [{ receivedAt: { $lt: to } }] : []),
    ],
  } as Filter<InboxDocument>
}
