import { afterAll, beforeAll, describe, expect, test } from '@jest/globals'
import type { Instant } from '../../src/fls/dates.ts'
import type { FactId, InboxId, OdsCode, RecordKey } from '../../src/fls/fact.ts'
import { issue } from '../../src/fls/issue.ts'
import type { FactDocument } from '../../src/store/documents.ts'
import { type Service, startService } from './running-app.ts'

/** Every arrival and its stages; each role sees its own, the operator no patient data. */
let service: Service
const ids: InboxId[] = []
const hospital = { organisations: ['RXX'], feeds: ['rxx01-pas'] }
const engineer = { organisations: ['RXX'] }

beforeAll(async () => {
  service = await startService()
  for (let index = 0; index < 5; index++) ids.push(await keep('rxx01-pas', 'RXX', `C${index}`))
  ids.push(await keep('ryy02-pas', 'RYY', 'C0'))
  const [first] = ids
  if (!first) throw new Error('nothing was kept')
  await service.store.inbox.updateOne(
    { _id: first },
    {
      $set: {
        state: 'done',
        readAt: new Date('2026-03-01T10:00:00Z'),
        facts: 1,
        issues: [issue('code-unknown', 'DG1-3')],
      },
    },
  )
  await service.store.facts.insertOne(fact(first, 'rxx01-pas', 'RXX'))
  await service.store.records.insertOne({
    _id: 'RXX|1' as RecordKey,
    organisation: 'RXX' as OdsCode,
    side: 'hospital',
    facets: [],
    bk: [],
    near: [],
    bucket: 0,
    version: 1,
    personId: 'p1',
  })
})
afterAll(() => service.close())

async function keep(sender: string, organisation: string, controlId: string): Promise<InboxId> {
  const kept = await service.accept({
    sender,
    organisation: organisation as OdsCode,
    side: 'hospital',
    protocol: 'hl7v2',
    controlId,
    type: 'ADT^A04',
    bytes: Buffer.from(`MSH|${sender}|${controlId}`),
  })
  return kept.inboxId
}

function fact(inboxId: InboxId, sender: string, organisation: string): FactDocument {
  return {
    _id: 'fact-1' as FactId,
    record: 'RXX|1' as RecordKey,
    organisation: organisation as OdsCode,
    side: 'hospital',
    kind: 'diagnosis',
    status: 'active',
    coding: [{ system: 'local', code: 'FXHIP', display: 'hip' }],
    revision: { asOf: '2026-03-01T10:00:00.000Z' as Instant },
    source: { inboxId, path: 'DG1-3', row: 'adt.dg1.code', tableHash: 't', sender, controlId: 'C0' },
    unmapped: true,
  }
}

describe('the list', () => {
  test.each([
    ['hospital', hospital, 5],
    ['hospital', { organisations: ['RXX'], feeds: ['rxx01-ris'] }, 0],
    ['hospital', { organisations: ['RYY'], feeds: ['rxx01-pas'] }, 0],
    ['engineer', engineer, 5],
    ['engineer', { organisations: ['RYY'] }, 1],
    ['engineer', {}, 0],
    ['gp-supplier', { practices: ['P81001'] }, 0],
    ['operator', {}, 6],
  ] as const)('%s with %j sees %d', async (role, claims, count) => {
    const { items } = await (await service.call(role, '/api/messages', { claims })).json()
    expect(items).toHaveLength(count)
  })

  test.each([
    ['controlId=C0', 2],
    ['feed=ryy02-pas', 1],
    ['state=done', 1],
    ['state=received', 5],
    ['issue=code-unknown', 1],
    ['issue=unreadable-date', 0],
    ['from=2100-01-01', 0],
    ['to=2100-01-01', 6],
    ['controlId=%7B%22$ne%22:1%7D', 0],
  ])('%s finds %d', async (query, count) => {
    expect((await (await service.call('operator', `/api/messages?${query}`)).json()).items).toHaveLength(count)
  })

  test('pages follow each other without a gap; a page is good only for its caller and query', async () => {
    const seen: string[] = []
    let page = ''
    do {
      const answer = await (await service.call('operator', `/api/messages?limit=2${page}`)).json()
      seen.push(...answer.items.map((item: { inboxId: string }) => item.inboxId))
      page = answer.next ? `&page=${answer.next}` : ''
    } while (page)
    expect(seen.toSorted()).toEqual(ids.toSorted())
    const { next } = await (await service.call('operator', '/api/messages?limit=2')).json()
    const statuses = await Promise.all([
      service.call('operator', `/api/messages?limit=2&page=${next}&state=done`),
      service.call('engineer', `/api/messages?limit=2&page=${next}`, { claims: engineer }),
      service.call('operator', `/api/messages?limit=2&page=${next.slice(0, -4)}AAAA`),
      service.call('operator', '/api/messages?page=x'),
    ])
    expect(statuses.map(answer => answer.status)).toEqual([400, 400, 400, 400])
  })

  test.each(['state=open', 'issue=nothing', 'from=yesterday', 'limit=0', 'sort=size'])('%s is refused', async query => {
    expect((await service.call('operator', `/api/messages?${query}`)).status).toBe(400)
  })
})

