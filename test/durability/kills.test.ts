import { expect, test } from '@jest/globals'
import { runCampaign } from './campaign.ts'
import type { Target } from './kills.ts'
import { isClean } from './verdict.ts'

test.each([
  // kills target
  [12, 'service'],
  [4, 'mongod'],
  [4, 'primary'],
] as const satisfies readonly (readonly [number, Target])[])(
  'story 9: %d kills of %s in mid-stream lose, double and invent nothing',
  async (kills, target) => {
    const result = await runCampaign({ kills, target, seed: `story 9 ${target}` })
    expect({ ...result, isClean: isClean(result) }).toMatchObject({
      ...{ kills, lost: 0, duplicated: 0, corrupt: 0, invented: 0, personsWrong: 0, episodesWrong: 0 },
      ...{ unread: 0, stuck: 0, isClean: true, examples: [] },
    })
    expect(result.acknowledged).toBeGreaterThan(kills)
    expect(result.midRequest).toBeGreaterThan(0)
  },
  900_000,
)
