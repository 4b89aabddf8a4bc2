import { describe, expect, test } from '@jest/globals'
import fc from 'fast-check'
import type { DateKind } from '../../src/fls/fact.ts'
import { solveFractures } from '../../src/linkage/fractures.ts'
import { type DiagnosisSketch, diagnosis, fractureNumbers as model, siteTree } from '../linkage-fracture-facts.ts'

const sketch = fc.record({
  department: fc.constantFrom<DiagnosisSketch['department']>('emergency', 'inpatient', 'outpatient', 'gp', 'fls'),
  site: fc.constantFrom(
    'hip.neck',
    'hip.trochanteric',
    'hip.unspecified',
    'wrist',
    'forearm.unspecified',
    'unspecified',
    'finger',
  ),
  date: fc.constantFrom('2024-03-05', '2024-03-06', '2024-03', '2024', '2024-05-20', '2025-02-01', '2019-07-01', ''),
  dateKind: fc.constantFrom<DateKind>('attendance', 'onset', 'recorded', 'clinic'),
  side: fc.constantFrom<DiagnosisSketch['side']>('left', 'right', 'bilateral', undefined),
  certainty: fc.constantFrom<DiagnosisSketch['certainty']>('confirmed', 'suspected', 'refuted', undefined),
  kind: fc.constantFrom<NonNullable<DiagnosisSketch['kind']>>('include', 'include', 'history'),
  visit: fc.constantFrom<string | undefined>('v1', undefined),
})
const facts = fc.array(sketch, { minLength: 1, maxLength: 6 }).map(all =>
  all.map((one, index) =>
    diagnosis({
      ...(Object.fromEntries(Object.entries(one).filter(([, value]) => value !== undefined)) as typeof one),
      id: `f${index}`,
    } as DiagnosisSketch),
  ),
)

describe('fractures', () => {
  test('every permutation and repetition of the facts gives identical fractures', () => {
    fc.assert(
      fc.property(facts, fc.infiniteStream(fc.nat(1000)), (all, stream) => {
        const shuffled = all
          .map(fact => [stream.next().value ?? 0, fact] as const)
          .sort(([left], [right]) => left - right)
          .map(([, fact]) => fact)
        const expected = solveFractures(all, siteTree, model)
        expect(solveFractures(shuffled, siteTree, model)).toEqual(expected)
        expect(solveFractures([...all, ...shuffled], siteTree, model)).toEqual(expected)
      }),
      { numRuns: 60 },
    )
  })

  test('every standing fact has a place; probabilities lie between 0 and 1; injuries are numbered without gaps', () => {
    fc.assert(
      fc.property(facts, all => {
        const { fractures } = solveFractures(all, siteTree, model)
        const placed = new Set(fractures.flatMap(fracture => fracture.members.map(member => member.factId)))
        for (const fact of all)
          if (fact.certainty !== 'refuted' && fact.certainty !== 'suspected') expect(placed.has(fact.id)).toBe(true)
        for (const member of fractures.flatMap(fracture => fracture.members))
          expect(member.probability >= 0 && member.probability <= 1).toBe(true)
        const numbers = [...new Set(fractures.map(fracture => fracture.injury))]
        expect(numbers).toEqual(numbers.map((_, index) => index))
      }),
      { numRuns: 60 },
    )
  })

  test('the two halves of a bilateral code never fall into one fracture', () => {
    fc.assert(
      fc.property(facts, all => {
        for (const fracture of solveFractures(all, siteTree, model).fractures) {
          const ids = fracture.members.map(member => member.factId)
          expect(new Set(ids).size).toBe(ids.length)
        }
      }),
      { numRuns: 60 },
    )
  })
})
