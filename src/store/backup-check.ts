import { createHash, type Hash } from 'node:crypto'
import path from 'node:path'
import { Binary, type Document } from 'mongodb'
import { digestOf, readDocuments } from './backup-file.ts'
import {
  BadBackup,
  backupCollections,
  inboxDigest,
  laterCollections,
  type Manifest,
  readManifest,
} from './backup-manifest.ts'
import { refuseNewer } from './shape.ts'

/**
 * Reads a whole backup and proves it: every file against its SHA-256 and count, every message against its own SHA-256, the inbox against the
 * manifest's hash, every large message against its pieces. Nothing is written. Throws `BadBackup` or `NewerShape`.
 */
export async function checkBackup(folder: string): Promise<Manifest> {
  const manifest = await readManifest(folder)
  refuseNewer(manifest.shapes, folder)
  for (const name of backupCollections) {
    if (!laterCollections.has(name) && !manifest.files.some(file => file.collection === name))
      throw new BadBackup(
        `${path.join(folder, 'manifest.json')} names no file of ${name}. Take another copy of the backup.`,
      )
  }
  for (const { file, sha256, size } of manifest.files) {
    const at = path.join(folder, file)
    const found = await digestOf(at).catch((cause: unknown) => {
      throw new BadBackup(`${at} cannot be read. Take another copy of the backup.`, { cause })
    })
    if (found.sha256 !== sha256)
      throw new BadBackup(
        `${at} is not what was written (${found.size} bytes instead of ${size}, or other content). Nothing was restored. Take another copy of the backup.`,
      )
  }
  await checkContent(folder, manifest)
  return manifest
}

type LargeHead = { readonly sha256: string; readonly chunks: number }

async function checkContent(folder: string, manifest: Manifest): Promise<void> {
  const large = new Map<string, LargeHead>()
  const digest = inboxDigest()
  for (const { collection, file, documents } of manifest.files) {
    const at = path.join(folder, file)
    let count = 0
    const pieces = piecesOf(large, at)
    try {
      for await (const document of readDocuments(at)) {
        count++
        if (collection === 'inbox') checkHead(document, digest.add, large, at)
        if (collection === 'inboxChunks') pieces.add(document)
      }
    } catch (cause) {
      throw cause instanceof BadBackup
        ? cause
        : new BadBackup(`${at} cannot be read to its end. Take another copy.`, { cause })
    }
    if (count !== documents) throw new BadBackup(`${at} holds ${count} documents, the manifest says ${documents}.`)
    if (collection === 'inboxChunks') pieces.end()
  }
  if (digest.hex() !== manifest.inbox.hash)
    throw new BadBackup(`${folder}: the inbox is not the one the manifest speaks of. Take another copy of the backup.`)
}

function checkHead(
  document: Document,
  add: (id: string, sha256: string) => void,
  large: Map<string, LargeHead>,
  at: string,
): void {
  const { _id, sha256, bytes, chunks, state } = document
  add(String(_id), String(sha256))
  if (state === 'expired') return
  if (bytes instanceof Binary) {
    if (createHash('sha256').update(bytes.buffer).digest('hex') !== sha256) throw torn(at, String(_id))
  } else large.set(String(_id), { sha256: String(sha256), chunks: Number(chunks) })
}

/** Pieces come in order of `<entry>/<n>`, n of one digit: an entry is at most 20 MiB in pieces of 8. */
function piecesOf(large: ReadonlyMap<string, LargeHead>, at: string) {
  const whole = new Set<string>()
  let open: { id: string; hash: Hash; count: number } | undefined
  const close = () => {
    const head = open && large.get(open.id)
    // Pieces without a head: their message was not acknowledged.
    if (open && head) {
      if (open.count !== head.chunks || open.hash.digest('hex') !== head.sha256) throw torn(at, open.id)
      whole.add(open.id)
    }
    open = undefined
  }
  return {
    add: ({ _id, bytes }: Document) => {
      const [id = ''] = String(_id).split('/')
      if (open?.id !== id) {
        close()
        open = { id, hash: createHash('sha256'), count: 0 }
      }
      open.hash.update(bytes.buffer)
      open.count++
    },
    end: () => {
      close()
      for (const id of large.keys()) if (!whole.has(id)) throw torn(at, id)
    },
  }
}

function torn(at: string, id: string): BadBackup {
  return new BadBackup(`${at}: the bytes of entry ${id} are not those that were kept. Take another copy of the backup.`)
}
