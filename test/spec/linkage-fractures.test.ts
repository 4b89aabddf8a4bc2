import { describe, expect, test } from '@jest/globals'
import type { Fact, FactId } from '../../src/fls/fact.ts'
import { densityOf, tabulate } from '../../src/linkage/date-density.ts'
import { solveFractures } from '../../src/linkage/fractures.ts'
import type { Explanation, FracturesSolution } from '../../src/linkage/linkage.ts'
import { fractureModel } from '../../src/linkage/models.ts'
import { knownSite, leafWeights, siteEvidence, siteSupport } from '../../src/linkage/site-evidence.ts'
import {
  type DiagnosisSketch,
  death,
  decision,
  diagnosis,
  fractureNumbers as model,
  procedure,
  siteTree,
} from '../linkage-fracture-facts.ts'

const evidence = siteEvidence(siteTree, model)
const solve = (facts: readonly Fact[]) => solveFractures(facts, siteTree, model)

describe('site evidence', () => {
  const support = (...sites: string[]) => Math.exp(siteSupport(evidence, sites.map(evidence.ratioOf)))

  test('for every true leaf the shares of all codes sum to 1', () => {
    const background = (site: string) =>
      evidence.leaves.reduce(
        (sum, _, leaf) => sum + (evidence.prior[leaf] ?? 0) * (evidence.ratioOf(site)[leaf] ?? 0),
        0,
      )
    // Averaged over the prior a ratio to the background is 1, whatever the code.
    for (const site of siteTree.sites) expect(background(site)).toBeCloseTo(1, 9)
  })

  test.each<[string, string[], number, number]>([
    ['an unspecific code scores about 1', ['unspecified', 'hip.neck'], 0.8, 1.25],
    ['the same code supports itself', ['wrist', 'wrist'], 3, 100],
    ['a code and its parent support each other', ['hip.trochanteric', 'hip.unspecified'], 2, 100],
    ['a code and a wider ancestor support each other', ['hip.neck', 'femur.unspecified'], 1.5, 100],
    ['#NOF is the general word for a hip', ['hip.neck', 'hip.trochanteric'], 1.2, 100],
    ['siblings support each other a little', ['spine.thoracic', 'spine.lumbar'], 0.5, 10],
    ['neighbours on the list of compatible sites', ['wrist', 'hand'], 0.3, 5],
    ['wrist against hip is near the floor', ['wrist', 'hip.neck'], 0, 0.05],
    ['finger against wrist is near the floor', ['finger', 'wrist'], 0, 0.05],
  ])('%s', (_name, sites, least, most) => {
    expect(support(...sites)).toBeGreaterThanOrEqual(least)
    expect(support(...sites)).toBeLessThanOrEqual(most)
  })

  test('the order of codes does not matter', () => {
    const codes = ['hip.neck', 'hip.unspecified', 'femur.unspecified', 'hip.trochanteric']
    expect(support(...codes)).toBeCloseTo(support(...[...codes].reverse()), 12)
    const [forward, backward] = [codes, [...codes].reverse()].map(order =>
      leafWeights(evidence, order.map(evidence.ratioOf)),
    )
    for (const leaf of evidence.leaves) expect(forward?.get(leaf)).toBeCloseTo(backward?.get(leaf) ?? Number.NaN, 12)
  })

  test.each([
    ['hip', 'hip.unspecified'],
    ['wrist', 'wrist'],
    ['foot.tarsal', 'foot'],
    ['multiple(trunk+pelvis)', 'unspecified'],
  ])('site %s is read as %s', (given, expected) => {
    expect(knownSite(given, siteTree)).toBe(expected)
  })
})

describe('date densities', () => {
  test.each(Object.keys(model.tables) as (keyof typeof model.tables)[])('%s sums to 1', name => {
    expect(model.tables[name].at.reduce((sum, value) => sum + value, 0)).toBeCloseTo(1, 9)
  })

  test('a month is the mean over its days', () => {
    const density = model.tables['gp-onset']
    const days = Array.from({ length: 31 }, (_, day) => densityOf(density, 100 + day, 100 + day, 110))
    expect(densityOf(density, 100, 130, 110)).toBeCloseTo(days.reduce((sum, value) => sum + value, 0) / 31, 12)
  })

  test('late is likelier than early, and the floor never ends inside its reach', () => {
    const density = model.tables.acute
    expect(densityOf(density, 110, 110, 100)).toBeGreaterThan(densityOf(density, 90, 90, 100))
    expect(densityOf(density, 450, 450, 100)).toBeGreaterThan(0)
    expect(densityOf(density, 1, 1, 1000)).toBe(0)
  })

  test('a mixture is what its components say', () => {
    const table = tabulate([
      { shape: 'day', share: 0.5 },
      { shape: 'floor', reach: 2, share: 0.5 },
    ])
    expect(Array.from(table.at)).toEqual([0.1, 0.1, 0.6, 0.1, 0.1].map(value => expect.closeTo(value, 9)))
  })
})

