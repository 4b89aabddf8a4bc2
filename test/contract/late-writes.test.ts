import { setTimeout as pause } from 'node:timers/promises'
import { afterAll, beforeAll, beforeEach, expect, test } from '@jest/globals'
import { carryDown, readEntries } from '../../src/pipeline.ts'
import { claimEntries, failEntry, finishEntries, freeExpired, holdingClaims } from '../../src/store/claims.ts'
import { entryOf } from '../../src/store/inbox.ts'
import { derivedCollections, type Store } from '../../src/store/store.ts'
import { liveSettlement, workBatch } from '../../src/worker.ts'
import { admission, openTestRiver, type TestRiver } from '../set-up/river.ts'

/** A worker that stood still past its lease wakes up, writes what it had in hand, and dies: nothing that was done meanwhile may suffer. */
let river: TestRiver
beforeAll(async () => {
  river = await openTestRiver('late')
})
beforeEach(async () => {
  for (const name of [...derivedCollections, 'inbox']) await river.store.db.collection(name).deleteMany({})
})
afterAll(() => river?.close())

const lanes = { from: 0, to: 256 }
const patient = { organisation: 'RXX', number: 'L1' }

async function claimed(worker: string) {
  const [entry] = await claimEntries(river.store, worker, lanes, 1, 0)
  if (!entry) throw new Error('there was something to claim')
  return entry
}

/** The lease of whoever claimed last has run out. */
async function leaseEnds(): Promise<void> {
  await river.store.inbox.updateMany({ state: 'claimed' }, { $set: { leaseUntil: new Date(0) } })
}

/** What stands, without the number of the solve that wrote it. */
async function standing() {
  const { persons, episodes } = river.store
  const all = await Promise.all(
    [persons, episodes].map(one => one.find().project({ solve: 0 }).sort({ _id: 1 }).toArray()),
  )
  return all.flat()
}

/** Two and a half minutes later. */
async function whenLookedAgain(): Promise<void> {
  const { modifiedCount } = await river.store.records.updateMany(
    { dirtyAt: { $gt: new Date() } },
    { $set: { dirtyAt: new Date() } },
  )
  expect(modifiedCount).toBeGreaterThan(0)
  await river.flow()
}

test('what is written late never stays beside what a later worker made, though its writer died before it could look again', async () => {
  await river.accept(admission({ ...patient, controlId: 'first' }))
  const paused = await claimed('paused')
  const held = holding(river.store)
  const reads = await readEntries(river.river, [await entryOf(river.store, paused)])
  const late = carryDown({ ...river.river, store: held.store }, reads, () => true)
  await held.isReached
  await leaseEnds()
  await river.accept(admission({ ...patient, controlId: 'second' }))
  await river.flow()
  const before = await standing()
  held.release()
  await expect(late).rejects.toThrow('the process ended')
  await whenLookedAgain()
  expect(await standing()).toEqual(before)
  expect(before).toHaveLength(2)
})

test.each([
  [
    'finishes',
    (entry: Awaited<ReturnType<typeof claimed>>) =>
      finishEntries(river.store, [{ entry, issues: [], facts: 0, isWaiting: false }]),
  ],
  ['fails', (entry: Awaited<ReturnType<typeof claimed>>) => failEntry(river.store, entry, 'late')],
])('a claim whose lease ended changes nothing when its worker %s after another has taken it', async (_what, act) => {
  await river.accept(admission({ ...patient, controlId: 'only' }))
  const paused = await claimed('paused')
  await river.store.inbox.updateMany({}, { $set: { state: 'received' } })
  await claimed('other')
  const before = await river.store.inbox.find().toArray()
  await act(paused)
  expect(await river.store.inbox.find().toArray()).toEqual(before)
})

test('a batch that takes longer than a lease stays with its worker; one nobody works on is free', async () => {
  await river.accept(admission({ ...patient, controlId: 'long' }))
  const { _id } = await claimed('slow')
  const working = holdingClaims(river.store, 'slow', () => pause(300), 20)
  await leaseEnds()
  await pause(100)
  await freeExpired(river.store, lanes)
  expect(await river.store.inbox.findOne({ _id })).toMatchObject({ state: 'claimed', claimedBy: 'slow' })
  await working
  await leaseEnds()
  await pause(100)
  await freeExpired(river.store, lanes)
  expect(await river.store.inbox.findOne({ _id })).toMatchObject({ state: 'received' })
})

test('a worker that breaks after another has finished its entry takes nothing of it away', async () => {
  await river.accept(admission({ ...patient, controlId: 'only' }))
  const paused = await claimed('paused')
  await leaseEnds()
  await river.flow()
  const all = async () => [
    await standing(),
    await river.store.facts.find().toArray(),
    await river.store.inbox.findOne(),
  ]
  const before = await all()
  const settlement = liveSettlement(river.river)
  const applyEntries = () => Promise.reject(new Error('broken'))
  await workBatch({ river: river.river, report: () => undefined, applyEntries, settlement }, [paused])
  expect(await all()).toEqual(before)
  expect(before[1]).not.toHaveLength(0)
})

/** A store whose first outcome waits to be written until it is released; after that its process is gone. */
function holding(store: Store): { store: Store; isReached: Promise<void>; release: () => void } {
  let isReleased = false
  const reached = Promise.withResolvers<void>()
  const gate = Promise.withResolvers<void>()
  const watch = <T extends 'persons' | 'episodes' | 'records'>(name: T): Store[T] =>
    new Proxy(store[name], {
      get: (target, key) => {
        const own = Reflect.get(target, key)
        if (typeof own !== 'function') return own
        return (...args: unknown[]) => {
          if (name === 'records') {
            if (isReleased) throw new Error('the process ended')
            return own.apply(target, args)
          }
          if (key !== 'bulkWrite') return own.apply(target, args)
          reached.resolve()
          return gate.promise.then(() => own.apply(target, args))
        }
      },
    })
  return {
    store: { ...store, persons: watch('persons'), episodes: watch('episodes'), records: watch('records') },
    isReached: reached.promise,
    release: () => {
      isReleased = true
      gate.resolve()
    },
  }
}
