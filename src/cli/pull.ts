import { openAsBlob } from 'node:fs'
import { mkdir, mkdtemp, readFile, rename, rm, writeFile } from 'node:fs/promises'
import path from 'node:path'
import { setTimeout as pause } from 'node:timers/promises'
import { importPKCS8 } from 'jose'
import { z } from 'zod'
import { limits } from '../config.ts'
import { type FetchOptions, pullGroup, pullManifest } from '../sources/pull/bulk-client.ts'
import { guardedFetch, type LastingFault, lastingFaults, PullRefused } from '../sources/pull/guarded-fetch.ts'
import { privateKeyToken } from '../sources/pull/private-key-token.ts'
import { progressOf } from './progress.ts'
import { demoToken } from './token.ts'

export type PullCommand = {
  readonly sources: string
  readonly url: string
  readonly client?: string
  /** Holds a bearer token of the supplier's client; without it, that of a demo client. */
  readonly tokenFile?: string
  readonly demoFile: string
  readonly dataFolder: string
  /** An instant, or `last`: from where the last pull that was taken ended. Absent: everything. */
  readonly since?: string
  /** Instead of an export of its own: what the supplier has named by `$bulk-submit`. */
  readonly submitted?: boolean
  readonly json?: boolean
}

type Run = {
  readonly name: string
  readonly source: Source
  readonly since: string | undefined
  readonly takenFile: string
  readonly door: Door
  readonly fetching: FetchOptions
  readonly tell: (job: object, text: string) => void
}
/** The service, and the token of the supplier's client. */
type Door = { readonly url: string; readonly token: string }

/** What the operator registers of one source; nothing of it is ever taken from a caller or an answer. */
const sourceShape = z.strictObject({
  practice: z.string().regex(/^[A-Z0-9]{3,9}$/),
  base: z.url(),
  group: z.string().min(1).max(64),
  origins: z.array(z.url()).min(1),
  tokenEndpoint: z.url(),
  clientId: z.string().min(1),
  /** PKCS#8 PEM, relative to the file of the sources. */
  keyFile: z.string().min(1),
  keyId: z.string().optional(),
  algorithm: z.enum(['RS384', 'ES384', 'RS512']).default('RS384'),
  scope: z.string().default('system/*.rs'),
  types: z
    .array(z.string().regex(/^[A-Za-z]+$/))
    .default(['Patient', 'Condition', 'Observation', 'Procedure', 'MedicationRequest', 'MedicationStatement']),
})
type Source = z.infer<typeof sourceShape>

/** Per source, what its last pull that was taken spoke for. */
const takenShape = z.record(z.string(), z.object({ transactionTime: z.iso.datetime({ offset: true }) }))

/**
 * `flsdb pull SOURCE`: brings an export of one opted-in practice from a registered FHIR server through the door of GP extracts, as if its
 * supplier had sent it: a full extract, with `since` a delta with what was deleted. The practice is asked about first: closed, nothing leaves
 * this host. Broken off, it is run again from the start; the same export again is the same job. Exit code 1 when nothing was taken.
 */
export async function pullCommand(name: string, options: PullCommand): Promise<void> {
  const source = await sourceNamed(name, options.sources)
  const token = options.tokenFile
    ? (await readFile(options.tokenFile, 'utf8')).trim()
    : await demoToken(options.demoFile, options.client ?? 'gp-supplier')
  await refuseClosed(source.practice, options.url, token)
  await mkdir(options.dataFolder, { recursive: true })
  const takenFile = path.join(options.dataFolder, 'pulled.json')
  const since = await sinceOf(name, options.since, takenFile)
  const folder = await mkdtemp(path.join(options.dataFolder, 'pull-'))
  const progress = progressOf('flsdb pull', options.json ?? false)
  try {
    const keyFile = path.resolve(path.dirname(options.sources), source.keyFile)
    const key = await importPKCS8(await readFile(keyFile, 'utf8'), source.algorithm).catch(() => {
      throw new Error(`${keyFile} is no PKCS#8 PEM for ${source.algorithm}; openssl pkcs8 -topk8 -nocrypt makes one.`)
    })
    const fetchFrom = guardedFetch({
      origins: source.origins.map(origin => new URL(origin).origin),
      token: privateKeyToken({ ...source, key }),
      mostBytes: limits.extract,
      timeoutMs: 60_000,
    })
    let steps = 0
    const onProgress = (what: string): void => progress.show(what, ++steps, steps)
    const run: Run = {
      name,
      source,
      since,
      takenFile,
      door: { url: options.url, token },
      fetching: { fetch: fetchFrom, folder, mostBytes: limits.extract, onProgress },
      tell: (job, text) => console.log(options.json ? JSON.stringify(job) : text),
    }
    if (!(await (options.submitted ? pullSubmitted(run) : pullExport(run)))) process.exitCode = 1
  } finally {
    progress.end()
    await rm(folder, { recursive: true, force: true })
  }
}

