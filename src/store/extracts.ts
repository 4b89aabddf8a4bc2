import type { Collection, Db } from 'mongodb'
import type { Instant } from '../fls/dates.ts'
import type { InboxId, OdsCode } from '../fls/fact.ts'
import type { WholeHold } from '../mapping/extract-chunk.ts'
import type { ExtractInForce } from '../mapping/extract-record.ts'
import type { InboxEntry } from '../sources/arrival.ts'
import { isDuplicateKey } from './refused-writes.ts'

/** What a person decided about a held extract; of several decisions the latest counts. `at`: when it was kept. */
export type HoldDecision = {
  readonly outcome: 'confirmed' | 'refused'
  readonly by: string
  readonly reason: string
  readonly at: Instant
  readonly inboxId: InboxId
}

/**
 * Collection `extracts`: the register of what each practice sent. `_id` = id of its job. Written when all its chunks are kept, through a
 * closing inbox entry; decisions about what is held are inbox entries too, so that replay rebuilds all of it.
 */
export type ExtractDocument = {
  _id: string
  practice: OdsCode
  extractId: string
  mode: 'full' | 'delta'
  asOf: Instant
  from?: Instant
  shape: string
  contentHash: string
  covers: string[]
  isComplete: boolean
  /** Deletes and absences wait for a person (`mass-delete-held`). */
  isHeld: boolean
  /** Everything in it waits for a person. */
  hold?: WholeHold
  decision?: HoldDecision
  /** By kind of row: rows that stand, and the sample they are compared by (src/sources/extract/sketch.ts). */
  rows: Record<string, { count: number; sketch: string; deletes: number }>
}

export function extractCollection(db: Db): Collection<ExtractDocument> {
  return db.collection('extracts')
}

export async function ensureExtractIndexes(db: Db): Promise<void> {
  await extractCollection(db).createIndex({ practice: 1, asOf: -1 }, { name: 'by-practice' })
}

/** Before the first chunk: so that nobody solves with deletes that turn out to be held. */
export async function announceExtract(db: Db, document: ExtractDocument): Promise<void> {
  const { _id, ...rest } = document
  await extractCollection(db).updateOne({ _id }, { $setOnInsert: rest }, { upsert: true })
}

const closingKind = 'extract-closing'
const decisionKind = 'extract-decision'

/** The closing entry of an extract: what the door found, as the bytes of an ordinary inbox entry. */
export function closingBytes(document: ExtractDocument): Buffer {
  return Buffer.from(JSON.stringify({ kind: closingKind, document }))
}
export const closingMeta = { kind: closingKind } as const

/** A person's decision about a held extract, as the bytes of an ordinary inbox entry. `extract`: id of its job. */
export type ExtractDecision = {
  readonly extract: string
  readonly practice: OdsCode
} & Pick<HoldDecision, 'outcome' | 'by' | 'reason'>

export function decisionBytes(decision: ExtractDecision): Buffer {
  return Buffer.from(JSON.stringify({ kind: decisionKind, ...decision }))
}
export const decisionMeta = { kind: decisionKind } as const

/**
 * Applies a closing entry or a decision to the register, in any order; undefined when the entry is neither. Idempotent. Returns the practice
 * whose records to solve again.
 */
export async function applyExtractEntry(
  db: Db,
  entry: Pick<InboxEntry, 'protocol' | 'bytes' | 'meta'> & Partial<Pick<InboxEntry, 'id' | 'receivedAt'>>,
): Promise<OdsCode | undefined> {
  if (entry.protocol !== 'extract') return undefined
  if (entry.meta?.['kind'] === closingKind) return applyClosing(db, entry.bytes)
  const { id, receivedAt } = entry
  if (entry.meta?.['kind'] === decisionKind && id && receivedAt) return applyDecision(db, entry.bytes, id, receivedAt)
  return undefined
}

