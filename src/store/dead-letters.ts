import { hash } from 'node:crypto'
import { Binary, type Db, type Filter } from 'mongodb'
import type { ScopeFilter } from '../access/scope.ts'
import type { OdsCode } from '../fls/fact.ts'

/** Bytes of an enrolled sender that never became a message: an unfinished, overlong or timed-out frame. Never acknowledged, so the sender still has them. */
export type DeadLetter = {
  readonly feed: string
  readonly organisation: OdsCode
  /** Why it is no message (`MllpFault`). */
  readonly fault: string
  readonly address: string
  readonly bytes: Buffer
}
/** Collection `deadLetters`: `_id` from feed, fault and bytes, so that a sender trying for ever is one line with a count. */
export type DeadLetterDocument = Omit<DeadLetter, 'bytes'> & {
  _id: string
  /** As they came, at most 64 KiB of them. */
  bytes: Binary
  size: number
  count: number
  firstAt: Date
  lastAt: Date
}

export type DeadLetters = {
  /** False when more than `mostAMinute` of the feed came within a minute: counted by the door, not kept. */
  readonly keep: (letter: DeadLetter, at: Date) => Promise<boolean>
  readonly list: (scope: ScopeFilter, limit: number) => Promise<Omit<DeadLetterDocument, 'bytes'>[]>
  readonly bytesOf: (scope: ScopeFilter, id: string) => Promise<Buffer | undefined>
}

const mostBytes = 64 * 1024
const mostAMinute = 60
const keptSeconds = 30 * 24 * 3_600

export async function ensureDeadLetterIndexes(db: Db): Promise<void> {
  await db.collection('deadLetters').createIndexes([
    { key: { lastAt: 1 }, name: 'expiry', expireAfterSeconds: keptSeconds },
    { key: { organisation: 1, lastAt: -1 }, name: 'by-organisation' },
  ])
}

/** The dead letters of all feeds, kept 30 days from the last try. */
export function openDeadLetters(db: Db): DeadLetters {
  const collection = db.collection<DeadLetterDocument>('deadLetters')
  const recentOf = new Map<string, number[]>()
  return {
    keep: async ({ feed, organisation, fault, address, bytes }, at) => {
      const recent = (recentOf.get(feed) ?? []).filter(time => time >= at.getTime() - 60_000)
      recentOf.set(feed, recent)
      if (recent.length >= mostAMinute) return false
      recent.push(at.getTime())
      const sha256 = hash('sha256', bytes, 'hex')
      await collection.updateOne(
        { _id: hash('sha256', `${feed}\n${fault}\n${sha256}`, 'hex') },
        {
          $setOnInsert: {
            feed,
            organisation,
            fault,
            bytes: new Binary(bytes.subarray(0, mostBytes)),
            size: bytes.length,
            firstAt: at,
          },
          $set: { address, lastAt: at },
          $inc: { count: 1 },
        },
        { upsert: true },
      )
      return true
    },
    list: (scope, limit) =>
      collection
        .find(scope as Filter<DeadLetterDocument>, { projection: { bytes: 0 } })
        .sort({ lastAt: -1, _id: 1 })
        .limit(limit)
        .toArray(),
    bytesOf: async (scope, id) => {
      const found = await collection.findOne({ $and: [{ _id: id }, scope as Filter<DeadLetterDocument>] })
      return found ? Buffer.from(found.bytes.buffer) : undefined
    },
  }
}
