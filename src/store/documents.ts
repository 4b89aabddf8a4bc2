import type { Binary, Long } from 'mongodb'
import type { PartialDate } from '../fls/dates.ts'
import type { Episode } from '../fls/episode.ts'
import type { Fact, FactId, Identity, InboxId, Laterality, OdsCode, RecordKey, Side } from '../fls/fact.ts'
import type { Issue } from '../fls/issue.ts'
import type { Explanation } from '../linkage/linkage.ts'
import type { Protocol } from '../sources/arrival.ts'

/**
 * `received` kept, waits · `claimed` a worker has it · `done` read, linked, visible · `quarantined` failed five times or for good ·
 * `waiting` read, but a code table it needs has not come · `sealed` never stored: what is shown of an entry while its practice is not opted in ·
 * `expired` retention has taken its bytes.
 */
export type InboxState = 'received' | 'claimed' | 'done' | 'quarantined' | 'sealed' | 'waiting' | 'expired'

/** Collection `inbox`: one arrival, exactly as it came. Written by `accept()`; its state by the worker that holds it. */
export type InboxDocument = {
  _id: InboxId
  sender: string
  organisation: OdsCode
  side: Side
  protocol: Protocol
  controlId: string
  type: string
  receivedAt: Date
  /** Absent when chunked: `chunks` says how many pieces stand in `inboxChunks` as `<id>/<n>`. */
  bytes?: Binary
  chunks?: number
  size: number
  sha256: string
  /** 0–255, from the record key where known, else from the id. */
  bucket: number
  recordKey?: RecordKey
  meta?: Readonly<Record<string, unknown>>
  practice?: OdsCode
  state: InboxState
  attempts: number
  /** Grows with each claim; a claim writes `done` only under its own fence. */
  fence: number
  leaseUntil?: Date
  claimedBy?: string
  /** Not before this time (back-off). */
  dueAt: Date
  /** What reading found; codes and places only. */
  issues?: Issue[]
  /** Facts made by the last reading. */
  facts?: number
  readAt?: Date
  /** The job that last asked for it to be read again. */
  replay?: string
  /** When retention took its bytes: a stub of id, sender, size, hash and times remains. */
  expiredAt?: Date
  /** Code and stack-free reason of the last failure. */
  failure?: string
}

/** Collection `facts`: `_id` is the fact id; `issuesOf` etc. stay in the inbox. */
export type FactDocument = Omit<Fact, 'id'> & { _id: FactId; waitsFor?: string; unmapped?: true }

/** Collection `records`: one patient as one numbering authority knows them, with what linkage needs to find it. */
export type RecordDocument = {
  _id: RecordKey
  organisation: OdsCode
  side: Side
  /** Every demographic version seen, canonical order, distinct. */
  facets: Identity[]
  deathDate?: PartialDate
  /** 64-bit hashes of the blocking keys. Patient data. */
  bk: Long[]
  /** 0–255, the lane of this record. */
  bucket: number
  /** Records that may be the same person, by score or by assertion; symmetric. The closure is what is solved together. */
  near: RecordKey[]
  /** Grows with every change of its facts: the basis a solve is checked against. */
  version: number
  /** Set when something outside its facts changed what it should solve to; cleared by the solve that saw it. */
  dirty?: string
  dirtyAt?: Date
  personId?: string
}

export type PersonMember = {
  record: RecordKey
  organisation: OdsCode
  side: Side
  probability: number
  decidedBy: string
  explanation?: Explanation
}
/** A fracture that opens no episode of its own (history before the audit), or any fracture as linkage decided it. */
export type PersonFracture = {
  fractureId: string
  aliases: string[]
  site: string
  laterality?: Laterality
  date?: PartialDate
  status: 'confirmed' | 'provisional' | 'candidate' | 'old'
  episodeId?: string
  facts: { factId: FactId; inboxId: InboxId; probability: number; decidedBy: string; explanation?: Explanation }[]
  /** Statements since replaced by a newer version of themselves, with the fact of this fracture each has become. */
  earlier?: { factId: FactId; inboxId: InboxId; became: FactId }[]
}

/** Collection `persons`: the identity hub. `aliases`: ids this person had or would have under its other members. */
export type PersonDocument = {
  _id: string
  aliases: string[]
  members: PersonMember[]
  organisations: OdsCode[]
  fractures: PersonFracture[]
  /** Bookkeeping, not part of the result: the solve that wrote it. */
  solve: number
}

/** Collection `episodes`. Same shape as the pure `Episode`; `_id` is its id. */
export type EpisodeDocument = Omit<Episode, 'id'> & { _id: string; solve: number }

/** Collection `reviews`: pairs of records or facts that wait for a person. `_id` = hash of kind and the ordered pair. */
export type ReviewDocument = {
  _id: string
  kind: 'person' | 'fracture'
  a: string
  b: string
  persons: string[]
  organisations: OdsCode[]
  explanation: Explanation
  solve: number
}

/** A code nobody mapped yet, with how often it was seen: counted from the facts, nothing is stored. */
export type UnknownCode = {
  sender: string
  organisation: OdsCode
  system: string
  code: string
  display?: string
  count: number
  sample: InboxId
}

/** Solved away: the id of a person, episode or review that existed and no longer does. Kept an hour so that a slow writer cannot bring it back. */
export type TombstoneDocument = { _id: string; solve: number; at: Date }
