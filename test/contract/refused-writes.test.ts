import { connect, createServer } from 'node:net'
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

test('a connection cut before the answer confirms nothing, as the real driver tells it', async () => {
  const { port } = new URL((process.env['FLSDB_TEST_MONGODB'] ?? '').replace('mongodb:', 'http:'))
  const proxy = createServer(socket => {
    const server = connect(Number(port), '127.0.0.1')
    server.on('error', () => undefined).pipe(socket)
    socket
      .on('error', () => undefined)
      .on('data', part => (part.includes('insert') ? socket.destroy() : server.write(part)))
    socket.on('close', () => server.destroy())
  })
  await new Promise<void>(resolve => proxy.listen(0, '127.0.0.1', resolve))
  const address = proxy.address()
  const through = typeof address === 'object' && address ? address.port : 0
  const cut = await MongoClient.connect(`mongodb://127.0.0.1:${through}/?directConnection=true`, { retryWrites: false })
  const collection = cut.db('refused_writes').collection<{ _id: string }>('x')
  const cause = await failureOf(collection.insertMany([{ _id: 'd' }], { ordered: false }))
  await cut.close(true)
  await new Promise(resolve => proxy.close(resolve))
  expect(cause).toBeInstanceOf(MongoBulkWriteError)
  expect(refusedWrites(cause)).toBeUndefined()
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
