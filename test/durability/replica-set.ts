import { type ChildProcess, spawn } from 'node:child_process'
import { mkdir } from 'node:fs/promises'
import path from 'node:path'
import { setTimeout as pause } from 'node:timers/promises'
import { MongoClient } from 'mongodb'
import { freePort } from '../../src/store/embedded.ts'
import { supplyMongod } from '../../src/store/mongod-supply.ts'

const setName = 'flsdb'
/** Shorter than MongoDB's ten seconds, so that an election costs a campaign seconds; published figures name it. */
export const electionTimeoutMs = 2_000

/** One mongod process on a folder that outlives it. */
export class Member {
  readonly port: number
  readonly #start: () => ChildProcess
  #process: ChildProcess | undefined
  #client: MongoClient | undefined

  constructor(port: number, start: () => ChildProcess) {
    this.port = port
    this.#start = start
  }

  get pid(): number {
    return this.#process?.pid ?? 0
  }

  get isRunning(): boolean {
    return this.#process !== undefined && this.#process.exitCode === null && this.#process.signalCode === null
  }

  start(): void {
    if (!this.isRunning) this.#process = this.#start()
  }

  signal(signal: NodeJS.Signals): void {
    if (this.isRunning) this.#process?.kill(signal)
  }

  async ended(): Promise<void> {
    while (this.isRunning) await pause(5)
  }

  /** A command to this very member. A client that failed once is closed for good, so the next call has a new one. */
  async command(command: Record<string, unknown>): Promise<Record<string, unknown>> {
    this.#client ??= new MongoClient(`mongodb://127.0.0.1:${this.port}/?directConnection=true`, {
      serverSelectionTimeoutMS: 1_500,
      connectTimeoutMS: 1_500,
      socketTimeoutMS: 5_000,
      heartbeatFrequencyMS: 1_000,
    })
    const client = this.#client
    try {
      return await client.db('admin').command(command)
    } catch (cause) {
      if (this.#client === client) this.#client = undefined
      await client.close()
      throw cause
    }
  }

  async stop(): Promise<void> {
    await this.#client?.close()
    // Stopped members would never hear a polite signal.
    this.signal('SIGCONT')
    this.signal('SIGKILL')
    await this.ended()
  }
}

/** Real mongod processes as one replica set, of one member or three; each can be killed, paused and started again by itself. */
export type ReplicaSet = {
  readonly uri: string
  readonly members: readonly Member[]
  /** The member that takes writes now; waits for one, at most a minute. */
  readonly primary: () => Promise<Member>
  readonly stop: () => Promise<void>
}

export type ReplicaSetOptions = {
  readonly folder: string
  readonly size: 1 | 3
  /** Where a member keeps its files, if not in a folder of its own below `folder`. */
  readonly dbPath?: (index: number) => string
  readonly parameters?: readonly string[]
}

export async function startReplicaSet({
  folder,
  size,
  dbPath,
  parameters = [],
}: ReplicaSetOptions): Promise<ReplicaSet> {
  const cacheFolder = path.join(import.meta.dirname, '..', '..', '.cache', 'mongod')
  const mongod = await supplyMongod({ cacheFolder, tell: () => undefined })
  const members: Member[] = []
  for (let index = 0; index < size; index++) {
    const data = dbPath?.(index) ?? path.join(folder, `member-${index}`)
    await mkdir(data, { recursive: true })
    const port = await freePort()
    const log = path.join(folder, `mongod-${index}.log`)
    members.push(
      new Member(port, () =>
        spawn(mongod.path, settings({ port, data, log, parameters }), { stdio: 'ignore', detached: true }),
      ),
    )
  }
  for (const member of members) member.start()
  const [first] = members
  if (!first) throw new Error('a replica set has a member')
  await initiate(first, members)
  const set: ReplicaSet = {
    uri: `mongodb://${members.map(member => `127.0.0.1:${member.port}`).join(',')}/?replicaSet=${setName}`,
    members,
    primary: () => findPrimary(members),
    stop: async () => {
      await Promise.all(members.map(member => member.stop()))
    },
  }
  await set.primary()
  return set
}

type Settings = {
  readonly port: number
  readonly data: string
  readonly log: string
  readonly parameters: readonly string[]
}

function settings({ port, data, log, parameters }: Settings): string[] {
  return [
    ...['--port', String(port), '--dbpath', data, '--replSet', setName, '--bind_ip', '127.0.0.1'],
    ...['--logpath', log, '--logappend', '--quiet', '--wiredTigerCacheSizeGB', '0.5', '--oplogSize', '512'],
    ...['--networkMessageCompressors', 'disabled', '--setParameter', 'diagnosticDataCollectionEnabled=false'],
    ...parameters.flatMap(parameter => ['--setParameter', parameter]),
  ]
}

async function initiate(first: Member, members: readonly Member[]): Promise<void> {
  const config = {
    _id: setName,
    members: members.map((member, _id) => ({ _id, host: `127.0.0.1:${member.port}` })),
    settings: { electionTimeoutMillis: electionTimeoutMs, heartbeatIntervalMillis: 500 },
  }
  const until = Date.now() + 60_000
  for (;;) {
    const fault = await first.command({ replSetInitiate: config }).then(
      () => undefined,
      (cause: unknown) => cause,
    )
    if (fault === undefined || String(fault).includes('already initialized')) return
    if (Date.now() > until) throw fault
    await pause(200)
  }
}

async function findPrimary(members: readonly Member[]): Promise<Member> {
  const until = Date.now() + 60_000
  while (Date.now() < until) {
    const said = await Promise.all(
      members.map(member => (member.isRunning ? member.command({ hello: 1 }).catch(() => undefined) : undefined)),
    )
    const found = members.find((_, index) => said[index]?.['isWritablePrimary'] === true)
    if (found) return found
    await pause(50)
  }
  throw new Error('no member of the replica set took over within a minute')
}
