import { createHash } from 'node:crypto'
import { request as httpRequest } from 'node:http'
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals'
import { parse } from 'csv-parse/sync'
import { parquetReadObjects } from 'hyparquet'
import type { DayDate } from '../../src/fls/dates.ts'
import type { EpisodeDocument } from '../../src/store/documents.ts'
import { answerOf, canaryEpisode, canaryRecord, identifyingAnswers, storedCanaries } from '../set-up/canary-stored.ts'
import { json, type Service, startService } from './running-app.ts'

/** What an analyst gets, and what an analyst never gets. All patients are made up; the canaries stand in every identifying place. */
const canaries = storedCanaries

const episode = (index: number, more: Partial<EpisodeDocument> = {}) =>
  canaryEpisode(index, {
    answers: {
      ...identifyingAnswers,
      '3.04': answerOf('-2.7'),
      '4.01': answerOf('alendronate', 'denosumab'),
      deathDate: answerOf('2026-06-13'),
    },
    ...more,
  })

const record = (index: number, nhsNumber: string) => canaryRecord(`RXX|H-0123456-${index}`, nhsNumber)

let now = new Date('2026-11-01T00:00:00Z')
let service: Service
const get = (query: string) => service.call('analyst', `/api/episodes${query}`)
const rows = async (query: string): Promise<Record<string, unknown>[]> =>
  (await (await get(query)).text())
    .split('\n')
    .filter(Boolean)
    .map(line => JSON.parse(line))

beforeAll(async () => {
  service = await startService({ clock: () => now })
  await service.store.episodes.insertMany([
    episode(1),
    episode(2, { isLinked: false, diagnosedOn: '2026-01-31' as DayDate, personId: 'p1' }),
    episode(3, { status: 'withdrawn' }),
    episode(4, { status: 'candidate', diagnosedOn: '2026-04-01' as DayDate }),
  ])
  await service.store.episodes.updateOne({ _id: 'e002' }, { $unset: { ageAtDiagnosis: '' } })
  await service.store.records.insertMany([
    record(1, '9990000026'),
    record(2, '9990000026'),
    record(3, '9990000026'),
    record(4, '9990000034'),
  ])
})
afterAll(() => service.close())

const loadList = (nhsNumbers: string[], expiresAt = '2026-12-01T00:00:00Z', issuedAt = '2026-10-01T00:00:00Z') =>
  service.call('ig-lead', '/api/opt-outs', { method: 'POST', ...json({ issuedAt, expiresAt, nhsNumbers }) })

describe('the National Data Opt-Out', () => {
  test('without a list nothing is given out', async () => {
    for (const path of ['', '/manifest']) {
      const refused = await get(path)
      expect([refused.status, (await refused.json()).issues[0].code]).toEqual([503, 'opt-out-list-stale'])
    }
  })
  test('a person on the list is left out, found by any NHS number of any record', async () => {
    await loadList(['9990000034'])
    expect(await rows('')).toHaveLength(2)
    await loadList([], '2026-12-01T00:00:00Z', '2026-10-02T00:00:00Z')
    expect(await rows('')).toHaveLength(3)
  })
  test('an expired list stops everything', async () => {
    now = new Date('2026-12-01T00:00:00Z')
    expect((await get('')).status).toBe(503)
    now = new Date('2026-11-01T00:00:00Z')
    expect((await get('')).status).toBe(200)
  })
})

describe('what leaves', () => {
  test('one row, checked by hand', async () => {
    const [first] = await rows('')
    expect(first).toMatchObject({
      dataset_version: 'v3',
      status: 'submitted',
      reporting_fls: 'RXX01',
      age: 81,
      diagnosis_month: '2026-03',
      linked: true,
      link_probability: 0.91,
      fractures: 1,
      fracture1_site: 'hip.neck',
      fracture1_side: 'left',
      fracture1_days: -1,
      fracture2_site: null,
      q1_03: 'female',
      q1_07_days: 10,
      q1_11: null,
      q3_04: -2.7,
      q4_01: 'alendronate;denosumab',
      deathDate_days: 100,
    })
  })
  test('withdrawn episodes are not among them; two of one person share a pseudonym', async () => {
    const all = await rows('')
    expect(all.map(row => row['status'])).toEqual(['submitted', 'submitted', 'candidate'])
    expect(all[0]?.['person']).toBe(all[1]?.['person'])
    expect(all[0]?.['person']).not.toBe(all[2]?.['person'])
    expect(all[1]?.['age']).toBeNull()
  })
  test('no canary in any format or in the manifest', async () => {
    for (const query of ['', '?format=csv', '?format=parquet', '/manifest']) {
      const text = Buffer.from(await (await get(query)).arrayBuffer()).toString('latin1')
      for (const canary of [...canaries, 'e001', '"p1"']) expect(text).not.toContain(canary)
    }
  })
  test('pseudonyms of two releases cannot be joined', async () => {
    const [one, other] = [await rows('?release=2026Q1'), await rows('?release=2026Q2')]
    const names = new Set(one.flatMap(row => [row['episode'], row['person']]))
    expect(other.some(row => names.has(row['episode']) || names.has(row['person']))).toBe(false)
  })
})

