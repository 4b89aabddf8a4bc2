import { createHash } from 'node:crypto'
import { copyFile, mkdir, readdir, readFile } from 'node:fs/promises'
import path from 'node:path'
import { MaxKey, MinKey } from 'mongodb'
import { readRaw, writeDocuments } from './backup-file.ts'
import {
  type BackupCollection,
  BadBackup,
  backupCollections,
  inboxDigest,
  type Manifest,
  manifestVersion,
  writeManifest,
} from './backup-manifest.ts'
import { holdLease } from './lease.ts'
import { shapes } from './shape.ts'
import type { Store } from './store.ts'

export type BackupOptions = {
  readonly store: Store
  /** New or empty. */
  readonly folder: string
  readonly keyFile: string
  /** Puts a copy of the key file into the folder; without, only its hash. */
  readonly withKeys: boolean
  readonly clock: () => Date
  readonly onProgress: (collection: BackupCollection, done: number, total: number) => void
}

/**
 * Copies what cannot be rebuilt into `folder` while the service runs: no pause, no lock, flat memory. Everything acknowledged before it began is
 * inside; of what comes meanwhile any part may be, each entry whole. Reads what a majority has. Retention waits meanwhile, so no chunk
 * goes between its head and itself. Throws `BadBackup` when the folder is not empty, `LeaseHeld` when another backup runs.
 */
export async function takeBackup(options: BackupOptions): Promise<Manifest> {
  const { store, folder, keyFile, withKeys, clock } = options
  await mkdir(folder, { recursive: true, mode: 0o700 })
  if ((await readdir(folder)).length > 0)
    throw new BadBackup(`${folder} is not empty. Name a new folder: a backup never overwrites another.`)
  const lease = await holdLease(store.db, 'backup-or-retention', 'A backup')
  try {
    const begunAt = clock().toISOString()
    const inbox = inboxSummary()
    const accessLog = { lines: 0, lastHash: '' }
    const files: Manifest['files'] = []
    for (const collection of backupCollections) {
      const file = `${collection}.bson.gz`
      const total = await store.db.collection(collection).estimatedDocumentCount()
      let done = 0
      const written = await writeDocuments(path.join(folder, file), rawDocuments(store, collection), raw => {
        if (collection === 'inbox') inbox.add(raw)
        if (collection === 'accessLog') {
          accessLog.lines++
          accessLog.lastHash = String(readRaw(raw)['hash'])
        }
        if (++done % 1_000 === 0) options.onProgress(collection, done, total)
      })
      options.onProgress(collection, done, done)
      files.push({ collection, file, ...written })
    }
    const keys = await readFile(keyFile)
    if (withKeys) await copyFile(keyFile, path.join(folder, 'keys.json'))
    const manifest: Manifest = {
      format: 'flsdb-backup',
      version: manifestVersion,
      shapes: { ...shapes },
      database: store.db.databaseName,
      begunAt,
      endedAt: clock().toISOString(),
      keyFile: {
        sha256: createHash('sha256').update(keys).digest('hex'),
        ...(withKeys ? { file: 'keys.json' } : {}),
      },
      inbox: inbox.told(),
      accessLog,
      files,
    }
    await writeManifest(folder, manifest)
    return manifest
  } finally {
    await lease.release()
  }
}

/**
 * All documents in order of id, as bytes, in slices that each are a query of their own: a cursor held for hours would be closed by the server.
 * Ids never change, so whatever stood when this began is met once.
 */
async function* rawDocuments(store: Store, name: BackupCollection): AsyncGenerator<Buffer> {
  const collection = store.db.collection<{ _id: unknown }>(name)
  let after: unknown = new MinKey()
  for (;;) {
    let last: Buffer | undefined
    const slice = collection
      .find({ _id: { $gt: after, $lt: new MaxKey() } } as object, { raw: true, readConcern: { level: 'majority' } })
      .sort({ _id: 1 })
      .limit(10_000)
    for await (const raw of slice) {
      last = raw as unknown as Buffer
      yield last
    }
    if (!last) return
    after = readRaw(last)['_id']
  }
}

function inboxSummary(): { readonly add: (raw: Buffer) => void; readonly told: () => Manifest['inbox'] } {
  const digest = inboxDigest()
  let [entries, expired] = [0, 0]
  let last: Date | undefined
  return {
    add: raw => {
      const { _id, sha256, state, receivedAt } = readRaw(raw)
      digest.add(String(_id), String(sha256))
      entries++
      if (state === 'expired') expired++
      if (receivedAt instanceof Date && (!last || receivedAt > last)) last = receivedAt
    },
    told: () => ({
      entries,
      expired,
      hash: digest.hex(),
      ...(last ? { lastReceivedAt: last.toISOString() } : {}),
    }),
  }
}
