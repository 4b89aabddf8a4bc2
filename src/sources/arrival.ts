import type { Instant } from '../fls/dates.ts'
import type { InboxId, OdsCode, RecordKey, Side } from '../fls/fact.ts'

export type Protocol = 'hl7v2' | 'fhir' | 'extract' | 'upload' | 'form' | 'decision' | 'register'

/** What a door hands to `accept()`: who, which bytes, and what the door already knows. Nothing in it is interpreted before it is kept. */
export type Arrival = {
  /** Enrolled sender (feed id), or `user:<subject>` for people. From the connection or token, never from the message. */
  readonly sender: string
  readonly organisation: OdsCode
  readonly side: Side
  readonly protocol: Protocol
  /** MSH-10, X-Request-ID or Bundle.identifier, extract id + file + chunk; empty when the sender gave none. */
  readonly controlId: string
  /** `ADT^A01`, `Bundle`, `Patient`, `emis/CareRecord_Observation` … as declared, for listing only. */
  readonly type: string
  readonly bytes: Buffer
  /** Chooses the lane; absent = spread by id. */
  readonly recordKey?: RecordKey
  /** Door's own notes needed to read the bytes again (file name, first row number, resolved references). JSON, kept with the entry. */
  readonly meta?: Readonly<Record<string, unknown>>
  /** GP side only: the practice whose opt-in decides. */
  readonly practice?: OdsCode
}

export type Accepted = {
  readonly inboxId: InboxId
  /** `repeat`: these bytes under this control id were already kept; nothing new was stored. */
  readonly outcome: 'kept' | 'repeat'
  readonly receivedAt: Instant
}

/** The only way into FLS-DB. Resolves when the bytes are journaled on a majority; rejects with `StorageUncertain` or `PracticeClosed`. */
export type Accept = (arrival: Arrival) => Promise<Accepted>

/** The database did not confirm in time: the message may or may not be kept. Never acknowledge; a resend is absorbed. */
export class StorageUncertain extends Error {
  readonly code = 'storage-uncertain'
}

/** The practice is not opted in at this moment: nothing was kept. `since`: when it closed, if it ever was open. */
export class PracticeClosed extends Error {
  readonly code = 'practice-closed'
  readonly since: Instant | undefined
  constructor(since: Instant | undefined) {
    super('practice is not opted in')
    this.since = since
  }
}

/** An inbox entry as the readers see it. */
export type InboxEntry = Omit<Arrival, 'bytes'> & {
  readonly id: InboxId
  readonly bytes: Buffer
  readonly sha256: string
  readonly receivedAt: Instant
}