/** False when something was not taken. */
async function pullExport({ name, source, since, takenFile, door, fetching, tell }: Run): Promise<boolean> {
  const pulled = await pullGroup({ ...source, since, ...fetching })
  if (pulled.errorFiles > 0) console.error(`${pulled.errorFiles} files of the source say what it could not give.`)
  if (pulled.files.length === 0) {
    if (since === undefined) throw new Error(`The export of ${name} holds no files; nothing was submitted.`)
    tell({ state: 'unchanged', since }, `nothing changed since ${since}`)
  } else {
    const extractId = `${since === undefined ? 'pull' : 'changes'}-${pulled.transactionTime.replace(/\D/g, '').slice(0, 14)}`
    const job = await submit(source.practice, pulled.files, extractId, since === undefined ? 'full' : 'delta', door)
    tell(job, told(job))
    if (job.state !== 'done') return false
  }
  // What the source could not give this time must be asked for again.
  if (pulled.errorFiles === 0) await noteTaken(name, pulled.transactionTime, takenFile)
  return true
}

/**
 * Each waiting manifest becomes a delta; what it came to, or why it cannot be fetched, is told to the service, where the supplier asks for it.
 * What may pass (a source that rests or is slow) is left for the next time. False when something was not taken.
 */
async function pullSubmitted({ source, door, fetching, tell }: Run): Promise<boolean> {
  let isAllTaken = true
  for (const { id, number, manifestUrl } of await waitingManifests(source.practice, door)) {
    const folder = await mkdtemp(path.join(fetching.folder, 'manifest-'))
    try {
      const { files } = await pullManifest({ ...fetching, folder }, manifestUrl)
      if (files.length === 0) throw new PullRefused('manifest-broken', manifestUrl, 'no files')
      const job = await submit(source.practice, files, `submitted-${id.slice(0, 16)}-${number}`, 'delta', door)
      tell(job, told(job))
      isAllTaken &&= job.state === 'done'
      await tellResult(door, id, number, { job: job.id })
    } catch (cause) {
      const code = cause instanceof PullRefused ? cause.code : cause instanceof NotTaken ? faultOf(cause) : undefined
      if (!(cause instanceof Error) || code === undefined) throw cause
      console.error(cause.message)
      isAllTaken = false
      const failure = lastingFaults.find(fault => fault === code)
      if (failure) await tellResult(door, id, number, { failure })
    }
  }
  return isAllTaken
}

/** What the door says of the files themselves; anything else it says is no fault of the manifest. */
function faultOf({ status }: NotTaken): LastingFault | undefined {
  if (status === 413) return 'too-large'
  return status === 400 || status === 422 ? 'manifest-broken' : undefined
}

const waitingShape = z.object({
  items: z.array(z.object({ id: z.string(), number: z.number(), manifestUrl: z.string() })),
})

async function waitingManifests(practice: string, { url, token }: Door) {
  const answer = await fetch(`${url}/api/submissions?${new URLSearchParams({ practice })}`, {
    headers: { authorization: `Bearer ${token}` },
  })
  if (!answer.ok) throw new Error(`The service does not tell what was submitted (${answer.status}).`)
  return waitingShape.parse(await answer.json()).items
}

async function tellResult({ url, token }: Door, id: string, number: number, result: object): Promise<void> {
  const answer = await fetch(`${url}/api/submissions/${id}/manifests/${number}`, {
    method: 'POST',
    headers: { authorization: `Bearer ${token}`, 'content-type': 'application/json' },
    body: JSON.stringify(result),
  })
  // The same files again are the same job, so the next pull tells it.
  if (!answer.ok) throw new Error(`The service did not note what became of manifest ${number} (${answer.status}).`)
}

