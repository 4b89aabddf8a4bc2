import { loadKeys } from '../access/keys.ts'
import { openRiver } from '../open-river.ts'
import { replayLane } from '../replay-lane.ts'
import { openStore } from '../store/store.ts'
import { codeOf, type WorkerReport } from '../worker.ts'
import type { LaneAnswer, LaneQuestion } from './replay-processes.ts'

/** One process of a replay: reads the lanes its parent names, and ends when the parent goes away. */
async function main(): Promise<void> {
  const environment = process.env
  process.on('disconnect', () => process.exit(0))
  const asked: LaneQuestion[] = []
  let work = (question: LaneQuestion): void => void asked.push(question)
  process.on('message', message => work(message as LaneQuestion))
  const store = await openStore(environment['MONGODB_URI'] ?? '', environment['FLSDB_DATABASE'] ?? 'flsdb')
  const keys = await loadKeys(environment['FLSDB_KEY_FILE'] ?? '', false)
  const mappingsFolder = environment['FLSDB_MAPPINGS']
  const { river, applyEntries } = openRiver(store, keys, {
    acceptTestNumbers: environment['FLSDB_TEST_NUMBERS'] === '1',
    ...(mappingsFolder ? { mappingsFolder } : {}),
  })
  const say = (answer: LaneAnswer) => process.send?.(answer)
  const options = {
    river,
    applyEntries,
    report: (report: WorkerReport) => void (report.kind === 'failure' && say({ kind: 'report', report })),
  }
  work = ({ job, lane, isAgain }) => {
    replayLane(options, lane, isAgain, entries => say({ kind: 'batch', job, entries })).then(
      entries => say({ kind: 'done', job, entries }),
      cause => say({ kind: 'failed', job, code: codeOf(cause) }),
    )
  }
  for (const question of asked.splice(0)) work(question)
}

main().catch((cause: unknown) => {
  process.stderr.write(`replay process: ${codeOf(cause)}\n`)
  process.exit(1)
})
