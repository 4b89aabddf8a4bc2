import { expect, test } from '@jest/globals'
import fc from 'fast-check'
import { takeTurns } from '../../src/store/turns.ts'

const drained = (owners: readonly string[]) => {
  const turns = takeTurns<string>()
  owners.forEach((owner, at) => {
    turns.add(owner, `${owner}${at}`)
  })
  return Array.from({ length: turns.size() }, () => turns.take())
}

test.each([
  ['one owner: in the order they came', ['a', 'a', 'a'], ['a0', 'a1', 'a2']],
  ['a backlog of one is no delay for another', ['a', 'a', 'a', 'b'], ['a0', 'b3', 'a1', 'a2']],
  ['three in turn', ['a', 'a', 'b', 'b', 'c'], ['a0', 'b2', 'c4', 'a1', 'b3']],
  ['nothing waits', [], []],
])('%s', (_what, owners, taken) => {
  expect(drained(owners)).toEqual(taken)
})

test('who comes while others wait is served within one round', () => {
  const turns = takeTurns<string>()
  for (let at = 0; at < 1_000; at++) turns.add('greedy', `g${at}`)
  expect([turns.take(), turns.take()]).toEqual(['g0', 'g1'])
  turns.add('polite', 'p0')
  expect([turns.take(), turns.take()]).toContain('p0')
})

test('nothing is lost, doubled or turned round, whatever comes and goes in between', () => {
  const step = fc.oneof(fc.constantFrom('a', 'b', 'c'), fc.constant('take' as const))
  fc.assert(
    fc.property(fc.array(step, { maxLength: 200 }), steps => {
      const turns = takeTurns<{ owner: string; at: number }>()
      const taken: { owner: string; at: number }[] = []
      steps.forEach((owner, at) => {
        const one = owner === 'take' ? turns.take() : turns.add(owner, { owner, at })
        if (one) taken.push(one)
      })
      for (let one = turns.take(); one; one = turns.take()) taken.push(one)
      expect(turns.size()).toBe(0)
      for (const owner of ['a', 'b', 'c']) {
        const sent = steps.flatMap((one, at) => (one === owner ? [at] : []))
        expect(taken.filter(one => one.owner === owner).map(one => one.at)).toEqual(sent)
      }
    }),
  )
})
