import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals'
import fc from 'fast-check'
import { MongoClient } from 'mongodb'
import { loadKeys } from '../../src/access/keys.ts'
import { type OpenRiver, openRiver } from '../../src/open-river.ts'
import { buildReplay } from '../../src/replay.ts'
import { diffReplay } from '../../src/replay-diff.ts'
import type { InboxDocument } from '../../src/store/documents.ts'
import { canonical } from '../../src/store/replay-differences.ts'
import { dropScratch } from '../../src/store/replay-progress.ts'
import { derivedCollections, openStore, type Store } from '../../src/store/store.ts'
import { runWorker } from '../../src/worker.ts'
import { wristJourney } from '../../synthetic/stories.ts'
import { mergesAndCancels } from '../../synthetic/stories-changes.ts'
import { lookalikes, refractures } from '../../synthetic/stories-persons.ts'
import { deliver } from '../set-up/deliver.ts'
import { quiet, startService } from '../set-up/running.ts'

/**
 * The same entries in any order, in any grouping, read again or not, by one worker or two at once: the same persons, episodes and reviews.
 * The entries are what the doors of a real service kept; what it made of them in the order of sending is what all others must come to.
 */
const database = 'property_river_order'
const told = ['persons', 'episodes', 'reviews', 'facts'] as const
let folder: string
let store: Store
let opened: OpenRiver
let entries: InboxDocument[]
let expected: string[]
let mongo: MongoClient

beforeAll(async () => {
  folder = await mkdtemp(path.join(tmpdir(), 'flsdb-order-'))
  const service = await startService({ database, dataFolder: folder, keepDatabase: true })
  const changes = mergesAndCancels()
  await deliver(service, [
    ...Object.values(wristJourney()).flat(),
    ...lookalikes().twins,
    ...lookalikes().borrowed,
    ...refractures().otherHip,
    ...Object.values(changes).flat(),
  ])
  await quiet(service)
  await service.stop()
  const uri = process.env['FLSDB_TEST_MONGODB'] ?? ''
  mongo = await MongoClient.connect(uri)
  store = await openStore(uri, database)
  opened = openRiver(store, await loadKeys(path.join(folder, 'keys.json'), false), { acceptTestNumbers: true })
  entries = await store.inbox
    .find({ protocol: { $ne: 'register' } })
    .sort({ receivedAt: 1, _id: 1 })
    .toArray()
  expected = await documents(store)
}, 90_000)

afterAll(async () => {
  await store?.db.dropDatabase()
  await store?.close()
  await mongo?.close()
  await rm(folder, { recursive: true, force: true })
})

async function documents(from: Store): Promise<string[]> {
  const all = await Promise.all(
    told.map(async name => {
      const found: object[] = await from[name].find({}).toArray()
      return found.map(document => {
        const { solve: _solve, ...rest } = document as { solve?: number }
        return `${name} ${canonical(rest)}`
      })
    }),
  )
  return all.flat().sort()
}

/** Everything after the inbox emptied, the inbox too but for the registers: as before the first message. */
async function startOver(): Promise<void> {
  for (const name of [...derivedCollections, 'extracts', 'codebook']) await store.db.collection(name).deleteMany({})
  await store.inbox.deleteMany({ protocol: { $ne: 'register' } })
}

const fresh = ({ issues: _issues, readAt: _readAt, facts: _facts, ...document }: InboxDocument): InboxDocument => ({
  ...document,
  state: 'received',
  attempts: 0,
  fence: 0,
})

type Step = { readonly arrive: readonly number[]; readonly again: readonly number[] }

/** Takes the steps one after the other, each until the river has run dry, with that many workers side by side. */
async function flow(steps: readonly Step[], workers: 1 | 2): Promise<void> {
  const stopping = new AbortController()
  const failures: string[] = []
  const running = Array.from({ length: workers }, (_, index) =>
    runWorker({
      ...opened,
      name: `order-${index}`,
      lanes: { from: (256 / workers) * index, to: (256 / workers) * (index + 1) },
      report: report => report.kind === 'failure' && failures.push(report.code),
      signal: stopping.signal,
    }),
  )
  try {
    for (const { arrive, again } of steps) {
      const arriving = arrive.flatMap(place => entries[place] ?? []).map(fresh)
      if (arriving.length > 0) await store.inbox.insertMany(arriving)
      const repeated = again.flatMap(place => entries[place]?._id ?? [])
      await store.inbox.updateMany({ _id: { $in: repeated }, state: 'done' }, { $set: { state: 'received' } })
      await quiet({ mongo, database })
    }
  } finally {
    stopping.abort()
    await Promise.all(running)
  }
  expect(failures).toEqual([])
}

/** An order of all entries, cut into steps; with each step some entries are read again, whether they have come yet or not. */
const anyOrder = (count: number): fc.Arbitrary<readonly Step[]> =>
  fc
    .tuple(
      fc.shuffledSubarray(
        Array.from({ length: count }, (_, place) => place),
        { minLength: count },
      ),
      fc.array(fc.tuple(fc.integer({ min: 1, max: 12 }), fc.array(fc.nat(count - 1), { maxLength: 4 })), {
        minLength: 1,
        maxLength: 6,
      }),
    )
    .map(([order, cuts]) => {
      const steps: Step[] = []
      let from = 0
      for (const [size, again] of cuts) {
        steps.push({ arrive: order.slice(from, from + size), again })
        from += size
      }
      return [...steps, { arrive: order.slice(from), again: [] }]
    })

describe('what is told depends on the entries alone', () => {
  test('there is something to tell', () => {
    expect(entries.length).toBeGreaterThan(20)
    expect(expected.filter(one => one.startsWith('episodes')).length).toBeGreaterThan(8)
    expect(expected.filter(one => one.startsWith('reviews')).length).toBeGreaterThan(2)
  })

  test('not on their order, grouping or repetition, nor on how many workers there are', async () => {
    await fc.assert(
      fc.asyncProperty(anyOrder(entries.length), fc.constantFrom(1, 2), async (steps, workers) => {
        await startOver()
        await flow(steps, workers)
        expect(await documents(store)).toEqual(expected)
      }),
      { seed: 20250303, numRuns: 12, endOnFailure: true },
    )
  }, 120_000)

  test('two replays give equal documents, and both what the workers made', async () => {
    const replay = async (): Promise<string[]> => {
      const built = await buildReplay({
        ...opened,
        report: report => {
          if (report.kind === 'failure') throw new Error(report.code)
        },
        onProgress: () => undefined,
      })
      const made = await documents(built.store)
      expect((await diffReplay(store, built.store, built.entries)).differences).toEqual([])
      await dropScratch(store.db)
      return made
    }
    const first = await replay()
    expect(first).toEqual(expected)
    expect(await replay()).toEqual(first)
  }, 60_000)
})
