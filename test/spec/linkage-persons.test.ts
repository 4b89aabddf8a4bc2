import { describe, expect, test } from '@jest/globals'
import type { PartialDate } from '../../src/fls/dates.ts'
import type { Explanation, PersonAssertion, PersonsSolution, RecordEvidence } from '../../src/linkage/linkage.ts'
import { frequencyHash, loadPersonModel, personModel } from '../../src/linkage/models.ts'
import { explainCandidates } from '../../src/linkage/person-explanation.ts'
import { solvePersons } from '../../src/linkage/persons.ts'
import { assertion, record, type Sketch } from '../linkage-patients.ts'

const model = loadPersonModel(new URL('../../models/person', import.meta.url).pathname)
const susan: Sketch = {
  nhs: '9990000018',
  family: 'Whitcombe',
  given: 'Susan',
  born: '1948-05-19',
  sex: 'female',
  postcode: 'LS1 4AB',
  practice: 'B86001',
}
const { nhs: _, ...unnumbered } = susan
const moved = { postcode: 'BS3 1QQ', practice: 'L81002' }

type Outcome = 'link' | 'review' | 'new'
function outcome(solution: PersonsSolution): Outcome {
  if (solution.persons.length === 1) return 'link'
  return solution.reviews.length > 0 ? 'review' : 'new'
}
function solve(one: Sketch, two: Sketch, said: PersonAssertion[] = []): PersonsSolution {
  return solvePersons([record('RXX|1', one), record('RYY|2', two)], said, model)
}

