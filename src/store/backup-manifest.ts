import { createHash } from 'node:crypto'
import { open, readFile, rename } from 'node:fs/promises'
import path from 'node:path'
import { z } from 'zod'

/**
 * What a backup holds, in the order it is written. Order is what makes it whole while traffic runs: a register line, a job or a code table entry
 * stands after its inbox entry was kept, so all of these come before the inbox; a chunk is kept before its head, so chunks come after it.
 * Everything else a replay makes again.
 */
export const backupCollections = [
  ...(['control', 'feeds', 'sites', 'practices', 'optOuts', 'optOutLists', 'registerVersions'] as const),
  ...(['codebook', 'extracts', 'jobs', 'submissions', 'inbox', 'inboxChunks', 'accessLog'] as const),
] as const
export type BackupCollection = (typeof backupCollections)[number]
/** Not in backups that were taken before there were any. */
export const laterCollections: ReadonlySet<BackupCollection> = new Set(['submissions'])

const count = z.number().int().min(0)
const sha256 = z.string().regex(/^[0-9a-f]{64}$/)

const manifestShape = z.object({
  format: z.literal('flsdb-backup'),
  version: z.number().int().min(1),
  /** Shapes of what is inside (shape.ts). */
  shapes: z.object({ inbox: z.number().int(), registers: z.number().int() }),
  database: z.string(),
  /** Everything acknowledged before this moment is inside. */
  begunAt: z.iso.datetime(),
  endedAt: z.iso.datetime(),
  /** The key file by reference: its SHA-256, so that the right one can be told. It is inside only when `file` names it. */
  keyFile: z.object({ sha256, file: z.string().optional() }).optional(),
  /** `hash`: SHA-256 over one line `<id> <sha256 of the bytes>` per entry, in order of id. `expired` of the entries: without bytes. */
  inbox: z.object({ entries: count, expired: count, hash: sha256, lastReceivedAt: z.iso.datetime().optional() }),
  accessLog: z.object({ lines: count, lastHash: z.string() }),
  files: z.array(
    z.object({
      collection: z.enum(backupCollections),
      file: z.string().regex(/^[A-Za-z]+\.bson\.gz$/),
      documents: count,
      size: count,
      sha256,
    }),
  ),
})

export type Manifest = z.infer<typeof manifestShape>
export const manifestVersion = 1
const manifestFile = 'manifest.json'

/** The backup cannot be used. `message` names the file, what is wrong and what to do. */
export class BadBackup extends Error {
  readonly code = 'bad-backup'
}

/** Written last and under its name in one step: a folder without it is no backup. */
export async function writeManifest(folder: string, manifest: Manifest): Promise<void> {
  const file = path.join(folder, `${manifestFile}.new`)
  const handle = await open(file, 'wx', 0o600)
  await handle.writeFile(`${JSON.stringify(manifest, null, 2)}\n`)
  await handle.sync()
  await handle.close()
  await rename(file, path.join(folder, manifestFile))
}

export async function readManifest(folder: string): Promise<Manifest> {
  const file = path.join(folder, manifestFile)
  const text = await readFile(file, 'utf8').catch((cause: unknown) => {
    throw new BadBackup(
      `${file} cannot be read: this is no backup, or one that was broken off. Use a folder that "flsdb backup" has finished.`,
      { cause },
    )
  })
  const found = parsed(text)
  const version = typeof found === 'object' && found !== null ? Reflect.get(found, 'version') : undefined
  if (typeof version === 'number' && version > manifestVersion)
    throw new BadBackup(
      `${file}: a backup of version ${version}, this release reads up to ${manifestVersion}. Restore with the release that wrote it, or a newer one.`,
    )
  const read = manifestShape.safeParse(found)
  if (!read.success)
    throw new BadBackup(
      `${file} is damaged (${read.error.issues[0]?.path.join('.') || 'not JSON'}). Take another copy of the backup.`,
    )
  return read.data
}

function parsed(text: string): unknown {
  try {
    return JSON.parse(text)
  } catch (cause) {
    if (cause instanceof SyntaxError) return undefined
    throw cause
  }
}

/** The manifest's hash over the inbox, fed in order of id. */
export function inboxDigest(): { readonly add: (id: string, sha256: string) => void; readonly hex: () => string } {
  const hash = createHash('sha256')
  return {
    add: (id, sha256) => {
      hash.update(`${id} ${sha256}\n`)
    },
    hex: () => hash.digest('hex'),
  }
}
