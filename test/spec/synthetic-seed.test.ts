import { describe, expect, test } from '@jest/globals'
import { type Attempt, lowWater, type Outcome, openLane } from '../../src/cli/seed-lane.ts'

describe('a lane', () => {
  const run = async (answers: readonly Attempt[][]): Promise<[number, Outcome][]> => {
    const left = answers.map(list => [...list])
    const out: [number, Outcome][] = []
    const lane = openLane<number>(
      2,
      async item => left[item]?.shift() ?? { kind: 'refused' },
      (item, outcome) => out.push([item, outcome]),
    )
    for (const item of answers.keys()) await lane.put(item)
    await lane.end()
    return out
  }
  test('keeps the order, also behind an item that must be sent again', async () => {
    const again: Attempt = { kind: 'again', afterMs: 1 }
    expect(
      await run([[{ kind: 'taken' }], [again, again, { kind: 'taken' }], [{ kind: 'refused' }], [{ kind: 'taken' }]]),
    ).toEqual([
      [0, 'taken'],
      [1, 'taken'],
      [2, 'refused'],
      [3, 'taken'],
    ])
  })
  test('gives up after eight attempts and goes on', async () => {
    const again: Attempt[] = Array.from({ length: 9 }, () => ({ kind: 'again', afterMs: 1 }))
    expect(await run([again, [{ kind: 'taken' }]])).toEqual([
      [0, 'given-up'],
      [1, 'taken'],
    ])
  })
  test('a door that cannot be reached counts as one more attempt', async () => {
    let calls = 0
    const out: Outcome[] = []
    const lane = openLane<string>(
      1,
      async () => {
        calls++
        if (calls === 1) throw new Error('no connection')
        return { kind: 'taken' }
      },
      (_item, outcome) => out.push(outcome),
    )
    await lane.put('one')
    await lane.end()
    expect([calls, out]).toEqual([2, ['taken']])
  })
})

test.each([
  // begun      done        low   why
  [[0, 1, 2], [0, 1, 2], 3, 'all done'],
  [[0, 1, 2], [1, 2], 0, 'the first is open: a later run begins there'],
  [[0, 1, 2], [0, 2], 1, 'a gap'],
  [[], [], 0, 'nothing begun'],
])('low water of %j with %j done is %i (%s)', (begun, done, low) => {
  const water = lowWater(0)
  for (const number of begun) water.begin(number)
  for (const number of done) water.done(number)
  expect(water.low()).toBe(low)
})
