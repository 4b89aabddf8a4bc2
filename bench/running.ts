import { type RunningService, startService } from '../test/set-up/running.ts'
import type { Bench } from './figure.ts'

/** The whole service as its users start it, on an empty database of its own. `environment`: settings that differ from the test profile. */
export async function openService(
  bench: Bench,
  name: string,
  environment: Record<string, string> = {},
): Promise<RunningService> {
  process.env['FLSDB_TEST_MONGODB'] = bench.mongodbUri
  return startService({ database: `bench-${name}`, environment: { FLSDB_SEED: 'none', ...environment } })
}

/** Tells the workers to claim nothing for the next two minutes, or for longer: the door alone is measured. */
export async function pauseWorkers({ mongo, database }: RunningService, milliseconds = 120_000): Promise<void> {
  await mongo
    .db(database)
    .collection<{ _id: string }>('control')
    .updateOne(
      { _id: 'workers' },
      { $set: { pausedUntil: new Date(Date.now() + milliseconds) }, $setOnInsert: { generation: 0 } },
      { upsert: true },
    )
  // Workers look once a second.
  await new Promise(resolve => setTimeout(resolve, 1_500))
}
