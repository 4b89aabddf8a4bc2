import { hash } from 'node:crypto'
import { Binary, MongoServerError } from 'mongodb'
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
import { refusedWrites } from './refused-writes.ts'
import type { Store } from './store.ts'

/** Is this practice opted in at this moment? `since`: when it closed, if it ever was open. */
export type PracticeGate = (practice: OdsCode, at: Instant) => Promise<{ isOpen: boolean; since?: Instant | undefined }>

export type AcceptOptions = {
  readonly store: Store
  readonly gate: PracticeGate
  readonly clock: () => Date
  readonly onGroup?: (size: number, milliseconds: number) => void
}

type Waiting = { document: InboxDocument; resolve: (accepted: Accepted) => void; reject: (reason: Error) => void }

/**
 * The only writer of the inbox. Arrivals of one tick, over any door and connection, go into one journaled majority write; while it is
 * under way the next group gathers. Each caller hears the outcome of its own message: resolved = the exact bytes are on disk on a
 * majority. Anything the database did not confirm rejects with `StorageUncertain`; a resend is absorbed by the key.
 */
export function openInbox({ store, gate, clock, onGroup }: AcceptOptions): Accept {
  let waiting: Waiting[] = []
  let isWriting = false

  const flush = async (): Promise<void> => {
    if (isWriting) return
    isWriting = true
    while (waiting.length > 0) {
      const group = takeGroup(waiting)
      waiting = waiting.slice(group.length)
      const started = performance.now()
      await writeGroup(store, group)
      const writingMs = performance.now() - started
      onGroup?.(group.length, writingMs)
      await gather(waiting.length, waiting.length + group.length, writingMs)
    }
    isWriting = false
  }

  /**
   * Senders just answered mostly send again at once: waiting a moment for them makes one full group of two halves that would otherwise
   * write in turn for ever. Never longer than a quarter of what the last write took; not at all when nobody waits.
   */
  const gather = async (from: number, expected: number, writingMs: number): Promise<void> => {
    if (from === 0) return
    const until = performance.now() + Math.min(limits.groupCommitMs, writingMs / 4)
    while (waiting.length < expected && performance.now() < until)
      await new Promise<void>(resolve => setImmediate(resolve))
  }

  return async arrival => {
    const receivedAt = clock()
    if (arrival.side === 'gp' && arrival.practice) {
      const { isOpen, since } = await gate(arrival.practice, instantOf(receivedAt))
      if (!isOpen) throw new PracticeClosed(since)
    }
    const document = await newDocument(store, arrival, receivedAt)
    return new Promise<Accepted>((resolve, reject) => {
      waiting.push({ document, resolve, reject })
      setImmediate(() => void flush())
    })
  }
}

/** The idempotency key: enrolled sender, control id, SHA-256 of the bytes. */
export function inboxIdOf(sender: string, controlId: string, sha256: string): InboxId {
  return hash('sha256', `${sender}\n${controlId}\n${sha256}`, 'hex') as InboxId
}

/** 0–255: which worker lane a patient's entries run in. */
export function bucketOf(key: string): number {
  return hash('sha256', key, 'buffer')[0] ?? 0
}

/** The entry with its exact bytes, chunks joined. Undefined when there is no such entry. */
export async function readInboxEntry(store: Store, id: InboxId): Promise<InboxEntry | undefined> {
  const document = await store.inbox.findOne({ _id: id })
  return document ? entryOf(store, document) : undefined
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

async function newDocument(store: Store, arrival: Arrival, receivedAt: Date): Promise<InboxDocument> {
  const { sender, organisation, side, protocol, controlId, type, bytes, recordKey, meta, practice } = arrival
  const sha256 = hash('sha256', bytes, 'hex')
  const _id = inboxIdOf(sender, controlId, sha256)
  const isLarge = bytes.length > limits.inboxBody
  const chunks = isLarge ? await keepChunks(store, _id, bytes) : undefined
  return {
    _id,
    sender,
    organisation,
    side,
    protocol,
    controlId,
    type,
    receivedAt,
    ...(chunks === undefined ? { bytes: new Binary(bytes) } : { chunks }),
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
async function keepChunks(store: Store, id: InboxId, bytes: Buffer): Promise<number> {
  const count = Math.ceil(bytes.length / limits.inboxBody)
  for (let index = 0; index < count; index++) {
    const piece = bytes.subarray(index * limits.inboxBody, (index + 1) * limits.inboxBody)
    try {
      await chunksOf(store).replaceOne({ _id: `${id}/${index}` }, { bytes: new Binary(piece) }, { upsert: true })
    } catch (cause) {
      throw new StorageUncertain('a chunk was not confirmed', { cause })
    }
  }
  return count
}

function takeGroup(waiting: readonly Waiting[]): Waiting[] {
  let bytes = 0
  let count = 0
  // A quarter of the wire limit keeps every command far below 48 MB and the journal write short.
  while (count < waiting.length && count < 1_000 && (count === 0 || bytes < limits.groupCommitBytes * 8)) {
    bytes += waiting[count]?.document.size ?? 0
    count++
  }
  return waiting.slice(0, count)
}

async function writeGroup(store: Store, group: readonly Waiting[]): Promise<void> {
  const byId = new Map<string, Waiting[]>()
  for (const one of group) byId.set(one.document._id, [...(byId.get(one.document._id) ?? []), one])
  const firsts = [...byId.values()].flatMap(same => same.slice(0, 1))
  const outcomes = await insert(
    store,
    firsts.map(one => one.document),
  )
  firsts.forEach((first, index) => {
    const outcome = outcomes[index] ?? new StorageUncertain('no outcome')
    for (const one of byId.get(first.document._id) ?? []) {
      if (outcome instanceof Error) one.reject(outcome)
      else
        one.resolve({
          inboxId: one.document._id,
          outcome: one === first ? outcome : 'repeat',
          receivedAt: instantOf(one.document.receivedAt),
        })
    }
  })
}

async function insert(store: Store, documents: InboxDocument[]): Promise<(Accepted['outcome'] | StorageUncertain)[]> {
  try {
    await store.inbox.insertMany(documents, { ordered: false })
    return documents.map(() => 'kept')
  } catch (cause) {
    const uncertain = new StorageUncertain('the write was not confirmed', { cause })
    const failed = refusedWrites(cause)
    if (!failed) return documents.map(() => uncertain)
    return Promise.all(
      documents.map((document, index) => {
        const code = failed.get(index)
        if (code === undefined) return 'kept' as const
        return code === 11_000 ? confirmRepeat(store, document._id, uncertain) : uncertain
      }),
    )
  }
}

/** The key exists, but its first write may itself be unconfirmed: only the majority's view counts. */
async function confirmRepeat(
  store: Store,
  id: InboxId,
  uncertain: StorageUncertain,
): Promise<'repeat' | StorageUncertain> {
  try {
    const known = await store.inbox.findOne({ _id: id }, { projection: { _id: 1 }, readConcern: { level: 'majority' } })
    return known ? 'repeat' : uncertain
  } catch (cause) {
    if (cause instanceof MongoServerError || cause instanceof Error) return uncertain
    throw cause
  }
}
