import { describe, expect, test } from '@jest/globals'
import fc from 'fast-check'
import { currentFacts } from '../../src/fls/current.ts'
import type { Instant } from '../../src/fls/dates.ts'
import type { Fact } from '../../src/fls/fact.ts'
import { solveEpisodes } from '../../src/fls/solve.ts'
import { answer, at, broken, concept, day, drug, fact, inputOf, patient } from '../spec/fls-facts.ts'

/** Seed fixed, so that a failure repeats; 150 runs take about two seconds. */
const runs = { seed: 20240101, numRuns: 150 }

const offset = fc.integer({ min: -800, max: 500 })
const asOf = fc.integer({ min: 1, max: 9 }).map(hour => ({ asOf: `2024-01-01T0${hour}:00:00.000Z` as Instant }))
const thing = fc.constantFrom('a', 'b')
const anyFact: fc.Arbitrary<Fact> = fc.oneof(
  fc
    .tuple(fc.constantFrom('wrist', 'hip.neck', 'spine.lumbar', 'finger'), offset, asOf, thing)
    .map(([site, days, revision, set]) =>
      broken(site, { when: at(day(days), 'attendance'), revision: { ...revision, set } }),
    ),
  fc
    .tuple(fc.constantFrom('drug.alendronic_acid', 'drug.denosumab', 'drug.calcium_vitamin_d'), offset, fc.boolean())
    .map(([id, days, isGp]) => drug(id, days, isGp ? { side: 'gp' } : {})),
  fc
    .tuple(offset, fc.constantFrom('attended', 'booked', 'missed', 'cancelled'))
    .map(([days, state]) => fact('appointment', { when: at(day(days)), detail: { clinic: 'fls', state } as never })),
  fc
    .tuple(offset, fc.constantFrom('-2.1', '-3.4'))
    .map(([days, value]) =>
      fact('observation', { when: at(day(days)), value, concept: concept('dxa', 'dxa.tscore.hip') }),
    ),
  fc.tuple(asOf, offset, thing, fc.boolean()).map(([revision, days, visit, isGone]) =>
    fact('encounter', {
      status: isGone ? 'retracted' : 'active',
      detail: isGone ? {} : { class: 'inpatient', state: 'finished', start: day(days), end: day(days + 3) },
      revision: { ...revision, thing: visit, visit },
    }),
  ),
  fc.tuple(fc.constantFrom('2.04', '4.01', '1.06'), fc.integer({ min: 0, max: 300 })).map(([item, days]) =>
    answer(item, item === '4.01' ? ['denosumab'] : item === '1.06' ? [day(days)] : ['no'], {
      on: day(days),
      detail: {
        item,
        values: item === '2.04' ? ['no'] : item === '4.01' ? ['denosumab'] : [day(days)],
        response: `r${days % 3}`,
      },
    }),
  ),
  fc
    .tuple(fc.constantFrom('1948-05-02', '1948-02-05', '1980-01-01'), asOf)
    .map(([birthDate, revision]) => patient({ revision, detail: { birthDate: birthDate as never } })),
)
const facts = fc.array(anyFact, { minLength: 1, maxLength: 25 })

describe('nothing depends on the order of arrival', () => {
  test('permuted facts give the same current facts and the same episodes', () => {
    fc.assert(
      fc.property(facts, fc.infiniteStream(fc.nat()), (list, shuffle) => {
        const keys = list.map(() => shuffle.next().value ?? 0)
        const permuted = list
          .map((one, index) => ({ one, key: keys[index] ?? 0 }))
          .sort((a, b) => a.key - b.key)
          .map(({ one }) => one)
        expect(currentFacts(permuted)).toEqual(currentFacts(list))
        expect(solveEpisodes(inputOf(permuted))).toEqual(solveEpisodes(inputOf(list)))
      }),
      runs,
    )
  })

  test('folding what is current changes nothing', () => {
    fc.assert(
      fc.property(facts, list => {
        const once = currentFacts(list)
        expect(currentFacts(once.facts).facts).toEqual(once.facts)
      }),
      runs,
    )
  })

  test('ids are unique among episodes, and no alias is another episode', () => {
    fc.assert(
      fc.property(facts, list => {
        const episodes = solveEpisodes(inputOf(list))
        const ids = episodes.flatMap(episode => [episode.id, ...episode.aliases])
        expect(new Set(ids).size).toBe(ids.length)
      }),
      runs,
    )
  })

  test('every answer has an origin, and no check text holds a value', () => {
    fc.assert(
      fc.property(facts, list => {
        for (const { answers, checks } of solveEpisodes(inputOf(list))) {
          for (const one of Object.values(answers)) expect(one.origins.length).toBeGreaterThan(0)
          for (const issue of checks) expect(issue.where).toBe(issue.item)
        }
      }),
      runs,
    )
  })
})
