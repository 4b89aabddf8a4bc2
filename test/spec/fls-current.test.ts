import { describe, expect, test } from '@jest/globals'
import { currentFacts } from '../../src/fls/current.ts'
import type { Instant } from '../../src/fls/dates.ts'
import type { Fact, FactOf } from '../../src/fls/fact.ts'
import { solveEpisodes } from '../../src/fls/solve.ts'
import { at, broken, day, drug, fact, fractureOf, inputOf, patient, solve } from './fls-facts.ts'

const asOf = (hour: number) => ({ asOf: `2024-01-01T${String(hour).padStart(2, '0')}:00:00.000Z` as Instant })
const sites = (facts: readonly Fact[]) =>
  facts
    .filter(one => one.kind === 'diagnosis')
    .map(one => one.concept?.id)
    .sort()
const both = (facts: readonly Fact[]) => [currentFacts(facts), currentFacts([...facts].reverse())]

describe('what is current', () => {
  test.each<[string, string[], Fact[]]>([
    [
      'the newer list of a visit replaces the older one whole',
      ['wrist'],
      [
        broken('hip.neck', { revision: { ...asOf(1), set: 'visit:1/dg1' } }),
        broken('wrist', { revision: { ...asOf(2), set: 'visit:1/dg1' } }),
      ],
    ],
    [
      'all entries of one version stay',
      ['rib', 'wrist'],
      [
        broken('wrist', { inbox: 'm', revision: { ...asOf(1), set: 'visit:1/dg1' } }),
        broken('rib', { inbox: 'm', revision: { ...asOf(1), set: 'visit:1/dg1' } }),
      ],
    ],
    [
      'lists of two visits do not touch',
      ['hip.neck', 'wrist'],
      [
        broken('hip.neck', { revision: { ...asOf(1), set: 'visit:1/dg1' } }),
        broken('wrist', { revision: { ...asOf(2), set: 'visit:2/dg1' } }),
      ],
    ],
    [
      'order breaks a tie of time',
      ['wrist'],
      [
        broken('wrist', { revision: { ...asOf(1), order: 2, set: 's' } }),
        broken('hip.neck', { revision: { ...asOf(1), order: 1, set: 's' } }),
      ],
    ],
    [
      'entered in error',
      [],
      [
        broken('hip.neck', { revision: { ...asOf(1), set: 'Condition/1' } }),
        broken('hip.neck', { status: 'retracted', revision: { ...asOf(2), set: 'Condition/1' } }),
      ],
    ],
    [
      'put right again',
      ['hip.neck'],
      [
        broken('hip.neck', { status: 'retracted', revision: { ...asOf(2), set: 'Condition/1' } }),
        broken('hip.neck', { revision: { ...asOf(3), set: 'Condition/1' } }),
      ],
    ],
    [
      'a cancelled visit takes along what it carried',
      ['rib'],
      [
        broken('hip.neck', { revision: { ...asOf(1), visit: 'v1' } }),
        broken('rib', { revision: { ...asOf(1), visit: 'v2' } }),
        fact('encounter', { status: 'retracted', detail: {}, revision: { ...asOf(2), visit: 'v1' } }),
      ],
    ],
    [
      'what came after the cancellation stays',
      ['wrist'],
      [
        broken('hip.neck', { revision: { ...asOf(2), visit: 'v1' } }),
        broken('wrist', { revision: { ...asOf(3), visit: 'v1' } }),
        fact('encounter', { status: 'retracted', detail: {}, revision: { ...asOf(2), visit: 'v1' } }),
      ],
    ],
    [
      'a deleted row of an extract',
      [],
      [
        broken('wrist', { side: 'gp', revision: { ...asOf(1), row: { file: 'f', id: '7', extract: 'e1' } } }),
        fact('observation', {
          side: 'gp',
          status: 'retracted',
          revision: { ...asOf(2), row: { file: 'f', id: '7', extract: 'e2' } },
        }),
      ],
    ],
  ])('%s', (_rule, expected, facts) => {
    for (const { facts: current } of both(facts)) expect(sites(current)).toEqual(expected)
  })

  test('a visit is folded field by field; a null deletes', () => {
    const said = (hour: number, detail: FactOf['encounter']['detail']) =>
      fact('encounter', { detail, revision: { ...asOf(hour), thing: 'v1', visit: 'v1' } })
    const facts = [
      said(1, { class: 'inpatient', start: day(0) }),
      said(2, { end: day(3), state: 'finished' }),
      said(3, { end: null, state: 'in-progress' }),
    ]
    for (const { facts: current } of both(facts)) {
      expect(current.map(one => one.detail)).toEqual([{ class: 'inpatient', start: day(0), state: 'in-progress' }])
    }
  })

  test('a problem row extends an entry; deleting it leaves the entry', () => {
    const entry = broken('wrist', {
      side: 'gp',
      revision: { ...asOf(1), thing: 'o1', row: { file: 'observation', id: 'o1', extract: 'e1' } },
    })
    const gone = fact('diagnosis', {
      side: 'gp',
      status: 'retracted',
      revision: { ...asOf(2), thing: 'o1', row: { file: 'problem', id: 'p1', extract: 'e2' } },
    })
    for (const { facts: current } of both([entry, gone])) expect(sites(current)).toEqual(['wrist'])
  })

  test('absent rows and sealed practices are left out; sealed ones without a trace', () => {
    const kept = broken('wrist')
    const absent = broken('hip.neck', { side: 'gp' })
    const sealed = broken('rib', { side: 'gp' })
    const current = currentFacts([kept, absent, sealed], {
      isAbsent: one => one === absent,
      isSealed: one => one === sealed,
    })
    expect([current.facts, current.past]).toEqual([[kept], [absent]])
  })
})

