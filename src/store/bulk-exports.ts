import { promisify } from 'node:util'
import { gunzip, gzip } from 'node:zlib'
import { Binary, type Collection, type Db } from 'mongodb'
import type { Principal } from '../access/principal.ts'
import type { InboxId, RecordKey } from '../fls/fact.ts'

/** One file of an export: lines of one resource type. */
export type ExportFile = {
  readonly name: string
  readonly type: string
  readonly count: number
  readonly bytes: number
}
/** What was asked; `site`: the reporting FLS of a Group. */
export type ExportRequest = {
  readonly address: string
  readonly types: readonly string[]
  readonly since?: Date
  readonly site?: string
}

/**
 * Collection `bulkExports`: one export of pseudonymised data, of one caller. `running` while `beatAt` is fresh; a run whose process died is
 * taken over by whoever asks after it. `optOutList`: the list it was made under; files made under another are not given out.
 */
export type ExportDocument = {
  _id: string
  /** Who asked, as the token said then: the scope of what it holds. */
  owner: Principal
  request: ExportRequest
  state: 'running' | 'done' | 'failed'
  startedAt: Date
  beatAt: Date
  done: number
  optOutList?: InboxId
  files: ExportFile[]
  expiresAt: Date
}
/** Collection `bulkExportParts`: pieces of the files, compressed, `_id` = export/file/number. Pseudonymised data. */
type PartDocument = { _id: string; export: string; bytes: Binary; expiresAt: Date }

const zip = promisify(gzip)
const unzip = promisify(gunzip)
const exportsOf = (db: Db): Collection<ExportDocument> => db.collection('bulkExports')
const partsOf = (db: Db): Collection<PartDocument> => db.collection('bulkExportParts')
/** A run that has not been heard of for this long has died. */
const silentMs = 60_000

export async function createExportIndexes(db: Db): Promise<void> {
  await exportsOf(db).createIndex({ expiresAt: 1 }, { name: 'expiry', expireAfterSeconds: 0 })
  await partsOf(db).createIndex({ expiresAt: 1 }, { name: 'expiry', expireAfterSeconds: 0 })
  await partsOf(db).createIndex({ export: 1 }, { name: 'by-export' })
}

export async function addExport(db: Db, document: ExportDocument): Promise<void> {
  await exportsOf(db).insertOne(document)
}

/** How many exports run now: of this caller, and of everybody. */
export async function runningExports(db: Db, owner: string, now: Date): Promise<{ own: number; all: number }> {
  const alive = { state: 'running' as const, beatAt: { $gt: new Date(now.getTime() - silentMs) } }
  const [own, all] = await Promise.all([
    exportsOf(db).countDocuments({ ...alive, 'owner.subject': owner }),
    exportsOf(db).countDocuments(alive),
  ])
  return { own, all }
}

/** The caller's own export while it lasts; anybody else's is as unknown as none. */
export async function findExport(db: Db, owner: string, id: string, now: Date): Promise<ExportDocument | undefined> {
  return (await exportsOf(db).findOne({ _id: id, 'owner.subject': owner, expiresAt: { $gt: now } })) ?? undefined
}

/** True when the run had died and is now ours to do again; its files are gone. */
export async function takeOverExport(db: Db, id: string, now: Date): Promise<boolean> {
  const { modifiedCount } = await exportsOf(db).updateOne(
    { _id: id, state: 'running', beatAt: { $lte: new Date(now.getTime() - silentMs) } },
    { $set: { beatAt: now, done: 0 } },
  )
  if (modifiedCount === 0) return false
  await partsOf(db).deleteMany({ export: id })
  return true
}

/** False when the export was deleted meanwhile: whoever makes it stops. */
export async function beatExport(db: Db, id: string, now: Date, change: Partial<ExportDocument>): Promise<boolean> {
  const { matchedCount } = await exportsOf(db).updateOne(
    { _id: id, state: 'running' },
    { $set: { ...change, beatAt: now } },
  )
  return matchedCount === 1
}

export async function removeExport(db: Db, id: string): Promise<void> {
  await exportsOf(db).deleteOne({ _id: id })
  await partsOf(db).deleteMany({ export: id })
}

/** Keeps piece `number` of a file; the same piece again replaces it. */
export async function addExportPart(
  db: Db,
  { _id, expiresAt }: Pick<ExportDocument, '_id' | 'expiresAt'>,
  file: string,
  number: number,
  text: string,
): Promise<void> {
  const bytes = new Binary(await zip(text))
  await partsOf(db).replaceOne({ _id: partId(_id, file, number) }, { export: _id, bytes, expiresAt }, { upsert: true })
}

/** The text of a file, piece by piece. */
export async function* exportText(db: Db, id: string, file: string): AsyncGenerator<Buffer> {
  for (let number = 0; ; number++) {
    const part = await partsOf(db).findOne({ _id: partId(id, file, number) })
    if (!part) return
    yield await unzip(part.bytes.buffer)
  }
}

function partId(id: string, file: string, number: number): string {
  return `${id}/${file}/${number}`
}

/** Which of these records had something read about them at or after `since`. Human decisions and withdrawals are entries as well. */
export async function recordsReadSince(
  db: Db,
  records: readonly RecordKey[],
  since: Date,
): Promise<ReadonlySet<RecordKey>> {
  const rows = await db
    .collection<{ record: RecordKey; source: { inboxId: InboxId } }>('facts')
    .aggregate<{ _id: RecordKey; entries: InboxId[] }>([
      { $match: { record: { $in: [...records] } } },
      { $group: { _id: '$record', entries: { $addToSet: '$source.inboxId' } } },
    ])
    .toArray()
  const entries = [...new Set(rows.flatMap(row => row.entries))]
  const recent = await db
    .collection<{ _id: InboxId; readAt?: Date }>('inbox')
    .find({ _id: { $in: entries }, readAt: { $gte: since } }, { projection: { _id: 1 } })
    .toArray()
  const known = new Set(recent.map(entry => entry._id))
  return new Set(rows.filter(row => row.entries.some(entry => known.has(entry))).map(row => row._id))
}