async function applyClosing(db: Db, bytes: Buffer): Promise<OdsCode | undefined> {
  const parsed: { kind?: string; document?: ExtractDocument } = JSON.parse(bytes.toString('utf8'))
  if (parsed.kind !== closingKind || !parsed.document) return undefined
  const { _id, ...rest } = parsed.document
  await extractCollection(db).updateOne({ _id }, { $set: { ...rest, isComplete: true } }, { upsert: true })
  return rest.practice
}

async function applyDecision(db: Db, bytes: Buffer, inboxId: InboxId, at: Instant): Promise<OdsCode | undefined> {
  const parsed: Partial<ExtractDecision> = JSON.parse(bytes.toString('utf8'))
  const { extract, practice, outcome, by = '', reason = '' } = parsed
  if (!extract || !practice || !outcome) return undefined
  const isNewer = [
    { decision: { $exists: false } },
    { 'decision.at': { $lt: at } },
    { 'decision.at': at, 'decision.inboxId': { $lte: inboxId } },
  ]
  await extractCollection(db)
    .updateOne(
      { _id: extract, $or: isNewer },
      { $set: { decision: { outcome, by, reason, at, inboxId } }, $setOnInsert: { practice } },
      { upsert: true },
    )
    .catch(ignoreDuplicate)
  return practice
}

function ignoreDuplicate(cause: unknown): void {
  // A later decision stands: the filter does not match, so the upsert meets its id.
  if (!isDuplicateKey(cause)) throw cause
}

/** `waiting`: something of it is held and nobody has decided. Undefined: nothing was ever held. */
export function holdState({
  isHeld,
  hold,
  decision,
}: Pick<ExtractDocument, 'isHeld' | 'hold' | 'decision'>): 'waiting' | HoldDecision['outcome'] | undefined {
  return isHeld || hold ? (decision?.outcome ?? 'waiting') : undefined
}

/** What of it has no effect now: everything, its deletes and absences, or nothing. A refused hold is held for good. */
export function heldPart(
  document: Pick<ExtractDocument, 'isHeld' | 'hold' | 'decision'>,
): 'all' | 'deletes' | undefined {
  const state = holdState(document)
  if (state === undefined || state === 'confirmed') return undefined
  return document.hold ? 'all' : 'deletes'
}

/** What these practices sent that bears on a solve: full extracts, which say what is absent, and held ones. Without the samples. */
export async function loadExtracts(db: Db, practices: readonly OdsCode[]): Promise<readonly ExtractInForce[]> {
  if (practices.length === 0) return []
  const bears = [{ mode: 'full' as const }, { isHeld: true }, { hold: { $exists: true } }]
  const documents = await extractCollection(db)
    .find({ practice: { $in: [...practices] }, $or: bears }, { projection: { rows: 0 } })
    .sort({ _id: 1 })
    .toArray()
  return documents.map(document => {
    const { practice, extractId, mode, asOf, covers, isComplete, hold } = document
    const isHeld = heldPart(document) !== undefined
    return { practice, extractId, mode, asOf, covers, isComplete, isHeld, ...(hold ? { isReleased: !isHeld } : {}) }
  })
}

/** Newest first. */
export async function extractsOf(db: Db, practice: OdsCode): Promise<readonly ExtractDocument[]> {
  return extractCollection(db).find({ practice }).sort({ asOf: -1, _id: 1 }).limit(200).toArray()
}

/** Extracts of which something is or was held, newest first; `practices`: of these alone. Without the samples. */
export async function heldExtracts(db: Db, practices?: readonly OdsCode[]): Promise<readonly ExtractDocument[]> {
  const held = { $or: [{ isHeld: true }, { hold: { $exists: true } }], isComplete: true }
  return extractCollection(db)
    .find({ ...held, ...(practices ? { practice: { $in: [...practices] } } : {}) })
    .sort({ asOf: -1, _id: 1 })
    .limit(200)
    .toArray()
}

export async function findExtract(db: Db, id: string): Promise<ExtractDocument | undefined> {
  return (await extractCollection(db).findOne({ _id: id })) ?? undefined
}