const ed = (more: Partial<DiagnosisSketch> = {}): DiagnosisSketch => ({
  id: 'ed',
  department: 'emergency',
  site: 'wrist',
  date: '2024-03-05',
  ...more,
})
const ward = (more: Partial<DiagnosisSketch> = {}): DiagnosisSketch => ({
  id: 'ward',
  department: 'inpatient',
  site: 'hip.neck',
  date: '2024-03-05',
  ...more,
})
const gp = (more: Partial<DiagnosisSketch> = {}): DiagnosisSketch => ({
  id: 'gp',
  department: 'gp',
  site: 'hip.unspecified',
  date: '2024-03-05',
  recorded: '2024-03-19',
  ...more,
})
const clinic = (more: Partial<DiagnosisSketch> = {}): DiagnosisSketch => ({
  id: 'clinic',
  department: 'outpatient',
  site: 'wrist',
  date: '2024-04-16',
  ...more,
})

/** `site side status date`, one per fracture; `+` joins fractures of one injury. */
function told(solution: FracturesSolution): string[] {
  const byInjury = Map.groupBy(solution.fractures, fracture => fracture.injury)
  return [...byInjury.values()].map(fractures =>
    fractures.map(one => [one.site, one.laterality, one.status, one.date].filter(Boolean).join(' ')).join(' + '),
  )
}

