import { describe, expect, test } from '@jest/globals'
import * as fc from 'fast-check'
import {
  addToCoverage,
  type CareKind,
  type CoverageEpisode,
  type GpCoding,
  gpCoding,
  noCoverage,
  repeatGaps,
} from '../../src/fls/coverage.ts'
import type { DayDate, PartialDate } from '../../src/fls/dates.ts'
import { releasedCount, releasedShare } from '../../src/fls/disclosure.ts'
import type { EpisodeFracture, EpisodeStatus, SideEntry } from '../../src/fls/episode.ts'
import type { FactId, InboxId, OdsCode } from '../../src/fls/fact.ts'
import { wilson } from '../../src/fls/wilson.ts'

const practice = 'P81001' as OdsCode
const cut = '2026-06-30' as DayDate

function entry(more: Omit<Partial<SideEntry>, 'when'> & { when?: string }): SideEntry {
  const { when, ...rest } = more
  return {
    factId: 'gp1' as FactId,
    kind: 'diagnosis',
    organisation: practice,
    inboxId: 'i1' as InboxId,
    path: 'row 1, code',
    ...(when ? { when: when as PartialDate } : {}),
    ...rest,
  }
}
const coded = (recorded?: string) => entry(recorded ? { recorded: recorded as PartialDate } : {})

function episode(
  more: Partial<CoverageEpisode> & { fracture?: EpisodeFracture['status']; status?: EpisodeStatus } = {},
): CoverageEpisode {
  const { fracture = 'confirmed', ...rest } = more
  const facts = ['h1', 'gp1'].map(id => ({ factId: id as FactId, probability: 1 }))
  return {
    status: 'candidate',
    diagnosedOn: '2025-01-01' as DayDate,
    fractures: [{ fractureId: 'f1', aliases: [], site: 'hip.neck', status: fracture, facts }],
    hospital: [],
    gp: [],
    ...rest,
  }
}

describe('how the GP record holds a fracture: days from 1.09 to the day of coding', () => {
  test.each<[string | undefined, readonly (string | undefined)[], GpCoding, string]>([
    ['2025-01-01', ['2025-04-01'], 'within', 'day 90 is the last'],
    ['2025-01-01', ['2025-04-02'], 'later', 'day 91'],
    ['2025-01-01', ['2024-12-30'], 'within', 'coded before 1.09'],
    ['2025-01-01', ['2025-09-01', '2025-02-01'], 'within', 'the earliest coding counts'],
    ['2025-01-01', ['2025-02'], 'undated', 'a month is no day'],
    ['2025-01-01', [undefined], 'undated', 'no coding date'],
    ['2025-01-01', [undefined, '2025-02-01'], 'within', 'one usable date is enough'],
    [undefined, ['2025-02-01'], 'undated', '1.09 not known to the day'],
    ['2025-01-01', [], 'absent', 'not coded'],
  ])('1.09 %s, coded %j: %s (%s)', (diagnosedOn, dates, expected) => {
    expect(gpCoding(diagnosedOn as DayDate | undefined, dates.map(coded))).toBe(expected)
  })
})

describe('what is counted', () => {
  const count = (one: CoverageEpisode) => addToCoverage(noCoverage, one, practice, cut)
  const { hospitalConfirmed: none } = noCoverage

  test.each([
    ['confirmed, coded in time', episode({ gp: [coded('2025-01-20')] }), { hospitalConfirmed: { ...none, within: 1 } }],
    ['confirmed, never coded', episode(), { hospitalConfirmed: { ...none, absent: 1 } }],
    [
      'coded by another practice only',
      episode({ gp: [{ ...coded('2025-01-20'), organisation: 'P81002' as OdsCode }] }),
      { hospitalConfirmed: { ...none, absent: 1 } },
    ],
    [
      'coded, but as another fracture',
      episode({ gp: [{ ...coded('2025-01-20'), factId: 'gp9' as FactId }] }),
      { hospitalConfirmed: { ...none, absent: 1 } },
    ],
    [
      '90 days before the cut',
      episode({ diagnosedOn: '2026-04-01' as DayDate }),
      { hospitalConfirmed: { ...none, absent: 1 } },
    ],
    ['89 days before the cut', episode({ diagnosedOn: '2026-04-02' as DayDate }), { tooRecent: 1 }],
    ['GP only', episode({ fracture: 'candidate', gp: [coded('2025-01-20')] }), { gpOnly: 1 }],
    ['of another practice only', episode({ fracture: 'candidate' }), {}],
    ['suspected', episode({ fracture: 'provisional', gp: [coded('2025-01-20')] }), {}],
    ['excluded', episode({ status: 'excluded', gp: [coded('2025-01-20')] }), { episodes: 0 }],
    ['withdrawn', episode({ status: 'withdrawn', gp: [coded('2025-01-20')] }), { episodes: 0 }],
  ])('%s', (_name, one, expected) => {
    const old = one.diagnosedOn === '2025-01-01' ? 1 : 0
    expect(count(one)).toEqual({ ...noCoverage, episodes: old, ...expected })
  })

  test.each<[string, Parameters<typeof entry>[0], CareKind[]]>([
    ['osteoporosis', { concept: 'dx.osteoporosis', when: '2025-03-01' }, ['osteoporosis']],
    ['suspected osteoporosis', { concept: 'dx.osteoporosis', when: '2025-03-01', value: 'suspected' }, []],
    ['a T-score', { kind: 'observation', concept: 'dxa.tscore.hip', when: '2025-03-01', value: '-2.7' }, ['dxa']],
    ['a DXA declined', { kind: 'observation', concept: 'dxa.declined', when: '2025-03-01' }, []],
    ['a DXA asked for', { kind: 'request', concept: 'dxa.procedure', when: '2025-03-01' }, []],
    ['day 365', { concept: 'falls.event', when: '2026-01-01' }, ['falls']],
    ['day 366', { concept: 'falls.event', when: '2026-01-02' }, []],
    ['the day before 1.09', { concept: 'falls.event', when: '2024-12-31' }, []],
    ['a month only', { concept: 'falls.event', when: '2025-03' }, []],
    [
      'a drug issued',
      { kind: 'medication', concept: 'drug.alendronic_acid', when: '2025-03-01', value: 'supplied' },
      ['boneDrug'],
    ],
    [
      'a drug cancelled',
      { kind: 'medication', concept: 'drug.alendronic_acid', when: '2025-03-01', value: 'cancelled' },
      [],
    ],
    ['calcium', { kind: 'medication', concept: 'drug.calcium', when: '2025-03-01', value: 'supplied' }, []],
    ['another practice', { concept: 'falls.event', when: '2025-03-01', organisation: 'P81002' as OdsCode }, []],
  ])('care after a fracture: %s', (_name, one, kinds) => {
    const { care } = count(episode({ gp: [entry(one)] }))
    expect(Object.entries(care).flatMap(([kind, n]) => (n ? [kind] : []))).toEqual(kinds)
  })
})

