import { randomBytes } from 'node:crypto'
import { afterAll, beforeAll, beforeEach, expect, test } from '@jest/globals'
import type { Fact } from '../../src/fls/fact.ts'
import { settledFacts } from '../../src/store/extract-rows.ts'
import { ensureExtractIndexes } from '../../src/store/extracts.ts'
import { openStore, type Store } from '../../src/store/store.ts'

let store: Store
beforeAll(async () => {
  store = await openStore(process.env['FLSDB_TEST_MONGODB'] ?? '', `t_rows_${randomBytes(6).toString('hex')}`)
  await ensureExtractIndexes(store.db)
})
beforeEach(() => store.facts.deleteMany({}))
afterAll(async () => {
  await store.db.dropDatabase()
  await store.close()
})

const fact = (
  id: string,
  record: string,
  asOf: string,
  status = 'active',
  set = 'B86002/observation/7',
  file = 'observation',
): Fact =>
  ({
    id,
    record,
    status,
    organisation: 'B86002',
    side: 'gp',
    kind: 'observation',
    revision: { asOf, set, row: { file, id: '7', extract: asOf } },
    source: { inboxId: id, path: 'p', row: 'r', tableHash: 't', sender: 's', controlId: 'c' },
  }) as unknown as Fact

async function arrive(...facts: Fact[]): Promise<void> {
  for (const one of facts) {
    for (const write of [one, ...(await settledFacts(store, [one]))]) {
      const { id, ...rest } = write
      await store.facts.replaceOne({ _id: id }, rest as never, { upsert: true })
    }
  }
}
const standing = async () =>
  (await store.facts.find({}, { sort: { _id: 1 } }).toArray()).map(one => [one._id, one.record, one.status])

const row = fact('a', 'B86002|gp|P1', '2024-01')
const removed = fact('b', 'B86002|gp-row|observation/7', '2024-02', 'retracted')
const moved = fact('c', 'B86002|gp|P2', '2024-02')

test.each([
  ['a delete without a patient', [row, removed]],
  ['a row that moved to another patient', [row, moved]],
])('%s reaches the first owner, in either order', async (_, facts) => {
  await arrive(...facts)
  const forwards = await standing()
  await store.facts.deleteMany({})
  await arrive(...[...facts].reverse())
  expect(await standing()).toEqual(forwards)
  expect(forwards).toContainEqual([expect.any(String), 'B86002|gp|P1', 'retracted'])
})

test('an older delete does nothing to a newer row', async () => {
  await arrive(fact('b', 'B86002|gp-row|observation/7', '2023-12', 'retracted'), row)
  expect(await standing()).toHaveLength(2)
})

test('a deleted registration row takes its period along', async () => {
  const period = fact(
    'd',
    'B86002|gp|P1',
    '2024-01',
    'active',
    'B86002/registration/7/2001-04-17',
    'registration-period',
  )
  const gone = fact(
    'e',
    'B86002|gp-row|registration/7',
    '2024-02',
    'retracted',
    'B86002/registration/7',
    'registration',
  )
  await arrive(period, gone)
  expect(await standing()).toContainEqual([expect.any(String), 'B86002|gp|P1', 'retracted'])
})
