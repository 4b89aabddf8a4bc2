import type { InboxId } from '../fls/fact.ts'
import type { Issue } from '../fls/issue.ts'
import type { InboxDocument } from './documents.ts'
import type { Store } from './store.ts'

/** The lanes one worker serves: buckets `from` (included) to `to` (excluded), 0–256. */
export type Lanes = { readonly from: number; readonly to: number }

const leaseMs = 60_000
/** Leases are renewed for so long at most: what takes longer never ends. */
const longestWorkMs = 15 * 60_000
/** An entry that failed so often is set aside. */
export const mostAttempts = 5
/** From this attempt on an entry is worked alone: if it ends the process, it takes no other along. */
const aloneFromAttempt = 3
const largestBatchBytes = 8 * 1024 * 1024

/**
 * Takes up to `most` entries that are due, oldest lane first from a rotating start so that no lane starves. Each claim has a lease and a
 * higher fence; a claim nobody finishes is free again when its lease ends. Any number of workers may call this on any number of machines.
 * An entry that broke off twice comes alone.
 */
export async function claimEntries(
  store: Store,
  worker: string,
  lanes: Lanes,
  most: number,
  start: number,
): Promise<InboxDocument[]> {
  const now = new Date()
  const due = { state: 'received' as const, dueAt: { $lte: now } }
  const fields = { projection: { _id: 1, size: 1, attempts: 1 } } as const
  const upper = await store.inbox
    .find({ ...due, bucket: { $gte: start, $lt: lanes.to } }, fields)
    .limit(most)
    .toArray()
  const lower =
    upper.length < most
      ? await store.inbox
          .find({ ...due, bucket: { $gte: lanes.from, $lt: start } }, fields)
          .limit(most - upper.length)
          .toArray()
      : []
  const ids = oneBatch([...upper, ...lower])
  if (ids.length === 0) return []
  await store.inbox.updateMany({ _id: { $in: ids }, state: 'received' }, [
    {
      $set: {
        state: 'claimed',
        claimedBy: worker,
        leaseUntil: { $add: ['$$NOW', leaseMs] },
        fence: { $add: ['$fence', 1] },
        attempts: { $add: ['$attempts', 1] },
      },
    },
  ])
  return store.inbox.find({ _id: { $in: ids }, state: 'claimed', claimedBy: worker }).toArray()
}

/**
 * Frees claims whose lease has ended: recovery is this query, not a phase. An entry whose worker ended at every attempt is set aside
 * instead; returns those.
 */
export async function freeExpired(store: Store, lanes: Lanes): Promise<InboxId[]> {
  const ended = {
    state: 'claimed' as const,
    bucket: { $gte: lanes.from, $lt: lanes.to },
    $expr: { $lt: ['$leaseUntil', '$$NOW'] },
  }
  await store.inbox.updateMany({ ...ended, attempts: { $lt: mostAttempts } }, { $set: { state: 'received' } })
  const deadly = await store.inbox.find(ended, { projection: { fence: 1, attempts: 1 } }).toArray()
  const setAside: InboxId[] = []
  for (const entry of deadly) if (await failEntry(store, entry, 'worker-ended')) setAside.push(entry._id)
  return setAside
}

/** Begins the lease anew; false when it has run out meanwhile and somebody else may be at the entry, or through with it. */
export async function renewClaim(store: Store, { _id, fence }: Pick<InboxDocument, '_id' | 'fence'>): Promise<boolean> {
  const own = { _id, fence, state: 'claimed' as const }
  const { matchedCount } = await store.inbox.updateOne(own, [{ $set: { leaseUntil: { $add: ['$$NOW', leaseMs] } } }])
  return matchedCount > 0
}

/**
 * Does `work` while the leases of this worker's claims are renewed: a batch may take longer than a lease, on a slow machine or when it is done again
 * one entry at a time, and nobody else is to begin it meanwhile. A process that stands still renews nothing.
 */
export async function holdingClaims<T>(
  store: Store,
  worker: string,
  work: () => Promise<T>,
  everyMs = leaseMs / 3,
): Promise<T> {
  const until = Date.now() + longestWorkMs
  const own = { state: 'claimed' as const, claimedBy: worker }
  const renewal = setInterval(() => {
    if (Date.now() > until) return
    // The next renewal comes before the lease ends; without a database nobody else can take the claims either.
    store.inbox.updateMany(own, [{ $set: { leaseUntil: { $add: ['$$NOW', leaseMs] } } }]).catch(() => undefined)
  }, everyMs).unref()
  try {
    return await work()
  } finally {
    clearInterval(renewal)
  }
}

export type Finished = {
  readonly entry: Pick<InboxDocument, '_id' | 'fence'>
  readonly issues: readonly Issue[]
  readonly facts: number
  readonly isWaiting: boolean
}

