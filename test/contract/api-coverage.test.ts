import { afterAll, beforeAll, describe, expect, test } from '@jest/globals'
import type { DayDate, PartialDate } from '../../src/fls/dates.ts'
import type { SideEntry } from '../../src/fls/episode.ts'
import type { FactId, InboxId, OdsCode, RecordKey } from '../../src/fls/fact.ts'
import type { NhsNumber } from '../../src/fls/nhs-number.ts'
import { coverageRoutes } from '../../src/http/api/coverage.ts'
import type { EpisodeDocument } from '../../src/store/documents.ts'
import { json, keys, type Service, startService } from './running-app.ts'

/** Coverage of a practice over a real socket: who may ask, what is hidden, what stops it. All patients are made up. */
const own = 'P81001' as OdsCode
let now = new Date('2026-11-01T00:00:00Z')
let service: Service

const ask = (query: string, role: 'programme' | 'gp-supplier' = 'programme', claims: object = {}) =>
  service.call(role, `/api/coverage${query}`, { claims: { ...claims } })
const issueOf = async (answer: Response) => [answer.status, (await answer.json()).issues[0].code]

function episode(index: number, practice: OdsCode, recorded?: string): EpisodeDocument {
  const gp: SideEntry[] = recorded
    ? [
        {
          factId: `gp${index}` as FactId,
          kind: 'diagnosis',
          organisation: practice,
          recorded: recorded as PartialDate,
          inboxId: 'i1' as InboxId,
          path: 'row 1, code',
        },
      ]
    : []
  return {
    _id: `e${String(index).padStart(3, '0')}`,
    aliases: [],
    personId: `p${index}`,
    records: [`${practice}|gp|${index}` as RecordKey],
    status: 'candidate',
    organisations: ['RXX' as OdsCode, practice],
    datasetVersion: 'v3',
    diagnosedOn: '2025-01-01' as DayDate,
    fractures: [
      {
        fractureId: `f${index}`,
        aliases: [],
        site: 'hip.neck',
        status: 'confirmed',
        facts: [{ factId: `gp${index}` as FactId, probability: 1 }],
      },
    ],
    answers: {},
    suggestions: {},
    hospital: [],
    gp,
    isLinked: true,
    checks: [],
    solve: 1,
  }
}

const loadList = (nhsNumbers: string[], issuedAt: string) =>
  service.call('ig-lead', '/api/opt-outs', {
    method: 'POST',
    ...json({ issuedAt, expiresAt: '2026-12-01T00:00:00Z', nhsNumbers }),
  })
const optIn = (ods: string, optedIn: boolean) =>
  service.call('ig-lead', `/api/practices/${ods}`, {
    method: 'PUT',
    ...json({ optedIn, from: '2025-01-01', evidence: 'agreement of the test' }),
  })

beforeAll(async () => {
  service = await startService({
    clock: () => now,
    routesOver: store => coverageRoutes({ store, keys, clock: () => now, tableHash: () => 'tables-1' }),
  })
  await optIn(own, true)
  await optIn('P81002', false)
  const coded = Array.from({ length: 20 }, (_, index) => episode(index, own, '2025-02-01'))
  const late = Array.from({ length: 3 }, (_, index) => episode(20 + index, own, '2025-08-01'))
  const absent = Array.from({ length: 17 }, (_, index) => episode(30 + index, own))
  await service.store.episodes.insertMany([...coded, ...late, ...absent, episode(90, 'P81003' as OdsCode)])
  await service.store.records.insertOne({
    _id: `${own}|gp|0` as RecordKey,
    organisation: own,
    side: 'gp',
    facets: [{ nhsNumber: '9990000034' as NhsNumber }],
    bk: [],
    near: [],
    bucket: 0,
    version: 1,
  })
  // What the register entries above would be once a worker has done them: the data cut.
  await service.store.inbox.updateMany({}, { $set: { state: 'done' } })
})
afterAll(() => service.close())

test('without a National Data Opt-Out list nothing is given out', async () => {
  expect(await issueOf(await ask(`?practice=${own}`))).toEqual([503, 'opt-out-list-stale'])
})

describe('with a list in force', () => {
  beforeAll(async () => {
    await loadList([], '2026-10-01T00:00:00Z')
  })

  test('shares, worked by hand: 20, 3 and 17 of 40', async () => {
    const answer = await ask(`?practice=${own}`)
    expect(answer.status).toBe(200)
    expect(await answer.json()).toMatchObject({
      practice: own,
      dataCut: '2026-11-01T00:00:00.000Z',
      tables: 'tables-1',
      hospitalConfirmed: {
        codedWithin90Days: { count: 20, n: 40, share: { share: 0.5, low: 0.352, high: 0.648 } },
        codedLater: { count: '*', n: 40, share: '*' },
        codedWithoutUsableDate: { count: 0, n: 40 },
        notCoded: { count: 15, n: 40, share: { share: 0.375 } },
      },
      gpOnly: { count: 0, n: 40 },
      care: { boneDrug: { count: 0, n: 40, numerator: expect.any(String), denominator: expect.any(String) } },
    })
  })

  test('no id of a person, fact or episode leaves', async () => {
    const text = await (await ask(`?practice=${own}`)).text()
    expect(text).not.toMatch(/gp\d|"[pef]\d|999000/)
  })

  test.each([
    ['own practice', 'gp-supplier', { practices: [own] }, `?practice=${own}`, 200],
    ["another supplier's practice", 'gp-supplier', { practices: ['P81009'] }, `?practice=${own}`, 404],
    ['a practice nobody enrolled', 'programme', {}, '?practice=P89999', 404],
    ['a practice not opted in', 'programme', {}, '?practice=P81002', 403],
    ['no practice named', 'programme', {}, '', 400],
    ['a filter by time', 'programme', {}, `?practice=${own}&from=2025-01`, 400],
  ] as const)('%s as %s: %s', async (_name, role, claims, query, status) => {
    expect((await ask(query, role, claims)).status).toBe(status)
  })

  test('a person who objected is in no count', async () => {
    const all = await ask(`?practice=${own}`)
    await loadList(['9990000034'], '2026-10-02T00:00:00Z')
    // 19 of 39 round to the same 20 of 40: what is rounded does not tell one person either. The log counts episodes.
    expect((await (await ask(`?practice=${own}`)).json()).hospitalConfirmed).toEqual(
      (await all.json()).hospitalConfirmed,
    )
    const lines = await service.accessLog.read({ limit: 20 })
    const rows = lines.filter(({ action, status }) => action === 'GET /api/coverage' && status === 200)
    expect([rows.at(0), rows.at(-1)].map(line => line?.rows).toSorted()).toEqual([39, 40])
  })

  test('an expired list stops everything', async () => {
    now = new Date('2026-12-01T00:00:00Z')
    expect(await issueOf(await ask(`?practice=${own}`))).toEqual([503, 'opt-out-list-stale'])
  })
})
