import {
  type Collection,
  type Db,
  MongoBulkWriteError,
  type MongoClient,
  type MongoClientOptions,
  MongoError,
  MongoNetworkError,
  MongoServerSelectionError,
  MongoWriteConcernError,
} from 'mongodb'
import { CausalClient } from './causal-client.ts'
import { wakeWritersOfClosedSockets } from './closed-sockets.ts'
import type {
  EpisodeDocument,
  FactDocument,
  InboxDocument,
  PersonDocument,
  RecordDocument,
  ReviewDocument,
  TombstoneDocument,
} from './documents.ts'
import { refusedWrites } from './refused-writes.ts'

/** The collections, by name. Every stage reads upstream and writes its own. */
export type Store = {
  readonly client: MongoClient
  readonly db: Db
  readonly inbox: Collection<InboxDocument>
  readonly records: Collection<RecordDocument>
  readonly facts: Collection<FactDocument>
  readonly persons: Collection<PersonDocument>
  readonly episodes: Collection<EpisodeDocument>
  readonly reviews: Collection<ReviewDocument>
  readonly tombstones: Collection<TombstoneDocument>
  close(): Promise<void>
}

export class UnsafeDatabase extends Error {
  readonly code = 'unsafe-database'
}

/**
 * Server codes that speak of the server's state: stepping down, shutting down, unreachable, a majority not reached in time, a cursor or plan
 * that went with the server it lived on, no room on disk.
 */
const troubleCodes: ReadonlySet<unknown> = new Set([
  6, 7, 43, 64, 89, 91, 133, 134, 175, 189, 211, 237, 262, 9001, 10_107, 11_600, 11_602, 13_435, 13_436, 14_031,
])
/** Errors of the driver that speak of the state of its connections. */
const troubleNames: ReadonlySet<string> = new Set([
  'MongoWaitQueueTimeoutError',
  'MongoTopologyClosedError',
  'MongoNotConnectedError',
])

/** The database is away or cannot confirm: says nothing against what was to be written, the same again may well succeed. */
export function isDatabaseTrouble(cause: unknown): boolean {
  if (!(cause instanceof MongoError)) return false
  return (
    cause instanceof MongoNetworkError ||
    cause instanceof MongoServerSelectionError ||
    cause instanceof MongoWriteConcernError ||
    // The driver wraps a broken connection in one as well, with no write errors.
    (cause instanceof MongoBulkWriteError && refusedWrites(cause) === undefined) ||
    troubleNames.has(cause.name) ||
    cause.hasErrorLabel('RetryableWriteError') ||
    troubleCodes.has(cause.code)
  )
}

/** Collections rebuilt by replay; everything else is the inbox or a register. */
export const derivedCollections = ['records', 'facts', 'persons', 'episodes', 'reviews', 'tombstones'] as const

/** Every concern stated: majority, journaled, majority reads, retries on. */
export const clientOptions = {
  w: 'majority',
  journal: true,
  wtimeoutMS: 10_000,
  readConcernLevel: 'majority',
  readPreference: 'primary',
  retryWrites: true,
  retryReads: true,
  maxPoolSize: 50,
  serverSelectionTimeoutMS: 5_000,
  waitQueueTimeoutMS: 10_000,
  socketTimeoutMS: 60_000,
  // A server that hangs without closing its connections is given up after the sum of these two; requests under way fail with it.
  heartbeatFrequencyMS: 2_000,
  connectTimeoutMS: 5_000,
  ignoreUndefined: true,
} as const satisfies MongoClientOptions

/**
 * Opens the database with `clientOptions`; what this process wrote it reads, across fail-overs.
 * Refuses a standalone server (a write it acknowledged may be lost after a crash, trust.md fact 1).
 */
