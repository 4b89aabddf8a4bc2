import { afterAll, beforeAll, describe, expect, test } from '@jest/globals'
import type { Instant } from '../../src/fls/dates.ts'
import type { FactId, InboxId, OdsCode, RecordKey } from '../../src/fls/fact.ts'
import type { Explanation } from '../../src/linkage/linkage.ts'
import { readDecision } from '../../src/mapping/decision.ts'
import type { FactDocument, PersonDocument, RecordDocument } from '../../src/store/documents.ts'
import { readInboxEntry } from '../../src/store/inbox.ts'
import { localNumberOf } from '../../src/store/link-lines.ts'
import { json, type Service, startService } from './running-app.ts'

const record = (key: string) => key as RecordKey
const a = record('RXX|100')
const b = record('P81001|gp|7')

const explanation: Explanation = {
  kind: 'person',
  model: 'person/1.0.0',
  record: 'a',
  candidate: 'b',
  priorBits: -24,
  parts: [
    { field: 'birthDate', level: 'equal', bits: 12 },
    { field: 'familyName', level: 'alike', bits: 8 },
  ],
  adjustments: [],
  guards: ['twin-shape'],
  totalBits: -4,
  probability: 0.06,
  decision: 'review',
  decidedBy: 'model',
}

function fact(
  id: string,
  key: RecordKey,
  kind: 'identity' | 'diagnosis',
  path: string,
  more: object = {},
): FactDocument {
  return {
    _id: id as FactId,
    record: key,
    organisation: 'RXX' as OdsCode,
    side: 'hospital',
    kind,
    status: 'active',
    revision: { asOf: '2026-03-01T10:00:00.000Z' as Instant },
    source: {
      inboxId: `${id}-in` as InboxId,
      path,
      row: 'r',
      tableHash: 't',
      sender: 'rxx01-pas',
      controlId: `c-${id}`,
    },
    ...(kind === 'identity' ? { detail: {} } : { concept: { set: 'fracture-site', id: 'hip.neck', kind: 'include' } }),
    ...more,
  } as FactDocument
}
const member = (key: RecordKey, probability: number): PersonDocument['members'][number] => ({
  record: key,
  organisation: 'RXX' as OdsCode,
  side: 'hospital',
  probability,
  decidedBy: 'model',
  explanation,
})
const recordDocument = (key: RecordKey): RecordDocument => ({
  _id: key,
  organisation: 'RXX' as OdsCode,
  side: 'hospital',
  facets: [{ familyName: 'Synthetic' }],
  bk: [],
  near: [],
  bucket: 0,
  version: 1,
})

let service: Service
beforeAll(async () => {
  service = await startService()
  const { records, persons, reviews, facts } = service.store
  await records.insertMany([recordDocument(a), recordDocument(b)])
  await persons.insertMany([
    {
      _id: 'p1',
      aliases: ['p1-before'],
      members: [member(a, 1)],
      organisations: ['RXX' as OdsCode],
      fractures: [
        {
          fractureId: 'f1',
          aliases: [],
          site: 'hip.neck',
          status: 'confirmed',
          episodeId: 'e1',
          facts: [{ factId: 'd1' as FactId, inboxId: 'd1-in' as InboxId, probability: 0.97, decidedBy: 'model' }],
        },
      ],
      solve: 1,
    },
    { _id: 'p2', aliases: [], members: [member(b, 1)], organisations: ['P81001' as OdsCode], fractures: [], solve: 1 },
  ])
  await facts.insertMany([
    fact('i1', a, 'identity', 'PID'),
    fact('d1', a, 'diagnosis', 'DG1-3'),
    fact('d2', a, 'diagnosis', 'DG1[2]-3'),
    fact('gone', a, 'diagnosis', 'DG1[3]-3', { status: 'retracted' }),
    fact('other', a, 'diagnosis', 'DG1[4]-3', { concept: { set: 'osteoporosis', id: 'x', kind: 'include' } }),
    fact('i2', b, 'identity', 'r-3#row 3, patientId'),
  ])
  await reviews.insertOne({
    _id: 'r1',
    kind: 'person',
    a,
    b,
    persons: ['p1', 'p2'],
    organisations: ['RXX' as OdsCode, 'P81001' as OdsCode],
    explanation,
    solve: 1,
  })
})
afterAll(() => service.close())

const reviewer = (path: string, more: Parameters<Service['call']>[2] = {}) =>
  service.call('linkage-reviewer', path, more)

