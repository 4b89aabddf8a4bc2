import { createWriteStream } from 'node:fs'
import { stat } from 'node:fs/promises'
import path from 'node:path'
import { Readable } from 'node:stream'
import { pipeline } from 'node:stream/promises'
import { setTimeout as pause } from 'node:timers/promises'
import { z } from 'zod'
import { type GuardedAnswer, type GuardedFetch, PullRefused, pauseFor } from './guarded-fetch.ts'

/** Bulk Data Access 2.0, and the shape of the STU4 ballot: further manifests behind `link`. */
const manifestShape = z.looseObject({
  transactionTime: z.iso.datetime({ offset: true }),
  requiresAccessToken: z.boolean(),
  output: z.array(z.looseObject({ type: z.string(), url: z.string() })).max(10_000),
  /** Transaction Bundles of DELETEs: what is no longer there since `_since`. */
  deleted: z
    .array(z.looseObject({ url: z.string() }))
    .max(10_000)
    .default([]),
  error: z
    .array(z.looseObject({ url: z.string() }))
    .max(1_000)
    .default([]),
  link: z.array(z.looseObject({ relation: z.string(), url: z.string() })).default([]),
})
type Manifest = z.infer<typeof manifestShape>

export type Pulled = {
  /** When the source says its data are from, as it wrote it. */
  readonly transactionTime: string
  readonly files: readonly string[]
  /** Files in which the source says what it could not give; not fetched. */
  readonly errorFiles: number
}
export type FetchOptions = {
  readonly fetch: GuardedFetch
  /** Folder the NDJSON files are written into. */
  readonly folder: string
  /** Most bytes of all files together. */
  readonly mostBytes: number
  readonly onProgress?: (what: string) => void
}
export type PullOptions = FetchOptions & {
  /** `https://host/fhir` */
  readonly base: string
  readonly group: string
  /** Resource types asked for. */
  readonly types: readonly string[]
  /** An instant as the source wrote it: what changed after it, and what was deleted. Absent: everything there is. */
  readonly since?: string | undefined
  /** Longest time from the kick-off to the manifest. Milliseconds. */
  readonly patienceMs?: number
}

const mostManifests = 100
const mostManifestBytes = 5 * 1024 * 1024
const longestPauseMs = 60_000

/**
 * Exports one Group of a FHIR server and writes its files into a folder: kick-off, status with its pauses, manifest, files, and the job is
 * deleted there when all is here. Throws `PullRefused`; then the folder may hold files of no use.
 */
export async function pullGroup(options: PullOptions): Promise<Pulled> {
  const { fetch, base, group, types, since, onProgress = () => undefined } = options
  const query = new URLSearchParams({
    _outputFormat: 'application/fhir+ndjson',
    _type: types.join(','),
    ...(since === undefined ? {} : { _since: since }),
  })
  const begun = await fetch(`${base}/Group/${encodeURIComponent(group)}/$export?${query}`, {
    headers: { accept: 'application/fhir+json', prefer: 'respond-async' },
    isWithToken: true,
  })
  const status = begun.headers.get('content-location')
  if (begun.status !== 202 || status === null)
    throw new PullRefused('refused-by-source', base, `status ${begun.status}`)
  const address = new URL(status, base).href
  onProgress('export begun')
  const pulled = await filesOf(options, await untilReady(options, address), address)
  // Its data are with us: the source may forget them. Whether it does is its own business.
  await fetch(address, { method: 'DELETE', isWithToken: true }).catch(() => undefined)
  return pulled
}

/** Writes the files a manifest at this address names into a folder. Throws `PullRefused`; then the folder may hold files of no use. */
export async function pullManifest(options: FetchOptions, address: string): Promise<Pulled> {
  const answer = await options.fetch(address, { headers: { accept: 'application/json' }, isWithToken: true })
  if (answer.status !== 200) throw new PullRefused('refused-by-source', address, `status ${answer.status}`)
  return filesOf(options, await manifestIn(answer, address), address)
}