describe('one message', () => {
  test('its stages, issues and facts with their place in the message', async () => {
    const answer = await (await service.call('engineer', `/api/messages/${ids[0]}`, { claims: engineer })).json()
    expect(answer).toMatchObject({
      feed: 'rxx01-pas',
      controlId: 'C0',
      state: 'done',
      issues: [{ code: 'code-unknown', where: 'DG1-3', fix: expect.any(String) }],
      stages: [{ stage: 'kept' }, { stage: 'read', facts: 1 }, { stage: 'linked', persons: 1, episodes: 0 }],
      facts: [{ id: 'fact-1', kind: 'diagnosis', path: 'DG1-3', row: 'adt.dg1.code', coding: [{ code: 'FXHIP' }] }],
    })
  })
  test('the operator sees that there are facts, not what they say', async () => {
    const { facts } = await (await service.call('operator', `/api/messages/${ids[0]}`)).json()
    expect(facts).toEqual([{ id: 'fact-1', kind: 'diagnosis', status: 'active', path: 'DG1-3', row: 'adt.dg1.code' }])
  })
  test('one not read yet has only been kept', async () => {
    expect((await (await service.call('operator', `/api/messages/${ids[1]}`)).json()).stages).toMatchObject([
      { stage: 'kept', outcome: 'journaled' },
    ])
  })
  test('another organisation gets the same answer as for one that never was', async () => {
    const other = await service.call('engineer', `/api/messages/${ids[0]}`, { claims: { organisations: ['RYY'] } })
    const none = await service.call('engineer', `/api/messages/${'0'.repeat(64)}`, {
      claims: { organisations: ['RYY'] },
    })
    expect([other.status, none.status]).toEqual([404, 404])
    expect(await other.text()).toBe(await none.text())
  })
  test('raw: the exact bytes, for the engineer of the organisation only, and logged', async () => {
    const answer = await service.call('engineer', `/api/messages/${ids[0]}/raw`, {
      claims: engineer,
      headers: { 'X-Request-ID': 'raw-1' },
    })
    expect(await answer.text()).toBe('MSH|rxx01-pas|C0')
    expect(answer.headers.get('content-disposition')).toContain('attachment')
    const statuses = await Promise.all([
      service.call('engineer', `/api/messages/${ids[5]}/raw`, { claims: engineer }),
      service.call('operator', `/api/messages/${ids[0]}/raw`),
      service.call('hospital', `/api/messages/${ids[0]}/raw`, { claims: hospital }),
    ])
    expect(statuses.map(one => one.status)).toEqual([404, 403, 403])
    const [line] = (await service.accessLog.read({ limit: 50 })).filter(one => one.requestId === 'raw-1')
    expect(line).toMatchObject({ action: 'GET /api/messages/:id/raw', inboxIds: [ids[0]], status: 200 })
  })
})

test('unknown codes: the sender, the code and how often, within the own organisation', async () => {
  const own = await (await service.call('engineer', '/api/unknown-codes', { claims: engineer })).json()
  const other = await (
    await service.call('engineer', '/api/unknown-codes', { claims: { organisations: ['RYY'] } })
  ).json()
  expect(own.items).toEqual([
    {
      sender: 'rxx01-pas',
      organisation: 'RXX',
      system: 'local',
      code: 'FXHIP',
      display: 'hip',
      count: 1,
      sample: ids[0],
    },
  ])
  expect(other.items).toEqual([])
})

test('nothing of a message is in the log', () => {
  const text = service.lines.join('')
  expect(text).toContain('GET /api/messages/:id')
  for (const secret of ['FXHIP', 'MSH|', ids[0] ?? '', 'controlId']) expect(text).not.toContain(secret)
})

test('what a practice sent is shown to nobody once it has withdrawn', async () => {
  const supplier = { practices: ['P81009'], feeds: ['gp-supplier'] }
  const opt = (optedIn: boolean, day: string) =>
    service.store.db.collection<{ _id: string }>('practices').updateOne(
      { _id: 'P81009' },
      {
        $push: { history: { inboxId: day, receivedAt: `${day}T00:00:00.000Z`, by: 't', statement: { optedIn } } },
      } as object,
      { upsert: true },
    )
  await opt(true, '2025-01-01')
  const { inboxId } = await service.accept({
    sender: 'gp-supplier',
    organisation: 'P81009' as OdsCode,
    practice: 'P81009' as OdsCode,
    side: 'gp',
    protocol: 'extract',
    controlId: 'extract-1',
    type: 'neutral/neutral',
    bytes: Buffer.from('patient'),
  })
  await service.store.inbox.updateOne({ _id: inboxId }, { $set: { state: 'done', readAt: new Date() } })
  await service.store.facts.insertOne({
    ...fact(inboxId, 'gp-supplier', 'P81009'),
    _id: 'fact-gp' as FactId,
    side: 'gp',
  })
  const seen = async () => {
    const view = await (await service.call('gp-supplier', `/api/messages/${inboxId}`, { claims: supplier })).json()
    const raw = await service.call('engineer', `/api/messages/${inboxId}/raw`, {
      claims: { organisations: ['P81009'] },
    })
    return [view.state, JSON.stringify(view.facts).includes('FXHIP'), raw.status]
  }
  const listed = async (query: string) => {
    const answer = await service.call('gp-supplier', `/api/messages${query}`, { claims: supplier })
    const { items } = (await answer.json()) as { items: { inboxId: string; state: string }[] }
    return items.filter(item => item.inboxId === inboxId).map(item => item.state)
  }
  expect(await seen()).toEqual(['done', true, 200])
  expect(await listed('')).toEqual(['done'])
  expect(await listed('?state=done')).toEqual(['done'])
  expect(await listed('?state=applied')).toEqual(['done'])
  expect(await listed('?state=sealed')).toEqual([])
  await opt(false, '2025-02-01')
  expect(await seen()).toEqual(['sealed', false, 403])
  expect(await listed('')).toEqual(['sealed'])
  expect(await listed('?state=done')).toEqual([])
  expect(await listed('?state=applied')).toEqual([])
  expect(await listed('?state=sealed')).toEqual(['sealed'])
  await service.store.inbox.updateOne({ _id: inboxId }, { $set: { state: 'expired' } })
  expect(await listed('?state=expired')).toEqual(['expired'])
  expect(await listed('?state=sealed')).toEqual([])
})