describe('two records', () => {
  test.each<[string, Sketch, Sketch, Outcome]>([
    ['everything equal', susan, susan, 'link'],
    ['no NHS number; name, birth date and postcode equal', unnumbered, unnumbered, 'link'],
    [
      'the same with the commonest names',
      { ...unnumbered, family: 'Smith', given: 'John' },
      { ...unnumbered, family: 'Smith', given: 'John' },
      'link',
    ],
    [
      'name and birth date only',
      susan,
      { family: 'Whitcombe', given: 'Susan', born: '1948-05-19', sex: 'female' },
      'review',
    ],
    ['NHS number and birth date only', susan, { nhs: '9990000018', born: '1948-05-19' }, 'link'],
    ['NHS number; typing errors and nickname', susan, { ...susan, family: 'Witcombe', given: 'Sue' }, 'link'],
    ['NHS number; day and month swapped', { ...susan, born: '1948-05-09' }, { ...susan, born: '1948-09-05' }, 'link'],
    ['NHS number; married name', susan, { ...susan, family: 'Okafor' }, 'link'],
    ['NHS number; married name and moved', susan, { ...susan, ...moved, family: 'Okafor' }, 'link'],
    ['NHS number; moved', susan, { ...susan, ...moved }, 'link'],
    [
      'earlier surname stated, moved, NHS number',
      { ...susan, earlier: 'Okafor' },
      { ...susan, ...moved, family: 'Okafor' },
      'link',
    ],
    ['moved without NHS number', unnumbered, { ...unnumbered, ...moved }, 'review'],
    ['hyphen half, no NHS number, same address', { ...unnumbered, family: 'Whitcombe-Taylor' }, unnumbered, 'link'],
    [
      'surname and forename swapped, no NHS number, same address',
      unnumbered,
      { ...unnumbered, family: 'Susan', given: 'Whitcombe' },
      'link',
    ],
    ['borrowed NHS number of a spouse', susan, { ...susan, given: 'Peter', sex: 'male', born: '1945-02-03' }, 'review'],
    [
      'borrowed NHS number of a neighbour',
      susan,
      { ...susan, family: 'Patel', given: 'Anil', sex: 'male', born: '1955-02-03' },
      'review',
    ],
    ['a form that gives number and birth date, no names', susan, { ...susan, family: '', given: '' }, 'link'],
    [
      'borrowed NHS number of a spouse on a form without names',
      susan,
      { ...susan, family: '', given: '', sex: 'male', born: '1951-12-19' },
      'review',
    ],
    ['borrowed NHS number of the twin brother', susan, { ...susan, given: 'Peter', sex: 'male' }, 'review'],
    ['twins, one with an initial only', unnumbered, { ...unnumbered, given: 'S' }, 'review'],
    ['twins, one forename wrong', unnumbered, { ...unnumbered, given: 'Carol' }, 'review'],
    ['twins with their own NHS numbers', susan, { ...susan, nhs: '9990000026', given: 'Carol' }, 'new'],
    [
      'consecutive NHS numbers in one household',
      susan,
      { ...susan, nhs: '9990000026', given: 'Peter', sex: 'male', born: '1946-02-03' },
      'new',
    ],
    [
      'spouses without NHS number: surname, postcode and practice equal',
      unnumbered,
      { ...unnumbered, given: 'Peter', sex: 'male', born: '1946-02-03' },
      'new',
    ],
    ['parent and child of one name at one address', unnumbered, { ...unnumbered, born: '1975-02-03' }, 'new'],
    ['parent and child of one name, one birth date missing', unnumbered, { ...unnumbered, born: '' }, 'review'],
    ['two NHS numbers, forename exact, postcode equal', susan, { ...susan, nhs: '9990000026' }, 'link'],
    ['two NHS numbers, moved', susan, { ...susan, ...moved, nhs: '9990000026' }, 'new'],
    [
      'invalid NHS number one digit away, names and birth date equal, moved',
      susan,
      { ...unnumbered, ...moved, invalidNhs: '9990000019' },
      'link',
    ],
    [
      'invalid NHS number one digit away, other person',
      susan,
      { ...unnumbered, invalidNhs: '9990000019', given: 'Peter', sex: 'male', born: '1946-02-03', ...moved },
      'new',
    ],
    [
      'placeholder birth date says nothing',
      { ...unnumbered, born: '1900-01-01' },
      { ...unnumbered, born: '1900-01-01', given: 'Carol' },
      'new',
    ],
    [
      '1 January is weak: name and birth date',
      { ...unnumbered, born: '1948-01-01', postcode: '', practice: '' },
      { ...unnumbered, born: '1948-01-01', ...moved, practice: '' },
      'review',
    ],
    [
      'ZZ99 says nothing',
      { ...unnumbered, postcode: 'ZZ99 3VZ', practice: '' },
      { ...unnumbered, postcode: 'ZZ99 3VZ', practice: '' },
      'review',
    ],
    [
      'care home: names and birth date one digit off',
      { ...unnumbered, careHome: true, practice: '' },
      { ...unnumbered, born: '1948-05-18', careHome: true, practice: '' },
      'review',
    ],
    [
      '"never compare fuzzily": one letter off',
      { ...unnumbered, exactOnly: true },
      { ...unnumbered, family: 'Witcombe' },
      'review',
    ],
    [
      'nothing in common',
      susan,
      { family: 'Okafor', given: 'Grace', born: '1931-11-30', sex: 'female', postcode: 'BS3 1QQ' },
      'new',
    ],
    ['nothing known of one', susan, {}, 'new'],
  ])('%s', (_name, one, two, expected) => {
    expect(outcome(solve(one, two))).toBe(expected)
    expect(outcome(solve(two, one))).toBe(expected)
  })

  test.each([
    [{ family: 'Begum', given: 'Fatima' }, 0.1],
    [{ family: 'Kaur', given: 'Surinder' }, 0.1],
    [{ family: 'Singh', given: 'Surinder' }, 0.1],
    [{ family: 'Smith', given: 'John' }, 3],
  ])('%j: term frequency lowers the bits of the surname, and the record still links at one address', (names, less) => {
    const solution = solve({ ...unnumbered, ...names }, { ...unnumbered, ...names })
    const rare = solve(unnumbered, unnumbered)
    expect(surnameBits(solution)).toBeLessThan(surnameBits(rare) - less)
    expect(outcome(solution)).toBe('link')
  })

  test('verified numbers that differ speak louder than unverified ones', () => {
    const bits = (status: string) => {
      const solution = solve({ ...susan, nhsStatus: status }, { ...susan, nhs: '9990000026', nhsStatus: status })
      return partBits(solution.persons[0]?.members[0]?.explanation ?? solution.reviews[0]?.explanation, 'nhsNumber')
    }
    expect(bits('01')).toBeLessThan(bits('03'))
  })
})

