import { hash } from 'node:crypto'
import { Binary } from 'mongodb'
import { limits } from '../config.ts'
import { type Instant, instantOf } from '../fls/dates.ts'
import type { InboxId, OdsCode } from '../fls/fact.ts'
import {
  type Accept,
  type Accepted,
  type Arrival,
  type InboxEntry,
  PracticeClosed,
  StorageUncertain,
} from '../sources/arrival.ts'
import type { InboxDocument } from './documents.ts'
import { insertGroup } from './inbox-insert.ts'
import type { Store } from './store.ts'
import { type Turns, takeTurns } from './turns.ts'

/** Is this practice opted in at this moment? `since`: when it closed, if it ever was open. */
export type PracticeGate = (practice: OdsCode, at: Instant) => Promise<{ isOpen: boolean; since?: Instant | undefined }>

export type AcceptOptions = {
  readonly store: Store
  readonly gate: PracticeGate
  readonly clock: () => Date
  readonly onGroup?: (size: number, milliseconds: number) => void
}

type Caller = { readonly resolve: (accepted: Accepted) => void; readonly reject: (reason: Error) => void }
/** One entry on its way to disk and everybody who brought these bytes meanwhile: the first keeps it, the others are repeats. */
type Keeping = { readonly document: InboxDocument; readonly callers: Caller[] }

/** Two groups under way share the journal's waits, and one is written while the other is answered; more would only be smaller. */
const mostWrites = 2

/**
 * The only writer of the inbox. Arrivals of one tick, over any door and connection, go into one journaled majority write. Each caller hears
 * the outcome of its own message: resolved = the exact bytes are on disk on a majority. Anything the database did not confirm rejects with
 * `StorageUncertain`; a resend is absorbed by the key.
 */
export function openInbox({ store, gate, clock, onGroup }: AcceptOptions): Accept {
  const keeping = new Map<InboxId, Keeping>()
  const waiting = takeTurns<Keeping>()
  const largeWaiting = takeTurns<Keeping>()
  let writes = 0
  let isLargeUnderWay = false
  let isScheduled = false
  let inFlight = 0

  const writeWaiting = (): void => {
    isScheduled = false
    // A second group starts once it is no smaller than the first: otherwise many senders would end up in one large and one tiny group.
    while (waiting.size() > 0 && (writes === 0 || (writes < mostWrites && waiting.size() >= inFlight)))
      void writeTogether(takeGroup(waiting))
    if (!isLargeUnderWay && largeWaiting.size() > 0) void writeLarge()
  }

  const writeTogether = async (group: readonly Keeping[]): Promise<void> => {
    writes += 1
    inFlight += group.length
    await write(group, () => {
      writes -= 1
      inFlight -= group.length
    })
  }

  /** Alone and one at a time: whoever sends little must not wait for megabytes of others. */
  const writeLarge = async (): Promise<void> => {
    const one = largeWaiting.take()
    if (!one) return
    isLargeUnderWay = true
    await write([one], () => {
      isLargeUnderWay = false
    })
  }

  const write = async (group: readonly Keeping[], whenDone: () => void): Promise<void> => {
    const started = performance.now()
    const outcomes = await insertGroup(
      store,
      group.map(one => one.document),
    )
    whenDone()
    for (const { document } of group) keeping.delete(document._id)
    // The next group is on its way before this one is answered.
    writeWaiting()
    group.forEach((one, index) => {
      answer(one, outcomes[index] ?? new StorageUncertain('no outcome'))
    })
    onGroup?.(group.length, performance.now() - started)
  }

  const keep = (document: InboxDocument): Promise<Accepted> =>
    new Promise((resolve, reject) => {
      const same = keeping.get(document._id)
      if (same) {
        same.callers.push({ resolve, reject })
        return
      }
      const one = { document, callers: [{ resolve, reject }] }
      keeping.set(document._id, one)
      const isLarge = document.size > limits.groupCommitBytes
      ;(isLarge ? largeWaiting : waiting).add(document.sender, one)
      if (isScheduled) return
      isScheduled = true
      setImmediate(writeWaiting)
    })

  return async arrival => {
    const receivedAt = clock()
    if (arrival.side === 'gp' && arrival.practice) {
      const { isOpen, since } = await gate(arrival.practice, instantOf(receivedAt))
      if (!isOpen) throw new PracticeClosed(since)
    }
    const document = newDocument(arrival, receivedAt)
    if (document.chunks !== undefined) await keepChunks(store, document._id, arrival.bytes)
    return keep(document)
  }
}

