import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import path from 'node:path'
import type { MongoClient } from 'mongodb'
import { CausalClient } from '../../src/store/causal-client.ts'
import { freePort } from '../../src/store/embedded.ts'
import { clientOptions } from '../../src/store/store.ts'
import { trustOf } from '../../synthetic/story-wire.ts'
import { startService } from '../set-up/running.ts'
import { fhirLane } from './fhir-lane.ts'
import { audience, openIdentity } from './identity.ts'
import { Killer } from './killer.ts'
import { Ledger } from './ledger.ts'
import { mllpLane } from './mllp-lane.ts'
import { type ReplicaSet, startReplicaSet } from './replica-set.ts'
import { Sender } from './sender.ts'
import { Service } from './supervised.ts'

export const database = 'durability'

/** Everything a campaign has: what is killed (service, replica set) and what stands outside (ledger, senders, killer). */
export type World = {
  readonly service: Service
  readonly set: ReplicaSet
  readonly killer: Killer
  readonly ledger: Ledger
  readonly senders: readonly Sender[]
  readonly mongo: MongoClient
  readonly ports: { readonly http: number; readonly mllp: number }
  /** A token of the FHIR sender. */
  readonly token: () => Promise<string>
  readonly addSenders: (count: number) => readonly Sender[]
  readonly close: () => Promise<void>
}

export type WorldOptions = {
  readonly members: 1 | 3
  readonly lanes: number
  readonly workers?: number
  /** Added to the environment of the service; of the planted faults for one. */
  readonly environment?: Readonly<Record<string, string>>
  /** Address the service reaches the database at, when something stands between. */
  readonly databaseUri?: (set: ReplicaSet) => Promise<string>
  /** Where a member keeps its files, if not in the campaign's own folder. */
  readonly dbPath?: (index: number) => string
}

export async function openWorld({
  members,
  lanes,
  workers = 1,
  environment = {},
  databaseUri,
  dbPath,
}: WorldOptions): Promise<World> {
  const folder = await mkdtemp(path.join(tmpdir(), 'flsdb-durability-'))
  const set = await startReplicaSet({ folder, size: members, ...(dbPath ? { dbPath } : {}) })
  const identity = await openIdentity(trustOf('RXX').flsFeed, 'RXX')
  await enrol(set.uri, folder).catch(async (cause: unknown) => {
    await set.stop()
    throw cause
  })
  const ports = { http: await freePort(), mllp: await freePort() }
  const service = new Service({
    ...process.env,
    NODE_OPTIONS: '',
    FLSDB_PROFILE: 'test',
    FLSDB_LOG_LEVEL: 'silent',
    FLSDB_DATA: folder,
    FLSDB_DATABASE: database,
    FLSDB_WORKERS: String(workers),
    FLSDB_HTTP_PORT: String(ports.http),
    FLSDB_MLLP_PORT: String(ports.mllp),
    MONGODB_URI: (await databaseUri?.(set)) ?? set.uri,
    OIDC_ISSUER: identity.issuer,
    OIDC_AUDIENCE: audience,
    ...environment,
  })
  service.start()
  const ledger = new Ledger()
  const senders: Sender[] = []
  const addSenders = (count: number): readonly Sender[] => {
    const added = Array.from({ length: count }, (_, lane) =>
      lane % 2 === 0
        ? new Sender(ledger, 'mllp', mllpLane(ports.mllp))
        : new Sender(ledger, 'fhir', fhirLane(ports.http, identity.token)),
    )
    senders.push(...added)
    return added
  }
  addSenders(lanes)
  const killer = new Killer()
  const mongo = new CausalClient(set.uri, { ...clientOptions, serverSelectionTimeoutMS: 60_000 })
  const close = async (): Promise<void> => {
    for (const sender of senders) sender.abandon()
    killer.stop()
    await service.kill()
    await mongo.close()
    await set.stop()
    identity.close()
    await rm(folder, { recursive: true, force: true })
  }
  return { service, set, killer, ledger, senders, mongo, ports, token: identity.token, addSenders, close }
}

/** One ordinary start: enrols the feeds as an operator would, and fills the cache of compiled modules. */
async function enrol(uri: string, folder: string): Promise<void> {
  const first = await startService({
    database,
    dataFolder: folder,
    keepDatabase: true,
    uri,
    environment: { FLSDB_LOG_LEVEL: 'silent' },
  })
  await first.stop()
}