describe('several records', () => {
  const twinA = { ...susan }
  const twinB = { ...susan, nhs: '9990000026', given: 'Sandra' }

  test('an initial between twins queues: neither can exceed one half', () => {
    const solution = solvePersons(
      [record('RXX|1', twinA), record('RXX|2', twinB), record('RYY|3', { ...unnumbered, given: 'S' })],
      [],
      model,
    )
    expect(solution.persons).toHaveLength(3)
    const mine = solution.reviews.filter(review => [review.a, review.b].some(key => key === 'RYY|3'))
    expect(mine).toHaveLength(2)
    for (const review of mine) expect(review.explanation.probability).toBeLessThanOrEqual(0.51)
  })

  test('namesakes with one birth date queue the record between them', () => {
    const one = { ...susan }
    const two = { ...susan, nhs: '9990000026', ...moved }
    const between = { ...unnumbered, postcode: '', practice: '' }
    const solution = solvePersons([record('RXX|1', one), record('RYY|2', two), record('RZZ|3', between)], [], model)
    expect(solution.persons).toHaveLength(3)
    expect(solution.reviews.length).toBeGreaterThan(0)
  })

  test('a record between two contradicting ones does not make a chain', () => {
    const solution = solvePersons(
      [
        record('RXX|1', susan),
        record('RYY|2', susan, { ...twinB, born: '1961-12-03', sex: 'male', family: 'Okafor', given: 'Daniel' }),
        record('RZZ|3', { ...twinB, born: '1961-12-03', sex: 'male', family: 'Okafor', given: 'Daniel' }),
      ],
      [],
      model,
    )
    expect(personOf(solution, 'RXX|1')).not.toEqual(personOf(solution, 'RZZ|3'))
  })

  // biome-ignore format: a table
  test.each([
    ['an address row without a name', { postcode: 'LS6 2PQ' }],
    ['a message without a birth date', { ...susan, born: '' }],
    ['a message with the number alone', { nhs: susan.nhs ?? '' }],
  ])('what says less never hides what contradicts: %s beside a borrowed number', (_what, less) => {
    const peter = { ...susan, given: 'Peter', sex: 'male' as const, born: '1945-02-03' }
    const beside = solvePersons([record('RXX|1', susan, less), record('RYY|2', peter)], [], model)
    expect(beside.persons).toHaveLength(2)
    expect(beside.reviews.map(review => review.explanation.guards)).toEqual([expect.arrayContaining(['nhs-borrowed'])])
    const apart = solvePersons([record('RXX|1', susan), record('LAB|3', less), record('RYY|2', peter)], [], model)
    expect(personOf(apart, 'RXX|1')).not.toEqual(personOf(apart, 'RYY|2'))
  })

  test('one number, two people is noticed', () => {
    const solution = solvePersons(
      [record('RXX|1', susan, { family: 'Okafor', given: 'Daniel', born: '1961-12-03', sex: 'male' })],
      [],
      model,
    )
    expect(solution.reviews.map(review => review.explanation.guards)).toEqual([['overlay']])
  })

  test('a changed name within one record is no overlay', () => {
    expect(solvePersons([record('RXX|1', susan, { ...susan, family: 'Okafor', ...moved })], [], model).reviews).toEqual(
      [],
    )
  })

  test('six records of one person are one person', () => {
    const records = [
      susan,
      unnumbered,
      { ...susan, family: 'Okafor' },
      { ...susan, ...moved },
      { ...susan, given: 'Sue' },
      { nhs: '9990000018', born: '1948-05-19' },
    ].map((sketch, index) => record(`R${index}|1`, sketch))
    const solution = solvePersons(records, [], model)
    expect(solution.persons).toHaveLength(1)
    expect(solution.reviews).toEqual([])
  })

  test('death dates that differ hold a link back', () => {
    const dead = (key: string, date: string): RecordEvidence => ({
      ...record(key, { ...unnumbered, practice: '', family: 'Smith', given: 'John' }),
      deathDate: date as PartialDate,
    })
    const apart = solvePersons([dead('RXX|1', '2020-01-01'), dead('RYY|2', '2024-05-01')], [], model)
    const together = solvePersons([dead('RXX|1', '2024-05-01'), dead('RYY|2', '2024-05-01')], [], model)
    expect(together.persons).toHaveLength(1)
    expect(partBits(apart.persons[0]?.members[0]?.explanation, 'deathDate')).toBeLessThan(0)
  })
})

