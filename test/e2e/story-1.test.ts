import { afterAll, beforeAll, expect, test } from '@jest/globals'
import { wristJourney } from '../../synthetic/stories.ts'
import { deliver } from '../set-up/deliver.ts'
import { quiet, type RunningService, startService } from '../set-up/running.ts'

let service: RunningService
beforeAll(async () => {
  service = await startService({ database: 'e2e_story_1' })
}, 60_000)
afterAll(async () => {
  await service?.stop()
  await new Promise(r => setTimeout(r, 500))
  console.log(process.getActiveResourcesInfo())
})

test('one wrist, seen by everybody, is one episode with both sides', async () => {
  const steps = wristJourney()
  await deliver(service, steps.emergency)
  await deliver(service, steps.radiology)
  await deliver(service, steps.fls)
  await deliver(service, steps.dxa)
  await deliver(service, steps.gp)
  await quiet(service)
  const db = service.mongo.db(service.database)
  const episodes = await db.collection('episodes').find().toArray()
  console.log(JSON.stringify(episodes.map(e => ({...e, fractures: e.fractures.map((f: any) => ({...f, facts: f.facts.length}))})), null, 1).slice(0, 9000), await db.collection('inbox').find({}, {projection: {bytes: 0}}).toArray(), await db.collection('jobs').find().toArray())
  expect(episodes).toHaveLength(1)
}, 60_000)
