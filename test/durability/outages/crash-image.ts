import { execFile, spawn } from 'node:child_process'
import { mkdir, mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { setTimeout as pause } from 'node:timers/promises'
import { promisify } from 'node:util'
import { MongoClient } from 'mongodb'
import { freePort } from '../../../src/store/embedded.ts'
import { supplyMongod } from '../../../src/store/mongod-supply.ts'
import { makeRandom } from '../../../synthetic/random.ts'
import { quiet } from '../../set-up/running.ts'
import { keyOf } from '../stream.ts'
import { judge, type Verdict } from '../verdict.ts'
import { database, openWorld, type World } from '../world.ts'

const run = promisify(execFile)
const imageSize = '3G'

/** One JSON line: `images` power cuts, `promised` promises given before them in all, `missing` of those on the disk as it was. */
export type CrashImageResult = {
  readonly images: number
  readonly seed: string
  readonly promised: number
  readonly missing: number
  readonly duplicated: number
  readonly seconds: number
  readonly verdict: Verdict
}

/**
 * Power cuts, imitated: the database lives on an ext4 file system in a file; at a random instant mongod stands still and the file is copied.
 * What mongod had not flushed is in the kernel's memory only and not in the copy (trust.md fact 8). A mongod started on the copy must find
 * everything promised before that instant. Needs the right to mount; a disk that lies about a flush is not imitated.
 */
export async function runCrashImages(images: number, seed: string): Promise<CrashImageResult> {
  const folder = await mkdtemp(path.join(tmpdir(), 'flsdb-crash-'))
  const image = path.join(folder, 'disk.img')
  const disk = path.join(folder, 'disk')
  const random = makeRandom(seed)
  const began = performance.now()
  let [promised, missing, duplicated] = [0, 0, 0]
  await run('truncate', ['-s', imageSize, image])
  await run('mkfs.ext4', ['-q', '-F', image])
  await mount(image, disk)
  let world: World | undefined
  try {
    world = await openWorld({ members: 1, lanes: 16, dbPath: () => path.join(disk, 'db') })
    for (let index = 0; index < images; index++) {
      await world.ledger.morePromises(random.int(1, 60), 180_000)
      await pause(random.int(0, 300))
      const found = await cut(world, image, path.join(folder, 'copy'))
      promised += found.promised
      missing += found.missing
      duplicated += found.duplicated
      process.stderr.write(`image ${index + 1}: ${found.promised} promised, ${found.missing} missing\n`)
    }
    await Promise.all(world.senders.map(sender => sender.finish(60_000)))
    await quiet({ mongo: world.mongo, database }, 900).catch(() => undefined)
    const verdict = await judge(world.mongo, world.ledger)
    return {
      images,
      seed,
      promised,
      missing,
      duplicated,
      seconds: Math.round((performance.now() - began) / 1_000),
      verdict,
    }
  } finally {
    await world?.close()
    await run('umount', [disk])
    await rm(folder, { recursive: true, force: true })
  }
}

type Found = { readonly promised: number; readonly missing: number; readonly duplicated: number }

async function cut({ ledger, set }: World, image: string, copyFolder: string): Promise<Found> {
  const [member] = set.members
  const promised = [...ledger.sendings].flatMap(([key, { isAcknowledged }]) => (isAcknowledged ? [key] : []))
  member?.signal('SIGSTOP')
  await pause(20)
  await mkdir(copyFolder, { recursive: true })
  const copy = path.join(copyFolder, 'disk.img')
  await run('cp', ['--sparse=always', image, copy])
  member?.signal('SIGCONT')
  const disk = path.join(copyFolder, 'disk')
  await mount(copy, disk)
  try {
    const kept = await keysOn(path.join(disk, 'db'))
    return {
      promised: promised.length,
      missing: promised.filter(key => !kept.has(key)).length,
      duplicated: [...kept.values()].filter(times => times > 1).length,
    }
  } finally {
    await run('umount', [disk])
    await rm(copyFolder, { recursive: true, force: true })
  }
}

async function mount(image: string, disk: string): Promise<void> {
  await mkdir(disk, { recursive: true })
  await run('mount', ['-o', 'loop', image, disk])
}

/** What a mongod finds on these files after its own recovery, by hash of the bytes. */
async function keysOn(dbPath: string): Promise<Map<string, number>> {
  const mongod = await supplyMongod({
    cacheFolder: path.join(import.meta.dirname, '..', '..', '..', '.cache', 'mongod'),
    tell: () => undefined,
  })
  const port = await freePort()
  // Alone and read-only, with its oplog applied to the end: what a member would come up with, without waiting for an election.
  const server = spawn(
    mongod.path,
    [
      ...['--port', String(port), '--dbpath', dbPath, '--bind_ip', '127.0.0.1', '--wiredTigerCacheSizeGB', '0.25'],
      ...[
        '--setParameter',
        'recoverFromOplogAsStandalone=true',
        '--setParameter',
        'diagnosticDataCollectionEnabled=false',
      ],
    ],
    { stdio: 'ignore' },
  )
  const ended = new Promise<void>(resolve => server.once('exit', () => resolve()))
  const client = new MongoClient(`mongodb://127.0.0.1:${port}/?directConnection=true`, {
    serverSelectionTimeoutMS: 60_000,
  })
  const kept = new Map<string, number>()
  try {
    for await (const { bytes } of client
      .db(database)
      .collection('inbox')
      .find({}, { projection: { bytes: 1 } })) {
      if (!bytes) continue
      const key = keyOf(bytes.buffer)
      kept.set(key, (kept.get(key) ?? 0) + 1)
    }
    return kept
  } finally {
    await client.close()
    server.kill('SIGKILL')
    await ended
  }
}
