import { describe, expect, test } from '@jest/globals'
import { currentFacts } from '../../src/fls/current.ts'
import type { Instant } from '../../src/fls/dates.ts'
import { earlierVersions } from '../../src/fls/earlier-versions.ts'
import type { Fact, Laterality } from '../../src/fls/fact.ts'
import { personFractures } from '../../src/fls/solve.ts'
import { at, broken, day, inputOf } from './fls-facts.ts'

type Sketch = readonly [
  hour: number,
  list: string,
  site: string,
  more?: { laterality?: Laterality; certainty?: 'refuted'; place?: string },
]

/** Who became whom: `place of the earlier in the sketch → place of the member`. */
function becameOf(sketches: readonly Sketch[]): string[] {
  const facts: Fact[] = sketches.map(([hour, set, site, { place, ...more } = {}]) => {
    const fact = broken(site, {
      when: at(day(0), 'attendance'),
      revision: { asOf: `2024-03-05T0${hour}:00:00.000Z` as Instant, set },
      // One hour, one message.
      inbox: `${set}/${hour}`,
      ...more,
    })
    return place ? { ...fact, source: { ...fact.source, path: place } } : fact
  })
  const input = inputOf(facts)
  const current = currentFacts(facts)
  const placeIn = (id: string) => facts.findIndex(fact => fact.id === id)
  return [...earlierVersions(personFractures(input), current.past, input.tables.sites).values()]
    .flat()
    .map(({ fact, became }) => `${placeIn(fact.id)} → ${placeIn(became)}`)
    .sort()
}

describe('what a replaced statement has become part of', () => {
  // biome-ignore format: a table
  test.each<[string, readonly Sketch[], readonly string[]]>([
    ['the working diagnosis: the final one of the same list', [[1, 'v1', 'wrist'], [2, 'v1', 'wrist']], ['0 → 1']],
    ['a list corrected to another site: what the list says now', [[1, 'v1', 'ankle'], [2, 'v1', 'foot']], ['0 → 1']],
    ['of two in the list: the one of the same code', [[1, 'v1', 'wrist'], [2, 'v1', 'hip.neck'], [2, 'v1', 'wrist']], ['0 → 2']],
    ['of two in the list: the only one of a compatible site', [[1, 'v1', 'hip.unspecified'], [2, 'v1', 'wrist'], [2, 'v1', 'hip.neck']], ['0 → 2']],
    ['of two, neither alike: none', [[1, 'v1', 'ankle'], [2, 'v1', 'wrist'], [2, 'v1', 'hip.neck']], []],
    ['of two, one kept its code: the other is the other', [[1, 'v1', 'unspecified'], [1, 'v1', 'ankle'], [2, 'v1', 'wrist'], [2, 'v1', 'ankle']], ['0 → 2', '1 → 3']],
    ['of two alike: the one in the same place of the list', [[1, 'v1', 'unspecified', { place: 'DG1[2]' }], [2, 'v1', 'wrist', { place: 'DG1[1]' }], [2, 'v1', 'ankle', { place: 'DG1[2]' }]], ['0 → 2']],
    ['a list of another visit: none', [[1, 'v1', 'wrist'], [2, 'v2', 'wrist']], []],
    ['refuted: nothing', [[1, 'v1', 'wrist', { certainty: 'refuted' }], [2, 'v1', 'wrist']], []],
    ['twice replaced: both', [[1, 'v1', 'wrist'], [2, 'v1', 'wrist'], [3, 'v1', 'wrist']], ['0 → 2', '1 → 2']],
  ])('%s', (_what, sketches, became) => {
    expect(becameOf(sketches)).toEqual(became)
  })
})
