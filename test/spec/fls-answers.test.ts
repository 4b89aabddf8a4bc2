import { describe, expect, test } from '@jest/globals'
import type { PartialDate } from '../../src/fls/dates.ts'
import type { Fact, OdsCode, RecordKey } from '../../src/fls/fact.ts'
import {
  answer,
  answered,
  at,
  broken,
  concept,
  day,
  drug,
  fact,
  hipEpisode,
  hospital,
  indexDay,
  patient,
  practice,
  solve,
} from './fls-facts.ts'

/** 1.09 is 2024-01-01. Day 84 = 2024-03-25, day 112 = 2024-04-22, day 336 = 2024-12-02, day 392 = 2025-01-27 (domain reference 5.8). */
const gp = { side: 'gp' } as const
const seen = (offset: number, given: object = {}) =>
  fact('appointment', { when: at(day(offset)), detail: { clinic: 'fls', state: 'attended' }, ...given })
const stay = (from: number, to: number | undefined, detail: object = {}) =>
  fact('encounter', {
    when: at(day(from)),
    detail: {
      class: 'inpatient',
      state: to === undefined ? 'in-progress' : 'finished',
      start: day(from),
      ...(to === undefined ? {} : { end: day(to) }),
      ...detail,
    },
  })
const observed = (id: string, value: string, offset: number, more: object = {}) =>
  fact('observation', { when: at(day(offset)), value, concept: concept(id.split('.')[0] ?? '', id), ...more })
const coded = (id: string, offset: number, more: object = {}) =>
  fact('observation', { when: at(day(offset)), concept: concept('assessment', id), ...more })
const tScore = (site: string, value: string, offset: number, more: object = {}) =>
  fact('observation', { when: at(day(offset)), value, concept: concept('dxa', `dxa.tscore.${site}`), ...more })

