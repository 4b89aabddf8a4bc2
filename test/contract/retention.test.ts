import { afterAll, beforeAll, beforeEach, expect, test } from '@jest/globals'
import type { InboxId } from '../../src/fls/fact.ts'
import { buildReplay } from '../../src/replay.ts'
import { diffReplay } from '../../src/replay-diff.ts'
import { runRetention } from '../../src/retention.ts'
import { openAccessLog } from '../../src/store/access-log.ts'
import { emptyEntries } from '../../src/store/expiry.ts'
import { readInboxEntry } from '../../src/store/inbox.ts'
import { holdLease } from '../../src/store/lease.ts'
import { dropScratch } from '../../src/store/replay-progress.ts'
import { swapReplay } from '../../src/store/replay-swap.ts'
import { derivedCollections } from '../../src/store/store.ts'
import { retentionWhenDue } from '../../src/wiring/daily-retention.ts'
import { admission, openTestRiver, type TestRiver } from '../set-up/river.ts'

/** What expires and what never does, with the clock moved; afterwards a replay agrees with what is live. */
let river: TestRiver
const silent = { report: () => undefined, onProgress: () => undefined }
beforeAll(async () => {
  river = await openTestRiver('retention')
})
beforeEach(async () => {
  for (const name of [...derivedCollections, 'inbox', 'control', 'accessLog'])
    await river.store.db.collection(name).deleteMany({})
})
afterAll(() => river?.close())

const dayMs = 86_400_000
const inDays = (days: number) => new Date(Date.now() + days * dayMs)
const retention = (days: number, isDryRun = false) =>
  runRetention({ river: river.river, accessLog: openAccessLog(river.store.db), days: 400, now: inDays(days), isDryRun })

type Patient = { readonly number: string; readonly nhsNumber: string; readonly name: string; readonly code: string }
const fallen: Patient = {
  number: 'F1',
  nhsNumber: '9990000646',
  name: 'THORNBY^EILEEN',
  code: 'S72.0^Neck of femur^I10',
}
const coughing: Patient = { number: 'C1', nhsNumber: '9990000018', name: 'MARLOWE^IRIS', code: 'J18.9^Pneumonia^I10' }

/** The admission of the set-up, of this patient for this reason. */
function kept({ number, nhsNumber, name, code }: Patient, controlId: string): Promise<{ inboxId: InboxId }> {
  const arrival = admission({ organisation: 'RXX', number, controlId })
  const text = arrival.bytes
    .toString()
    .replace('9990000646', nhsNumber)
    .replace('THORNBY^EILEEN^MAY', name)
    .replace('19410614', number.startsWith('F') ? '19410614' : '19520321')
    .replace('S72.0^Fracture of neck of femur^I10|Left neck of femur', `${code}|`)
  return river.accept({ ...arrival, bytes: Buffer.from(text) })
}
const stateOf = async ({ inboxId }: { inboxId: InboxId }) => (await river.store.inbox.findOne({ _id: inboxId }))?.state

test.each([
  // days later, of whom, what becomes of the entry
  [399, coughing, 'done', 'not old enough'],
  [401, coughing, 'expired', 'nobody with fracture evidence'],
  [401, fallen, 'done', 'a fracture'],
  [4_000, { ...fallen, code: 'Z87.3^History of fracture^I10' }, 'done', 'a fracture that only history speaks of'],
])('%i days later, %o: %s (%s)', async (days, patient, state, _why) => {
  const entry = await kept(patient, 'one')
  await river.flow()
  await retention(days)
  expect(await stateOf(entry)).toBe(state)
})

