import { readFileSync } from 'node:fs'
import path from 'node:path'
import { afterAll, beforeAll, beforeEach, expect, test } from '@jest/globals'
import type { RegisterEntry } from '../../src/access/statements.ts'
import type { OdsCode } from '../../src/fls/fact.ts'
import { buildReplay } from '../../src/replay.ts'
import { linkLines } from '../../src/store/link-lines.ts'
import { registerBytes } from '../../src/store/registers.ts'
import { canonical } from '../../src/store/replay-differences.ts'
import { swapReplay } from '../../src/store/replay-swap.ts'
import { derivedCollections, type Store } from '../../src/store/store.ts'
import { chunkOf, samples } from '../set-up/extract-chunk.ts'
import { admission, openTestRiver, type TestRiver } from '../set-up/river.ts'
import { eventually } from '../set-up/running.ts'

/** What registers and code tables do to what is told, when they change, and when all but the inbox is gone. */
let river: TestRiver
/** Not their version: this process has seen it, and a new one would begin at nothing anyway. */
const registers = ['feeds', 'sites', 'practices', 'extracts', 'codebook', 'control']
beforeAll(async () => {
  river = await openTestRiver('registers')
})
beforeEach(async () => {
  for (const name of [...derivedCollections, ...registers, 'inbox'])
    await river.store.db.collection(name).deleteMany({})
})
afterAll(() => river?.close())

const practice = 'B86003'
const state = (entry: RegisterEntry) =>
  river.accept({
    sender: 'user:test',
    organisation: 'FLSDB' as OdsCode,
    side: 'site',
    protocol: 'register',
    controlId: `${entry.register}/${entry.id}`,
    type: entry.register,
    bytes: registerBytes(entry),
  })
const optIn = (optedIn: boolean, from?: string) =>
  state({ register: 'practice', id: practice, by: 'test', statement: { optedIn, ...(from ? { from } : {}) } })
const extract = () => {
  const {
    id: _id,
    sha256: _sha,
    receivedAt: _at,
    ...arrival
  } = chunkOf('neutral', 'neutral', readFileSync(path.join(samples, 'neutral', 'good.csv')), { practice })
  return river.accept(arrival)
}
const organisations = async () => (await river.store.persons.distinct('organisations')) as string[]

test('a withdrawal stated ahead is carried out on its day, without any message', async () => {
  await optIn(true, '2020-01-01')
  await extract()
  await river.flow()
  expect(await organisations()).toContain(practice)
  await optIn(false, new Date(Date.now() + 4_000).toISOString())
  await river.flow()
  expect(await organisations()).toContain(practice)
  await new Promise(resolve => setTimeout(resolve, 4_500))
  await eventually('sealed', async () => {
    await river.flow()
    return (await organisations()).includes(practice) ? undefined : true
  })
  const lines = []
  for await (const line of linkLines(river.store, {})) lines.push(line)
  expect(lines).toEqual([])
})

async function documents(from: Store): Promise<string[]> {
  const all = await Promise.all(
    (['persons', 'episodes', 'reviews', 'facts'] as const).map(async name =>
      ((await from[name].find({}).toArray()) as object[]).map(document =>
        canonical({ name, ...document, solve: undefined }),
      ),
    ),
  )
  return all.flat().sort()
}

test('a replay needs the inbox alone: registers, code tables and what was told come out as they were', async () => {
  await state({
    register: 'site',
    id: 'RXX01',
    by: 'test',
    statement: { name: 'Test', organisation: 'RXX', fls: true },
  })
  await optIn(true, '2020-01-01')
  await river.accept(admission({ organisation: 'RXX', number: 'D1', controlId: 'one' }))
  await extract()
  await river.flow()
  await optIn(false, '2020-01-01')
  await river.flow()
  const told = await documents(river.store)
  expect(told.some(one => one.includes('"reportingFls":"RXX01"'))).toBe(true)
  for (const name of registers) await river.store.db.collection(name).deleteMany({})
  const built = await buildReplay({ ...river, report: () => undefined, onProgress: () => undefined })
  expect(await documents(built.store)).toEqual(told)
  await swapReplay(river.store)
  expect(await documents(river.store)).toEqual(told)
  expect(await river.store.inbox.countDocuments({ state: 'done', readAt: { $exists: true } })).toBe(5)
})
