import { expect, test } from '@jest/globals'
import { MongoClient } from 'mongodb'

test('the test server is a real replica set that confirms journaled majority writes', async () => {
  const client = await MongoClient.connect(process.env['FLSDB_TEST_MONGODB'] ?? '')
  const db = client.db('supply_smoke')
  const written = await db.collection('x').insertOne({ a: 1 }, { writeConcern: { w: 'majority', j: true } })
  expect(written.acknowledged).toBe(true)
  expect((await db.admin().command({ hello: 1 }))['setName']).toBe('flsdb')
  await db.dropDatabase()
  await client.close()
})
