import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { afterAll, beforeAll, expect, test } from '@jest/globals'
import { MongoClient } from 'mongodb'
import { type Embedded, startEmbedded } from '../../src/store/embedded.ts'
import { supplyMongod } from '../../src/store/mongod-supply.ts'
import { eventually } from '../set-up/running.ts'

let folder: string
let embedded: Embedded

beforeAll(async () => {
  folder = await mkdtemp(path.join(tmpdir(), 'flsdb-embedded-'))
  const cacheFolder = path.join(import.meta.dirname, '..', '..', '.cache', 'mongod')
  embedded = await startEmbedded(await supplyMongod({ cacheFolder, tell: () => undefined }), folder)
}, 120_000)
afterAll(async () => {
  await embedded.stop()
  await rm(folder, { recursive: true, force: true })
})

test('a mongod that was killed comes back by itself, twice, on the same port with what was journaled', async () => {
  const client = new MongoClient(embedded.uri, { serverSelectionTimeoutMS: 2_000, w: 'majority', journal: true })
  const kept = client.db('embedded').collection<{ _id: number }>('kept')
  for (const place of [0, 1]) {
    await kept.insertOne({ _id: place })
    const before = embedded.pid
    process.kill(before, 'SIGKILL')
    const found = await eventually(
      'the next mongod answers',
      async () => {
        if (embedded.pid === before || embedded.pid === 0) return undefined
        return kept
          .find()
          .sort({ _id: 1 })
          .toArray()
          .catch(() => undefined)
      },
      90,
    )
    expect(found.map(document => document._id)).toEqual([0, 1].slice(0, place + 1))
  }
  await client.close()
}, 240_000)