test('what expires is gone from every collection, counted, and logged; a stub knows the message when it comes again', async () => {
  const cough = await kept(coughing, 'cough')
  const fall = await kept(fallen, 'fall')
  await river.flow()
  expect(await river.store.persons.countDocuments()).toBe(2)
  expect(await retention(401, true)).toEqual({ examined: 2, expired: 1 })
  expect(await stateOf(cough)).toBe('done')
  expect(await retention(401)).toEqual({ examined: 2, expired: 1 })
  const stub = await river.store.inbox.findOne({ _id: cough.inboxId })
  expect(stub).toMatchObject({ state: 'expired', controlId: '', expiredAt: expect.any(Date) })
  const everything = await Promise.all(
    ['inbox', ...derivedCollections].map(name => river.store.db.collection(name).find({}).toArray()),
  )
  const text = JSON.stringify(everything.flat())
  expect(text).not.toMatch(/MARLOWE|9990000018|"RXX\|C1"/)
  expect(text).toMatch(/9990000646/)
  expect(await readInboxEntry(river.store, cough.inboxId)).toBeUndefined()
  const lines = await openAccessLog(river.store.db).read({ limit: 10 })
  expect(lines).toMatchObject([{ action: 'retention', role: 'service', inboxIds: [cough.inboxId], rows: 1 }])
  expect((await kept(coughing, 'cough')) as object).toMatchObject({ outcome: 'repeat' })
  expect(await stateOf(cough)).toBe('expired')
  expect(await retention(402)).toEqual({ examined: 1, expired: 0 })
  expect(await stateOf(fall)).toBe('done')
})

test('an entry that is read again while retention looks at it keeps its bytes', async () => {
  const cough = await kept(coughing, 'cough')
  await river.flow()
  const seen = await river.store.inbox.findOne({ _id: cough.inboxId })
  if (!seen) throw new Error('the entry was kept')
  await river.store.inbox.updateOne({ _id: cough.inboxId }, { $inc: { fence: 1 } })
  await emptyEntries(river.store, [seen], new Date())
  expect(await readInboxEntry(river.store, cough.inboxId)).toMatchObject({ sha256: seen.sha256 })
  await river.store.inbox.updateOne({ _id: cough.inboxId }, { $inc: { fence: -1 } })
  await emptyEntries(river.store, [seen], new Date())
  expect(await stateOf(cough)).toBe('expired')
})

test('pieces of a large message that a broken-off run has left go with the next', async () => {
  const cough = await kept(coughing, 'cough')
  await river.flow()
  const pieces = river.store.db.collection<{ _id: string; bytes: string }>('inboxChunks')
  await pieces.insertMany([0, 1].map(index => ({ _id: `${cough.inboxId}/${index}`, bytes: 'piece' })))
  await river.store.inbox.updateOne({ _id: cough.inboxId }, { $set: { state: 'expired', chunks: 2 } })
  await retention(401)
  expect(await pieces.countDocuments()).toBe(0)
  expect(await river.store.inbox.findOne({ _id: cough.inboxId })).not.toHaveProperty('chunks')
})

test('a replay afterwards agrees with what is live and says how many were left out', async () => {
  await kept(coughing, 'cough')
  await kept(fallen, 'fall')
  await river.flow()
  await retention(401)
  const { store, entries } = await buildReplay({ ...river, ...silent })
  const diff = await diffReplay(river.store, store, entries)
  await dropScratch(river.store.db)
  expect(diff).toMatchObject({ entries: 1, expired: 1, differences: [] })
})

test('a replay built before is not taken: it would bring them back', async () => {
  await kept(coughing, 'cough')
  await river.flow()
  await buildReplay({ ...river, ...silent })
  await retention(401)
  await expect(swapReplay(river.store)).rejects.toThrow(/would bring them back/)
  await dropScratch(river.store.db)
})

test('evidence of the person counts for all that is theirs, whichever hospital sent it', async () => {
  await kept(fallen, 'fall')
  const cough = await kept({ ...fallen, number: 'F2', code: coughing.code }, 'cough')
  await river.flow()
  expect(await river.store.persons.countDocuments()).toBe(1)
  await retention(401)
  expect(await stateOf(cough)).toBe('done')
})

test('once a day, and not while a backup or a replay runs', async () => {
  const due = (days: number) => retentionWhenDue(river.river, 400, inDays(days))
  const lease = await holdLease(river.store.db, 'backup-or-retention', 'A backup')
  expect(await due(0)).toBeUndefined()
  await lease.release()
  expect(await due(0)).toEqual({ examined: 0, expired: 0 })
  expect(await due(0.9)).toBeUndefined()
  expect(await due(1.1)).toEqual({ examined: 0, expired: 0 })
})
