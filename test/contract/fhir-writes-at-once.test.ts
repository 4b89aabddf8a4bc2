import { afterAll, beforeAll, describe, expect, test } from '@jest/globals'
import type { InboxId } from '../../src/fls/fact.ts'
import type { AccessLine } from '../../src/store/access-log.ts'
import { resourcesOf } from '../../src/store/resources.ts'
import { claimVersion, releaseVersion } from '../../src/store/version-claims.ts'
import { condition, type FhirDoor, mrnSystem, openFhirDoor, patient, send } from './fhir-door.ts'

/** Several who write the same resource at the same moment, and one resource written very often. */
let door: FhirDoor
beforeAll(async () => {
  door = await openFhirDoor()
})
afterAll(() => door.close())

const eight = [1, 2, 3, 4, 5, 6, 7, 8]
const statusesOf = (answers: readonly { readonly status: number }[]) =>
  answers.map(answer => answer.status).toSorted((a, b) => a - b)
const oneOf8 = (won: number, lost: number) => [won, ...eight.slice(1).map(() => lost)]

async function made(serial: number): Promise<{ id: string; tag: string }> {
  const answer = await send(door, 'POST', '/Patient', patient(serial))
  return { id: answer.body.id ?? '', tag: answer.headers.get('etag') ?? '' }
}

describe('If-None-Exist: of all who saw nothing, one creates', () => {
  test('eight creates of one number with different content: one 201, seven 200, one version', async () => {
    const answers = await Promise.all(
      eight.map(day =>
        send(door, 'POST', '/Patient', patient(40, { birthDate: `1948-05-0${day}` }), {
          'If-None-Exist': `identifier=${mrnSystem}|H40`,
        }),
      ),
    )
    expect(statusesOf(answers)).toEqual([...eight.slice(1).map(() => 200), 201])
    expect(new Set(answers.map(answer => answer.body.id)).size).toBe(1)
    const history = await send(door, 'GET', `/Patient/${answers[0]?.body.id}/_history`)
    expect(history.body['total']).toBe(1)
  })
})

describe('If-Match: of all who saw the same version, one writes the next', () => {
  test('eight PUTs at once: one 200, seven 412, two versions', async () => {
    const { id, tag } = await made(1)
    const answers = await Promise.all(
      eight.map(day =>
        send(door, 'PUT', `/Patient/${id}`, patient(1, { id, birthDate: `1948-05-0${day}` }), { 'If-Match': tag }),
      ),
    )
    expect(statusesOf(answers)).toEqual(oneOf8(200, 412))
    const history = await send(door, 'GET', `/Patient/${id}/_history`)
    expect(history.body['total']).toBe(2)
    const winner = answers.find(answer => answer.status === 200)
    expect((await send(door, 'GET', `/Patient/${id}`)).body).toEqual(winner?.body)
  })

  test('eight transactions at once: one is kept whole, seven not at all', async () => {
    const { id, tag } = await made(2)
    const before = await door.store.inbox.countDocuments()
    const entry = (day: number) => [
      {
        resource: patient(2, { id, birthDate: `1948-05-0${day}` }),
        request: { method: 'PUT', url: `Patient/${id}`, ifMatch: tag },
      },
      { resource: condition({ reference: `Patient/${id}` }), request: { method: 'POST', url: 'Condition' } },
    ]
    const answers = await Promise.all(
      eight.map(day => send(door, 'POST', '', { resourceType: 'Bundle', type: 'transaction', entry: entry(day) })),
    )
    expect(statusesOf(answers)).toEqual(oneOf8(200, 412))
    expect(await door.store.inbox.countDocuments()).toBe(before + 1)
  })

  test('the next version can be followed again', async () => {
    const { id, tag } = await made(3)
    const put = (day: number, known: string) =>
      send(door, 'PUT', `/Patient/${id}`, patient(3, { id, birthDate: `1948-05-0${day}` }), { 'If-Match': known })
    const second = await put(1, tag)
    const third = await put(2, second.headers.get('etag') ?? '')
    expect([second.status, third.status, (await put(3, tag)).status]).toEqual([200, 200, 412])
  })
})

describe('the claim on a version', () => {
  const at = (seconds: number) => new Date(Date.UTC(2026, 2, 1, 10, 0, seconds))
  const claim = (version: string, by: string, seconds: number) =>
    claimVersion(door.store.db, version, by as InboxId, at(seconds))

  test.each<{
    why: string
    by: string
    after: number
    isGiven: boolean
    between?: (version: string) => Promise<unknown>
  }>([
    { why: 'another, at once', by: 'b', after: 0, isGiven: false },
    { why: 'the same entry again', by: 'a', after: 1, isGiven: true },
    { why: 'another, while it lasts', by: 'b', after: 29, isGiven: false },
    { why: 'another, when it ended and nothing was kept', by: 'b', after: 30, isGiven: true },
    {
      why: 'another, when it was given back',
      by: 'b',
      after: 1,
      isGiven: true,
      between: version => releaseVersion(door.store.db, version, 'a' as InboxId),
    },
    {
      why: 'another, when somebody else gave it back',
      by: 'b',
      after: 1,
      isGiven: false,
      between: version => releaseVersion(door.store.db, version, 'c' as InboxId),
    },
  ])('$why: $isGiven', async ({ why, by, after, isGiven, between }) => {
    const version = `Patient/p/${why}`
    expect(await claim(version, 'a', 0)).toBe(true)
    await between?.(version)
    expect(await claim(version, by, after)).toBe(isGiven)
  })

  test('never ends once its entry is kept', async () => {
    const { id } = await made(4)
    const [written] = await door.store.inbox.find({ 'meta.resources.id': id }).toArray()
    const keptFor = written?._id ?? ''
    const hourBefore = new Date((written?.receivedAt.getTime() ?? 0) - 3_600_000)
    expect(await claimVersion(door.store.db, 'Patient/p/kept', keptFor as InboxId, hourBefore)).toBe(true)
    expect(await claimVersion(door.store.db, 'Patient/p/kept', 'b' as InboxId, new Date())).toBe(false)
  })
})

