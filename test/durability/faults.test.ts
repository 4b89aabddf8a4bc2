import { expect, test } from '@jest/globals'
import { runTrap } from './faults/planted.ts'

/** The two quickest; all of them with `npm run durability -- --self-test`. */
test.each(['acknowledge-before-insert', 'random-key'] as const)(
  'the ledger catches a service with the planted fault %s',
  async fault => {
    expect(await runTrap(fault)).toMatchObject({ isCaught: true })
  },
  600_000,
)
