import { afterAll, beforeAll, expect, test } from '@jest/globals'
import type { OdsCode } from '../../src/fls/fact.ts'
import { steadyFigure } from '../../synthetic/stories-changes.ts'
import { diagnosis, extract, type Figure, gpPatient, hl7, visit } from '../../synthetic/story-wire.ts'
import { deliver } from '../set-up/deliver.ts'
import { quiet, type RunningService, startService } from '../set-up/running.ts'

/**
 * A hospital and a practice send the same fifty women by their own doors; the programme reads how the practice's record holds their wrists.
 * Groups and what is expected of them stand in one table, to be counted by hand.
 */
const practice = 'P81001' as OdsCode
const groups = [
  { people: 10, hospital: true, codedOn: '2025-04-01', issues: ['2025-04-10', '2025-05-08'] },
  { people: 10, hospital: true, codedOn: '2025-04-01', issues: ['2025-04-10', '2025-09-20'] },
  { people: 10, hospital: true, codedOn: '2025-10-01', osteoporosis: true },
  { people: 10, hospital: true },
  { people: 10, hospital: false, codedOn: '2025-04-01' },
] as const satisfies readonly Group[]
type Group = {
  readonly people: number
  /** The emergency department coded the wrist on 3 March 2025. */
  readonly hospital: boolean
  /** The day the practice entered its code of the wrist. */
  readonly codedOn?: string
  /** Days of issues of alendronate, 28 days each. */
  readonly issues?: readonly string[]
  readonly osteoporosis?: boolean
}
const people: { who: Figure; group: Group }[] = groups
  .flatMap(group => Array.from({ length: group.people }, () => group))
  .map((group, place) => ({ who: steadyFigure(place), group }))

const attendances = people
  .filter(({ group }) => group.hospital)
  .map(({ who }) =>
    hl7(who, {
      event: ['ADT', 'A03'],
      controlId: `COV-${who.number}`,
      at: '2025-03-03T14:00:00Z',
      segments: [
        visit('E', `COV${who.number}`, '2025-03-03T10:05:00Z', '2025-03-03T13:40:00Z'),
        diagnosis(1, 'S52.5', 'Left fracture of lower end of radius'),
      ],
    }),
  )

function rowsOf({ who, group }: (typeof people)[number]) {
  const patientId = `cov-${who.number}`
  const coded = (name: string, code: string, date: string, recordedAt: string) => ({
    entry: 'coded',
    rowId: `${patientId}-${name}`,
    patientId,
    system: 'snomed',
    code,
    date,
    recordedAt,
    status: 'active',
  })
  return [
    ...gpPatient(who, patientId),
    ...(group.codedOn ? [coded('wrist', '269083002', '2025-03-03', `${group.codedOn}T10:00`)] : []),
    ...(group.osteoporosis ? [coded('bones', '64859006', '2025-10-01', '2025-10-01T10:05')] : []),
    ...(group.issues ?? []).map((date, index) => ({
      entry: 'issue',
      rowId: `${patientId}-i${index}`,
      patientId,
      system: 'dmd',
      code: '39731311000001108',
      term: 'Alendronic acid 70mg tablets',
      date,
      recordedAt: `${date}T10:05`,
      status: 'issued',
      daysSupplied: '28',
    })),
  ]
}

let service: RunningService
beforeAll(async () => {
  service = await startService({ database: 'e2e_coverage' })
  const now = Date.now()
  const listed = await service.call('ig-lead', 'POST', '/api/opt-outs', {
    issuedAt: new Date(now).toISOString(),
    expiresAt: new Date(now + 86_400_000).toISOString(),
    nhsNumbers: [],
  })
  expect(listed.status).toBe(200)
  await deliver(service, [
    ...attendances,
    extract(practice, 'coverage-1', 'full', '2026-11-01T03:00:00.000Z', people.flatMap(rowsOf)),
  ])
  await quiet(service)
}, 120_000)
afterAll(() => service?.stop())

const coverage = async (client: string) => service.call(client, 'GET', `/api/coverage?practice=${practice}`)

test('forty wrists a hospital coded: 20 in the GP record within 90 days, 10 later, 10 not at all; 10 the practice alone knows', async () => {
  const answer = await coverage('programme')
  expect(answer.status).toBe(200)
  expect(answer.json).toMatchObject({
    practice,
    hospitalConfirmed: {
      codedWithin90Days: { count: 20, n: 40, share: { share: 0.5 } },
      codedLater: { count: 10, n: 40, share: { share: 0.25 } },
      codedWithoutUsableDate: { count: 0, n: 40 },
      notCoded: { count: 10, n: 40 },
    },
    tooRecentToSay: { count: 0 },
    gpOnly: { count: 10, n: 50, share: { share: 0.2 } },
  })
})

test('the care that record shows: 20 of 50 treated, half of them with a gap between issues, 10 coded as osteoporosis', async () => {
  expect((await coverage('programme')).json).toMatchObject({
    care: {
      osteoporosisCoded: { count: 10, n: 50 },
      dxa: { count: 0, n: 50 },
      falls: { count: 0, n: 50 },
      boneDrug: { count: 20, n: 50 },
      repeatGap: { count: 10, n: 20, share: { share: 0.5 } },
    },
  })
})

test('the supplier reads the same of its own practice, a hospital client nothing', async () => {
  const supplier = service.demo.clients.find(one => one.role === 'gp-supplier' && one.practices.includes(practice))
  expect((await coverage(supplier?.clientId ?? '')).json).toEqual((await coverage('programme')).json)
  const hospital = service.demo.clients.find(one => one.role === 'hospital')
  expect((await coverage(hospital?.clientId ?? '')).status).toBe(403)
})
