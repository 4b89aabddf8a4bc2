import { hash } from 'node:crypto'
import { cp, mkdtemp, readdir, readFile, rm, truncate, writeFile } from 'node:fs/promises'
import { hostname, tmpdir } from 'node:os'
import path from 'node:path'
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals'
import { BSON } from 'mongodb'
import { loadKeys } from '../../src/access/keys.ts'
import type { OdsCode } from '../../src/fls/fact.ts'
import { openRiver } from '../../src/open-river.ts'
import { buildReplay } from '../../src/replay.ts'
import { openAccessLog } from '../../src/store/access-log.ts'
import { takeBackup } from '../../src/store/backup.ts'
import { checkBackup } from '../../src/store/backup-check.ts'
import { BadBackup } from '../../src/store/backup-manifest.ts'
import { holdServiceLease, LeaseHeld } from '../../src/store/lease.ts'
import { registerBytes } from '../../src/store/registers.ts'
import { canonical } from '../../src/store/replay-differences.ts'
import { swapReplay } from '../../src/store/replay-swap.ts'
import { type RestoreOptions, readRestore, restoreBackup } from '../../src/store/restore.ts'
import { adoptShapes } from '../../src/store/shape.ts'
import { openStore, type Store } from '../../src/store/store.ts'
import { bringIndexes } from '../../src/wiring/database.ts'
import { admission, openTestRiver, type TestRiver } from '../set-up/river.ts'

/** What a backup promises: whole while traffic runs, proven before anything is written, and a replay of it gives the same documents. */
let river: TestRiver
let target: Store
let folder: string
beforeAll(async () => {
  river = await openTestRiver('backup')
  target = await openStore(process.env['FLSDB_TEST_MONGODB'] ?? '', 'river_backup_target')
  folder = await mkdtemp(path.join(tmpdir(), 'flsdb-backup-'))
})
afterAll(async () => {
  await target.db.dropDatabase()
  await target.close()
  await river.close()
  await rm(folder, { recursive: true, force: true })
})

const into = (name: string) => path.join(folder, name)
const backup = (name: string, withKeys = false) =>
  takeBackup({
    store: river.store,
    folder: into(name),
    keyFile: river.keyFile,
    withKeys,
    clock: () => new Date(),
    onProgress: () => undefined,
  })
const restore = (name: string, options: Partial<RestoreOptions> = {}) =>
  restoreBackup({
    store: target,
    folder: into(name),
    keyFile: river.keyFile,
    isOverwriting: false,
    bringIndexes,
    onProgress: () => undefined,
    ...options,
  })
const message = (number: number) => admission({ organisation: 'RXX', number: `N${number}`, controlId: `c${number}` })
/** Nine mebibytes: kept in two pieces. */
const large = (number: number) => {
  const arrival = message(number)
  const notes = `NTE|1||${'x'.repeat(1_000)}\r`.repeat(9_400)
  return { ...arrival, controlId: `large${number}`, bytes: Buffer.concat([arrival.bytes, Buffer.from(notes)]) }
}
async function derived(store: Store): Promise<string[]> {
  const names = ['facts', 'persons', 'episodes', 'reviews'] as const
  const all = await Promise.all(
    names.map(async name =>
      ((await store.db.collection(name).find({}).toArray()) as object[]).map(document =>
        canonical({ name, ...document, solve: undefined }),
      ),
    ),
  )
  return all.flat().sort()
}

/** Every document as stored, by id and hash; when an entry was last read is the replay's own. */
async function bytesOf(store: Store, name: string): Promise<string[]> {
  const exact = { promoteValues: false, promoteBuffers: false } as const
  const all = await store.db.collection(name).find({}, exact).sort({ _id: 1 }).toArray()
  return all.map(document => `${document._id} ${hash('sha256', BSON.serialize({ ...document, readAt: null }), 'hex')}`)
}

