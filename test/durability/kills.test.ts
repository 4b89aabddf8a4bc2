import { expect, test } from '@jest/globals'
import { runCampaign } from './campaign.ts'

test('story 9: 20 kills of the service and of mongod in mid-stream lose, double and invent nothing', async () => {
  const result = await runCampaign({ kills: 20, target: 'all', seed: 'story 9' })
  expect(result).toMatchObject({ kills: 20, lost: 0, duplicated: 0, corrupt: 0, invented: 0, episodesWrong: 0 })
  expect(result.acknowledged).toBeGreaterThan(200)
}, 900_000)