describe('reviews', () => {
  test('the list names pair, persons and weight, but nobody', async () => {
    const answer = await reviewer('/api/links?state=review')
    const text = await answer.text()
    expect(JSON.parse(text).items).toEqual([
      {
        id: 'r1',
        kind: 'person',
        persons: ['p1', 'p2'],
        organisations: ['RXX', 'P81001'],
        probability: 0.06,
        totalBits: -4,
        guards: ['twin-shape'],
        decision: 'review',
      },
    ])
    expect(text).not.toContain('Synthetic')
    expect(text).not.toContain('RXX|100')
  })
  test('one pair shows both records and every weight; who looked at whom is logged', async () => {
    const answer = await (await reviewer('/api/links/r1', { headers: { 'X-Request-ID': 'look-1' } })).json()
    expect(answer).toMatchObject({
      kind: 'person',
      explanation: { parts: explanation.parts, totalBits: -4 },
      a: { record: a, facets: [{ familyName: 'Synthetic' }] },
      b: { record: b },
    })
    const [line] = (await service.accessLog.read({ limit: 20 })).filter(one => one.requestId === 'look-1')
    expect(line?.persons).toEqual(['p1', 'p2'])
  })
  test('an alias leads to the person', async () => {
    expect(await (await reviewer('/api/links/p1-before')).json()).toMatchObject({
      id: 'p1',
      kind: 'person',
      members: [{ record: a, probability: 1 }],
    })
  })
  test('a reviewer of another region finds none of it', async () => {
    const claims = { organisations: ['RYY'] }
    expect((await (await reviewer('/api/links', { claims })).json()).items).toEqual([])
    expect((await reviewer('/api/links/r1', { claims })).status).toBe(404)
    expect((await reviewer('/api/links/p1', { claims })).status).toBe(404)
    expect(await (await reviewer('/api/links?format=ndjson', { claims })).text()).toBe('')
    expect(
      (await reviewer('/api/links/r1/decision', { claims, method: 'POST', ...json({ decision: 'merge' }) })).status,
    ).toBe(404)
  })
})

describe('decisions', () => {
  const decide = (path: string, body: unknown) => reviewer(path, { method: 'POST', ...json(body) })

  test.each([
    ['confirm', 'same-patient'],
    ['merge', 'same-patient'],
    ['split', 'not-same-patient'],
  ])('%s is kept as an inbox entry and read as %s', async (decision, assertion) => {
    const answer = await decide('/api/links/r1/decision', { decision, reason: 'same address since 2019' })
    expect(answer.status).toBe(200)
    const { inboxId } = await answer.json()
    const entry = await readInboxEntry(service.store, inboxId)
    if (!entry) throw new Error('the decision was not kept')
    expect(entry.protocol).toBe('decision')
    const { facts, issues } = readDecision(entry, 't')
    expect(issues).toEqual([])
    // The smaller key first, so that the next word about the pair replaces this one.
    expect(facts).toMatchObject([{ kind: 'assertion', record: b, detail: { assertion, other: a, by: 'human' } }])
  })
  test('two fracture facts of one person', async () => {
    await service.store.reviews.insertOne({
      _id: 'r2',
      kind: 'fracture',
      a: 'd1',
      b: 'd2',
      persons: ['p1'],
      organisations: ['RXX' as OdsCode],
      explanation: { ...explanation, kind: 'event' },
      solve: 1,
    })
    const { inboxId, assertion } = await (await decide('/api/links/r2/decision', { decision: 'split' })).json()
    expect(assertion).toBe('fracture-different')
    const entry = await readInboxEntry(service.store, inboxId)
    expect(entry && readDecision(entry, 't').facts).toMatchObject([
      { record: a, detail: { assertion: 'fracture-different', fact: 'd1', other: 'd2' } },
    ])
  })
  test.each<[string, string, unknown, number]>([
    ['an unknown link', '/api/links/none/decision', { decision: 'merge' }, 404],
    ['a person without a pair', '/api/links/p1/decision', { decision: 'split' }, 422],
    ['a record nobody sent', '/api/links/p1/decision', { decision: 'merge', a, b: 'RYY|1' }, 422],
    ['a record with itself', '/api/links/p1/decision', { decision: 'merge', a, b: a }, 422],
    ['an unknown decision', '/api/links/r1/decision', { decision: 'maybe' }, 422],
    ['a field more', '/api/links/r1/decision', { decision: 'merge', by: 'somebody-else' }, 422],
  ])('%s is refused', async (_what, path, body, status) => {
    expect((await decide(path, body)).status).toBe(status)
  })
})

test('every assignment, one line per patient statement and fracture fact', async () => {
  const answer = await reviewer('/api/links?format=ndjson')
  expect(answer.headers.get('content-type')).toContain('application/x-ndjson')
  const lines = (await answer.text())
    .trim()
    .split('\n')
    .map(line => JSON.parse(line))
  const common = {
    sender: 'rxx01-pas',
    personId: 'p1',
    localPatientId: '100',
    personProbability: 1,
    decidedBy: 'model',
  }
  expect(lines).toEqual([
    {
      ...common,
      inboxId: 'd1-in',
      controlId: 'c-d1',
      path: 'DG1-3',
      fractureId: 'f1',
      episodeId: 'e1',
      fractureProbability: 0.97,
    },
    {
      ...common,
      inboxId: 'd2-in',
      controlId: 'c-d2',
      path: 'DG1[2]-3',
      fractureId: null,
      episodeId: null,
      fractureProbability: null,
    },
    {
      ...common,
      inboxId: 'i1-in',
      controlId: 'c-i1',
      path: 'PID',
      fractureId: null,
      episodeId: null,
      fractureProbability: null,
    },
    {
      ...common,
      inboxId: 'i2-in',
      controlId: 'c-i2',
      path: 'r-3',
      personId: 'p2',
      localPatientId: '7',
      fractureId: null,
      episodeId: null,
      fractureProbability: null,
    },
  ])
})

test.each([
  ['RXX|12345', '12345'],
  ['2.16.840.1|A|1', 'A|1'],
  ['P81001|gp|{7}', '{7}'],
  ['RXX|fls|99', '99'],
  ['rxx01-pas|nhs|9990000018', null],
  [`${'a'.repeat(64)}|PID`, null],
])('local number of %s', (key, number) => {
  expect(localNumberOf(record(key))).toBe(number)
})