describe('ids and withdrawal', () => {
  const list = (hour: number, site: string) =>
    broken(site, { revision: { ...asOf(hour), set: 'visit:1/dg1', visit: 'visit:1' } })

  test('a resent diagnosis list does not move the id of the episode', () => {
    const first = list(1, 'hip.neck')
    const again = list(2, 'hip.neck')
    const [before] = solve([patient(), first])
    const [after] = solve([patient(), first, again])
    expect(after?.id).toBe(before?.id)
    expect(after?.fractures[0]?.aliases).toHaveLength(1)
  })

  test('an episode whose evidence is cancelled is withdrawn under its id; it answers nothing', () => {
    const facts = [patient(), list(1, 'hip.neck')]
    const [before] = solve(facts)
    const cancelled = [
      ...facts,
      fact('encounter', { status: 'retracted', detail: {}, revision: { ...asOf(2), visit: 'visit:1' } }),
    ]
    expect(solve(cancelled).map(({ id, status, answers }) => [id, status, answers])).toEqual([
      [before?.id, 'withdrawn', {}],
    ])
  })

  test('a corrected site withdraws nothing', () => {
    expect(solve([patient(), list(1, 'hip.neck'), list(2, 'wrist')]).map(({ status }) => status)).toEqual(['candidate'])
  })

  test('one of two records of a fracture is taken back: the id it founded leads to the one that stays', () => {
    const form = broken('hip.unspecified', { side: 'site', inbox: 'a-form', revision: { ...asOf(1), set: 'form' } })
    const visit = broken('hip.neck', { inbox: 'b-visit', revision: { ...asOf(1), set: 'visit:1/dg1' } })
    const fracture = [fractureOf([form, visit])]
    const [joined] = solve([patient(), form, visit], fracture)
    const gone = broken('hip.unspecified', { side: 'site', status: 'retracted', revision: { ...asOf(2), set: 'form' } })
    const after = solve([patient(), form, visit, gone])
    expect(after.map(one => one.status)).toEqual(['candidate'])
    expect([after[0]?.id, ...(after[0]?.aliases ?? [])]).toContain(joined?.id)
  })

  test('a fracture of another bone taken back is withdrawn, not hidden behind the one that stays', () => {
    const wrist = broken('wrist', { revision: { ...asOf(1), set: 'other' } })
    const gone = broken('wrist', { status: 'retracted', revision: { ...asOf(2), set: 'other' } })
    expect(solve([patient(), list(1, 'hip.neck'), wrist, gone]).map(one => one.status)).toEqual([
      'candidate',
      'withdrawn',
    ])
  })

  test('what was never evidence leaves no trace', () => {
    const refuted = broken('hip.neck', { certainty: 'refuted', revision: { ...asOf(1), set: 's' } })
    expect(
      solve([patient(), refuted, broken('hip.neck', { status: 'retracted', revision: { ...asOf(2), set: 's' } })]),
    ).toEqual([])
  })

  test('ids of the person under other members resolve', () => {
    const facts = [patient(), broken('hip.neck', { when: at(day(0), 'attendance') }), drug('drug.denosumab', 10)]
    const [alone] = solveEpisodes({ ...inputOf(facts), personId: 'person-2' })
    const [joined] = solveEpisodes({ ...inputOf(facts), personAliases: ['person-2'] })
    expect(joined?.aliases).toContain(alone?.id)
  })
})