describe('assertions', () => {
  const sparse = { family: 'Whitcombe', given: 'Susan', born: '1948-05-19' }
  const twoOfOne = (one: Sketch, two: Sketch, said: PersonAssertion[]) =>
    solvePersons([record('RXX|1', one), record('RXX|2', two)], said, model)

  test('A40 within one authority joins and names its origin', () => {
    const solution = twoOfOne(susan, sparse, [assertion('replaced-by', 'RXX|2', 'RXX|1')])
    expect(outcome(solution)).toBe('link')
    expect(solution.persons[0]?.members[0]?.explanation?.decidedBy).toBe('source')
  })

  test.each<[string, Sketch, Sketch]>([
    ['two valid NHS numbers', susan, { ...susan, ...moved, nhs: '9990000026' }],
    ['unlike birth dates', unnumbered, { ...unnumbered, born: '1931-11-30' }],
    ['another person altogether', { ...unnumbered, born: '' }, { family: 'Okafor', given: 'Daniel', sex: 'male' }],
  ])('A40 against %s waits for a person', (_name, one, two) => {
    const solution = twoOfOne(one, two, [assertion('replaced-by', 'RXX|2', 'RXX|1')])
    expect(outcome(solution)).toBe('review')
    expect(solution.reviews[0]?.explanation.guards).toContain('merge-doubtful')
  })

  test('a circle of merges waits for a person', () => {
    const solution = twoOfOne(unnumbered, { ...unnumbered, ...moved }, [
      assertion('replaced-by', 'RXX|2', 'RXX|1'),
      assertion('replaced-by', 'RXX|1', 'RXX|2'),
    ])
    expect(solution.reviews[0]?.explanation.guards).toContain('merge-cycle')
    expect(solution.persons).toHaveLength(2)
  })

  test('A40 across authorities is evidence', () => {
    const said = [assertion('replaced-by', 'RYY|2', 'RXX|1')]
    expect(outcome(solve(susan, sparse, said))).toBe('link')
    expect(outcome(solve(susan, sparse))).toBe('review')
  })

  test('superseded numbers are equal', () => {
    const other = { ...susan, ...moved, nhs: '9990000026' }
    expect(outcome(solve(susan, other))).not.toBe('link')
    expect(outcome(solve(susan, other, [assertion('superseded-nhs', 'RXX|1', 'RYY|2')]))).toBe('link')
  })

  test('a human decides for good, both ways', () => {
    const stranger = { family: 'Okafor', given: 'Daniel', born: '1961-12-03' }
    const same = solve(susan, stranger, [assertion('same-patient', 'RXX|1', 'RYY|2')])
    expect(outcome(same)).toBe('link')
    expect(same.persons[0]?.members[0]?.explanation).toMatchObject({ decidedBy: 'human', probability: 1 })
    const apart = solve(susan, susan, [assertion('not-same-patient', 'RXX|1', 'RYY|2')])
    expect(outcome(apart)).toBe('new')
  })

  test('"not the same" survives another model', () => {
    const eager = personModel({ ...model, population: { ...model.population, persons: 1000 } }, '')
    expect(
      solvePersons(
        [record('RXX|1', susan), record('RYY|2', susan)],
        [assertion('not-same-patient', 'RXX|1', 'RYY|2')],
        eager,
      ).persons,
    ).toHaveLength(2)
  })

  test('merge, unmerge, then a late record: as if never merged', () => {
    const late = record('RYY|3', { ...susan, given: 'Sue' })
    const records = [
      record('RXX|1', susan),
      record('RXX|2', { ...susan, ...moved, nhs: '9990000026', born: '1948-05-18' }),
      late,
    ]
    const never = solvePersons(records, [], model)
    const merged = solvePersons(records, [assertion('same-patient', 'RXX|1', 'RXX|2')], model)
    expect(merged.persons).not.toEqual(never.persons)
    expect(solvePersons(records, [], model)).toEqual(never)
    expect(personOf(never, 'RYY|3')).toEqual(personOf(never, 'RXX|1'))
  })
})

