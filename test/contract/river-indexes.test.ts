import { afterAll, beforeAll, expect, test } from '@jest/globals'
import { openTestRiver, type TestRiver } from '../set-up/river.ts'

/** Queries that run for every batch are answered from an index: their cost must not grow with the database. */
let river: TestRiver
beforeAll(async () => {
  river = await openTestRiver('indexes')
})
afterAll(() => river?.close())

const lanes = { $gte: 0, $lt: 128 }
test.each([
  ['what is due', 'inbox', { state: 'received', dueAt: { $lte: new Date() }, bucket: lanes }, 'claim'],
  ['claims that ended', 'inbox', { state: 'claimed', bucket: lanes, leaseUntil: { $lt: new Date() } }, 'claim'],
  ['a replay by lane', 'inbox', { state: { $in: ['done', 'received'] }, bucket: 7 }, 'claim'],
  ['dirty records', 'records', { bucket: lanes, dirtyAt: { $lte: new Date() } }, 'dirty-lanes'],
  ['persons of records', 'persons', { 'members.record': { $in: ['a', 'b'] } }, 'by-record'],
  ['episodes of records', 'episodes', { records: { $in: ['a', 'b'] } }, 'by-record'],
  ['reviews of persons', 'reviews', { persons: { $in: ['a', 'b'] } }, 'by-person'],
  ['facts of records', 'facts', { record: { $in: ['a', 'b'] } }, 'by-record-kind'],
  ['facts of an entry', 'facts', { 'source.inboxId': { $in: ['a'] } }, 'by-inbox'],
  ['rows of an extract', 'facts', { side: 'gp', 'revision.set': { $in: ['a'] } }, 'gp-rows'],
  ['who waits for a code', 'facts', { waitsFor: { $in: ['a'] } }, 'waiting'],
] as const)('%s', async (_, collection, filter, index) => {
  const plan = JSON.stringify(
    await river.store.db
      .collection(collection)
      .find(filter as object)
      .explain('queryPlanner'),
  )
  expect(plan).toContain(`"indexName":"${index}"`)
  expect(plan).not.toContain('COLLSCAN')
})