function answer({ document, callers }: Keeping, outcome: Accepted['outcome'] | StorageUncertain): void {
  const receivedAt = instantOf(document.receivedAt)
  callers.forEach(({ resolve, reject }, index) => {
    if (outcome instanceof Error) reject(outcome)
    else resolve({ inboxId: document._id, outcome: index === 0 ? outcome : 'repeat', receivedAt })
  })
}

/** The idempotency key: enrolled sender, control id, SHA-256 of the bytes. */
export function inboxIdOf(sender: string, controlId: string, sha256: string): InboxId {
  return hash('sha256', `${sender}\n${controlId}\n${sha256}`, 'hex') as InboxId
}

/** 0–255: which worker lane a patient's entries run in. */
export function bucketOf(key: string): number {
  return hash('sha256', key, 'buffer')[0] ?? 0
}

/** The entry with its exact bytes, chunks joined. Undefined when there is no such entry, or its bytes have expired. */
export async function readInboxEntry(store: Store, id: InboxId): Promise<InboxEntry | undefined> {
  const document = await store.inbox.findOne({ _id: id })
  return document && document.state !== 'expired' ? entryOf(store, document) : undefined
}

export async function entryOf(store: Store, document: InboxDocument): Promise<InboxEntry> {
  const { _id, sender, organisation, side, protocol, controlId, type, sha256, recordKey, meta, practice } = document
  return {
    id: _id,
    sender,
    organisation,
    side,
    protocol,
    controlId,
    type,
    sha256,
    receivedAt: instantOf(document.receivedAt),
    bytes: await bytesOf(store, document),
    ...(recordKey ? { recordKey } : {}),
    ...(meta ? { meta } : {}),
    ...(practice ? { practice } : {}),
  }
}

async function bytesOf(store: Store, document: InboxDocument): Promise<Buffer> {
  if (document.bytes) return Buffer.from(document.bytes.buffer)
  const ids = Array.from({ length: document.chunks ?? 0 }, (_, index) => `${document._id}/${index}`)
  const pieces = await chunksOf(store)
    .find({ _id: { $in: ids } })
    .toArray()
  const byId = new Map(pieces.map(piece => [piece._id, Buffer.from(piece.bytes.buffer)]))
  return Buffer.concat(
    ids.map(id => {
      const piece = byId.get(id)
      if (!piece) throw new Error(`inbox chunk missing: ${id}`)
      return piece
    }),
  )
}

const chunksOf = (store: Store) => store.db.collection<{ _id: string; bytes: Binary }>('inboxChunks')

function newDocument(arrival: Arrival, receivedAt: Date): InboxDocument {
  const { sender, organisation, side, protocol, controlId, type, bytes, recordKey, meta, practice } = arrival
  const sha256 = hash('sha256', bytes, 'hex')
  const _id = inboxIdOf(sender, controlId, sha256)
  const isLarge = bytes.length > limits.inboxBody
  return {
    _id,
    sender,
    organisation,
    side,
    protocol,
    controlId,
    type,
    receivedAt,
    ...(isLarge ? { chunks: Math.ceil(bytes.length / limits.inboxBody) } : { bytes: new Binary(bytes) }),
    size: bytes.length,
    sha256,
    bucket: bucketOf(recordKey ?? _id),
    ...(recordKey ? { recordKey } : {}),
    ...(meta ? { meta } : {}),
    ...(practice ? { practice } : {}),
    state: 'received',
    attempts: 0,
    fence: 0,
    dueAt: receivedAt,
  }
}

/** Chunks are journaled before their head, so a head always has all its pieces. */
async function keepChunks(store: Store, id: InboxId, bytes: Buffer): Promise<void> {
  for (let index = 0; index * limits.inboxBody < bytes.length; index++) {
    const piece = bytes.subarray(index * limits.inboxBody, (index + 1) * limits.inboxBody)
    try {
      await chunksOf(store).replaceOne({ _id: `${id}/${index}` }, { bytes: new Binary(piece) }, { upsert: true })
    } catch (cause) {
      throw new StorageUncertain('a chunk was not confirmed', { cause })
    }
  }
}

/** Senders take turns: a backlog of one is no delay for another. */
function takeGroup(waiting: Turns<Keeping>): Keeping[] {
  const group: Keeping[] = []
  let bytes = 0
  // A fifth of the wire limit keeps every command far below 48 MB and the journal write short.
  while (group.length < 1_000 && bytes < limits.groupCommitBytes * 8) {
    const one = waiting.take()
    if (!one) break
    group.push(one)
    bytes += one.document.size
  }
  return group
}