export async function openStore(uri: string, name: string): Promise<Store> {
  wakeWritersOfClosedSockets()
  const client = new CausalClient(uri, clientOptions)
  await client.connect()
  const hello = await client.db('admin').command({ hello: 1 })
  if (!hello['setName'] && hello['msg'] !== 'isdbgrid') {
    await client.close()
    throw new UnsafeDatabase(
      'MONGODB_URI names a standalone server. Use a replica set (one member is enough to start) and add ?replicaSet=NAME.',
    )
  }
  return storeOf(client, client.db(name), '')
}

/** The same inbox with derived collections under another prefix: where a replay builds before it is swapped in. */
export function scratchStore(store: Store, prefix: string): Store {
  return storeOf(store.client, store.db, prefix)
}

function storeOf(client: MongoClient, db: Db, prefix: string): Store {
  return {
    client,
    db,
    inbox: db.collection('inbox'),
    records: db.collection(`${prefix}records`),
    facts: db.collection(`${prefix}facts`),
    persons: db.collection(`${prefix}persons`),
    episodes: db.collection(`${prefix}episodes`),
    reviews: db.collection(`${prefix}reviews`),
    tombstones: db.collection(`${prefix}tombstones`),
    close: () => client.close(),
  }
}

/** Every index a hot path relies on; created at start, checked each minute by `/ready`. */
export async function ensureIndexes(store: Store): Promise<void> {
  await Promise.all([
    store.inbox.createIndexes([
      { key: { state: 1, bucket: 1, dueAt: 1 }, name: 'claim' },
      { key: { sender: 1, controlId: 1 }, name: 'control-id' },
      { key: { organisation: 1, receivedAt: -1 }, name: 'by-organisation' },
      { key: { practice: 1 }, name: 'by-practice', sparse: true },
      { key: { receivedAt: 1, _id: 1 }, name: 'by-time' },
    ]),
    store.facts.createIndexes([
      { key: { record: 1, kind: 1 }, name: 'by-record-kind' },
      { key: { 'source.inboxId': 1 }, name: 'by-inbox' },
      { key: { waitsFor: 1 }, name: 'waiting', sparse: true },
      { key: { 'detail.other': 1 }, name: 'assertions', sparse: true },
      { key: { unmapped: 1, 'source.sender': 1 }, name: 'unmapped-codes', partialFilterExpression: { unmapped: true } },
      // Deletes of TPP and neutral rows name the row alone: its patient is found by the set of its newest fact.
      { key: { 'revision.set': 1 }, name: 'gp-rows', partialFilterExpression: { side: 'gp' } },
    ]),
    store.records.createIndexes([
      { key: { bk: 1 }, name: 'blocking' },
      {
        key: { bucket: 1, dirtyAt: 1 },
        name: 'dirty-lanes',
        partialFilterExpression: { dirtyAt: { $exists: true } },
      },
      { key: { organisation: 1, side: 1 }, name: 'by-organisation' },
      { key: { personId: 1 }, name: 'by-person', sparse: true },
      { key: { 'facets.gpPractice': 1 }, name: 'by-registered-practice', sparse: true },
    ]),
    store.persons.createIndexes([
      { key: { 'members.record': 1 }, name: 'by-record' },
      { key: { 'fractures.facts.inboxId': 1 }, name: 'by-entry' },
      { key: { aliases: 1 }, name: 'aliases' },
    ]),
    store.episodes.createIndexes([
      { key: { records: 1 }, name: 'by-record' },
      { key: { aliases: 1 }, name: 'aliases' },
      { key: { organisations: 1, _id: 1 }, name: 'tenant' },
      { key: { diagnosedOn: 1, _id: 1 }, name: 'by-diagnosis' },
    ]),
    store.reviews.createIndexes([
      { key: { persons: 1 }, name: 'by-person' },
      { key: { organisations: 1, _id: 1 }, name: 'tenant' },
    ]),
    store.tombstones.createIndex({ at: 1 }, { name: 'expiry', expireAfterSeconds: 3_600 }),
  ])
}
