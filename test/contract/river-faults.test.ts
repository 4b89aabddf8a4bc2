import { afterAll, beforeAll, beforeEach, expect, test } from '@jest/globals'
import { MongoNetworkError } from 'mongodb'
import type { InboxId, OdsCode } from '../../src/fls/fact.ts'
import type { OpenRiver } from '../../src/open-river.ts'
import { claimEntries, requeueEntries, reusedControlIds } from '../../src/store/claims.ts'
import { markDirty } from '../../src/store/records.ts'
import { derivedCollections, type Store } from '../../src/store/store.ts'
import { runWorker } from '../../src/worker.ts'
import { admission, openTestRiver, type TestRiver } from '../set-up/river.ts'
import { eventually } from '../set-up/running.ts'

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
function losing(
  store: Store,
  name: 'records' | 'persons' | 'facts',
  nth: number,
  cause = new Error('connection lost'),
): Store {
  let count = 0
  const collection = new Proxy(store[name], {
    get: (target, key) => {
      const own = Reflect.get(target, key)
      if (typeof own !== 'function') return own
      if (key !== 'bulkWrite') return own.bind(target)
      return (...args: unknown[]) => {
        count++
        if (count === nth) throw cause
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

const other = { organisation: 'RXX', number: 'D2', controlId: 'other' }

/** The river of a release whose solve always breaks on this record. */
function breakingOn(record: string): OpenRiver {
  const { id } = river.river.keys
  const keys = {
    ...river.river.keys,
    id: (kind: string, ...parts: readonly string[]) => {
      if (kind === 'person' && parts.includes(record)) throw new TypeError('broken')
      return id(kind, ...parts)
    },
  }
  return { ...river, river: { ...river.river, keys } }
}
const states = async () =>
  Object.fromEntries((await river.store.inbox.find({}).toArray()).map(one => [one.controlId, one.state]))

test('a message that can never be solved is set aside; messages of the same patient, before and after it, are not', async () => {
  await river.accept(admission(elsewhere))
  await river.accept(admission(here))
  await river.accept(admission({ ...elsewhere, controlId: 'again' }))
  await river.store.inbox.updateMany({ controlId: 'here' }, { $set: { attempts: 3 } })
  const reports = await river.flow(breakingOn('RXX|D1'))
  expect(reports.some(report => report.kind === 'failure')).toBe(true)
  expect(await states()).toEqual({ here: 'quarantined', elsewhere: 'done', again: 'done' })
  expect(await river.store.facts.distinct('record')).toEqual(['RYY|E1'])
  expect((await river.store.persons.find({}).toArray()).map(one => one.members.length)).toEqual([1])
  // Mended and asked for again, it is as if nothing had been.
  const [entry] = await river.store.inbox.find({ controlId: 'here' }).toArray()
  await requeueEntries(river.store, [entry?._id as InboxId])
  await river.flow()
  expect((await river.store.persons.find({}).toArray()).map(one => one.members.length)).toEqual([2])
})

test('a record that cannot be solved again keeps no other from being solved', async () => {
  await river.accept(admission(here))
  await river.accept({
    ...admission(other),
    bytes: Buffer.from(
      admission(other)
        .bytes.toString()
        .replaceAll('THORNBY', 'Ash')
        .replaceAll('9990000646', '')
        .replaceAll('19410614', '19300101'),
    ),
  })
  await river.flow()
  await markDirty(river.store, { organisation: 'RXX' as OdsCode }, 'test', new Date())
  const stopping = new AbortController()
  const broken = breakingOn('RXX|D1')
  const running = runWorker({
    ...broken,
    name: 'w',
    lanes: { from: 0, to: 256 },
    report: () => undefined,
    signal: stopping.signal,
  })
  const dirty = () => river.store.records.find({ dirtyAt: { $exists: true } }).toArray()
  await eventually('one is left', async () => ((await dirty()).length === 1 ? true : undefined), 10)
  stopping.abort()
  await running
  expect((await dirty()).map(one => one._id)).toEqual(['RXX|D1'])
})

test('an entry that ends its worker comes alone after two attempts and is set aside after five; its facts go', async () => {
  await river.accept(admission(here))
  await river.accept(admission(other))
  await river.flow()
  const deadly = { controlId: 'here' }
  await river.store.inbox.updateMany({}, { $set: { state: 'received' } })
  await river.store.inbox.updateOne(deadly, { $set: { attempts: 2 } })
  const lanes = { from: 0, to: 256 }
  const claim = (worker: string) =>
    eventually('a claim', async () => {
      const claimed = await claimEntries(river.store, worker, lanes, 200, 0)
      return claimed.length > 0 ? claimed.map(entry => entry.controlId) : undefined
    })
  expect([await claim('v'), await claim('w')].sort()).toEqual([['here'], ['other']])
  await river.store.inbox.updateMany({}, { $set: { leaseUntil: new Date(0) } })
  await river.store.inbox.updateOne(deadly, { $set: { attempts: 5 } })
  await river.flow()
  expect(await states()).toEqual({ here: 'quarantined', other: 'done' })
  expect(await river.store.facts.distinct('record')).toEqual(['RXX|D2'])
})

test('a database that is away costs no entry an attempt', async () => {
  await river.accept(admission(here))
  const store = losing(river.store, 'records', 1, new MongoNetworkError('gone'))
  await river.flow({ ...river, river: { ...river.river, store } })
  expect(await river.store.inbox.findOne({})).toMatchObject({ state: 'done', attempts: 1, fence: 2 })
})

test('a sender that gives all its messages one control id hides no other name used twice', async () => {
  const names = [...Array.from({ length: 20 }, () => 'same'), 'twice', 'twice', 'once']
  for (const [place, controlId] of names.entries()) {
    const one = admission({ organisation: 'RXX', number: `D${place}`, controlId })
    await river.accept(one)
  }
  const entries = await river.store.inbox.find({}).sort({ controlId: 1 }).toArray()
  const asked = ['same', 'twice', 'once'].flatMap(name => entries.find(entry => entry.controlId === name) ?? [])
  const reused = await reusedControlIds(river.store, asked)
  expect(asked.map(entry => reused.has(entry._id))).toEqual([true, true, false])
})
