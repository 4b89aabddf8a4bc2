import { afterAll, beforeAll, describe, expect, test } from '@jest/globals'
import type { PartialDate } from '../../src/fls/dates.ts'
import type { OdsCode, RecordKey } from '../../src/fls/fact.ts'
import { bulkRoutes } from '../../src/sources/fhir/bulk-routes.ts'
import { validateResource } from '../../src/sources/fhir/validate.ts'
import type { EpisodeDocument } from '../../src/store/documents.ts'
import { wireBulkExport } from '../../src/wiring/fhir-published.ts'
import {
  answerOf,
  canaryEpisode,
  canaryFracture,
  canaryRecord,
  identifyingAnswers,
  storedCanaries,
} from '../set-up/canary-stored.ts'
import { json, keys, type Service, startService } from './running-app.ts'

/** Bulk Data export: kick-off, status, manifest, files, delete; and what never leaves. All patients are made up. */
const canaries = [...storedCanaries, '2026-03-05', '2026-03-04']

const episode = (index: number, more: Partial<EpisodeDocument> = {}) =>
  canaryEpisode(index, {
    injuryDate: '2026-03-04' as PartialDate,
    fractures: [{ ...canaryFracture, fractureId: `f${index}` }],
    answers: { ...identifyingAnswers, '3.04': answerOf('-2.70') },
    ...more,
  })

let service: Service
const failures: unknown[] = []

beforeAll(async () => {
  const clock = () => new Date()
  const published = { base: 'https://fls-db.test/fhir', hmac: () => '', clock }
  service = await startService({
    routesOver: store => bulkRoutes(wireBulkExport(store, keys, published, cause => failures.push(cause))),
  })
  await service.store.episodes.insertMany([
    episode(1),
    episode(2, { reportingFls: 'RYY01' as OdsCode }),
    episode(3, { records: ['RXX|objecting' as RecordKey] }),
    episode(4, { status: 'withdrawn' }),
  ])
  await service.store.records.insertMany([
    ...[1, 2, 4].map(index => canaryRecord(`RXX|H-0123456-${index}`, '9990000026')),
    canaryRecord('RXX|objecting', '9990000018'),
  ])
  for (const [ods, name] of [
    ['RXX01', 'North FLS'],
    ['RYY01', 'South FLS'],
  ])
    await service.call('operator', `/api/sites/${ods}`, {
      method: 'PUT',
      ...json({ name, organisation: ods?.slice(0, 3) }),
    })
})
afterAll(() => service.close())

const optOuts = (issuedAt: string, nhsNumbers: string[]) => ({
  method: 'POST',
  ...json({ issuedAt, expiresAt: '2099-01-01T00:00:00Z', nhsNumbers }),
})
const kickOff = (path: string, more: RequestInit & { claims?: Record<string, unknown> } = {}) =>
  service.call('analyst', `/fhir/${path}`, { ...more, headers: { Prefer: 'respond-async', ...more.headers } })
const local = (address: string | null): string => (address ?? '').replace('https://fls-db.test', '')

type Manifest = { request: string; transactionTime: string; output: { type: string; url: string; count: number }[] }
async function whenDone(started: Response): Promise<{ address: string; manifest: Manifest }> {
  expect(started.status).toBe(202)
  const address = local(started.headers.get('content-location'))
  for (;;) {
    const answer = await service.call('analyst', address)
    if (answer.status === 200) return { address, manifest: (await answer.json()) as Manifest }
    expect([answer.status, await answer.text()]).toEqual([202, ''])
    expect(answer.headers.get('x-progress')).toMatch(/^\d+ episodes$/)
    await new Promise(resolve => setTimeout(resolve, 20))
  }
}
async function lines(url: string): Promise<{ text: string; resources: { id: string; resourceType: string }[] }> {
  const answer = await service.call('analyst', local(url))
  expect(answer.headers.get('content-type')).toContain('application/fhir+ndjson')
  const text = await answer.text()
  return {
    text,
    resources: text
      .trimEnd()
      .split('\n')
      .map(line => JSON.parse(line)),
  }
}

describe('without an opt-out list', () => {
  test('nothing is started: 503', async () => {
    expect((await kickOff('$export')).status).toBe(503)
  })
})

