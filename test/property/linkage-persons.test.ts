import { describe, expect, test } from '@jest/globals'
import fc from 'fast-check'
import { comparableRecord } from '../../src/linkage/facet.ts'
import { jaroWinkler } from '../../src/linkage/jaro-winkler.ts'
import type { PersonAssertion } from '../../src/linkage/linkage.ts'
import { loadPersonModel } from '../../src/linkage/models.ts'
import { pairIsNear, solvePersons } from '../../src/linkage/persons.ts'
import { scoreRecords } from '../../src/linkage/score.ts'
import { assertion, record, type Sketch } from '../linkage-patients.ts'

const model = loadPersonModel(new URL('../../models/person', import.meta.url).pathname)
const maybe = <T>(...values: T[]) => fc.constantFrom<T | undefined>(...values, undefined)
// Few values, so that generated records often resemble each other.
const sketch = fc
  .record({
    nhs: maybe('9990000018', '9990000026', '9990000034'),
    family: maybe('Whitcombe', 'Witcombe', 'Okafor', 'Smith', 'Whitcombe-Okafor'),
    given: maybe('Susan', 'Sue', 'S', 'Sandra', 'Whitcombe', 'Susan Mary', 'Mary'),
    born: maybe('1948-05-09', '1948-09-05', '1948-05-08', '1948', '1931-11-30'),
    sex: maybe<'male' | 'female'>('female', 'male'),
    postcode: maybe('LS1 4AB', 'LS1 4AD', 'BS3 1QQ', 'ZZ99 3VZ'),
    practice: maybe('B86001', 'L81002'),
  })
  .map(values => Object.fromEntries(Object.entries(values).filter(([, value]) => value !== undefined)) as Sketch)
const records = fc
  .array(fc.tuple(fc.constantFrom('RXX', 'RYY'), fc.array(sketch, { minLength: 1, maxLength: 2 })), {
    minLength: 1,
    maxLength: 6,
  })
  .map(all => all.map(([authority, sketches], index) => record(`${authority}|${index}`, ...sketches)))
const kinds = fc.constantFrom<PersonAssertion['kind']>(
  'replaced-by',
  'superseded-nhs',
  'same-patient',
  'not-same-patient',
)
const component = records.chain(all =>
  fc.record({
    all: fc.constant(all),
    said: fc
      .array(fc.tuple(kinds, fc.nat(all.length - 1), fc.nat(all.length - 1)), { maxLength: 3 })
      .map(list => list.map(([kind, a, b]) => assertion(kind, all[a]?.record ?? '', all[b]?.record ?? ''))),
  }),
)

describe('persons', () => {
  test('any order and any repetition gives the same answer', () => {
    fc.assert(
      fc.property(component, fc.infiniteStream(fc.nat(1000)), ({ all, said }, stream) => {
        const shuffled = <T>(list: readonly T[]) =>
          list
            .map(value => [stream.next().value ?? 0, value] as const)
            .sort(([left], [right]) => left - right)
            .map(([, value]) => value)
        const expected = solvePersons(all, said, model)
        // Fresh copies: nothing may hang on the identity of an object.
        expect(solvePersons(structuredClone(shuffled(all)), shuffled(said), model)).toEqual(expected)
        expect(solvePersons([...all, ...all], [...said, ...said], model)).toEqual(expected)
      }),
      { numRuns: 150 },
    )
  })

  test('every record is in exactly one person, and "not the same" is never broken', () => {
    fc.assert(
      fc.property(component, ({ all, said }) => {
        const { persons } = solvePersons(all, said, model)
        expect(persons.flatMap(person => person.members.map(member => member.record)).sort()).toEqual(
          all.map(one => one.record).sort(),
        )
        for (const { kind, a, b } of said) {
          if (kind !== 'not-same-patient' || a === b) continue
          expect(
            persons.some(person => [a, b].every(key => person.members.some(member => member.record === key))),
          ).toBe(false)
        }
      }),
      { numRuns: 150 },
    )
  })

  test('explanations add up and probabilities stay between 0 and 1', () => {
    fc.assert(
      fc.property(component, ({ all, said }) => {
        const { persons, reviews } = solvePersons(all, said, model)
        const explanations = [
          ...persons.flatMap(person => person.members.flatMap(member => member.explanation ?? [])),
          ...reviews.map(review => review.explanation),
        ]
        for (const explanation of explanations) {
          const sum = [...explanation.parts, ...explanation.adjustments].reduce(
            (total, part) => total + part.bits + (part.tfBits ?? 0),
            explanation.priorBits ?? 0,
          )
          expect(sum).toBeCloseTo(explanation.totalBits, 9)
          expect(explanation.probability).toBeGreaterThanOrEqual(0)
          expect(explanation.probability).toBeLessThanOrEqual(1)
        }
      }),
      { numRuns: 150 },
    )
  })

  test('an assertion taken away leaves no trace', () => {
    fc.assert(
      fc.property(component, ({ all, said }) => {
        const before = solvePersons(all, [], model)
        solvePersons(all, said, model)
        expect(solvePersons(all, [], model)).toEqual(before)
      }),
      { numRuns: 60 },
    )
  })
})

describe('scores', () => {
  test('are symmetrical', () => {
    fc.assert(
      fc.property(
        fc.array(sketch, { minLength: 1, maxLength: 3 }),
        fc.array(sketch, { minLength: 1, maxLength: 3 }),
        (one, two) => {
          const [left, right] = [record('RXX|1', ...one), record('RYY|2', ...two)]
          expect(scoreRecords(comparableRecord(left), comparableRecord(right), model)).toEqual(
            scoreRecords(comparableRecord(right), comparableRecord(left), model),
          )
          expect(pairIsNear(left, right, model)).toBe(pairIsNear(right, left, model))
        },
      ),
      { numRuns: 300 },
    )
  })

  test('Jaro-Winkler is symmetrical and lies between 0 and 1', () => {
    const text = fc.string({ unit: fc.constantFrom(...'abcdeéłm'), maxLength: 40 })
    fc.assert(
      fc.property(text, text, (one, two) => {
        expect(jaroWinkler(one, two)).toBe(jaroWinkler(two, one))
        expect(jaroWinkler(one, two)).toBeGreaterThanOrEqual(0)
        expect(jaroWinkler(one, two)).toBeLessThanOrEqual(1)
        expect(jaroWinkler(one, one)).toBe(1)
      }),
    )
  })
})
