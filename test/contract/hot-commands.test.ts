import { readFileSync } from 'node:fs'
import path from 'node:path'
import { runInNewContext } from 'node:vm'
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals'
import type { Document } from 'mongodb'
import { hospitalMessages } from '../../bench/traffic.ts'
import type { InboxId } from '../../src/fls/fact.ts'
import { parseMessage } from '../../src/sources/hl7v2/message.ts'
import { peekRecordKey } from '../../src/sources/hl7v2/record-key.ts'
import { requeueEntries } from '../../src/store/claims.ts'
import { enrolRoster } from '../../src/wiring/demo.ts'
import { makeWorld } from '../../synthetic/world.ts'
import { openTestRiver, type TestRiver } from '../set-up/river.ts'

/**
 * Every command the river really sends while it carries messages down, as the database's own profiler saw it: answered from an index, and
 * on a sharded cluster sent to the shards that hold the answer. The shard keys are those of ops/sharding.js.
 */
const messages = 240

/** What asks all shards, and why it may: each is one command for a whole batch or a poll, none is one for each message. */
const allowed: Readonly<Record<string, string>> = {
  'inbox bucket dueAt state': 'a worker looks for what is due in its lanes: one poll for up to 200 entries',
  'inbox $expr attempts bucket state': 'claims whose lease ended: once a second and worker',
  'inbox $expr bucket state': 'the same, set aside',
  'inbox $or': 'control ids used twice: once a batch, answered by the index alone',
  'inbox state': 'whether anything waits: the test itself asks',
  'inbox claimedBy state': 'a worker that stops gives its claims back; one that works renews their leases every 20 s',
  'records bk': 'candidates of all records of a batch: the blocks of a name lie on every shard',
  'records bucket dirtyAt': 'what was marked to be solved again: one poll for up to 200',
  'records dirtyAt': 'whether anything is marked: the test itself asks',
  'persons members.record': 'whose persons the records of a batch stand in: once a batch',
  'episodes records': 'their episodes: once a batch',
  'reviews persons': 'their reviews: once a batch',
  'facts $or kind': 'what was said of the records of a batch by whomever: once a batch',
  'facts source.inboxId': 'facts of an entry that is read again: once a batch, seldom',
  'facts _id source.inboxId': 'the same, those no longer read taken out',
}

let river: TestRiver
let seen: Seen[]
type Seen = {
  readonly collection: string
  readonly filter: Document
  readonly plan: string
  readonly isUpsert: boolean
}

beforeAll(async () => {
  river = await openTestRiver('hot')
  await river.store.db.createCollection('system.profile', { capped: true, size: 64 * 1024 * 1024 })
  const kept = await keepAll()
  await river.store.db.command({ profile: 2 })
  await river.flow()
  await requeueEntries(river.store, kept.slice(0, 20))
  await river.flow()
  await river.store.db.command({ profile: 0 })
  const profiled = await river.store.db.collection('system.profile').find().toArray()
  seen = profiled.flatMap(seenOf)
}, 120_000)
afterAll(() => river?.close())

async function keepAll(): Promise<InboxId[]> {
  const kept: InboxId[] = []
  const roster = makeWorld({ seed: 'fls-db demo', size: 'small' }).roster()
  await enrolRoster(river.accept, roster, new Date())
  await river.flow()
  const organisations = new Map(roster.feeds.map(feed => [feed.id, feed.organisation]))
  for (const { feed, controlId, type, bytes } of hospitalMessages(messages)) {
    const organisation = organisations.get(feed)
    const message = parseMessage(bytes)
    if (!organisation || !message) throw new Error(`feed ${feed} is not enrolled`)
    const recordKey = peekRecordKey(message, feed)
    const { inboxId } = await river.accept({
      ...{ sender: feed, organisation, side: 'hospital', protocol: 'hl7v2', controlId, type, bytes },
      ...(recordKey ? { recordKey } : {}),
    })
    kept.push(inboxId)
  }
  return kept
}

function seenOf({ ns, op, command, planSummary }: Document): Seen[] {
  const collection = String(ns).slice(String(ns).indexOf('.') + 1)
  const filter: Document | undefined = command?.q ?? command?.filter ?? command?.query
  if (!filter || collection.startsWith('system.') || op === 'insert') return []
  return [{ collection, filter, plan: String(planSummary ?? ''), isUpsert: command?.upsert === true }]
}

function shardKeys(): ReadonlyMap<string, string> {
  const keys = new Map<string, string>()
  const script = readFileSync(path.join(import.meta.dirname, '..', '..', 'ops', 'sharding.js'), 'utf8')
  runInNewContext(script, {
    process: { env: {} },
    db: { getSiblingDB: () => ({ getCollection: () => ({ createIndex: () => undefined }) }) },
    sh: {
      enableSharding: () => undefined,
      shardCollection: (name: string, key: object) => keys.set(name.replace(/^flsdb\./, ''), Object.keys(key).join()),
    },
  })
  return keys
}

const shapeOf = ({ collection, filter }: Seen) => [collection, ...Object.keys(filter).sort()].join(' ')

describe('what the river asks the database', () => {
  test('the run is a real one', async () => {
    expect(await river.store.inbox.countDocuments({ state: 'done' })).toBeGreaterThanOrEqual(messages)
    expect(await river.store.episodes.countDocuments()).toBeGreaterThan(5)
    expect(seen.length).toBeGreaterThan(100)
  })

  test('is answered from an index', () => {
    const sharded = shardKeys()
    const scans = seen.filter(one => one.plan.includes('COLLSCAN') && sharded.has(one.collection))
    expect([...new Set(scans.map(shapeOf))]).toEqual([])
  })

  test('names the shard key, or is one command for many messages', () => {
    const sharded = shardKeys()
    const scattered = seen.filter(one => {
      const key = sharded.get(one.collection)
      return key !== undefined && !(key in one.filter)
    })
    expect([...new Set(scattered.map(shapeOf))].filter(shape => !(shape in allowed)).sort()).toEqual([])
  })

  test('what asks all shards does not grow with the messages', () => {
    const sharded = shardKeys()
    for (const collection of ['persons', 'episodes', 'reviews', 'records', 'facts']) {
      const key = sharded.get(collection) ?? ''
      const scattered = seen.filter(one => one.collection === collection && !(key in one.filter))
      expect(scattered.length).toBeLessThan(messages / 2)
    }
  })

  test('inserts what is new only where the shard key says, as a cluster demands', () => {
    const sharded = shardKeys()
    const blind = seen.filter(
      one => one.isUpsert && sharded.has(one.collection) && !((sharded.get(one.collection) ?? '') in one.filter),
    )
    expect([...new Set(blind.map(shapeOf))]).toEqual([])
  })

  test('every collection that grows with the messages is sharded', async () => {
    const small = new Set([
      'feeds',
      'sites',
      'practices',
      'optOuts',
      'optOutLists',
      'registerVersions',
      'counters',
      'control',
    ])
    const grown = (await river.store.db.listCollections({}, { nameOnly: true }).toArray())
      .map(one => one.name)
      .filter(name => !name.startsWith('system.') && !small.has(name))
    const counts = await Promise.all(
      grown.map(async name => [name, await river.store.db.collection(name).estimatedDocumentCount()] as const),
    )
    const sharded = shardKeys()
    expect(counts.filter(([name, count]) => count > messages / 10 && !sharded.has(name)).map(([name]) => name)).toEqual(
      [],
    )
  })
})