describe('one person, one fracture or several', () => {
  test.each<[string, DiagnosisSketch[], string[]]>([
    [
      'emergency, ward and GP tell of one hip; the specific site and the acute date stay',
      [ed({ site: 'hip.neck' }), ward({ site: 'hip.trochanteric' }), gp()],
      ['hip.trochanteric confirmed 2024-03-05'],
    ],
    ['generic GP code and ICD hip', [ward(), gp({ site: 'femur.unspecified' })], ['hip.neck confirmed 2024-03-05']],
    [
      'radius and ulna in the GP record, distal radius in hospital',
      [ed(), gp({ site: 'forearm.unspecified', date: '2024-03-09' })],
      ['wrist confirmed 2024-03-05'],
    ],
    [
      'fragility fracture without a site, on the day it was typed',
      [ward(), gp({ site: 'unspecified', date: '2024-03-25', recorded: '2024-03-25' })],
      ['hip.neck confirmed 2024-03-05'],
    ],
    [
      'GP entry seven weeks late',
      [ed(), gp({ site: 'wrist', date: '2024-04-22', recorded: '2024-04-22' })],
      ['wrist confirmed 2024-03-05'],
    ],
    ['GP alone', [gp()], ['hip.unspecified candidate 2024-03-05']],
    ['GP states only the month', [ward(), gp({ date: '2024-03' })], ['hip.neck confirmed 2024-03-05']],
    ['GP states only the year', [ward(), gp({ date: '2024' })], ['hip.neck confirmed 2024-03-05']],
    ['clinic visit coded as new', [ed(), clinic()], ['wrist confirmed 2024-03-05']],
    [
      'fracture clinic booked under the attendance kind',
      [ed({ side: 'left' }), clinic({ dateKind: 'attendance', side: 'left' })],
      ['wrist left confirmed 2024-03-05'],
    ],
    [
      'transfer to another hospital',
      [ward(), ward({ id: 'other', organisation: 'RYY', date: '2024-03-09' })],
      ['hip.neck confirmed 2024-03-05'],
    ],
    [
      'readmission after two weeks',
      [ward(), ward({ id: 'again', date: '2024-03-19' })],
      ['hip.neck confirmed 2024-03-05'],
    ],
    [
      'hip, then the other hip at three months',
      [ward({ side: 'left' }), ward({ id: 'later', side: 'right', date: '2024-06-05' })],
      ['hip.neck left confirmed 2024-03-05', 'hip.neck right confirmed 2024-06-05'],
    ],
    [
      'hip again after two years',
      [ward({ date: '2022-03-05' }), ward({ id: 'later' })],
      ['hip.neck confirmed 2022-03-05', 'hip.neck confirmed 2024-03-05'],
    ],
    [
      'wrist, then hip',
      [ed({ date: '2023-11-01' }), ward()],
      ['wrist confirmed 2023-11-01', 'hip.neck confirmed 2024-03-05'],
    ],
    [
      'hip and wrist of one fall',
      [ward({ visit: 'v' }), ward({ id: 'wrist', site: 'wrist', visit: 'v' })],
      ['hip.neck confirmed 2024-03-05 + wrist confirmed 2024-03-05'],
    ],
    [
      'both hips at once',
      [ward({ side: 'left', visit: 'v' }), ward({ id: 'ward2', side: 'right', visit: 'v' })],
      ['hip.neck left confirmed 2024-03-05 + hip.neck right confirmed 2024-03-05'],
    ],
    [
      'bilateral in one code',
      [ward({ site: 'wrist', side: 'bilateral' })],
      ['wrist left confirmed 2024-03-05 + wrist right confirmed 2024-03-05'],
    ],
    [
      'two emergency attendances of one day, different sides',
      [ed({ side: 'left' }), ed({ id: 'ed2', side: 'right' })],
      ['wrist left confirmed 2024-03-05 + wrist right confirmed 2024-03-05'],
    ],
    [
      'a side on the spine says nothing',
      [ward({ site: 'spine.lumbar', side: 'left' }), gp({ site: 'spine.unspecified' })],
      ['spine.lumbar confirmed 2024-03-05'],
    ],
    [
      'one wrong side among three',
      [ed({ side: 'left' }), ward({ site: 'wrist', side: 'left' }), gp({ site: 'wrist', side: 'right' })],
      ['wrist left confirmed 2024-03-05'],
    ],
    ['suspected in the emergency department only', [ed({ certainty: 'suspected' })], ['wrist provisional 2024-03-05']],
    [
      'suspected, then confirmed on the ward',
      [ed({ certainty: 'suspected', site: 'hip.unspecified' }), ward({ date: '2024-03-06' })],
      ['hip.neck confirmed 2024-03-05'],
    ],
    [
      'suspected, then ruled out',
      [ed({ certainty: 'suspected' }), ed({ id: 'no', certainty: 'refuted', date: '2024-03-06' })],
      [],
    ],
    [
      'ruled out does not undo what another department confirmed',
      [ward({ site: 'wrist' }), ed({ certainty: 'refuted' })],
      ['wrist confirmed 2024-03-05'],
    ],
    [
      'history with its year: an old fracture',
      [ward(), gp({ kind: 'history', date: '2015' })],
      ['hip.unspecified old 2015', 'hip.neck confirmed 2024-03-05'],
    ],
    [
      'history that points to the known fracture joins it',
      [ward(), gp({ kind: 'history', date: '2024-03' })],
      ['hip.neck confirmed 2024-03-05'],
    ],
    [
      'history without an onset is not joined by its entry date',
      [ward(), gp({ kind: 'history', date: '2024-03-19', dateKind: 'recorded' })],
      ['hip.neck confirmed 2024-03-05', 'hip.unspecified old'],
    ],
    [
      'typed nine years after its onset: old',
      [gp({ date: '2015-06-01', recorded: '2024-03-19' })],
      ['hip.unspecified old 2015-06-01'],
    ],
    ['an excluded site keeps its site', [ed({ site: 'finger', kind: 'exclude' })], ['finger confirmed 2024-03-05']],
    ['radiology text never opens a fracture', [ed({ id: 'text', department: 'radiology', isFromDocument: true })], []],
    [
      'stays undated without any date but receipt',
      [ed({ date: '', asOf: '2024-03-07' })],
      ['wrist confirmed 2024-03-07'],
    ],
  ])('%s', (_name, sketches, expected) => {
    expect(told(solve(sketches.filter(Boolean).map(diagnosis)))).toEqual(expected)
  })

  test('wrist, same side, new attendance at ten months: never merged without a question', () => {
    const solution = solve([
      diagnosis(ed({ side: 'left' })),
      diagnosis(ed({ id: 'ed2', side: 'left', date: '2025-01-05' })),
    ])
    expect(solution.fractures).toHaveLength(2)
    expect(solution.reviews.map(review => [review.factId, review.explanation.candidate])).toEqual([
      ['ed', 'ed2'],
      ['ed2', 'ed'],
    ])
  })

  test('a first record dated after death opens nothing and is shown', () => {
    const solution = solve([diagnosis(ed()), death('2024-02-01')])
    expect(solution.fractures).toEqual([])
    expect(solution.reviews[0]?.explanation.guards).toContain('after-death')
  })

  test('of two stated deaths the later counts: a slip does not undo a fracture', () => {
    const solution = solve([
      diagnosis(ed()),
      death('2024-02-01'),
      { ...death('2024-03-20'), id: 'ward-death' as FactId },
    ])
    expect(told(solution)).toEqual(['wrist confirmed 2024-03-05'])
  })

  test('a record dated after death may still join what happened before it', () => {
    const solution = solve([diagnosis(ward()), diagnosis(clinic({ site: 'hip.neck' })), death('2024-03-20')])
    expect(solution.fractures.map(fracture => fracture.members.length)).toEqual([2])
  })

  test('a procedure of that bone and time supports and never founds', () => {
    const facts = [
      diagnosis(ward()),
      procedure('op', 'hip.hemiarthroplasty', '2024-03-06'),
      procedure('knee', 'knee.unspecified', '2024-03-06'),
      procedure('late', 'hip.neck', '2025-03-06'),
    ]
    expect(solve(facts).fractures.map(fracture => fracture.supporting)).toEqual([['op']])
    expect(solve(facts.slice(1)).fractures).toEqual([])
  })

  test('a person says same, or different, and it stays so', () => {
    const far = [diagnosis(ed()), diagnosis(gp({ site: 'wrist', date: '2024-12-05' }))]
    const near = [diagnosis(ward()), diagnosis(gp())]
    expect(solve([...far, decision('fracture-same', 'ed', 'gp')]).fractures).toHaveLength(1)
    const apart = solve([...near, decision('fracture-different', 'gp', 'ward')])
    expect(apart.fractures).toHaveLength(2)
    expect(solve(near).fractures).toHaveLength(1)
  })
})

