import { chmod, mkdir, readFile, rename, writeFile } from 'node:fs/promises'
import { dirname } from 'node:path'
import type { OdsCode } from '../fls/fact.ts'
import type { DemoClient, DemoIdentities, DemoUser } from './demo-identities.ts'

/** `.flsdb/demo.json`: everything needed to try each role against a running demo. Holds secrets: mode 600. */
export type DemoFile = {
  readonly url: string
  readonly tokenUrl: string
  readonly issuer: string
  readonly audience: string
  readonly fhir: string
  readonly api: string
  readonly mllp: { readonly host: string; readonly port: number }
  readonly feeds: readonly {
    readonly id: string
    readonly organisation: OdsCode
    readonly protocol: string
    readonly sendingApplications: readonly string[]
    readonly sendingFacilities: readonly string[]
    readonly client?: string
  }[]
  readonly practices: readonly {
    readonly ods: OdsCode
    readonly name: string
    readonly supplier: string
    readonly optedIn: boolean
    readonly from?: string
  }[]
  readonly sites: readonly {
    readonly ods: OdsCode
    readonly name: string
    readonly organisation: OdsCode
    readonly fls: boolean | OdsCode
  }[]
  readonly clients: readonly DemoClient[]
  readonly users: readonly DemoUser[]
}

/** Writes the file whole or not at all (rename), readable by the owner only. */
export async function writeDemoFile(path: string, content: DemoFile): Promise<void> {
  await mkdir(dirname(path), { recursive: true, mode: 0o700 })
  const draft = `${path}.new`
  await writeFile(draft, `${JSON.stringify(content, null, 2)}\n`, { mode: 0o600 })
  await chmod(draft, 0o600)
  await rename(draft, path)
}

/** The identities of an earlier start, so that their secrets stay; undefined when there is no readable file. */
export async function readDemoIdentities(path: string): Promise<DemoIdentities | undefined> {
  try {
    const content: unknown = JSON.parse(await readFile(path, 'utf8'))
    return hasIdentities(content) ? { clients: content.clients, users: content.users } : undefined
  } catch {
    // A missing or damaged file only means new secrets.
    return undefined
  }
}

/** Where the demo that wrote this file listens; undefined when there is no readable file. */
export async function readDemoAddresses(
  path: string,
): Promise<{ readonly host: string; readonly port: number; readonly url: string } | undefined> {
  try {
    const content: unknown = JSON.parse(await readFile(path, 'utf8'))
    if (typeof content !== 'object' || content === null || !('url' in content) || !('mllp' in content)) return undefined
    const { url, mllp } = content
    if (typeof mllp !== 'object' || mllp === null || !('host' in mllp) || !('port' in mllp)) return undefined
    const { host, port } = mllp
    return typeof url === 'string' && typeof host === 'string' && typeof port === 'number'
      ? { host, port, url }
      : undefined
  } catch {
    // A missing or damaged file: the settings say where to send.
    return undefined
  }
}

function hasIdentities(content: unknown): content is DemoIdentities {
  if (typeof content !== 'object' || content === null || !('clients' in content) || !('users' in content)) return false
  return Array.isArray(content.clients) && Array.isArray(content.users)
}
