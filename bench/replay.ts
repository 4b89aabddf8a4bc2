import { availableParallelism } from 'node:os'
import { startReplayProcesses } from '../src/cli/replay-processes.ts'
import { buildReplay } from '../src/replay.ts'
import type { WorkerReport } from '../src/worker.ts'
import { figure, type Measure } from './figure.ts'
import { keepMessages, openBenchRiver } from './river.ts'
import { hospitalMessages } from './traffic.ts'

/**
 * replay: inbox entries a second through reading, linking and solving into scratch collections, as `flsdb replay` does it: in as many
 * processes as there are cores, their start included; against reading the same entries from the database and nothing else.
 */
export const replay: Measure = async bench => {
  const messages = hospitalMessages(bench.messages)
  const river = await openBenchRiver(bench.mongodbUri, 'replay')
  const processes = availableParallelism()
  const report = ({ kind, ...rest }: WorkerReport) => kind === 'failure' && bench.say(`failure ${JSON.stringify(rest)}`)
  try {
    await keepMessages(river, messages)
    const limit = await readsPerSecond(river.store.inbox)
    const begun = performance.now()
    const environment = {
      MONGODB_URI: bench.mongodbUri,
      FLSDB_DATABASE: river.store.db.databaseName,
      FLSDB_KEY_FILE: river.keyFile,
      FLSDB_TEST_NUMBERS: '1',
      FLSDB_MAPPINGS: '',
    }
    const lanes = startReplayProcesses(processes, environment, report)
    const { entries, store } = await buildReplay({
      river: river.river,
      applyEntries: river.applyEntries,
      report,
      lanes,
      onProgress: (done, total) => done % 5_000 === 0 && bench.say(`replay: ${done} of ${total}`),
    }).finally(() => lanes.stop())
    const seconds = (performance.now() - begun) / 1_000
    const [persons, episodes] = await Promise.all([store.persons.countDocuments(), store.episodes.countDocuments()])
    return [figure('replay', entries / seconds, 'entries/s', limit, { entries, persons, episodes, processes })]
  } finally {
    await river.close()
  }
}

async function readsPerSecond(inbox: Awaited<ReturnType<typeof openBenchRiver>>['store']['inbox']): Promise<number> {
  const begun = performance.now()
  let count = 0
  for await (const document of inbox.find({}).sort({ receivedAt: 1, _id: 1 })) count += document.size > 0 ? 1 : 0
  return (count * 1_000) / (performance.now() - begun)
}
