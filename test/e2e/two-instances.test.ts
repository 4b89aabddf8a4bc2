import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { afterAll, beforeAll, expect, test } from '@jest/globals'
import type { Document } from 'mongodb'
import type { Delivery } from '../../synthetic/delivery.ts'
import { makeWorld } from '../../synthetic/world.ts'
import { sendExtract, sendFrame } from '../set-up/deliver.ts'
import { eventually, quiet, type RunningService, startService } from '../set-up/running.ts'

/** Two whole services on one database, as on two machines: they share the work and the registers, and either may die at any moment. */
const database = 'e2e_two_instances'
let [folder, left, right]: [string, RunningService | undefined, RunningService | undefined] = ['', undefined, undefined]

beforeAll(async () => {
  folder = await mkdtemp(path.join(tmpdir(), 'flsdb-two-'))
  left = await startService({ database, dataFolder: path.join(folder, 'left') })
  // The keys are the deployment's, not the machine's: both must give a person the same id.
  const environment = { FLSDB_KEY_FILE: path.join(folder, 'left', 'keys.json') }
  right = await startService({ database, keepDatabase: true, dataFolder: path.join(folder, 'right'), environment })
}, 180_000)
afterAll(async () => {
  await right?.mongo.db(database).dropDatabase()
  await right?.stop()
  await rm(folder, { recursive: true, force: true })
}, 60_000)

function both(): { left: RunningService; right: RunningService } {
  if (!left || !right) throw new Error('a service did not start')
  return { left, right }
}

const world = () => makeWorld({ seed: 'two instances', size: { episodes: 40 } }).deliveries()
const ofDoor = <Door extends Delivery['door']>(door: Door) =>
  [...world()].filter((delivery): delivery is Extract<Delivery, { door: Door }> => delivery.door === door)

test('a practice closed and opened through one instance is closed and open at the other within seconds', async () => {
  const { left, right } = both()
  const extract = ofDoor('extract')[0]
  if (!extract) throw new Error('the world has no extract')
  const state = (optedIn: boolean) =>
    left.call('ig-lead', 'PUT', `/api/practices/${extract.practice}`, { optedIn, evidence: 'letter' })
  const answered = (wanted: (status: number) => boolean) =>
    eventually(
      'the other instance answers by the register',
      async () => {
        const { status } = await sendExtract(right, extract)
        return wanted(status) ? status : undefined
      },
      10,
    )
  expect((await state(false)).status).toBeLessThan(300)
  expect(await answered(status => status === 403)).toBe(403)
  expect((await state(true)).status).toBeLessThan(300)
  expect(await answered(status => status < 300)).toBeLessThan(300)
}, 60_000)

test('one instance killed while both take messages: everything acknowledged is read, and stands once', async () => {
  const { left, right } = both()
  const messages = ofDoor('mllp').slice(0, 150)
  const acknowledged = new Set<string>()
  const push = async (service: RunningService, own: typeof messages, stopAfter = own.length) => {
    for (const { controlId, bytes } of own.slice(0, stopAfter)) {
      const code = await sendFrame(service, bytes).catch(() => 'no answer')
      if (code === 'AA' || code === 'CA') acknowledged.add(controlId)
    }
  }
  const [even, odd] = [messages.filter((_, index) => index % 2 === 0), messages.filter((_, index) => index % 2 === 1)]
  const dying = push(left, even)
  const living = push(right, odd)
  await eventually('a third is acknowledged', async () => (acknowledged.size > 50 ? true : undefined), 60)
  await left.kill()
  await Promise.all([dying, living])
  expect(acknowledged.size).toBeLessThan(messages.length)
  // Senders resend what was not acknowledged, to the door that is left.
  await push(
    right,
    messages.filter(message => !acknowledged.has(message.controlId)),
  )
  expect(acknowledged.size).toBe(messages.length)
  // What the dead instance had claimed is free when its lease of a minute ends.
  await quiet(right, 150)
  await expectOnce(
    right,
    messages.map(message => message.controlId),
  )
}, 300_000)

/** Every message done and kept once; every record in one person, every fact in one fracture of one person and in one episode. */
async function expectOnce(service: RunningService, controlIds: readonly string[]): Promise<void> {
  const db = service.mongo.db(database)
  const entries = await db.collection('inbox').find({ protocol: 'hl7v2' }).toArray()
  expect(entries.map(entry => entry['controlId']).sort()).toEqual([...controlIds].sort())
  expect([...new Set(entries.map(entry => entry['state']))]).toEqual(['done'])
  const [persons, episodes, records, facts] = await Promise.all(
    ['persons', 'episodes', 'records', 'facts'].map(name => db.collection(name).find().toArray()),
  )
  const members = (persons ?? []).flatMap(person => person['members'].map((member: Document) => member['record']))
  expect(members.length).toBeGreaterThan(10)
  expect(members.sort()).toEqual(records?.map(record => String(record._id)).sort())
  const inFractures = (persons ?? []).flatMap(person =>
    person['fractures'].flatMap((fracture: Document) => fracture['facts'].map((fact: Document) => fact['factId'])),
  )
  const inEpisodes = (episodes ?? []).flatMap(episode =>
    episode['fractures'].flatMap((fracture: Document) => fracture['facts'].map((fact: Document) => fact['factId'])),
  )
  expect(inEpisodes.length).toBeGreaterThan(10)
  expect(new Set(inFractures).size).toBe(inFractures.length)
  expect(new Set(inEpisodes).size).toBe(inEpisodes.length)
  const known = new Set(facts?.map(fact => String(fact._id)))
  expect(inFractures.filter(fact => !known.has(fact))).toEqual([])
  const readInto = new Set(facts?.map(fact => fact['source'].inboxId))
  expect(entries.filter(entry => entry['facts'] > 0 && !readInto.has(String(entry._id)))).toEqual([])
}