describe('explanations', () => {
  test('prior, parts and adjustments add up to the total, and nothing but names of fields and levels is told', () => {
    const sketches = [
      susan,
      unnumbered,
      { ...unnumbered, given: 'Carol' },
      { ...susan, family: 'Susan', given: 'Whitcombe' },
      { ...susan, nhs: '9990000026', ...moved },
    ]
    const solution = solvePersons(
      sketches.map((sketch, index) => record(`R${index}|1`, sketch)),
      [assertion('replaced-by', 'R1|1', 'R0|1')],
      model,
    )
    const explanations = explanationsOf(solution)
    expect(explanations.length).toBeGreaterThan(3)
    for (const explanation of explanations) {
      expect(sumOf(explanation)).toBeCloseTo(explanation.totalBits, 9)
      const { record: _r, candidate: _c, runnerUp: _u, ...told } = explanation
      expect(JSON.stringify(told)).not.toMatch(/whitcombe|susan|carol|1948|LS1|99900/i)
    }
  })

  test('$match: best first, shares of all candidates and nobody sum to one', () => {
    const found = explainCandidates(
      record('query|1', unnumbered),
      [record('RXX|1', { ...susan, given: 'Carol' }), record('RYY|2', susan)],
      model,
    )
    expect(found.map(one => one.candidate)).toEqual(['RYY|2', 'RXX|1'])
    expect(found[0]).toMatchObject({ decision: 'link', matchGrade: 'certain' })
    const total = found.reduce((sum, one) => sum + one.probability, 0) + (found[0]?.nobody ?? 0)
    expect(total).toBeCloseTo(1, 9)
  })

  test('a guard switched off lets the pair through: what it costs can be measured', () => {
    const pair = [record('RXX|1', unnumbered), record('RYY|2', { ...unnumbered, given: 'S' })]
    expect(solvePersons(pair, [], model).persons).toHaveLength(2)
    expect(solvePersons(pair, [], model, ['twin-shape']).persons).toHaveLength(1)
  })
})

describe('model', () => {
  test('the frequency tables carry their hash', () => {
    const { sha256, surname, forename } = model.termFrequencies
    expect(frequencyHash(surname, forename)).toBe(sha256)
  })

  test('the manifest names a source for every group of numbers', () => {
    for (const field of Object.keys(model.bits)) expect(Object.keys(model.manifest.sources)).toContain(`bits.${field}`)
  })

  test('halving or doubling the population, prior or any field bit: changed decisions are few and listed', () => {
    const pairs = [
      susan,
      unnumbered,
      { ...susan, ...moved },
      { ...unnumbered, ...moved },
      { ...susan, family: 'Okafor' },
      { ...unnumbered, given: 'Carol' },
      { ...unnumbered, born: '1948-05-18' },
    ]
    const decisions = (numbers: typeof model) =>
      pairs.flatMap((one, index) =>
        pairs.slice(index).map(two => outcome(solvePersons([record('RXX|1', one), record('RYY|2', two)], [], numbers))),
      )
    const usual = decisions(model)
    const changed: Record<string, number> = {}
    for (const factor of [0.5, 2]) {
      const other = {
        ...model,
        ...personModel(
          { ...model, population: { ...model.population, persons: model.population.persons * factor } },
          '',
        ),
        variantGroups: model.variantGroups,
      }
      changed[`population × ${factor}`] = decisions(other).filter((one, index) => one !== usual[index]).length
    }
    expect(Object.keys(changed)).toHaveLength(2)
    for (const count of Object.values(changed)) expect(count).toBeLessThanOrEqual(usual.length / 4)
  })
})

function personOf(solution: PersonsSolution, key: string): string[] | undefined {
  return solution.persons
    .map(person => person.members.map(member => String(member.record)))
    .find(keys => keys.includes(key))
}

function explanationsOf(solution: PersonsSolution): Explanation[] {
  return [
    ...solution.persons.flatMap(person => person.members.flatMap(member => member.explanation ?? [])),
    ...solution.reviews.map(review => review.explanation),
  ]
}

function sumOf(explanation: Explanation): number {
  return [...explanation.parts, ...explanation.adjustments].reduce(
    (sum, part) => sum + part.bits + (part.tfBits ?? 0),
    explanation.priorBits ?? 0,
  )
}

function partBits(explanation: Explanation | undefined, field: string): number {
  return (
    explanation?.parts
      .filter(part => part.field === field)
      .reduce((sum, part) => sum + part.bits + (part.tfBits ?? 0), 0) ?? Number.NaN
  )
}

function surnameBits(solution: PersonsSolution): number {
  return partBits(solution.persons[0]?.members[0]?.explanation, 'surname')
}
