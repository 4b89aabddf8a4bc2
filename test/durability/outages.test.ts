import { expect, test } from '@jest/globals'
import { runScenario } from './outages/scenarios.ts'

/** The two quickest; all of them with `npm run durability -- --scenario all`. */
test.each([
  ['mongod hangs', 'refuses, says so, comes back by itself'],
  ['answers lost after the commit', 'a resend never makes a second copy'],
] as const)(
  'outage: %s → %s',
  async (name, _owed) => {
    expect(await runScenario(name, { lanes: 8 })).toMatchObject({ broken: [], isKept: true })
  },
  600_000,
)