describe('what facts answer which question', () => {
  test.each<[string, string, string, Fact[]]>([
    // item    answer           why                                                     facts beside a hip fracture on day 0
    ['1.01', '9990001006', 'NHS number of the record', []],
    [
      '1.03',
      'female',
      'a known sex beats a newer unknown one',
      [patient({ detail: { sex: 'unknown' }, revision: { asOf: '2025-01-01T00:00:00.000Z' as never } })],
    ],
    [
      '1.04',
      'ZZ99 3VZ',
      'the address of the day, not the later one',
      [patient({ detail: { postcode: 'ZZ99 3WZ', addressFrom: day(30) as PartialDate } })],
    ],
    ['1.05', 'yes', 'admitted from a care home', [stay(0, 5, { admissionSource: '65' })]],
    ['1.05', '-', 'usual residence does not rule a care home out', [stay(0, 5, { admissionSource: '19' })]],
    [
      '1.05',
      '-',
      'discharged to a care home, admitted from home',
      [stay(0, 5, { admissionSource: '19', dischargeDestination: '54' })],
    ],
    ['1.05', '-', 'another stay, long before', [stay(-60, -50, { admissionSource: '65' })]],
    ['1.06', day(12), 'an FLS appointment attended', [seen(12)]],
    ['1.06', day(5), 'booked on day 5 for day 12', [seen(12, { recorded: day(5) as PartialDate })]],
    [
      '1.06',
      '-',
      'a cancelled appointment is no contact',
      [seen(12, { recorded: day(5) as PartialDate, detail: { clinic: 'fls', state: 'cancelled' } })],
    ],
    ['1.06', '-', 'before the fracture', [seen(-1)]],
    ['1.06', day(365), 'last day of the window', [seen(365)]],
    ['1.06', '-', 'first day outside', [seen(366)]],
    ['1.07', day(12), 'the earliest attendance', [seen(40), seen(12)]],
    ['1.07', '-', 'missed is not assessed', [seen(12, { detail: { clinic: 'fls', state: 'missed' } })]],
    ['1.07', day(12), 'an FLS clinic visit finished', [stay(12, 12, { class: 'outpatient', clinic: 'fls' })]],
    ['1.08', 'yes', 'one night', [stay(0, 1)]],
    ['1.08', '-', 'in and out on one day: nothing certain', [stay(0, 0)]],
    ['1.08', 'yes', 'day 14 is inside', [stay(14, 16)]],
    ['1.08', '-', 'day 15 is outside', [stay(15, 16)]],
    ['1.08', 'yes', 'the day before is inside', [stay(-1, 3)]],
    ['1.08', 'already-inpatient', 'fell on the ward', [stay(-5, 9)]],
    ['1.08', 'no', 'emergency department only', [stay(0, 0, { class: 'emergency' })]],
    ['1.08', 'yes', 'emergency department, then a night on a ward', [stay(0, 0, { class: 'emergency' }), stay(0, 3)]],
    ['1.09', indexDay, 'day of the fracture', []],
    ['1.10', 'clinical-hip', 'by site', []],
    ['1.11', 'hip', 'site of the fracture', []],
    ['2.01', '161', 'height in cm', [observed('body.height', '161', -10, { unit: 'cm' })]],
    ['2.01', '161.0', 'height in metres', [observed('body.height', '1.61', -10, { unit: 'm' })]],
    ['2.01', '161.0', 'metres sent as cm', [observed('body.height', '1.61', -10, { unit: 'cm' })]],
    ['2.01', '-', 'impossible', [observed('body.height', '16', -10, { unit: 'cm' })]],
    [
      '2.01',
      '160',
      'the nearest reading',
      [observed('body.height', '162', -200, { unit: 'cm' }), observed('body.height', '160', 20, { unit: 'cm' })],
    ],
    ['2.02', '58.5', 'places kept', [observed('body.weight', '58.5', 0, { unit: 'kg' })]],
    ['2.02', '58.5', 'day 730 before', [observed('body.weight', '58.5', -730, { unit: 'kg' })]],
    ['2.02', '-', 'day 731 before', [observed('body.weight', '58.5', -731, { unit: 'kg' })]],
    [
      '2.03',
      'yes',
      'history code the day before',
      [
        coded('history.fragility_fracture', -1, {
          concept: concept('assessment', 'history.fragility_fracture', [], 'history'),
        }),
      ],
    ],
    [
      '2.03',
      '-',
      'history code on the day may mean this fracture',
      [
        coded('history.fragility_fracture', 0, {
          concept: concept('assessment', 'history.fragility_fracture', [], 'history'),
        }),
      ],
    ],
    [
      '2.03',
      '-',
      'history of osteoporosis is none of a fracture',
      [coded('history.osteoporosis', -50, { concept: concept('assessment', 'history.osteoporosis', [], 'history') })],
    ],
    ['2.03', '-', 'no code is never no', []],
    ['2.04', 'yes', 'mother broke her hip', [coded('risk.parent_hip_fracture', -4000)]],
    ['2.05', 'no', 'the latest status', [coded('smoking.current', -400), coded('smoking.ex', -100)]],
    ['2.05', 'yes', 'five years back', [coded('smoking.current', -1825)]],
    ['2.05', '-', 'one day more', [coded('smoking.current', -1826)]],
    ['2.06', 'current-alendronate', '56 days and 28 of grace cover day 0', [drug('drug.alendronic_acid', -84)]],
    ['2.06', 'stopped-within-1y', 'the 85th day does not', [drug('drug.alendronic_acid', -85)]],
    ['2.06', 'current-denosumab', 'an injection covers 183 + 28 days', [drug('drug.denosumab', -211)]],
    ['2.06', 'stopped-within-1y', 'and no longer', [drug('drug.denosumab', -212)]],
    ['2.06', 'stopped-over-1y', 'ended more than a year before', [drug('drug.alendronic_acid', -450)]],
    ['2.06', '-', 'a supply on the day answers the fracture', [drug('drug.alendronic_acid', 0)]],
    [
      '2.06',
      '-',
      'cancer strength',
      [
        drug('drug.zoledronic_acid', -20, {
          concept: concept('bone-drug', 'drug.zoledronic_acid', ['oncology_or_paget_strength'], 'exclude'),
        }),
      ],
    ],
    [
      '2.06',
      'stopped-within-1y',
      'stopped early',
      [drug('drug.alendronic_acid', -60, { detail: { state: 'supplied', stoppedOn: day(-30) as PartialDate } })],
    ],
    ['3.01', 'done-within-2y', 'scan two years back', [tScore('hip', '-2.1', -730)]],
    ['3.01', '-', 'a day more', [tScore('hip', '-2.1', -731)]],
    ['3.01', 'ordered', 'scan after', [tScore('hip', '-2.1', 1)]],
    ['3.01', 'ordered', 'requested', [fact('request', { when: at(day(7)), concept: concept('dxa', 'dxa.procedure') })]],
    ['3.01', 'not-ordered', 'declined', [coded('dxa.declined', 7)]],
    ['3.02', 'declined', 'and why', [coded('dxa.declined', 7)]],
    [
      '3.03',
      day(30),
      'first scan after, not the old one',
      [tScore('hip', '-2.0', -100), tScore('hip', '-2.1', 30), tScore('hip', '-2.2', 90)],
    ],
    ['3.03', day(-100), 'else the last one before', [tScore('hip', '-2.0', -400), tScore('hip', '-2.1', -100)]],
    [
      '3.04',
      '-2.7',
      'lowest of hip and spine in that scan',
      [tScore('hip', '-2.1', 30), tScore('lumbar', '-2.7', 30), tScore('hip', '-3.9', 200)],
    ],
    [
      '3.04',
      '-2.1',
      'forearm and heel never count',
      [tScore('hip', '-2.1', 30), tScore('forearm', '-3.5', 30), tScore('heel', '-4.0', 30)],
    ],
    ['3.04', '-2.50', 'places kept', [tScore('hip', '-2.50', 30)]],
    ['3.04', '-', 'a density is no T-score', [tScore('hip', '0.710', 30, { unit: 'g/cm2' })]],
    ['4.01', 'alendronate', 'supplied on day 112', [drug('drug.alendronic_acid', 112)]],
    ['4.01', '-', 'day 113 is late', [drug('drug.alendronic_acid', 113)]],
    ['4.01', 'alendronate', 'running on day 0', [drug('drug.alendronic_acid', -30)]],
    ['4.01', 'alendronate;denosumab', 'two drugs', [drug('drug.denosumab', 60), drug('drug.alendronic_acid', 10)]],
    ['4.01', 'risedronate', 'recommended only', [drug('drug.risedronate', 20, { detail: { state: 'recommended' } })]],
    [
      '4.01',
      'declined',
      'refused',
      [fact('observation', { when: at(day(20)), concept: concept('bone-drug', 'bsa.declined') })],
    ],
    [
      '4.01',
      '-',
      'a drug name without strength proves no osteoporosis treatment',
      [drug('drug.zoledronic_acid', 20, { concept: concept('bone-drug', 'drug.zoledronic_acid', ['VTM']) })],
    ],
    ['4.02', 'yes-both', 'one combined product', [drug('drug.calcium_vitamin_d', 20)]],
    ['4.02', 'yes-both', 'two products', [drug('drug.calcium', 20), drug('drug.vitamin_d', 25)]],
    ['4.02', 'vitd-only', 'vitamin D alone', [drug('drug.vitamin_d', 25)]],
    ['4.02', 'already-taking', 'running on day 0', [drug('drug.calcium_vitamin_d', -20)]],
    ['5.01', 'yes', 'assessed', [coded('falls.assessment', 50), coded('referral.falls', 3)]],
    ['5.01', 'referred', 'referred only', [coded('referral.falls', 3)]],
    ['5.02', '-', 'only ever a suggestion', [coded('falls.recurrent', -20)]],
    ['5.10', 'falls-service', 'referral', [coded('referral.falls', 3)]],
    [
      '5.10',
      'falls-service;strength-balance',
      'two services',
      [
        coded('referral.falls', 3),
        fact('appointment', { when: at(day(30)), detail: { clinic: 'strength-balance', state: 'booked' } }),
      ],
    ],
    ['6.01', 'yes', 'day 84', [seen(84)]],
    ['6.01', 'yes', 'day 112', [seen(112)]],
    ['6.01', '-', 'day 83', [seen(83)]],
    ['6.01', '-', 'day 113', [seen(113)]],
    ['6.02', day(90), 'the first in the window', [seen(100), seen(90)]],
    ['6.04', 'yes', 'a supply reaching day 84', [drug('drug.calcium_vitamin_d', 0, gp)]],
    ['6.05', 'alendronate', 'covers the follow-up on day 90', [seen(90), drug('drug.alendronic_acid', 20)]],
    ['6.05', '-', 'covers day 104, follow-up on day 110', [seen(110), drug('drug.alendronic_acid', 20)]],
    ['6.05', 'alendronate', 'without a follow-up day 112 counts', [drug('drug.alendronic_acid', 28)]],
    [
      '6.06',
      'yes',
      'class by day 112',
      [fact('appointment', { when: at(day(112)), detail: { clinic: 'strength-balance', state: 'attended' } })],
    ],
    ['7.01', 'yes', 'day 336', [seen(336)]],
    ['7.01', '-', 'day 393', [seen(393)]],
    ['7.05', 'alendronate', 'running on day 365', [drug('drug.alendronic_acid', 300)]],
    ['7.05', '-', 'over by then', [drug('drug.alendronic_acid', 200)]],
    ['deathDate', day(50), 'died', [fact('death', { when: at(day(50)) })]],
  ])('%s is %s: %s', (item, expected, _why, facts) => {
    expect(answered(hipEpisode(...facts), item)).toBe(expected)
  })

  test('5.02 is suggested to the site', () => {
    expect(hipEpisode(coded('falls.recurrent', -20)).suggestions['5.02']?.values).toEqual(['yes'])
  })

  test('a periprosthetic code leaves 1.10 to a clinician and says what it hints at', () => {
    const [episode] = solve([
      patient(),
      broken('hip.neck', { concept: concept('fracture-site', 'hip.neck', ['periprosthetic_review']) }),
    ])
    expect(episode && answered(episode, '1.10')).toBe('-')
    expect(episode?.suggestions['1.10']?.values).toEqual(['periprosthetic'])
  })

  test('later and earlier fractures of the person feed 7.06, 7.07 and 2.03', () => {
    const [first, second] = solve([
      patient(),
      broken('wrist'),
      broken('spine.lumbar', { when: at(day(200), 'attendance') }),
    ])
    expect(first && [answered(first, '1.11'), answered(first, '7.06'), answered(first, '7.07')]).toEqual([
      'wrist',
      '1',
      'clinical-spine',
    ])
    expect(second && [answered(second, '1.11'), answered(second, '2.03')]).toEqual(['spine', 'yes'])
  })

  test('simultaneous fractures share an episode, hip first, at most three asked', () => {
    const episodes = solve(
      ['ankle', 'wrist', 'hip.neck', 'pelvis.sacrum']
        .map(site => broken(site))
        .concat([])
        .map(one => one as Fact)
        .concat([patient()]),
    )
    expect(episodes).toHaveLength(1)
    expect(['1.11', '1.12', '1.13'].map(item => episodes[0] && answered(episodes[0], item))).toEqual([
      'hip',
      'pelvis',
      'wrist',
    ])
    expect(episodes[0]?.fractures).toHaveLength(4)
  })
})

