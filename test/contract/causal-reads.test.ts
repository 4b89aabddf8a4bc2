import { afterAll, beforeAll, expect, test } from '@jest/globals'
import type { CommandStartedEvent, CommandSucceededEvent, Timestamp } from 'mongodb'
import { asideOf, CausalClient } from '../../src/store/causal-client.ts'
import { clientOptions } from '../../src/store/store.ts'
import { makeRandom } from '../../synthetic/random.ts'
import { startWire } from '../durability/outages/wire.ts'

/**
 * A read that follows a write must say so to the server: a primary that has just taken over shows an older state to whoever does not
 * (`npm run durability -- --reads-after-fail-over` sees it happen).
 */
const client = new CausalClient(process.env['FLSDB_TEST_MONGODB'] ?? '', {
  ...clientOptions,
  monitorCommands: true,
})
const things = client.db('causal-reads').collection<{ _id: number }>('things')
let started: CommandStartedEvent[] = []
let succeeded: CommandSucceededEvent[] = []
client.on('commandStarted', event => started.push(event))
client.on('commandSucceeded', event => succeeded.push(event))

beforeAll(async () => {
  await things.deleteMany({})
  await things.insertMany(Array.from({ length: 500 }, (_, _id) => ({ _id })))
})
afterAll(async () => {
  await client.db('causal-reads').dropDatabase()
  await client.close()
})

/** The time of the write just answered, and the time the command after it asks for. */
async function timesOf(read: () => Promise<unknown>): Promise<{ written: Timestamp; asked: Timestamp | undefined }> {
  started = []
  succeeded = []
  await things.updateOne({ _id: 1 }, { $inc: { n: 1 } } as object)
  await read()
  const command = started.find(({ commandName }) => commandName !== 'update')?.command
  const reply = succeeded.find(({ commandName }) => commandName === 'update')?.reply as { operationTime: Timestamp }
  return { written: reply.operationTime, asked: command?.['readConcern']?.afterClusterTime }
}

test.each<[string, () => Promise<unknown>]>([
  ['findOne', () => things.findOne({ _id: 1 })],
  ['find, in several batches', () => things.find({}).batchSize(100).toArray()],
  ['aggregate', () => things.aggregate([{ $match: { _id: 1 } }]).toArray()],
  ['countDocuments', () => things.countDocuments({ _id: 1 })],
  ['distinct', () => things.distinct('_id', { _id: 1 })],
  ['findOneAndUpdate', () => things.findOneAndUpdate({ _id: 1 }, { $set: { m: 1 } } as object)],
  ['bulkWrite', () => things.bulkWrite([{ insertOne: { document: { _id: Math.random() } } }])],
])('%s asks for the state after the last write', async (_name, read) => {
  const { written, asked } = await timesOf(read)
  expect(asked?.greaterThanOrEqual(written)).toBe(true)
})

test('what one operation heard counts for all that begin after it, side by side as well', async () => {
  const { written } = await timesOf(() => things.findOne({ _id: 1 }))
  started = []
  await Promise.all([things.findOne({ _id: 2 }), things.findOne({ _id: 3 }), things.countDocuments({})])
  const asked = started.map(({ command }) => command['readConcern'].afterClusterTime as Timestamp)
  expect(asked).toHaveLength(3)
  for (const time of asked) expect(time.greaterThanOrEqual(written)).toBe(true)
})

test('what does not wait for the journal stands outside: no read has to wait for it', async () => {
  const aside = asideOf(client.db('causal-reads'))
  await aside.client.withSession(async session => {
    await aside.collection('aside').insertOne({}, { session, writeConcern: { w: 1, journal: false } })
    started = []
    await things.findOne({ _id: 1 })
    const asked: Timestamp = started[0]?.command['readConcern'].afterClusterTime
    expect(session.operationTime?.greaterThan(asked)).toBe(true)
  })
})

test('what is first written there in an outage is written after it', async () => {
  const server = new URL(process.env['FLSDB_TEST_MONGODB'] ?? '')
  const wire = await startWire(Number(server.port), makeRandom('causal-reads'))
  const far = new CausalClient(`mongodb://127.0.0.1:${wire.port}/?directConnection=true`, {
    ...clientOptions,
    serverSelectionTimeoutMS: 500,
  })
  await far.connect()
  const aside = asideOf(far.db('causal-reads')).collection('outage')
  wire.weather = { delayMs: 0, cutAnswers: 1 }
  await expect(aside.insertOne({})).rejects.toThrow()
  wire.weather = { delayMs: 0, cutAnswers: 0 }
  await expect(aside.insertOne({})).resolves.toMatchObject({ acknowledged: true })
  await far.close()
  wire.close()
})