describe('a deployment with history', () => {
  beforeAll(async () => {
    await river.accept({
      sender: 'user:test',
      organisation: 'FLSDB' as OdsCode,
      side: 'site',
      protocol: 'register',
      controlId: 'site/RXX01',
      type: 'site',
      bytes: registerBytes({
        register: 'site',
        id: 'RXX01',
        by: 'test',
        statement: { name: 'Test', organisation: 'RXX', fls: true },
      }),
    })
    for (let number = 1; number <= 5; number++) await river.accept(message(number))
    await river.accept({ ...message(1), organisation: 'RYY' as OdsCode, sender: 'ryy-pas', controlId: 'other' })
    await river.accept(large(6))
    await river.flow()
    const log = openAccessLog(river.store.db)
    const line = { subject: 'test', role: 'engineer', organisations: [], action: 'test', status: 200, requestId: 'r' }
    for (let at = 0; at < 3; at++) await log.append({ at: new Date(), ...line })
    await backup('first')
  })

  test('restored into an empty database and replayed, it is what it was, to the byte', async () => {
    // What the start of a service, or a command, writes into an empty database.
    await adoptShapes(target.db)
    const manifest = await restore('first')
    expect(manifest.inbox).toMatchObject({ entries: 8, expired: 0 })
    expect(await derived(target)).toEqual([])
    const keys = await loadKeys(river.keyFile, false)
    const opened = openRiver(target, keys, { acceptTestNumbers: true })
    await buildReplay({ ...opened, report: () => undefined, onProgress: () => undefined })
    await swapReplay(target)
    const before = await derived(river.store)
    expect(before.length).toBeGreaterThan(20)
    expect(await derived(target)).toEqual(before)
    for (const name of ['inbox', 'inboxChunks', 'accessLog', 'sites'])
      expect(await bytesOf(target, name)).toEqual(await bytesOf(river.store, name))
    expect(await openAccessLog(target.db).verify()).toMatchObject({ isIntact: true, lines: 3 })
  })

  test('a database that holds anything is refused and left as it was; told to, it is wiped', async () => {
    await expect(restore('first')).rejects.toThrow(/not empty.*8 inbox.*--overwrite/)
    expect(await target.inbox.countDocuments()).toBe(8)
    await target.inbox.insertOne({ ...(await target.inbox.findOne()), _id: 'stray' } as never)
    await restore('first', { isOverwriting: true })
    expect(await target.inbox.countDocuments()).toBe(8)
    expect(await readRestore(target.db)).toMatchObject({ state: 'done', isReplayed: false })
  })

  test('refused while a service runs on the database, even when told to wipe it', async () => {
    const lease = await holdServiceLease(target.db)
    await expect(restore('first', { isOverwriting: true })).rejects.toThrow(`process ${process.pid} on ${hostname()}`)
    await lease.release()
    await restore('first', { isOverwriting: true })
  })

  test('another key file is refused; with keys inside, it says where', async () => {
    const other = into('other-keys.json')
    await loadKeys(other, true)
    await expect(restore('first', { keyFile: other, isOverwriting: true })).rejects.toThrow(/not the key file/)
    await backup('with-keys', true)
    await expect(restore('with-keys', { keyFile: other, isOverwriting: true })).rejects.toThrow(
      into(path.join('with-keys', 'keys.json')),
    )
    expect(await readFile(path.join(into('with-keys'), 'keys.json'))).toEqual(await readFile(river.keyFile))
    expect(await readdir(into('first'))).not.toContain('keys.json')
  })

  const damage = (file: string, change: (bytes: Buffer) => Buffer) => async (at: string) => {
    const name = path.join(at, file)
    await writeFile(name, change(await readFile(name)))
  }
  const edit = (change: (manifest: string) => string) =>
    damage('manifest.json', bytes => Buffer.from(change(bytes.toString('utf8'))))
  test.each([
    [
      'one byte turned',
      damage('inbox.bson.gz', bytes => bytes.with(bytes.length >> 1, 7) as Buffer),
      /inbox\.bson\.gz/,
    ],
    ['cut short', (at: string) => truncate(path.join(at, 'accessLog.bson.gz'), 50), /accessLog\.bson\.gz is not what/],
    ['a file gone', (at: string) => rm(path.join(at, 'inboxChunks.bson.gz')), /inboxChunks\.bson\.gz cannot be read/],
    ['never finished', (at: string) => rm(path.join(at, 'manifest.json')), /no backup, or one that was broken off/],
    ['a manifest that is none', edit(() => 'no JSON'), /manifest\.json is damaged/],
    ['another inbox', edit(text => text.replace(/("hash": ")./, '$1')), /damaged \(inbox\.hash\)/],
    ['a newer format', edit(text => text.replace('"version": 1', '"version": 2')), /release reads up to 1/],
    ['newer data', edit(text => text.replace('"registers": 1', '"registers": 9')), /registers has shape 9/],
  ] as const)('%s: refused before anything is written', async (what, harm, told) => {
    const name = `harmed-${what.replaceAll(' ', '-')}`
    await cp(into('first'), into(name), { recursive: true })
    await harm(into(name))
    const before = await target.inbox.countDocuments()
    await expect(restore(name, { isOverwriting: true })).rejects.toThrow(told)
    expect(await target.inbox.countDocuments()).toBe(before)
  })
})

describe('while traffic runs', () => {
  test('whatever was acknowledged before it began is inside, and every entry inside is whole', async () => {
    const acknowledged: string[] = []
    let isRunning = true
    const sender = async (lane: number) => {
      for (let at = 0; isRunning; at++) {
        const number = 1_000 + lane * 100_000 + at
        const { inboxId } = await river.accept(at % 20 === lane ? large(number) : message(number))
        acknowledged.push(inboxId)
      }
    }
    const traffic = Promise.all([0, 1, 2].map(sender))
    await new Promise(resolve => setTimeout(resolve, 400))
    const before = [...acknowledged]
    const manifest = await backup('busy')
    const meanwhile = acknowledged.length - before.length
    isRunning = false
    await traffic
    expect(meanwhile).toBeGreaterThan(0)
    expect(await checkBackup(into('busy'))).toEqual(manifest)
    await restore('busy', { isOverwriting: true })
    const inside = new Set(await target.inbox.distinct('_id'))
    expect(before.filter(id => !inside.has(id as never))).toEqual([])
    expect(await target.inbox.countDocuments({ chunks: { $exists: true } })).toBeGreaterThan(0)
    // How much comes in meanwhile is up to the machine.
  }, 120_000)

  test('one at a time; a folder with anything in it is never written', async () => {
    const [first, second] = await Promise.allSettled([backup('twice-a'), backup('twice-b')])
    const refused = [first, second].filter(one => one.status === 'rejected')
    expect(refused.map(one => one.reason)).toEqual([expect.any(LeaseHeld)])
    await expect(backup('first')).rejects.toThrow(BadBackup)
  })
})