describe('who wins', () => {
  test.each<[string, string, string, Fact[]]>([
    ['1.06', day(3), 'the site over its own appointment list', [seen(12), answer('1.06', [day(3)])]],
    [
      '4.01',
      'alendronate',
      'the hospital over the GP',
      [drug('drug.risedronate', 30, gp), drug('drug.alendronic_acid', 40)],
    ],
    [
      '6.05',
      'risedronate',
      'the GP over the hospital',
      [drug('drug.risedronate', 60, gp), drug('drug.alendronic_acid', 60)],
    ],
    ['6.05', 'denosumab', 'the site over both', [drug('drug.risedronate', 60, gp), answer('6.05', ['denosumab'])]],
    [
      'deathDate',
      day(40),
      'the GP on death, even over the site',
      [
        fact('death', { when: at(day(40)), ...gp }),
        fact('death', { when: at(day(41)) }),
        answer('deathDate', [day(42)]),
      ],
    ],
    [
      '2.04',
      'yes',
      'a fact over a site that does not know',
      [coded('risk.parent_hip_fracture', -10), answer('2.04', ['unknown'])],
    ],
    ['2.04', 'unknown', 'not knowing over silence', [answer('2.04', ['unknown'])]],
    [
      '3.05',
      'low',
      'the latest authored answer',
      [
        answer('3.05', ['high'], { on: '2024-02-01' }),
        answer('3.05', ['low'], {
          on: '2024-03-01',
          detail: { item: '3.05', values: ['low'], response: 'response-2' },
        }),
      ],
    ],
    [
      '3.05',
      '-',
      'a cleared answer',
      [
        answer('3.05', ['high'], { on: '2024-02-01' }),
        answer('3.05', [], { on: '2024-03-01', detail: { item: '3.05', values: [], response: 'response-2' } }),
      ],
    ],
  ])('%s is %s: %s', (item, expected, _why, facts) => {
    expect(answered(hipEpisode(...facts), item)).toBe(expected)
  })

  test('losing values are kept with their origin', () => {
    const { answers } = hipEpisode(drug('drug.risedronate', 60, gp), answer('6.05', ['denosumab']))
    expect(answers['6.05']?.origins.map(origin => origin.rule)).toEqual(['site.answer'])
    expect(
      answers['6.05']?.losing.map(({ values, origins }) => [values, origins[0]?.organisation, origins[0]?.rule]),
    ).toEqual([[['risedronate'], practice, 'follow-up.therapy']])
  })

  test('a verified NHS number beats the majority, the majority beats the latest', () => {
    const other = (record: string, number: string, status?: string) =>
      patient({
        record: record as RecordKey,
        detail: { nhsNumber: number as never, ...(status ? { nhsNumberStatus: status } : {}) },
      })
    expect(answered(hipEpisode(other('A|1', '9990002002'), other('B|1', '9990002002')), '1.01')).toBe('9990002002')
    expect(
      answered(
        hipEpisode(other('A|1', '9990002002'), other('B|1', '9990002002'), other('C|1', '9990003009', '01')),
        '1.01',
      ),
    ).toBe('9990003009')
  })

  test('who a result or a merge is about never changes demographics, unless a record has nothing better', () => {
    const moved = { nhsNumber: '9990002002' as never, postcode: 'ZZ99 4AA' }
    const beside = (record?: string) => {
      const stated = patient({ detail: moved, revision: { asOf: '2026-01-01T00:00:00.000Z' as never } })
      const source = { ...stated.source, row: 'match.pid' }
      return { ...stated, source, ...(record ? { record: record as RecordKey } : {}) }
    }
    const own = hipEpisode(beside())
    expect([answered(own, '1.01'), answered(own, '1.04')]).toEqual(['9990001006', 'ZZ99 3VZ'])
    expect(own.answers['1.01']?.losing).toEqual([])
    expect(hipEpisode(beside('LAB|1')).answers['1.01']?.losing.map(one => one.values)).toEqual([['9990001006']])
  })

  test('of many messages of one record the latest is the origin', () => {
    const again = patient({ revision: { asOf: '2025-01-01T00:00:00.000Z' as never } })
    expect(hipEpisode(patient(), again).answers['1.01']?.origins.map(origin => origin.factId)).toEqual([again.id])
  })
})

