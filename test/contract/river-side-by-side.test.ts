import { afterAll, beforeAll, expect, test } from '@jest/globals'
import type { PartialDate } from '../../src/fls/dates.ts'
import type { Fact, RecordKey } from '../../src/fls/fact.ts'
import { finderFor } from '../../src/solve.ts'
import { updateRecords } from '../../src/store/records.ts'
import { openTestRiver, type TestRiver } from '../set-up/river.ts'
import { patient } from '../spec/fls-facts.ts'

/** Rows of one patient (the patient's, the address's) come in entries of their own and may be carried down at the same moment. */
let river: TestRiver
beforeAll(async () => {
  river = await openTestRiver('side_by_side')
})
afterAll(() => river?.close())

const key = 'P81001|gp|1' as RecordKey
const name = { ...patient({ detail: { familyName: 'Thornby', birthDate: '1941-06-14' as PartialDate } }), record: key }
const address = { ...patient({ detail: { postcode: 'AD1 3CD' } }), record: key }

async function facets(): Promise<number> {
  return (await river.store.records.findOne({ _id: key }))?.facets.length ?? 0
}

test.each([
  ['a record not seen before', false],
  ['a record that is known', true],
])('%s: what was read before another wrote never stands over what the other wrote', async (_what, isKnown) => {
  await river.store.records.deleteMany({})
  const finder = finderFor(river.river.models)
  const touched = new Set([key])
  if (isKnown) await updateRecords(river.store, touched, async () => [], finder, true)
  const standing: Fact[] = [name]
  let reads = 0
  const readSlowly = async () => {
    reads++
    const seen = [...standing]
    if (reads === 1) {
      standing.push(address)
      await updateRecords(river.store, touched, async () => standing, finder, true)
      expect(await facets()).toBe(2)
    }
    return seen
  }
  await updateRecords(river.store, touched, readSlowly, finder, true)
  expect(await facets()).toBe(2)
  expect(reads).toBe(2)
})

test('many at once leave every one of them known', async () => {
  await river.store.records.deleteMany({})
  const finder = finderFor(river.river.models)
  const standing: Fact[] = []
  await Promise.all(
    Array.from({ length: 12 }, async (_, row) => {
      standing.push({
        ...patient({ detail: { postcode: `AD${1 + (row % 9)} ${row % 9}CD`, familyName: `Row${row}` } }),
        record: key,
      })
      await updateRecords(river.store, new Set([key]), async () => [...standing], finder, true)
    }),
  )
  expect(await facets()).toBe(12)
})
