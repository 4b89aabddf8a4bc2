import { hash } from 'node:crypto'
import { afterAll, beforeAll, expect, test } from '@jest/globals'
import { limits } from '../../src/config.ts'
import { readInboxEntry } from '../../src/store/inbox.ts'
import { admission, openTestRiver, type TestRiver } from '../set-up/river.ts'

/** Arrivals larger than one document: kept in pieces, read whole. */
let river: TestRiver
beforeAll(async () => {
  river = await openTestRiver('large')
})
afterAll(() => river?.close())

test.each([
  ['one byte more than a document', limits.inboxBody + 1, 2],
  ['exactly two pieces', 2 * limits.inboxBody, 2],
])('%s is kept, known again, read and done', async (name, size, chunks) => {
  const small = admission({ organisation: 'RXX', number: `L${size}`, controlId: name })
  const note = Buffer.concat([small.bytes, Buffer.from('NTE|1||'), Buffer.alloc(size, 'x')]).subarray(0, size)
  const large = { ...small, bytes: note }
  const { inboxId, outcome } = await river.accept(large)
  expect([outcome, (await river.accept(large)).outcome]).toEqual(['kept', 'repeat'])
  expect(await river.store.inbox.findOne({ _id: inboxId })).toMatchObject({ chunks, size })
  const entry = await readInboxEntry(river.store, inboxId)
  expect(hash('sha256', entry?.bytes ?? Buffer.alloc(0))).toBe(hash('sha256', note))
  await river.flow()
  expect(await river.store.inbox.findOne({ _id: inboxId })).toMatchObject({ state: 'done', attempts: 1 })
  expect(await river.store.facts.countDocuments({ 'source.inboxId': inboxId, kind: 'diagnosis' })).toBe(1)
})

test('an entry whose piece is missing is set aside and keeps no other waiting', async () => {
  const small = admission({ organisation: 'RXX', number: 'L9', controlId: 'torn' })
  const bytes = Buffer.concat([small.bytes, Buffer.alloc(limits.inboxBody, ' ')])
  const { inboxId } = await river.accept({ ...small, bytes })
  await river.store.db.collection<{ _id: string }>('inboxChunks').deleteOne({ _id: `${inboxId}/1` })
  await river.store.inbox.updateOne({ _id: inboxId }, { $set: { attempts: 4 } })
  const whole = await river.accept(admission({ organisation: 'RXX', number: 'L8', controlId: 'whole' }))
  await river.flow()
  expect(await river.store.inbox.findOne({ _id: inboxId })).toMatchObject({ state: 'quarantined' })
  expect(await river.store.inbox.findOne({ _id: whole.inboxId })).toMatchObject({ state: 'done' })
})