/** Marks entries read and visible, each only under the fence it was claimed with. */
export async function finishEntries(store: Store, finished: readonly Finished[]): Promise<void> {
  if (finished.length === 0) return
  const readAt = new Date()
  // Most entries of a batch end alike; one statement for all that do is a third of the work of one each.
  const alike = Map.groupBy(finished, ({ entry, issues, facts, isWaiting }) =>
    JSON.stringify([entry.fence, facts, isWaiting, issues]),
  )
  await store.inbox.bulkWrite(
    [...alike.values()].flatMap(group => {
      const [one] = group
      if (!one) return []
      const { issues, facts, isWaiting } = one
      const ids = group.map(({ entry }) => entry._id)
      return {
        updateMany: {
          filter: { _id: { $in: ids }, fence: one.entry.fence, state: 'claimed' as const },
          update: {
            $set: { state: isWaiting ? ('waiting' as const) : ('done' as const), issues: [...issues], facts, readAt },
            $unset: { leaseUntil: '' as const, claimedBy: '' as const, failure: '' as const },
          },
        },
      }
    }),
    { ordered: false },
  )
}

/**
 * Tries again later with a growing pause and jitter; after five attempts the entry is set aside, visible and replayable. False when the claim
 * is no longer this one: then nothing is changed.
 */
export async function failEntry(
  store: Store,
  entry: Pick<InboxDocument, '_id' | 'fence' | 'attempts'>,
  failure: string,
): Promise<boolean> {
  const isOver = entry.attempts >= mostAttempts
  const pauseMs = Math.min(60_000, 500 * 2 ** entry.attempts) * (0.5 + Math.random())
  const { matchedCount } = await store.inbox.updateOne(
    { _id: entry._id, fence: entry.fence, state: 'claimed' },
    {
      $set: { state: isOver ? 'quarantined' : 'received', failure, dueAt: new Date(Date.now() + pauseMs) },
      $unset: { leaseUntil: '', claimedBy: '' },
    },
  )
  return matchedCount > 0
}

/** Gives claims back because the database was away: no attempt of theirs. */
export async function setBackEntries(
  store: Store,
  entries: readonly Pick<InboxDocument, '_id' | 'fence'>[],
): Promise<void> {
  await store.inbox.bulkWrite(
    entries.map(({ _id, fence }) => ({
      updateOne: {
        filter: { _id, fence, state: 'claimed' as const },
        update: {
          $set: { state: 'received' as const, dueAt: new Date(Date.now() + 1_000) },
          $inc: { attempts: -1 },
          $unset: { leaseUntil: '' as const, claimedBy: '' as const },
        },
      },
    })),
    { ordered: false },
  )
}

/** Gives claims back unread, for a worker that stops. */
export async function releaseClaims(store: Store, worker: string): Promise<void> {
  await store.inbox.updateMany(
    { state: 'claimed', claimedBy: worker },
    { $set: { state: 'received' }, $inc: { attempts: -1 }, $unset: { leaseUntil: '', claimedBy: '' } },
  )
}

/** Reads these entries again: a code table they waited for has come, or a person asked. */
export async function requeueEntries(store: Store, ids: readonly InboxId[]): Promise<void> {
  if (ids.length > 0)
    await store.inbox.updateMany(
      { _id: { $in: [...ids] }, state: { $in: ['done', 'waiting', 'quarantined'] } },
      { $set: { state: 'received', dueAt: new Date(), attempts: 0 } },
    )
}

/** Ids of claimed entries whose control id came from the same sender with other bytes as well. */
export async function reusedControlIds(
  store: Store,
  entries: readonly Pick<InboxDocument, '_id' | 'sender' | 'controlId' | 'protocol'>[],
): Promise<Set<InboxId>> {
  const messages = entries.filter(
    entry => entry.controlId !== '' && (entry.protocol === 'hl7v2' || entry.protocol === 'fhir'),
  )
  if (messages.length === 0) return new Set()
  const byId = Map.groupBy(messages, entry => `${entry.sender}\n${entry.controlId}`)
  const pairs = [...byId.values()].flatMap(([one]) => (one ? [{ sender: one.sender, controlId: one.controlId }] : []))
  const most = 4 * pairs.length
  const known = await arrivalsNamed(store, pairs, most)
  // A sender that names every message alike would fill the answer: then each name is asked for by itself, and two are enough.
  const counted =
    known.length < most ? known : (await Promise.all(pairs.map(pair => arrivalsNamed(store, [pair], 2)))).flat()
  const counts = Map.groupBy(counted, entry => `${entry.sender}\n${entry.controlId}`)
  return new Set(
    [...byId].flatMap(([name, own]) => ((counts.get(name)?.length ?? 0) > 1 ? own.map(entry => entry._id) : [])),
  )
}

type Named = Pick<InboxDocument, 'sender' | 'controlId'>

/** Answered from the index alone: neither the bytes nor anything else of an arrival is looked at. */
async function arrivalsNamed(store: Store, pairs: readonly Named[], most: number): Promise<Named[]> {
  const $or = [...Map.groupBy(pairs, pair => pair.sender)].map(([sender, own]) => ({
    sender,
    controlId: { $in: own.map(pair => pair.controlId) },
  }))
  return store.inbox
    .find({ $or }, { projection: { _id: 0, sender: 1, controlId: 1 } })
    .limit(most)
    .toArray()
}

function oneBatch(documents: readonly Pick<InboxDocument, '_id' | 'size' | 'attempts'>[]): InboxId[] {
  const ids: InboxId[] = []
  let bytes = 0
  for (const document of documents) {
    const isSuspect = document.attempts + 1 >= aloneFromAttempt
    if (isSuspect && ids.length === 0) return [document._id]
    if (isSuspect || (ids.length > 0 && bytes + document.size > largestBatchBytes)) break
    ids.push(document._id)
    bytes += document.size
  }
  return ids
}
