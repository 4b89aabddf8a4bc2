import { type ChildProcess, execFile, spawn } from 'node:child_process'
import { mkdtemp, readFile, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { MongoClient } from 'mongodb'
import type { DemoFile } from '../../src/access/demo-file.ts'

const root = path.join(import.meta.dirname, '..', '..')

/** The whole service as a user starts it: own process, own database, free ports, real tokens, real sockets. */
export type RunningService = {
  readonly url: string
  readonly mllpPort: number
  readonly demo: DemoFile
  readonly database: string
  readonly output: () => string
  /** Bearer token of a demo client, fetched from the embedded identity provider. */
  readonly token: (clientId: string) => Promise<string>
  readonly call: (
    clientId: string | undefined,
    method: string,
    address: string,
    body?: unknown,
    headers?: Record<string, string>,
  ) => Promise<Answer>
  /** Runs `flsdb` on this deployment, as an operator would in another terminal; throws when it ends with an error. Returns its stdout. */
  readonly flsdb: (...words: string[]) => Promise<string>
  readonly mongo: MongoClient
  readonly process: ChildProcess
  /** SIGKILL, as a power cut would. */
  readonly kill: () => Promise<void>
  readonly stop: () => Promise<void>
}
export type Answer = {
  readonly status: number
  readonly headers: Headers
  readonly text: string
  readonly json: unknown
}

export type ServiceOptions = {
  readonly database: string
  readonly environment?: Record<string, string>
  readonly dataFolder?: string
  readonly keepDatabase?: boolean
  /** Another database server than that of the test run. */
  readonly uri?: string
}

export async function startService({
  database,
  environment = {},
  dataFolder,
  keepDatabase,
  uri = process.env['FLSDB_TEST_MONGODB'] ?? '',
}: ServiceOptions): Promise<RunningService> {
  const data = dataFolder ?? (await mkdtemp(path.join(tmpdir(), 'flsdb-e2e-')))
  const mongo = await MongoClient.connect(uri)
  if (!keepDatabase) await mongo.db(database).dropDatabase()
  const env = {
    ...process.env,
    NODE_OPTIONS: '',
    FLSDB_PROFILE: 'test',
    FLSDB_DATA: data,
    MONGODB_URI: uri,
    FLSDB_DATABASE: database,
    FLSDB_WORKERS: '1',
    ...environment,
  }
  const child = spawn(process.execPath, ['--disable-warning=ExperimentalWarning', path.join(root, 'src', 'start.ts')], {
    env,
    stdio: ['ignore', 'pipe', 'pipe'],
  })
  let output = ''
  const hear = (part: Buffer) => {
    output += part.toString('utf8')
  }
  child.stdout.on('data', hear)
  child.stderr.on('data', hear)
  const ready = await readyLine(child, () => output)
  const demo = JSON.parse(await readFile(path.join(data, 'demo.json'), 'utf8')) as DemoFile
  const tokens = new Map<string, { token: string; until: number }>()
  const token = async (clientId: string) => {
    const known = tokens.get(clientId)
    if (known && known.until > Date.now()) return known.token
    const fresh = await fetchToken(demo, clientId)
    tokens.set(clientId, { token: fresh, until: Date.now() + 60_000 })
    return fresh
  }
  const ended = new Promise<void>(resolve => child.once('exit', () => resolve()))
  return {
    url: ready.http,
    mllpPort: ready.mllp,
    demo,
    database,
    output: () => output,
    token,
    flsdb: (...words) => runCommand(words, env),
    mongo,
    process: child,
    call: (clientId, method, address, body, headers) =>
      call(ready.http, clientId === undefined ? undefined : token(clientId), method, address, body, headers),
    kill: async () => {
      child.kill('SIGKILL')
      await ended
      await mongo.close()
    },
    stop: async () => {
      child.kill('SIGTERM')
      await ended
      if (!keepDatabase) await mongo.db(database).dropDatabase()
      await mongo.close()
      if (!dataFolder) await rm(data, { recursive: true, force: true })
    },
  }
}

function runCommand(words: readonly string[], env: NodeJS.ProcessEnv): Promise<string> {
  const command = ['--disable-warning=ExperimentalWarning', path.join(root, 'src', 'cli', 'main.ts'), ...words]
  return new Promise((resolve, reject) => {
    execFile(process.execPath, command, { env, timeout: 120_000, maxBuffer: 64 * 1024 * 1024 }, (fault, out, err) => {
      if (fault) reject(new Error(`flsdb ${words[0]} failed:\n${err}\n${out}`, { cause: fault }))
      else resolve(out)
    })
  })
}

async function readyLine(child: ChildProcess, output: () => string): Promise<{ http: string; mllp: number }> {
  const until = Date.now() + 120_000
  while (Date.now() < until) {
    const line = output()
      .split('\n')
      .find(text => text.startsWith('{"ready":true'))
    if (line) return JSON.parse(line)
    if (child.exitCode !== null) break
    await new Promise(resolve => setTimeout(resolve, 50))
  }
  throw new Error(`the service did not become ready:\n${output()}`)
}

async function fetchToken(demo: DemoFile, clientId: string): Promise<string> {
  const client = demo.clients.find(one => one.clientId === clientId)
  if (!client) throw new Error(`no demo client ${clientId}`)
  const answer = await fetch(demo.tokenUrl, {
    method: 'POST',
    headers: {
      authorization: `Basic ${Buffer.from(`${client.clientId}:${client.clientSecret}`).toString('base64')}`,
      'content-type': 'application/x-www-form-urlencoded',
    },
    body: new URLSearchParams({ grant_type: 'client_credentials', scope: client.scope, resource: demo.audience }),
  })
  const body = (await answer.json()) as { access_token?: string }
  if (!body.access_token) throw new Error(`no token for ${clientId}: ${answer.status} ${JSON.stringify(body)}`)
  return body.access_token
}

async function call(
  base: string,
  token: Promise<string> | undefined,
  method: string,
  address: string,
  body: unknown,
  headers: Record<string, string> = {},
): Promise<Answer> {
  const isRaw = typeof body === 'string' || body instanceof Uint8Array || body instanceof FormData
  const answer = await fetch(address.startsWith('http') ? address : `${base}${address}`, {
    method,
    headers: {
      ...(token ? { authorization: `Bearer ${await token}` } : {}),
      ...(body !== undefined && !isRaw
        ? { 'content-type': address.startsWith('/fhir') ? 'application/fhir+json' : 'application/json' }
        : {}),
      ...headers,
    },
    ...(body === undefined ? {} : { body: isRaw ? (body as BodyInit) : JSON.stringify(body) }),
  })
  const text = await answer.text()
  return { status: answer.status, headers: answer.headers, text, json: jsonOr(text) }
}

function jsonOr(text: string): unknown {
  try {
    return JSON.parse(text)
  } catch {
    return undefined
  }
}

/** Asks again until `ask` gives something, at most `seconds`; the last answer is in the error. */
export async function eventually<T>(what: string, ask: () => Promise<T | undefined>, seconds = 20): Promise<T> {
  const until = Date.now() + seconds * 1000
  for (;;) {
    const found = await ask()
    if (found !== undefined) return found
    if (Date.now() > until) throw new Error(`not within ${seconds} s: ${what}`)
    await new Promise(resolve => setTimeout(resolve, 100))
  }
}

/** Resolves when nothing waits in the inbox and no record is due to be solved again. */
export async function quiet(service: Pick<RunningService, 'mongo' | 'database'>, seconds = 60): Promise<void> {
  const db = service.mongo.db(service.database)
  await eventually(
    'the river runs dry',
    async () => {
      const open = await db.collection('inbox').countDocuments({ state: { $in: ['received', 'claimed'] } })
      const dirty = await db.collection('records').countDocuments({ dirtyAt: { $lte: new Date() } })
      return open + dirty === 0 ? true : undefined
    },
    seconds,
  )
}
