import { createHmac, createSecretKey, type KeyObject, randomBytes } from 'node:crypto'
import { chmod, mkdir, readFile, writeFile } from 'node:fs/promises'
import path from 'node:path'

/** The deployment's secrets, from `FLSDB_KEY_FILE`: part of every backup, never in the database. */
export type Keys = {
  /**
   * Keyed id (HMAC-SHA-256, first 128 bits, hex) of a thing's founding evidence: a replay gives the same id, nobody can guess one.
   * Parts are length-prefixed, so ('ab','c') and ('a','bc') differ.
   */
  readonly id: (kind: string, ...parts: readonly string[]) => string
  /** Pseudonym for a release or project: never over an NHS number. */
  readonly pseudonym: (project: string, id: string) => string
}

export class KeyFileMissing extends Error {
  readonly code = 'key-file-missing'
}

/** Reads the key file; creates it (mode 600) only when `mayCreate`, as in demo and test. */
export async function loadKeys(file: string, mayCreate: boolean): Promise<Keys> {
  const text = await readFile(file, 'utf8').catch(() => undefined)
  if (text === undefined && !mayCreate)
    throw new KeyFileMissing(
      `No key file. Set FLSDB_KEY_FILE to a file made with "flsdb keys new"; it is part of the backup.`,
    )
  const stored =
    text === undefined ? await createKeyFile(file) : (JSON.parse(text) as { hmac: string; pseudonym: string })
  const hmacKey = Buffer.from(stored.hmac, 'base64')
  const pseudonymKey = Buffer.from(stored.pseudonym, 'base64')
  if (hmacKey.length < 32 || pseudonymKey.length < 32)
    throw new KeyFileMissing('The key file holds keys shorter than 256 bits; make a new one with "flsdb keys new".')
  return keysOf(hmacKey, pseudonymKey)
}

export function keysOf(hmacKey: Buffer, pseudonymKey: Buffer): Keys {
  // Made ready once: with the bare bytes each digest takes six times as long.
  const [idKey, projectsKey] = [createSecretKey(hmacKey), createSecretKey(pseudonymKey)]
  return {
    id: (kind, ...parts) => digest(idKey, [kind, ...parts]),
    pseudonym: (project, id) => digest(projectKey(projectsKey, project), [id]),
  }
}

let lastProject: { readonly parent: KeyObject; readonly project: string; readonly key: KeyObject } | undefined

/** The key of a project; that of the last one is kept, since a whole table is named by one. */
function projectKey(parent: KeyObject, project: string): KeyObject {
  if (lastProject?.parent === parent && lastProject.project === project) return lastProject.key
  const key = createSecretKey(createHmac('sha256', parent).update(project).digest())
  lastProject = { parent, project, key }
  return key
}

export async function createKeyFile(file: string): Promise<{ hmac: string; pseudonym: string }> {
  const keys = { hmac: randomBytes(32).toString('base64'), pseudonym: randomBytes(32).toString('base64') }
  await mkdir(path.dirname(file), { recursive: true })
  await writeFile(file, `${JSON.stringify({ version: 1, ...keys }, null, 2)}\n`, { mode: 0o600, flag: 'wx' })
  await chmod(file, 0o600)
  return keys
}

function digest(key: Buffer | KeyObject, parts: readonly string[]): string {
  const text = parts.map(part => `${Buffer.byteLength(part)}:${part}`).join('')
  return createHmac('sha256', key).update(text).digest('hex').slice(0, 32)
}