async function sourceNamed(name: string, file: string): Promise<Source> {
  const all: unknown = JSON.parse(await readFile(file, 'utf8'))
  const own = typeof all === 'object' && all !== null && Object.hasOwn(all, name) ? Reflect.get(all, name) : undefined
  if (own === undefined) throw new Error(`${file} registers no source ${name}.`)
  const read = sourceShape.safeParse(own)
  if (read.success) return read.data
  const [fault] = read.error.issues
  throw new Error(`${file}, ${name}.${fault?.path.map(String).join('.')}: ${fault?.message}.`)
}

async function sinceOf(name: string, asked: string | undefined, file: string): Promise<string | undefined> {
  if (asked === 'last') return (await takenIn(file))[name]?.transactionTime
  if (asked === undefined || z.iso.datetime({ offset: true }).safeParse(asked).success) return asked
  throw new Error(`--since ${asked} is neither "last" nor an instant such as 2026-11-01T02:00:00Z.`)
}

async function takenIn(file: string): Promise<z.infer<typeof takenShape>> {
  const text = await readFile(file, 'utf8').catch((cause: NodeJS.ErrnoException) => {
    if (cause.code === 'ENOENT') return '{}'
    throw cause
  })
  const read = takenShape.safeParse(JSON.parse(text))
  if (!read.success)
    throw new Error(`${file} is damaged; delete it: the next pull with --since last brings everything.`)
  return read.data
}

/** Written beside and renamed: a pull killed meanwhile leaves the file as it was. */
async function noteTaken(name: string, transactionTime: string, file: string): Promise<void> {
  const all = { ...(await takenIn(file)), [name]: { transactionTime } }
  await writeFile(`${file}.new`, `${JSON.stringify(all, null, 2)}\n`)
  await rename(`${file}.new`, file)
}

async function refuseClosed(practice: string, url: string, token: string): Promise<void> {
  const answer = await fetch(`${url}/api/practices/${practice}`, { headers: { authorization: `Bearer ${token}` } })
  const body: unknown = await answer.json().catch(() => undefined)
  const known = z.object({ optedIn: z.boolean(), since: z.string().optional() }).safeParse(body)
  if (!answer.ok || !known.success)
    throw new Error(`The service does not know practice ${practice} (${answer.status}).`)
  if (!known.data.optedIn)
    throw new Error(
      `Practice ${practice} is not opted in${known.data.since ? ` since ${known.data.since.slice(0, 10)}` : ''}; nothing was asked of its supplier.`,
    )
}

class NotTaken extends Error {
  readonly status: number
  constructor(status: number, text: string) {
    super(`The service did not take the export (${status}): ${text}`)
    this.status = status
  }
}

const jobShape = z.looseObject({
  id: z.string(),
  state: z.string(),
  receipt: z.record(z.string(), z.unknown()).optional(),
})
type Job = z.infer<typeof jobShape>

/** The files as one extract of the practice; waits for its receipt. */
async function submit(
  practice: string,
  files: readonly string[],
  extractId: string,
  mode: 'full' | 'delta',
  { url, token }: Door,
): Promise<Job> {
  const form = new FormData()
  for (const file of files) form.append('file', await openAsBlob(file), path.basename(file))
  const authorization = `Bearer ${token}`
  const answer = await fetch(`${url}/api/extracts?${new URLSearchParams({ practice, extractId, mode })}`, {
    method: 'POST',
    headers: { authorization },
    body: form,
  })
  const text = await answer.text()
  if (answer.status !== 202) throw new NotTaken(answer.status, text)
  for (let job = jobShape.parse(JSON.parse(text)); ; ) {
    if (job.state === 'done' || job.state === 'failed') return job
    await pause(500)
    const now = await fetch(`${url}/api/jobs/${job.id}`, { headers: { authorization } })
    // A token may not live as long as a large extract is counted.
    if (!now.ok) throw new Error(`The export is kept; ask for its receipt at /api/jobs/${job.id} (${now.status}).`)
    job = jobShape.parse(await now.json())
  }
}

function told({ id, state, receipt }: Job): string {
  return `${state}  /api/jobs/${id}  ${Object.entries(receipt ?? {})
    .map(([name, count]) => `${name} ${String(count)}`)
    .join(', ')}`
}
