import { expect, test } from '@jest/globals'
import { runCase } from '../fuzz/campaign.ts'

/** The short form of `npm run fuzz`: streams mutated from every shipped message, the same ones each time. */
test('mutated streams break no promise of framer, batch, parser, acknowledgement or reading', () => {
  let facts = 0
  for (let number = 0; number < 60; number++) facts += runCase(`test/${number}`).facts
  // Mutations that never got past the header would prove nothing.
  expect(facts).toBeGreaterThan(500)
})

/** Seeds of cases that once broke a promise. */
test.each([
  ['a/55', 'ten thousand line feeds took seconds'],
  ['e/289', 'a control character in MSH-2 came back in the answer'],
  ['c/204', 'what stood before several patients gave one fact id to all'],
])('%s: %s', seed => {
  expect(runCase(seed).messages).toBeGreaterThan(0)
})