describe('one resource for all', () => {
  test('eight conditional creates with different bytes: one resource', async () => {
    const header = { 'If-None-Exist': `identifier=${mrnSystem}|H5` }
    const answers = await Promise.all(
      eight.map(day => send(door, 'POST', '/Patient', patient(5, { birthDate: `1948-05-0${day}` }), header)),
    )
    expect(answers.every(answer => answer.status === 201 || answer.status === 200)).toBe(true)
    expect(new Set(answers.map(answer => answer.body.id)).size).toBe(1)
    const found = await send(door, 'GET', `/Patient?identifier=${mrnSystem}|H5`)
    expect(found.body['total']).toBe(1)
  })

  test('an identifier many resources carry: told as several, however many there are', async () => {
    const accession = [{ system: 'urn:accession', value: 'A1' }]
    const observation = (text: string) => ({
      resourceType: 'Observation',
      status: 'final',
      identifier: [...accession, { system: 'urn:result', value: text }],
      code: { text },
    })
    const entry = Array.from({ length: 40 }, (_, index) => ({
      resource: observation(`r${index}`),
      request: { method: 'PUT', url: `Observation?identifier=urn:result|r${index}` },
    }))
    expect((await send(door, 'POST', '', { resourceType: 'Bundle', type: 'transaction', entry })).status).toBe(200)
    const header = { 'If-None-Exist': 'identifier=urn:accession|A1' }
    const answers = await Promise.all([
      send(door, 'POST', '/Observation', observation('new'), header),
      send(door, 'POST', '/Patient', patient(6), { 'If-None-Exist': `identifier=${mrnSystem}|H6` }),
    ])
    expect(answers.map(answer => answer.status)).toEqual([412, 201])
  })
})

describe('a resource written often', () => {
  test('the index does not grow with its versions; each is read back as it was sent', async () => {
    const { id } = await made(7)
    const size = async () => JSON.stringify(await resourcesOf(door.store.db).findOne({ _id: `Patient/${id}` })).length
    const before = await size()
    const tags: string[] = []
    for (let day = 10; day < 30; day++) {
      const answer = await send(door, 'PUT', `/Patient/${id}`, patient(7, { id, birthDate: `1948-05-${day}` }))
      tags.push(answer.headers.get('etag')?.slice(3, -1) ?? '')
    }
    expect(await size()).toBe(before)
    const history = await send(door, 'GET', `/Patient/${id}/_history?_count=200`)
    expect(history.body['total']).toBe(21)
    expect((await send(door, 'GET', `/Patient/${id}/_history/${tags[3]}`)).body['birthDate']).toBe('1948-05-13')
    expect((await send(door, 'GET', `/Patient/${id}/_history/nosuch`)).status).toBe(404)
  })

  test('an earlier version of a Bundle has its references resolved as the current one', async () => {
    const urn = 'urn:uuid:00000000-0000-4000-8000-000000000001'
    const bundle = (note: string) => ({
      resourceType: 'Bundle',
      type: 'transaction',
      entry: [
        { fullUrl: urn, resource: patient(8), request: { method: 'PUT', url: `Patient?identifier=${mrnSystem}|H8` } },
        {
          resource: condition(
            { reference: urn },
            { identifier: [{ system: 'urn:c', value: '8' }], note: [{ text: note }] },
          ),
          request: { method: 'PUT', url: 'Condition?identifier=urn:c|8' },
        },
      ],
    })
    const first = await send(door, 'POST', '', bundle('first'))
    await send(door, 'POST', '', bundle('second'))
    const [person, fracture] = first.body.entry?.map(one => (one['response'] as { location: string }).location) ?? []
    const read = await send(door, 'GET', (fracture ?? '').replace('http://fls.test/fhir', ''))
    expect(read.body['note']).toEqual([{ text: 'first' }])
    expect(read.body['subject']).toEqual({ reference: /Patient\/[^/]+/.exec(person ?? '')?.[0] })
  })
})

describe('the access log of a write', () => {
  test('has one line, with the entry, before the answer is there', async () => {
    const lines = door.accessLines as AccessLine[]
    lines.length = 0
    const answer = await send(door, 'POST', '/Patient', patient(9))
    const kept = await door.store.inbox.findOne({ 'meta.resources.id': answer.body.id })
    expect(lines.map(({ status, inboxIds, rows }) => ({ status, inboxIds, rows }))).toEqual([
      { status: 201, inboxIds: [kept?._id], rows: 1 },
    ])
  })

  test('a batch has one line, for all its entries', async () => {
    const lines = door.accessLines as AccessLine[]
    lines.length = 0
    const entry = [10, 11].map(serial => ({ resource: patient(serial), request: { method: 'POST', url: 'Patient' } }))
    await send(door, 'POST', '', { resourceType: 'Bundle', type: 'batch', entry })
    expect(lines.map(({ status, inboxIds, rows }) => [status, inboxIds?.length, rows])).toEqual([[200, 2, 2]])
  })
})
