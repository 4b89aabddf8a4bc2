import { describe, expect, test } from '@jest/globals'
import type { TruthLine } from '../../synthetic/delivery.ts'
import { evaluate, type LinkLine, scorePairs, statementKey } from '../../synthetic/evaluate.ts'
import { makeWorld } from '../../synthetic/world.ts'

const pairs = (text: string) => text.split(' ').map(item => ({ truth: item[0] ?? '', stated: item[1] ?? '' }))

describe('pairs', () => {
  test.each([
    // truth and stated   right, true, stated pairs   why
    ['a1 a1 b2', [1, 1, 1], 'all right'],
    ['a1 a2 b3', [0, 1, 0], 'split: recall 0, precision unknown'],
    ['a1 a1 b1', [1, 1, 3], 'merged: precision one third'],
    ['a1 a1 a1 b2 b2', [4, 4, 4], 'three of one, two of another'],
    ['a1 a1 a2 a2', [2, 6, 2], 'one person cut in halves'],
  ])('%s (%s)', (text, counts) => {
    const score = scorePairs(pairs(text))
    expect([score.rightPairs, score.truePairs, score.statedPairs]).toEqual(counts)
  })
  test('a share without pairs is absent, not 0 or 1', () => {
    expect(scorePairs(pairs('a1 b2'))).not.toHaveProperty('precision')
    expect(scorePairs(pairs('a1 b2'))).not.toHaveProperty('recall')
  })
})

describe('statement keys', () => {
  test.each([
    ['DG1[2]-3', 's|c|DG1[2]'],
    ['DG1-3', 's|c|DG1[1]'],
    ['PID', 's|c|PID[1]'],
    ['Condition/abc#code', 's|c|Condition'],
    ['{A1B2C3D4-0000-4000-A000-000000000000}', 'row|A1B2C3D4-0000-4000-A000-000000000000'],
    ['r-1100', 'row|R-1100'],
  ])('%s', (where, key) => {
    expect(statementKey({ sender: 's', controlId: 'c', path: where })).toBe(key)
  })
})

describe('a world against itself', () => {
  const truth = [...makeWorld({ seed: 'score', size: { episodes: 60 } }).truth()]
  const perfect = truth.map<LinkLine>(line => ({
    sender: line.sender,
    controlId: line.controlId,
    path: line.path,
    personId: line.personId,
    fractureId: line.fractureId ?? null,
  }))
  test('the truth scores 1 throughout', () => {
    const result = evaluate(truth, perfect)
    expect([result.persons.precision, result.persons.recall, result.fractures.f1, result.exactEvents.share]).toEqual([
      1, 1, 1, 1,
    ])
    expect(result.unanswered).toEqual({ patients: 0, fractures: 0 })
  })
  test('nothing answered: no recall, everything counted as unanswered', () => {
    const result = evaluate(truth, [])
    expect(result.persons.recall).toBe(0)
    expect(result.unanswered.patients).toBe(truth.filter(line => line.kind === 'patient').length)
  })
  test('one person for all: full recall, little precision', () => {
    const result = evaluate(
      truth,
      perfect.map(line => ({ ...line, personId: 'one' })),
    )
    expect(result.persons.recall).toBe(1)
    expect(result.persons.precision).toBeLessThan(0.1)
  })
  test('a fracture cut in two loses exactness for that one only', () => {
    const counts = new Map<string, number>()
    for (const line of truth) if (line.fractureId) counts.set(line.fractureId, (counts.get(line.fractureId) ?? 0) + 1)
    const [cut] = [...counts].find(([, count]) => count > 1) ?? []
    let isFirst = true
    const links = perfect.map(line => {
      if (line.fractureId !== cut || !isFirst) return line
      isFirst = false
      return { ...line, fractureId: 'cut' }
    })
    const { exactEvents } = evaluate(truth, links)
    expect(exactEvents.of - exactEvents.right).toBe(1)
  })
  test('history entries are no fractures', () => {
    const history: TruthLine = {
      sender: 's',
      controlId: 'c',
      path: 'x',
      kind: 'fracture',
      record: 'r',
      personId: 'p',
      trueNhsNumber: '9990000018',
      isHistory: true,
    }
    expect(evaluate([history], []).unanswered.fractures).toBe(0)
  })
})