async function filesOf(options: FetchOptions, first: Manifest, address: string): Promise<Pulled> {
  const { fetch, onProgress = () => undefined } = options
  const manifests = await allManifests(options, first, address)
  const files: string[] = []
  let bytes = 0
  const seen = new Set<string>()
  for (const { output, deleted, requiresAccessToken } of manifests)
    for (const { type, url } of [...output, ...deleted.map(({ url }) => ({ type: 'deleted', url }))]) {
      if (seen.has(url)) throw new PullRefused('manifest-broken', url, 'named twice')
      seen.add(url)
      const file = path.join(options.folder, `${String(seen.size).padStart(5, '0')}-${plainName(type)}.ndjson`)
      await download(fetch, url, file, requiresAccessToken)
      const { size } = await stat(file)
      bytes += size
      if (bytes > options.mostBytes) throw new PullRefused('too-large', url, 'all files together')
      if (size > 0) files.push(file)
      onProgress(`${files.length} files`)
    }
  const errorFiles = manifests.reduce((sum, { error }) => sum + error.length, 0)
  return { transactionTime: manifests[0]?.transactionTime ?? '', files, errorFiles }
}

/** Asks again while it is 202, at the pace the source asks for. */
async function untilReady(
  { fetch, patienceMs = 6 * 3_600_000, onProgress }: PullOptions,
  address: string,
): Promise<Manifest> {
  const until = Date.now() + patienceMs
  for (let attempt = 1; ; attempt++) {
    const answer = await fetch(address, { headers: { accept: 'application/json' }, isWithToken: true })
    if (answer.status === 200) return manifestIn(answer, address)
    if (answer.status !== 202) throw new PullRefused('refused-by-source', address, `status ${answer.status}`)
    const wait = pauseFor(answer, Math.min(attempt, 8), longestPauseMs)
    if (Date.now() + wait > until) throw new PullRefused('too-slow', address)
    onProgress?.(answer.headers.get('x-progress')?.slice(0, 100) ?? 'waiting')
    await pause(wait)
  }
}

async function allManifests({ fetch }: FetchOptions, first: Manifest, address: string): Promise<Manifest[]> {
  const all = [first]
  const seen = new Set([address])
  for (let next = nextOf(first); next !== undefined; next = nextOf(all.at(-1))) {
    if (seen.has(next) || all.length >= mostManifests) throw new PullRefused('manifest-broken', next, 'without end')
    seen.add(next)
    const answer = await fetch(next, { headers: { accept: 'application/json' }, isWithToken: true })
    if (answer.status !== 200) throw new PullRefused('refused-by-source', next, `status ${answer.status}`)
    all.push(await manifestIn(answer, next))
  }
  return all
}

const nextOf = (manifest: Manifest | undefined): string | undefined =>
  manifest?.link.find(link => link.relation === 'next')?.url

async function manifestIn(answer: GuardedAnswer, address: string): Promise<Manifest> {
  if (!/^application\/(fhir\+)?json\b/.test(answer.headers.get('content-type') ?? ''))
    throw new PullRefused('wrong-type', address)
  const parts: Uint8Array[] = []
  let bytes = 0
  for await (const piece of answer.body()) {
    bytes += piece.byteLength
    if (bytes > mostManifestBytes) throw new PullRefused('too-large', address)
    parts.push(piece)
  }
  const parsed = manifestShape.safeParse(jsonOr(Buffer.concat(parts).toString('utf8')))
  if (!parsed.success)
    throw new PullRefused('manifest-broken', address, parsed.error.issues[0]?.path.map(String).join('.') || 'no object')
  return parsed.data
}

function jsonOr(text: string): unknown {
  try {
    return JSON.parse(text)
  } catch {
    return undefined
  }
}

/** The token goes to a file only where the manifest asks for it, and never past the registered origins. */
async function download(fetch: GuardedFetch, url: string, file: string, isWithToken: boolean): Promise<void> {
  const answer = await fetch(url, { headers: { accept: 'application/fhir+ndjson' }, isWithToken })
  if (answer.status !== 200) throw new PullRefused('refused-by-source', url, `status ${answer.status}`)
  if (!/^application\/(fhir\+)?(x-)?ndjson\b/.test(answer.headers.get('content-type') ?? ''))
    throw new PullRefused('wrong-type', url)
  await pipeline(Readable.from(answer.body()), createWriteStream(file, { flags: 'wx' }))
}

/** A name from outside as part of a file name. */
const plainName = (type: string): string => /^[A-Za-z]{1,40}$/.exec(type)?.[0] ?? 'other'
