import { afterAll, beforeAll, beforeEach, expect, test } from '@jest/globals'
import { derivedCollections, type Store } from '../../src/store/store.ts'
import { admission, openTestRiver, type TestRiver } from '../set-up/river.ts'

/** What a database that fails for a moment, or a reading that always breaks, may cost: time, never an effect. */
let river: TestRiver
beforeAll(async () => {
  river = await openTestRiver('faults')
})
beforeEach(async () => {
  for (const name of [...derivedCollections, 'inbox']) await river.store.db.collection(name).deleteMany({})
})
afterAll(() => river?.close())

const here = { organisation: 'RXX', number: 'D1', controlId: 'here' }
const elsewhere = { organisation: 'RYY', number: 'E1', controlId: 'elsewhere' }

/** The same store, whose nth write to this collection is lost with its connection. */
function losing(store: Store, name: 'records' | 'persons' | 'facts', nth: number): Store {
  let count = 0
  const collection = new Proxy(store[name], {
    get: (target, key) => {
      const own = Reflect.get(target, key)
      if (typeof own !== 'function') return own
      if (key !== 'bulkWrite') return own.bind(target)
      return (...args: unknown[]) => {
        count++
        if (count === nth) throw new Error('connection lost')
        return own.apply(target, args)
      }
    },
  })
  return { ...store, [name]: collection }
}

test.each([
  ['the records', 'records', 1],
  ['their neighbours', 'records', 2],
  ['the persons', 'persons', 1],
] as const)('a connection lost while %s are written costs no link', async (_, name, nth) => {
  await river.accept(admission(here))
  await river.flow()
  await river.accept(admission(elsewhere))
  const store = losing(river.store, name, nth)
  const reports = await river.flow({ ...river, river: { ...river.river, store } })
  expect(reports.filter(report => report.kind === 'failure')).toHaveLength(1)
  const persons = await river.store.persons.find({}).toArray()
  expect(persons.map(person => person.members.map(member => member.record))).toEqual([
    expect.arrayContaining(['RXX|D1', 'RYY|E1']),
  ])
})
