import { afterAll, beforeAll, expect, test } from '@jest/globals'
import type { InboxId } from '../../src/fls/fact.ts'
import { sampleReplay } from '../../src/store/message-replays.ts'
import { admission, openTestRiver, type TestRiver } from '../set-up/river.ts'

/** What a preview of reading arrivals again takes into memory. */
let river: TestRiver
const ids: InboxId[] = []
beforeAll(async () => {
  river = await openTestRiver('message_replays')
  for (const controlId of ['oldest', 'middle', 'newest'])
    ids.push((await river.accept(admission({ organisation: 'RXX', number: 'S1', controlId }))).inboxId)
  await river.flow()
  for (const [at, _id] of ids.entries())
    await river.store.inbox.updateOne({ _id }, { $set: { receivedAt: new Date(at) } })
})
afterAll(() => river?.close())

test.each([
  // MiB each says it has, how many may be taken, places taken
  [1, 200, [2, 1, 0]],
  [1, 2, [2, 1]],
  [8, 200, [2, 1]],
  [9, 200, [2]],
  [20, 200, [2]],
])('of three arrivals of %i MiB, at most %i: newest first, as many as fit', async (mebibytes, most, places) => {
  await river.store.inbox.updateMany({}, { $set: { size: mebibytes * 1024 * 1024 } })
  const sample = await sampleReplay(river.store, {}, {}, most)
  expect(sample.map(({ _id }) => ids.indexOf(_id))).toEqual(places)
})
