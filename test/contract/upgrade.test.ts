import { readdirSync } from 'node:fs'
import { readdir, readFile } from 'node:fs/promises'
import path from 'node:path'
import { afterAll, beforeAll, expect, jest, test } from '@jest/globals'
import { BSON } from 'mongodb'
import { loadKeys } from '../../src/access/keys.ts'
import { openRiver } from '../../src/open-river.ts'
import { comparedCollections, differingPairs } from '../../src/store/replay-differences.ts'
import { findResource } from '../../src/store/resources.ts'
import { indexEarlierResources } from '../../src/store/resources-earlier.ts'
import { NewerShape, refuseNewer, shapes } from '../../src/store/shape.ts'
import { openStore, type Store } from '../../src/store/store.ts'
import { openTestRiver, type TestRiver } from '../set-up/river.ts'
import { quiet, startService } from '../set-up/running.ts'

/**
 * Today's release started on databases that earlier ones have left behind, with entries waiting. The fixtures are written by
 * scripts/upgrade-fixture.ts, each named after the commit whose code made it.
 */
jest.setTimeout(240_000)
const folder = path.join(import.meta.dirname, '..', 'fixtures', 'upgrade')
const database = 'contract_upgrade'
let store: Store
let fresh: TestRiver
beforeAll(async () => {
  store = await openStore(process.env['FLSDB_TEST_MONGODB'] ?? '', database)
  fresh = await openTestRiver('upgraded')
})
afterAll(async () => {
  await store?.db.dropDatabase()
  await store?.close()
  await fresh?.close()
})

async function lay(fixture: string): Promise<void> {
  await store.db.dropDatabase()
  for (const file of (await readdir(fixture)).filter(name => name.endsWith('.ndjson'))) {
    const lines = (await readFile(path.join(fixture, file), 'utf8')).split('\n').filter(Boolean)
    const documents = lines.map(line => BSON.EJSON.parse(line, { relaxed: false }) as object)
    await store.db.collection(path.basename(file, '.ndjson')).insertMany(documents)
  }
}

/** The same entries in an empty database of today's release. */
async function readAfresh(keyFile: string): Promise<Store> {
  for await (const { _id, issues, facts, readAt, failure, leaseUntil, ...kept } of store.inbox.find({}))
    await fresh.store.inbox.insertOne({ ...kept, _id, state: 'received', attempts: 0, fence: 0, dueAt: new Date(0) })
  await fresh.flow(openRiver(fresh.store, await loadKeys(keyFile, false), { acceptTestNumbers: true }))
  return fresh.store
}

async function differing(other: Store): Promise<string[]> {
  const found: string[] = []
  for (const collection of comparedCollections)
    for await (const { id, fields } of differingPairs(collection, store, other))
      found.push(`${collection} ${id} ${fields.join(' ')}`)
  return found
}

test.each(readdirSync(folder))(
  'a database of %s: backlog worked off, resources readable, and a replay makes what a fresh database makes',
  async name => {
    const fixture = path.join(folder, name)
    const keyFile = path.join(fixture, 'keys.json')
    await lay(fixture)
    expect(await store.inbox.countDocuments({ state: 'received' })).toBe(2)
    const service = await startService({
      database,
      keepDatabase: true,
      environment: { FLSDB_KEY_FILE: keyFile },
    })
    try {
      const resource = await findResource(store.db, 'rxx-fhir', 'Condition', 'condition-of-the-fixture')
      const second = await store.inbox.findOne({ controlId: 'second' })
      expect(resource?.current.inboxId).toBe(second?._id)
      await quiet(service, 60)
      expect(await store.inbox.distinct('state')).toEqual(['done'])
      const laterPerson = await store.records.findOne({ _id: 'RXX|U5' as never })
      const earlierPerson = await store.records.findOne({ _id: 'RXX|U1' as never })
      expect(laterPerson?.personId).toBe(earlierPerson?.personId)
      expect(JSON.parse(await service.flsdb('replay', '--json'))).toMatchObject({ swapped: true, queued: 0 })
      await quiet(service, 60)
    } finally {
      await service.stop()
    }
    expect(await differing(await readAfresh(keyFile))).toEqual([])
    const decision = await store.facts.findOne({ kind: 'assertion', 'detail.assertion': 'fracture-same' })
    const other = decision?.detail && 'other' in decision.detail ? decision.detail.other : undefined
    expect(await store.facts.countDocuments({ _id: other as never })).toBe(1)
  },
)

test('resources are indexed again once; killed in between, what is left of them is indexed', async () => {
  await lay(path.join(folder, '848cdf3'))
  const [first, second] = await store.inbox.find({ protocol: 'fhir' }).sort({ receivedAt: 1 }).toArray()
  if (!first || !second) throw new Error('the fixture has two versions')
  const control = store.db.collection<{ _id: string; after?: object }>('control')
  await control.insertOne({ _id: 'resource-index', after: { receivedAt: first.receivedAt, id: first._id } })
  expect(await indexEarlierResources(store)).toBe(1)
  const resource = await findResource(store.db, 'rxx-fhir', 'Condition', 'condition-of-the-fixture')
  expect(resource?.current.inboxId).toBe(second._id)
  expect(await indexEarlierResources(store)).toBe(0)
})

test.each(Object.keys(shapes))('a newer shape of the %s is refused, and says what to do', part => {
  const newer = { ...shapes, [part]: shapes[part as keyof typeof shapes] + 1 }
  expect(() => refuseNewer(newer, 'Database x')).toThrow(NewerShape)
  expect(() => refuseNewer(newer, 'Database x')).toThrow(`the ${part} has shape 2, this release knows up to 1`)
  expect(() => refuseNewer({}, 'Database x')).not.toThrow()
})