describe('what counts', () => {
  const gpOnly = broken('wrist', { side: 'gp', when: at(indexDay, 'onset'), detail: { department: 'gp' } })
  test.each<[string, string, Fact[]]>([
    ['candidate', 'a fracture in the emergency department', [patient(), broken('wrist')]],
    ['candidate', 'a fracture only the GP knows', [patient(), gpOnly]],
    ['identified', 'FLS appointment attended', [patient(), broken('wrist'), seen(20)]],
    ['identified', 'a site began the form', [patient(), broken('wrist'), answer('2.04', ['no'])]],
    [
      'submitted',
      'a site completed it',
      [
        patient(),
        broken('wrist'),
        answer('2.04', ['no'], {
          detail: { item: '2.04', values: ['no'], response: 'r', responseStatus: 'completed' },
        }),
      ],
    ],
    [
      'excluded under-50',
      '49 on the day',
      [patient({ detail: { birthDate: '1974-01-02' as PartialDate } }), broken('wrist')],
    ],
    ['candidate', '50 on the day', [patient({ detail: { birthDate: '1974-01-01' as PartialDate } }), broken('wrist')]],
    [
      'excluded under-50',
      'born in 1975: under 50 on any reading',
      [patient({ detail: { birthDate: '1975' as PartialDate } }), broken('wrist')],
    ],
    [
      'candidate',
      'born in 1973 or 1974: cannot be told',
      [patient({ detail: { birthDate: '1973' as PartialDate } }), broken('wrist')],
    ],
    ['excluded site-excluded', 'a finger', [patient(), broken('finger')]],
    ['candidate', 'a finger and a wrist', [patient(), broken('finger'), broken('wrist')]],
    ['excluded before-audit', 'in 2015', [patient(), broken('wrist', { when: at('2015-12-31', 'attendance') })]],
    [
      'candidate',
      'on the first day of the audit',
      [patient(), broken('wrist', { when: at('2016-01-01', 'attendance') })],
    ],
  ])('%s: %s', (expected, _why, facts) => {
    const [episode] = solve(facts)
    expect([episode?.status, episode?.excluded].filter(Boolean).join(' ')).toBe(expected)
  })

  test('the reporting FLS: who answered, else whose clinic, else by hospital, else by practice', () => {
    const other = 'RZ1' as OdsCode
    expect(hipEpisode(answer('2.04', ['no'], { organisation: other })).reportingFls).toBe(other)
    expect(hipEpisode(seen(10, { organisation: other })).reportingFls).toBe(other)
    expect(hipEpisode().reportingFls).toBe('RXX01')
    expect(solve([patient({ side: 'gp' }), gpOnly])[0]?.reportingFls).toBe('RYY02')
  })

  test('both sides are listed, and every organisation is a tenant', () => {
    const episode = hipEpisode(drug('drug.alendronic_acid', 30, gp), stay(0, 4))
    expect(episode.hospital.map(entry => entry.kind)).toEqual(expect.arrayContaining(['diagnosis', 'encounter']))
    expect(episode.gp.map(({ kind, concept: name, value }) => [kind, name, value])).toEqual([
      ['medication', 'drug.alendronic_acid', 'supplied'],
    ])
    expect(episode.organisations).toEqual([practice, hospital])
    expect(episode.isLinked).toBe(true)
  })

  test('month precision: the fracture stays, its windows are silent', () => {
    const [episode] = solve([patient(), broken('wrist', { when: at('2024-01', 'onset') }), seen(20)])
    expect([
      episode?.injuryDate,
      episode?.diagnosedOn,
      episode && answered(episode, '1.07'),
      episode && answered(episode, '1.11'),
    ]).toEqual(['2024-01', undefined, '-', 'wrist'])
  })
})