describe('formats', () => {
  test('NDJSON, CSV and Parquet say the same', async () => {
    const fromJson = await rows('')
    const csv: Record<string, string>[] = parse(await (await get('?format=csv')).text(), { columns: true })
    const file = await (await get('?format=parquet')).arrayBuffer()
    const parquet = await parquetReadObjects({ file })
    const asText = (row: Record<string, unknown>) =>
      Object.fromEntries(
        Object.entries(row).map(([name, value]) => [name, value === null || value === undefined ? '' : String(value)]),
      )
    expect(csv).toEqual(fromJson.map(asText))
    expect(parquet.map(asText)).toEqual(fromJson.map(asText))
  })
  test('the manifest names rows, columns and the SHA-256 of the very bytes', async () => {
    const manifest = await (await get('/manifest?linked=true')).json()
    expect(manifest.rows).toBe(2)
    expect(manifest.columns.map((column: { name: string }) => column.name)).toEqual(
      Object.keys((await rows('?linked=true'))[0] ?? {}),
    )
    for (const format of ['ndjson', 'csv', 'parquet']) {
      const bytes = Buffer.from(await (await get(`?linked=true&format=${format}`)).arrayBuffer())
      expect(manifest.formats[format]).toEqual({
        sha256: createHash('sha256').update(bytes).digest('hex'),
        bytes: bytes.length,
      })
    }
  })
  test('digest and rows follow the stream as trailers', async () => {
    const { body, trailers } = await withTrailers(`${service.url}/api/episodes`, await service.tokenFor('analyst'))
    expect(trailers['x-rows']).toBe('3')
    expect(trailers['repr-digest']).toBe(`sha-256=:${createHash('sha256').update(body).digest('base64')}:`)
  })
  test.each(['ndjson', 'csv', 'parquet'])('no rows at all is still a valid %s', async format => {
    const answered = await get(`?from=2001-01&to=2001-01&format=${format}`)
    const bytes = await answered.arrayBuffer()
    expect(answered.status).toBe(200)
    if (format === 'parquet') expect(await parquetReadObjects({ file: bytes })).toEqual([])
    else expect(Buffer.from(bytes).toString().trim().split('\n').filter(Boolean)).toHaveLength(format === 'csv' ? 1 : 0)
  })
})

test.each([
  ['?from=2026-03', 2, 'first month included'],
  ['?from=2026-03-01', 2, 'the day a month begins with'],
  ['?from=2026-04', 1, 'month after'],
  ['?to=2026-03', 2, 'last month included'],
  ['?to=2026-03-31', 2, 'the day a month ends with'],
  ['?to=2026-02', 1, 'month before'],
  ['?from=2026&to=2026', 3, 'a year'],
  ['?linked=false', 1, 'one side only'],
  ['?status=candidate', 1, 'by status'],
])('%s gives %d rows (%s)', async (query, count) => {
  expect(await rows(query)).toHaveLength(count)
})

test.each([
  '?form=csv',
  '?format=xml',
  '?from=05/03/2026',
  '?from=2026-03-05',
  '?from=2026-03-31',
  '?to=2026-03-30',
  '?to=2026-02-29',
  '?to=2026-13',
  '?linked=yes',
  '?status=withdrawn',
  '?release=a%20b',
  '?from=2026-01-01&from=2026-02-01',
  '?from[$ne]=x',
])('%s is refused, never guessed', async query => {
  expect((await get(query)).status).toBe(400)
})

async function withTrailers(url: string, token: string): Promise<{ body: Buffer; trailers: NodeJS.Dict<string> }> {
  return new Promise((resolve, reject) => {
    httpRequest(url, { headers: { Authorization: `Bearer ${token}` } }, answered => {
      const parts: Buffer[] = []
      answered.on('data', part => parts.push(part))
      answered.on('end', () => resolve({ body: Buffer.concat(parts), trailers: answered.trailers }))
      answered.on('error', reject)
    }).end()
  })
}
