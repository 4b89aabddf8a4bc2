import { createHash } from 'node:crypto'
import { readFile } from 'node:fs/promises'
import path from 'node:path'
import type { Db, Document } from 'mongodb'
import { checkBackup } from './backup-check.ts'
import { readDocuments } from './backup-file.ts'
import { type BackupCollection, BadBackup, backupCollections, inboxDigest, type Manifest } from './backup-manifest.ts'
import { runningServices } from './lease.ts'
import { adoptShapes } from './shape.ts'
import { derivedCollections, type Store } from './store.ts'

export type RestoreOptions = {
  readonly store: Store
  readonly folder: string
  readonly keyFile: string
  /** Wipes what the database holds first. */
  readonly isOverwriting: boolean
  /** Creates all indexes of an emptied database. */
  readonly bringIndexes: (store: Store) => Promise<void>
  readonly onProgress: (collection: BackupCollection, done: number, total: number) => void
}

/** The database must not be written. `message` says what is in the way. */
export class RestoreRefused extends Error {
  readonly code = 'restore-refused'
}

type RestoreDocument = { _id: 'restore'; state: 'running' | 'done'; begunAt: string; at: Date; isReplayed: boolean }
const controls = (db: Db) => db.collection<RestoreDocument>('control')

/**
 * Puts a backup back: first the whole backup is proven, then the database looked at, then written, then read back and compared with the
 * manifest. What is derived comes by `flsdb replay` afterwards. Refused while a service runs on the database. Broken off, it is begun again with `isOverwriting`;
 * until then the service does not start on it.
 */
export async function restoreBackup(options: RestoreOptions): Promise<Manifest> {
  const { store, folder, isOverwriting } = options
  const manifest = await checkBackup(folder)
  await checkKeys(options, manifest)
  const held = await heldBy(store)
  if (held.length > 0 && !isOverwriting)
    throw new RestoreRefused(
      `Database ${store.db.databaseName} is not empty (${held.join(', ')}). Nothing was changed. Name another with FLSDB_DATABASE, or wipe this one with --overwrite.`,
    )
  const services = await runningServices(store.db)
  if (services.length > 0)
    throw new RestoreRefused(
      `The service runs on database ${store.db.databaseName} (${services.join(', ')}). Nothing was changed. Stop it first; if it was killed on another host, try again in a minute.`,
    )
  if (held.length > 0) await store.db.dropDatabase()
  // A first start notes shapes and tables here; those of the backup come in their place.
  else await store.db.collection('control').deleteMany({})
  await options.bringIndexes(store)
  const mark = { begunAt: manifest.begunAt, isReplayed: false }
  await controls(store.db).replaceOne(
    { _id: 'restore' },
    { state: 'running', at: new Date(), ...mark },
    { upsert: true },
  )
  for (const file of manifest.files) await putBack(options, file)
  // Claims of workers that are gone: at once instead of when their lease ends.
  await store.inbox.updateMany(
    { state: 'claimed' },
    { $set: { state: 'received' }, $unset: { leaseUntil: '', claimedBy: '' } },
  )
  await compare(store, manifest)
  await adoptShapes(store.db)
  await controls(store.db).replaceOne({ _id: 'restore' }, { state: 'done', at: new Date(), ...mark }, { upsert: true })
  return manifest
}

/** Where a restore of this database stands; undefined when there never was one. */
export async function readRestore(db: Db): Promise<Omit<RestoreDocument, '_id'> | undefined> {
  return (await controls(db).findOne({ _id: 'restore' })) ?? undefined
}

/** A replay has built what is derived from the restored inbox. */
export async function noteReplayed(db: Db): Promise<void> {
  await controls(db).updateOne({ _id: 'restore', state: 'done' }, { $set: { isReplayed: true } })
}

async function checkKeys({ keyFile, folder }: RestoreOptions, { keyFile: known }: Manifest): Promise<void> {
  if (!known) return
  const bytes = await readFile(keyFile).catch(() => undefined)
  if (bytes && createHash('sha256').update(bytes).digest('hex') === known.sha256) return
  const inside = known.file ? ` A copy is in the backup: ${path.join(folder, known.file)}.` : ''
  throw new RestoreRefused(
    `${keyFile} is ${bytes ? 'not the key file this backup was made with' : 'not there'}: ids and pseudonyms would come out different. Nothing was changed. Put the right one there, or set FLSDB_KEY_FILE.${inside}`,
  )
}

async function heldBy({ db }: Store): Promise<string[]> {
  const held: string[] = []
  for (const name of [...backupCollections, ...derivedCollections, 'resources', 'responses']) {
    // What a first start writes by itself is nothing to lose.
    const filter: object = name === 'control' ? { _id: 'restore' } : {}
    const count = await db.collection(name).countDocuments(filter, { limit: 1_000_000 })
    if (count > 0) held.push(name === 'control' ? 'an unfinished or earlier restore' : `${count} ${name}`)
  }
  return held
}

const mostBytes = 8 * 1024 * 1024

async function putBack({ store, folder, onProgress }: RestoreOptions, file: Manifest['files'][number]): Promise<void> {
  const collection = store.db.collection(file.collection)
  let [batch, bytes, done]: [Document[], number, number] = [[], 0, 0]
  const flush = async () => {
    if (batch.length > 0) await collection.insertMany(batch, { ordered: false })
    done += batch.length
    onProgress(file.collection, done, file.documents)
    batch = []
    bytes = 0
  }
  for await (const document of readDocuments(path.join(folder, file.file))) {
    // The own mark of this database stands, not that of the one backed up.
    if (file.collection === 'control' && document['_id'] === 'restore') continue
    batch.push(document)
    bytes += Number(document['size'] ?? 1_000)
    if (batch.length >= 1_000 || bytes >= mostBytes) await flush()
  }
  await flush()
}

/** What the database now holds, read back, against the manifest. */
async function compare(store: Store, manifest: Manifest): Promise<void> {
  const digest = inboxDigest()
  let entries = 0
  for await (const { _id, sha256 } of store.inbox.find({}, { projection: { sha256: 1 } }).sort({ _id: 1 })) {
    digest.add(_id, sha256)
    entries++
  }
  if (entries !== manifest.inbox.entries || digest.hex() !== manifest.inbox.hash)
    throw new BadBackup(
      `The database holds ${entries} entries after the restore, the backup ${manifest.inbox.entries}, or their bytes differ. Was the service running? Stop it and restore again with --overwrite.`,
    )
}
