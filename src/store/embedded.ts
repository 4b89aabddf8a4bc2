import { mkdir, readFile, writeFile } from 'node:fs/promises'
import { createServer } from 'node:net'
import path from 'node:path'
import { setTimeout as pause } from 'node:timers/promises'
import { MongoClient } from 'mongodb'
import { MongoMemoryServer } from 'mongodb-memory-server-core'
import type { Mongod } from './mongod-supply.ts'

const setName = 'flsdb'

/**
 * A running single-member replica set on loopback whose data outlives it. `pid` is that of the mongod that runs now; one that ends by itself
 * (killed, out of memory, disk full) is started again on the same port until `stop`, which ends it cleanly and keeps the data.
 */
export type Embedded = { readonly uri: string; readonly port: number; readonly pid: number; stop(): Promise<void> }

/** Pause before an ended mongod is started again; doubles while that fails. Milliseconds. */
const [firstPauseMs, longestPauseMs] = [500, 30_000]

/**
 * Starts mongod on `folder` as a replica set of one: majority is one copy, so an acknowledged write survives a crash of the host,
 * not the loss of its disk. The port of the last start is taken again when free. zlib is off (CVE-2025-14847).
 * `isThrowaway`: for tests; smaller cache, and what ends stays ended.
 */
export async function startEmbedded(mongod: Mongod, folder: string, { isThrowaway = false } = {}): Promise<Embedded> {
  const dbPath = path.join(folder, 'mongod')
  await mkdir(dbPath, { recursive: true })
  await refuseSecond(path.join(dbPath, 'mongod.lock'), folder)
  const port = await choosePort(path.join(folder, 'mongod.port'))
  let isStopping = false
  const processOf = (server: MongoMemoryServer) => server.instanceInfo?.instance.mongodProcess
  const start = async (): Promise<MongoMemoryServer> => {
    const started = await launch(mongod, { dbPath, port, cacheGB: isThrowaway ? '0.5' : '1' })
    if (!isThrowaway) processOf(started)?.once('exit', () => void startAgain(firstPauseMs))
    await becomePrimary(port)
    return started
  }
  const startAgain = async (pauseMs: number): Promise<void> => {
    await pause(pauseMs, undefined, { ref: false })
    if (isStopping) return
    // Its port or its disk may still be taken, or full: the next try is later. Requests are refused meanwhile and `/ready` says so.
    const started = await start().catch(() => undefined)
    if (started) server = started
    else void startAgain(Math.min(longestPauseMs, 2 * pauseMs))
  }
  let server = await start()
  return {
    uri: `mongodb://127.0.0.1:${port}/?replicaSet=${setName}`,
    port,
    get pid() {
      return processOf(server)?.pid ?? 0
    },
    stop: async () => {
      isStopping = true
      await server.stop({ doCleanup: false, force: false })
    },
  }
}

function launch(
  mongod: Mongod,
  { dbPath, port, cacheGB }: { readonly dbPath: string; readonly port: number; readonly cacheGB: string },
): Promise<MongoMemoryServer> {
  return MongoMemoryServer.create({
    instance: {
      port,
      // The port was chosen above and is part of the set's configuration: never another one.
      portGeneration: false,
      dbPath,
      replSet: setName,
      ip: '127.0.0.1',
      storageEngine: 'wiredTiger',
      args: [
        '--networkMessageCompressors',
        'snappy,zstd',
        '--setParameter',
        'diagnosticDataCollectionEnabled=false',
        '--wiredTigerCacheSizeGB',
        cacheGB,
      ],
      launchTimeout: 60_000,
    },
    binary: { systemBinary: mongod.path, version: mongod.version },
    // Its own process group: Ctrl-C must reach the service first, which then stops mongod.
    spawn: { detached: true },
  })
}

/** The data folder is held by a mongod that runs. */
export class FolderInUse extends Error {
  readonly code = 'folder-in-use'
}

/** A mongod of a service that was just killed gets a few seconds to end; one that stays belongs to a service that runs. */
async function refuseSecond(lockFile: string, folder: string): Promise<void> {
  const pid = Number((await readFile(lockFile, 'utf8').catch(() => '')).trim())
  for (let attempt = 0; pid > 0 && (await isMongod(pid)); attempt++) {
    if (attempt === 100)
      throw new FolderInUse(
        `The data folder ${folder} is in use by a running service (mongod ${pid}). Stop it, or set FLSDB_DATA to another folder.`,
      )
    await new Promise(resolve => setTimeout(resolve, 100))
  }
}

/** After a restart of the host the number may be another program's; where there is no /proc, any living process counts. */
async function isMongod(pid: number): Promise<boolean> {
  try {
    process.kill(pid, 0)
  } catch {
    return false
  }
  const command = await readFile(`/proc/${pid}/cmdline`, 'utf8').catch(() => 'mongod')
  return command.includes('mongod')
}

/** Initiates the set, or, when the data folder comes back under another port, points its only member at this one. */
async function becomePrimary(port: number): Promise<void> {
  const host = `127.0.0.1:${port}`
  const client = await MongoClient.connect(`mongodb://${host}/?directConnection=true`, {
    serverSelectionTimeoutMS: 20_000,
  })
  try {
    const admin = client.db('admin')
    const members = [{ _id: 0, host }]
    const initiated = await admin.command({ replSetInitiate: { _id: setName, members } }).then(
      () => true,
      () => false,
    )
    if (!initiated) {
      const { config } = await admin.command({ replSetGetConfig: 1 })
      if (config.members[0].host !== host) {
        await admin.command({
          replSetReconfig: { ...config, version: config.version + 1, members: [{ ...config.members[0], host }] },
          force: true,
        })
      }
    }
    for (let attempt = 0; attempt < 600; attempt++) {
      const hello = await admin.command({ hello: 1 })
      if (hello['isWritablePrimary']) return
      await new Promise(resolve => setTimeout(resolve, 50))
    }
    throw new Error('the embedded replica set did not elect its member within 30 s')
  } finally {
    await client.close()
  }
}

async function choosePort(remembered: string): Promise<number> {
  const last = Number(await readFile(remembered, 'utf8').catch(() => '0'))
  const port = (last && (await isFree(last)) ? last : 0) || (await freePort())
  await writeFile(remembered, String(port))
  return port
}

/** A port free on loopback at this moment. */
export async function freePort(): Promise<number> {
  return new Promise((resolve, reject) => {
    const probe = createServer().unref()
    probe.on('error', reject)
    probe.listen(0, '127.0.0.1', () => {
      const address = probe.address()
      probe.close(() => resolve(typeof address === 'object' && address ? address.port : 0))
    })
  })
}

export async function isFree(port: number, host = '127.0.0.1'): Promise<boolean> {
  return new Promise(resolve => {
    const probe = createServer().unref()
    probe.on('error', () => resolve(false))
    probe.listen(port, host, () => probe.close(() => resolve(true)))
  })
}