describe('an export', () => {
  beforeAll(async () => {
    await service.call('ig-lead', '/api/opt-outs', optOuts('2026-01-01T00:00:00Z', ['9990000018']))
  })

  test('holds every episode that may leave, valid R4, and nothing that identifies', async () => {
    const { manifest, address } = await whenDone(await kickOff('$export'))
    expect(manifest).toMatchObject({
      request: 'https://fls-db.test/fhir/$export',
      requiresAccessToken: true,
      deleted: [],
      error: [],
      output: [
        { type: 'Condition', count: 2 },
        { type: 'EpisodeOfCare', count: 2 },
        { type: 'QuestionnaireResponse', count: 2 },
      ],
    })
    for (const { url, type } of manifest.output) {
      const { text, resources } = await lines(url)
      expect(resources.map(one => one.resourceType)).toEqual([type, type])
      for (const resource of resources) expect(validateResource(resource)).toEqual([])
      for (const canary of canaries) expect([type, canary, text.includes(canary)]).toEqual([type, canary, false])
      if (type === 'QuestionnaireResponse') expect(text).toContain('-2.7')
      if (type === 'EpisodeOfCare') expect(text).toContain('"2026-03"')
    }
    const ids = await Promise.all(
      manifest.output.slice(1).map(async ({ url }) => (await lines(url)).resources.map(one => one.id)),
    )
    expect(ids[0]).toEqual(ids[1])
    const removed = await service.call('analyst', address, { method: 'DELETE' })
    expect(removed.status).toBe(202)
    expect((await service.call('analyst', address)).status).toBe(404)
    expect((await service.call('analyst', local(manifest.output[0]?.url ?? ''))).status).toBe(404)
  })

  test("is the caller's alone", async () => {
    const { address, manifest } = await whenDone(await kickOff('$export?_type=EpisodeOfCare'))
    const other = { claims: { sub: 'another analyst' } }
    expect((await service.call('analyst', address, other)).status).toBe(404)
    expect((await service.call('analyst', address, { ...other, method: 'DELETE' })).status).toBe(404)
    expect((await service.call('analyst', local(manifest.output[0]?.url ?? ''), other)).status).toBe(404)
    expect((await service.call('nurse', address)).status).toBe(403)
  })

  test('made when the caller might see more is 404 to a token that names organisations', async () => {
    const { address, manifest } = await whenDone(await kickOff('$export?_type=EpisodeOfCare'))
    const narrowed = { claims: { organisations: ['RYY'] } }
    expect((await service.call('analyst', address, narrowed)).status).toBe(404)
    expect((await service.call('analyst', local(manifest.output[0]?.url ?? ''), narrowed)).status).toBe(404)
    expect((await service.call('analyst', address)).status).toBe(200)
  })

  test('made before a practice withdrew is gone, until it is opted in again', async () => {
    const optIn = async (optedIn: boolean) => {
      const said = await service.call('ig-lead', '/api/practices/P81001', { method: 'PUT', ...json({ optedIn }) })
      expect(said.status).toBe(200)
    }
    // What is told of the registers may be a second old.
    const soon = async (address: string, status: number) => {
      const answered = async () => (await service.call('analyst', address)).status
      for (let left = 100; left > 0 && (await answered()) !== status; left--)
        await new Promise(resolve => setTimeout(resolve, 50))
      expect(await answered()).toBe(status)
    }
    await optIn(true)
    const { address, manifest } = await whenDone(await kickOff('$export?_type=EpisodeOfCare'))
    await optIn(false)
    await soon(address, 410)
    await soon(local(manifest.output[0]?.url ?? ''), 410)
    await optIn(true)
    await soon(address, 200)
  })

  test('of a Group is that of one reporting FLS; a Group nobody enrolled is 404', async () => {
    const { manifest } = await whenDone(await kickOff('Group/RYY01/$export?_type=EpisodeOfCare,Condition'))
    expect(manifest.output.map(({ type, count }) => [type, count])).toEqual([
      ['Condition', 1],
      ['EpisodeOfCare', 1],
    ])
    expect((await kickOff('Group/NONE/$export')).status).toBe(404)
  })

  test('since a moment: only what was read about afterwards', async () => {
    await service.store.facts.insertMany([
      { _id: 'x1', record: 'RXX|H-0123456-1', source: { inboxId: 'i1' } },
      { _id: 'x2', record: 'RXX|H-0123456-2', source: { inboxId: 'i2' } },
    ] as never)
    await service.store.inbox.insertMany([
      { _id: 'i1', readAt: new Date('2026-02-01T00:00:00Z') },
      { _id: 'i2', readAt: new Date('2026-04-01T00:00:00Z') },
    ] as never)
    const counts = async (since: string) => {
      const { manifest } = await whenDone(await kickOff(`$export?_type=EpisodeOfCare&_since=${since}`))
      return manifest.output.map(({ count }) => count)
    }
    expect(await counts('2026-01-01')).toEqual([2])
    expect(await counts('2026-03-01T00:00:00Z')).toEqual([1])
    expect(await counts('2026-05-01T00:00:00+01:00')).toEqual([])
  })

  test('by POST with Parameters, parameters repeated', async () => {
    const body = {
      resourceType: 'Parameters',
      parameter: [
        { name: '_type', valueString: 'Condition' },
        { name: '_type', valueString: 'EpisodeOfCare' },
        { name: '_outputFormat', valueString: 'application/fhir+ndjson' },
      ],
    }
    const started = await kickOff('$export', {
      method: 'POST',
      headers: { 'Content-Type': 'application/fhir+json' },
      body: JSON.stringify(body),
    })
    const { manifest } = await whenDone(started)
    expect(manifest.output.map(one => one.type)).toEqual(['Condition', 'EpisodeOfCare'])
  })

  test.each([
    ['without respond-async', '$export', { Prefer: '' }, 400],
    ['another format', '$export?_outputFormat=text/csv', {}, 400],
    ['a type that is not offered', '$export?_type=Patient', {}, 400],
    ['one of several not offered', '$export?_type=Condition,Patient', {}, 400],
    ['a moment that is none', '$export?_since=lately', {}, 400],
    ['a parameter that is not offered', '$export?_typeFilter=Condition', {}, 400],
    ['the same, leniently', '$export?_typeFilter=Condition', { Prefer: 'respond-async, handling=lenient' }, 202],
  ])('%s: %s %j is %i', async (_why, path, headers, status) => {
    const answer = await kickOff(path, { headers })
    expect(answer.status).toBe(status)
    if (status === 202) await whenDone(answer)
  })

  test('one at a time: 429 with Retry-After while another runs; a dead run is done again', async () => {
    const running = service.store.db.collection<{ _id: string; owner: { subject: string }; state: string }>(
      'bulkExports',
    )
    const [some] = await running.find().toArray()
    if (!some) throw new Error('no export so far')
    const { _id, ...rest } = some
    const left = { ...rest, state: 'running', beatAt: new Date(), done: 0, files: [] }
    await running.insertOne({ _id: 'left-behind', ...left } as never)
    const refused = await kickOff('$export')
    expect([refused.status, refused.headers.get('retry-after')]).toEqual([429, '30'])
    await running.updateOne({ _id: 'left-behind' }, { $set: { beatAt: new Date(Date.now() - 120_000) } } as never)
    const waiting = new Response(null, { status: 202, headers: { 'Content-Location': '/fhir/$export/left-behind' } })
    const { manifest } = await whenDone(waiting)
    expect(manifest.output.length).toBeGreaterThan(0)
  })

  test('made under an earlier opt-out list: gone', async () => {
    const { address, manifest } = await whenDone(await kickOff('$export?_type=EpisodeOfCare'))
    await service.call('ig-lead', '/api/opt-outs', optOuts('2026-02-01T00:00:00Z', ['9990000018', '9990000026']))
    expect((await service.call('analyst', address)).status).toBe(410)
    expect((await service.call('analyst', local(manifest.output[0]?.url ?? ''))).status).toBe(410)
    const again = await whenDone(await kickOff('$export'))
    expect(again.manifest.output).toEqual([])
    expect(failures).toEqual([])
  })
})
