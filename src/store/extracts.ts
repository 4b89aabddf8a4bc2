import type { Collection, Db } from 'mongodb'
import type { Instant } from '../fls/dates.ts'
import type { OdsCode } from '../fls/fact.ts'
import type { ExtractInForce } from '../mapping/extract-record.ts'
import type { InboxEntry } from '../sources/arrival.ts'

/**
 * Collection `extracts`: the register of what each practice sent. `_id` = id of its job. Written when all its chunks are kept, through a
 * closing inbox entry, so that replay rebuilds it; only the confirmation of a held delete is added later.
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
  /** Deletes and absences wait for a person. */
  isHeld: boolean
  confirmedBy?: string
  confirmedAt?: Date
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

/** The closing entry of an extract: what the door found, as the bytes of an ordinary inbox entry. */
export function closingBytes(document: ExtractDocument): Buffer {
  return Buffer.from(JSON.stringify({ kind: closingKind, document }))
}

/** Applies a closing entry to the register; undefined when the entry is none. Idempotent. Returns the practice whose records to solve again. */
export async function applyExtractEntry(
  db: Db,
  entry: Pick<InboxEntry, 'protocol' | 'bytes' | 'meta'>,
): Promise<OdsCode | undefined> {
  if (entry.protocol !== 'extract' || entry.meta?.['kind'] !== closingKind) return undefined
  const parsed: { kind?: string; document?: ExtractDocument } = JSON.parse(entry.bytes.toString('utf8'))
  if (parsed.kind !== closingKind || !parsed.document) return undefined
  const { _id, isHeld, ...rest } = parsed.document
  await extractCollection(db).updateOne(
    { _id },
    { $set: { ...rest, isComplete: true }, $setOnInsert: { isHeld } },
    { upsert: true },
  )
  return rest.practice
}

export const closingMeta = { kind: closingKind } as const

/** What these practices sent that bears on a solve: full extracts, which say what is absent, and held ones. Without the samples. */
export async function loadExtracts(db: Db, practices: readonly OdsCode[]): Promise<readonly ExtractInForce[]> {
  if (practices.length === 0) return []
  const documents = await extractCollection(db)
    .find({ practice: { $in: [...practices] }, $or: [{ mode: 'full' }, { isHeld: true }] }, { projection: { rows: 0 } })
    .sort({ _id: 1 })
    .toArray()
  return documents.map(({ practice, extractId, mode, asOf, covers, isComplete, isHeld }) => ({
    practice,
    extractId,
    mode,
    asOf,
    covers,
    isComplete,
    isHeld,
  }))
}

/** Newest first. */
export async function extractsOf(db: Db, practice: OdsCode): Promise<readonly ExtractDocument[]> {
  return extractCollection(db).find({ practice }).sort({ asOf: -1, _id: 1 }).limit(200).toArray()
}

/** A person confirmed that the held deletes are meant. False when nothing was held. */
export async function confirmHeldExtract(db: Db, id: string, by: string, at: Date): Promise<boolean> {
  const change = { $set: { isHeld: false, confirmedBy: by, confirmedAt: at } }
  return (await extractCollection(db).updateOne({ _id: id, isHeld: true }, change)).modifiedCount === 1
}