describe('repeat gaps: an issue that came after all before it had run out', () => {
  const issues = (...dates: readonly (readonly [when: string, suppliedTo?: string])[]) =>
    dates.map(([when, suppliedTo]) =>
      entry({
        kind: 'medication',
        concept: 'drug.alendronic_acid',
        value: 'supplied',
        when,
        ...(suppliedTo ? { suppliedTo: suppliedTo as DayDate } : {}),
      }),
    )
  test.each<[string, readonly SideEntry[], number | undefined]>([
    ['none issued', [], undefined],
    ['one issue', issues(['2025-02-01', '2025-04-26']), 0],
    ['the next on the last day', issues(['2025-02-01', '2025-04-26'], ['2025-04-26', '2025-07-19']), 0],
    ['the next on the day after', issues(['2025-02-01', '2025-04-26'], ['2025-04-27', '2025-07-20']), 0],
    ['a day without', issues(['2025-02-01', '2025-04-26'], ['2025-04-28', '2025-07-21']), 1],
    ['in any order', issues(['2025-04-28', '2025-07-21'], ['2025-02-01', '2025-04-26']), 1],
    [
      'a short issue inside a long one',
      issues(['2025-02-01', '2025-09-01'], ['2025-03-01', '2025-03-29'], ['2025-08-01', '2025-10-24']),
      0,
    ],
    ['two gaps', issues(['2025-02-01', '2025-03-01'], ['2025-04-01', '2025-05-01'], ['2025-06-01', '2025-07-01']), 2],
    ['how long it lasts is not known', issues(['2025-02-01']), undefined],
  ])('%s', (_name, some, gaps) => expect(repeatGaps(some)).toBe(gaps))

  test('counted once an episode, of those treated; calcium and cancelled issues apart', () => {
    const gap = issues(['2025-02-01', '2025-04-26'], ['2025-06-01', '2025-08-24'])
    const calcium = gap.map(one => ({ ...one, concept: 'drug.calcium' }))
    const cancelled = gap.map(one => ({ ...one, value: 'cancelled' }))
    const total = [gap, calcium, cancelled, gap.slice(0, 1)].reduce(
      (sum, gp) => addToCoverage(sum, episode({ gp }), practice, cut),
      noCoverage,
    )
    expect(total.repeats).toEqual({ treated: 2, withGap: 1 })
  })
})

describe('what leaves', () => {
  test.each([
    [0, 0],
    [1, '*'],
    [7, '*'],
    [8, 10],
    [12, 10],
    [13, 15],
    [1_002, 1_000],
  ])('%d is shown as %s', (exact, shown) => expect(releasedCount(exact)).toBe(shown))

  test.each([
    [20, 40, { count: 20, n: 40, share: { share: 0.5, low: 0.352, high: 0.648 } }],
    [0, 10, { count: 0, n: 10, share: { share: 0, low: 0, high: 0.2775 } }],
    [3, 40, { count: '*', n: 40, share: '*' }],
    [0, 0, { count: 0, n: 0 }],
  ])('%d of %d', (count, n, shown) => expect(releasedShare(count, n)).toEqual(shown))

  test('an interval holds its share and stays inside 0 to 1', () => {
    fc.assert(
      fc.property(fc.nat(5_000), fc.nat(5_000), (count, more) => {
        const found = wilson(count, count + more)
        if (!found) return count + more === 0
        return found.low >= 0 && found.low <= found.share && found.share <= found.high && found.high <= 1
      }),
    )
  })
})
