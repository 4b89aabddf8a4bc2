import { execFile, spawn } from 'node:child_process'
import { createHash } from 'node:crypto'
import { chmod, mkdir, mkdtemp, readdir, rm, symlink, writeFile } from 'node:fs/promises'
import { createServer, type Server } from 'node:http'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { promisify } from 'node:util'
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals'
import { MongoClient } from 'mongodb'
import { freePort } from '../../src/store/embedded.ts'
import { MongodMissing, supplyMongod, versionOf } from '../../src/store/mongod-supply.ts'
import { openStore, UnsafeDatabase } from '../../src/store/store.ts'
import { eventually } from '../set-up/running.ts'

const run = promisify(execFile)
const projectCache = path.join(import.meta.dirname, '..', '..', '.cache', 'mongod')
const said: string[] = []
const tell = (line: string) => said.push(line)
let scratch: string

beforeAll(async () => {
  scratch = await mkdtemp(path.join(tmpdir(), 'flsdb-supply-'))
})
afterAll(() => rm(scratch, { recursive: true, force: true }))

test('the test server is a real replica set that confirms journaled majority writes', async () => {
  const client = await MongoClient.connect(process.env['FLSDB_TEST_MONGODB'] ?? '')
  const db = client.db('supply_smoke')
  const written = await db.collection('x').insertOne({ a: 1 }, { writeConcern: { w: 'majority', j: true } })
  expect(written.acknowledged).toBe(true)
  expect((await db.admin().command({ hello: 1 }))['setName']).toBe('flsdb')
  await db.dropDatabase()
  await client.close()
})

/** A mongod of this machine, from whatever source the test run itself took. */
async function realMongod(): Promise<string> {
  return (await supplyMongod({ cacheFolder: projectCache, tell })).path
}

describe('where mongod comes from', () => {
  test('PATH first, and it runs', async () => {
    const folder = path.join(scratch, 'on-path')
    await mkdir(folder)
    await symlink(await realMongod(), path.join(folder, 'mongod'))
    const found = await supplyMongod({ cacheFolder: path.join(scratch, 'none'), searchPath: folder, tell })
    expect(found.source).toBe('path')
    expect(await versionOf(found.path)).toBe(found.version)
  })

  test('the cache before any download', async () => {
    const cacheFolder = path.join(scratch, 'cache')
    await mkdir(cacheFolder)
    await symlink(await realMongod(), path.join(cacheFolder, 'mongod-9.9.9'))
    expect(await supplyMongod({ cacheFolder, searchPath: '', tell })).toMatchObject({ source: 'cache' })
  })

  describe('the vendor, here a server on loopback', () => {
    let vendor: Server
    let address = ''
    let asked: string[] = []

    beforeAll(async () => {
      const archive = await fakeRelease(path.join(scratch, 'release'))
      vendor = createServer((request, response) => {
        asked.push(request.url ?? '')
        if (request.url?.endsWith('.md5'))
          response.end(`${createHash('md5').update(archive).digest('hex')}  archive.tgz\n`)
        else if (request.url?.endsWith('.tgz')) response.setHeader('content-length', archive.length).end(archive)
        else response.end()
      })
      const port = await freePort()
      address = `http://127.0.0.1:${port}`
      await new Promise<void>(resolve => vendor.listen(port, '127.0.0.1', resolve))
    })
    afterAll(() => new Promise(resolve => vendor.close(resolve)))

    test('is downloaded, its checksum compared, unpacked into the cache', async () => {
      asked = []
      const cacheFolder = path.join(scratch, 'downloaded')
      const found = await supplyMongod({ cacheFolder, searchPath: '', vendorAddress: address, tell })
      expect(found).toMatchObject({ source: 'download', version: '7.0.45' })
      expect(asked.some(url => url.endsWith('.md5'))).toBe(true)
      expect((await readdir(cacheFolder)).length).toBeGreaterThan(0)
    }, 60_000)
  })

  test('when nothing works, within seconds, and the message says what to do', async () => {
    const started = performance.now()
    const nothing = {
      cacheFolder: path.join(scratch, 'empty'),
      searchPath: '',
      vendorAddress: 'http://127.0.0.1:1',
      isWheelWanted: false,
      tell,
    }
    const failure = await supplyMongod(nothing).then(
      () => undefined,
      (cause: unknown) => cause,
    )
    expect(failure).toBeInstanceOf(MongodMissing)
    expect(String(failure)).toMatch(/vendor site not reachable.*PATH.*MONGODB_URI.*docker compose/s)
    expect(performance.now() - started).toBeLessThan(20_000)
  })
})

test('MONGODB_URI of a standalone server is refused with the remedy', async () => {
  const port = await freePort()
  const dbPath = path.join(scratch, 'standalone')
  await mkdir(dbPath)
  const standalone = spawn(await realMongod(), ['--port', String(port), '--dbpath', dbPath, '--bind_ip', '127.0.0.1'], {
    stdio: 'ignore',
  })
  const ended = new Promise(resolve => standalone.once('exit', resolve))
  try {
    const client = await eventually('the standalone server answers', () =>
      MongoClient.connect(`mongodb://127.0.0.1:${port}/`, { serverSelectionTimeoutMS: 500 }).catch(() => undefined),
    )
    await client.close()
    const failure = await openStore(`mongodb://127.0.0.1:${port}/`, 'x').catch((cause: unknown) => cause)
    expect(failure).toBeInstanceOf(UnsafeDatabase)
    expect(String(failure)).toContain('replica set')
  } finally {
    standalone.kill('SIGKILL')
    await ended
  }
}, 60_000)

/** A release archive in the vendor's form whose mongod only knows its version. */
async function fakeRelease(folder: string): Promise<Buffer> {
  const bin = path.join(folder, 'mongodb-linux', 'bin')
  await mkdir(bin, { recursive: true })
  await writeFile(path.join(bin, 'mongod'), '#!/bin/sh\necho "db version v7.0.45"\n')
  await chmod(path.join(bin, 'mongod'), 0o755)
  const { stdout } = await run('tar', ['-czf', '-', '-C', folder, 'mongodb-linux'], {
    encoding: 'buffer',
    maxBuffer: 10_000_000,
  })
  return stdout
}
