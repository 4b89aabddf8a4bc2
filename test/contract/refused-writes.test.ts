import { afterAll, beforeAll, expect, test } from '@jest/globals'
import { MongoBulkWriteError, MongoClient } from 'mongodb'
import { isOnlyRepeats, refusedWrites } from '../../src/store/refused-writes.ts'

let client: MongoClient
beforeAll(async () => {
  client = await MongoClient.connect(process.env['FLSDB_TEST_MONGODB'] ?? '')
})
afterAll(async () => {
  await client.db('refused_writes').dropDatabase()
  await client.close()
})

const failureOf = (work: Promise<unknown>): Promise<unknown> =>
  work.then(
    () => undefined,
    cause => cause,
  )

test('documents that were there already are named by place, the others are confirmed', async () => {
  const collection = client.db('refused_writes').collection<{ _id: string }>('x')
  await collection.insertOne({ _id: 'b' })
  const cause = await failureOf(collection.insertMany([{ _id: 'a' }, { _id: 'b' }, { _id: 'c' }], { ordered: false }))
  expect([...(refusedWrites(cause) ?? [])]).toEqual([[1, 11_000]])
  expect(isOnlyRepeats(cause)).toBe(true)
})

test('a client closed in mid-air confirms nothing', async () => {
  const short = await MongoClient.connect(process.env['FLSDB_TEST_MONGODB'] ?? '', { retryWrites: false })
  const writing = failureOf(
    short
      .db('refused_writes')
      .collection<{ _id: string }>('x')
      .insertMany([{ _id: 'd' }], { ordered: false }),
  )
  await short.close()
  const cause = await writing
  if (cause !== undefined) expect(refusedWrites(cause)).toBeUndefined()
})

test('a broken connection in the shape the driver gives it: a bulk error without write errors', () => {
  const result = { getWriteConcernError: () => undefined } as unknown as MongoBulkWriteError['result']
  const broken = new MongoBulkWriteError(
    { message: 'connection closed', code: undefined as never, writeErrors: [] },
    result,
  )
  expect(refusedWrites(broken)).toBeUndefined()
  expect(isOnlyRepeats(broken)).toBe(false)
})