describe('explanations', () => {
  test('parts add up to the total against a new event, and P is the share among all places', () => {
    const solution = solve([
      diagnosis(ed({ site: 'hip.neck' })),
      diagnosis(ward()),
      diagnosis(gp()),
      diagnosis(ward({ id: 'wrist', site: 'wrist' })),
    ])
    const explanations = solution.fractures.flatMap(fracture =>
      fracture.members.flatMap(member => member.explanation ?? []),
    )
    expect(explanations).toHaveLength(4)
    for (const explanation of explanations) {
      expect(explanation.parts.reduce((sum, part) => sum + part.bits, 0)).toBeCloseTo(explanation.totalBits, 6)
      const weights = [explanation.totalBits, ...(explanation.rivals ?? []).map(rival => rival.totalBits)].map(
        bits => 2 ** bits,
      )
      expect((weights[0] ?? 0) / weights.reduce((sum, weight) => sum + weight, 0)).toBeCloseTo(
        explanation.probability,
        6,
      )
    }
  })

  test('waiting for a better answer: a date 46 days off is less sure than one of the same week', () => {
    const sure = (date: string) => probabilityOf(solve([diagnosis(ed()), diagnosis(gp({ site: 'wrist', date }))]), 'gp')
    expect(sure('2024-03-07')).toBeGreaterThan(sure('2024-04-20'))
    expect(sure('2024-04-20')).toBeGreaterThan(sure('2024-07-20'))
  })
})

describe('model', () => {
  test('the manifest names a source for every group of numbers', () => {
    expect(Object.keys(model.manifest.sources)).toEqual(
      expect.arrayContaining(['eventsPerDay', 'densities', 'siteShares', 'sitePriors', 'departments.records']),
    )
  })

  test('halving or doubling each rate: only near ties change', () => {
    const people: DiagnosisSketch[][] = [
      [ed({ site: 'hip.neck' }), ward(), gp()],
      [ed(), clinic()],
      [ed(), gp({ site: 'wrist', date: '2024-04-22' })],
      [ward({ date: '2022-03-05' }), ward({ id: 'later' })],
      [ward({ visit: 'v' }), ward({ id: 'wrist', site: 'wrist', visit: 'v' })],
      [ward(), gp({ site: 'unspecified', date: '2024-03-15' })],
      [ed({ date: '2023-11-01' }), ward()],
    ]
    const counts = (numbers: typeof model) =>
      people.map(sketches => solveFractures(sketches.map(diagnosis), siteTree, numbers).fractures.length)
    const changed = [0.5, 2].flatMap(factor => [
      counts(fractureModel({ ...model, eventsPerDay: model.eventsPerDay * factor })),
      counts(
        fractureModel({
          ...model,
          simultaneous: {
            otherSite: model.simultaneous.otherSite * factor,
            otherSide: model.simultaneous.otherSide * factor,
          },
        }),
      ),
    ])
    for (const other of changed) expect(other).toEqual(counts(model))
  })
})

function probabilityOf(solution: FracturesSolution, factId: string): number {
  const found = solution.fractures.flatMap(fracture => fracture.members).find(member => member.factId === factId)
  const explanation: Explanation | undefined = found?.explanation
  return explanation?.decision === 'link' || explanation?.decision === 'review' ? (found?.probability ?? 0) : 0
}
