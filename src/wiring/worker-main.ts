import { loadKeys } from '../access/keys.ts'
import { limits } from '../config.ts'
import { createLogger } from '../http/logger.ts'
import { openRiver } from '../open-river.ts'
import { openStore } from '../store/store.ts'
import { codeOf, runWorker, type WorkerReport } from '../worker.ts'
import { retentionWhenDue } from './daily-retention.ts'
import { aliveMs } from './workers.ts'

/**
 * One worker process. Told by its parent through the environment what to serve; ends when the parent goes away, when asked to, or with
 * exit code 75 when tables or models have changed and it must be started again.
 */
const startAgain = 75

async function main(): Promise<void> {
  const environment = process.env
  const stopping = stopsWithParent()
  const logger = createLogger({ level: environment['FLSDB_LOG_LEVEL'] ?? 'info' })
  const store = await openStore(environment['MONGODB_URI'] ?? '', environment['FLSDB_DATABASE'] ?? 'flsdb')
  const keys = await loadKeys(environment['FLSDB_KEY_FILE'] ?? '', false)
  const mappingsFolder = environment['FLSDB_MAPPINGS']
  const { river, applyEntries, turnPractices } = openRiver(store, keys, {
    acceptTestNumbers: environment['FLSDB_TEST_NUMBERS'] === '1',
    ...(mappingsFolder ? { mappingsFolder } : {}),
  })
  const name = `${environment['FLSDB_WORKER'] ?? 'worker'}-${process.pid}-${Date.now()}`
  const lanes = { from: Number(environment['FLSDB_LANES_FROM'] ?? 0), to: Number(environment['FLSDB_LANES_TO'] ?? 256) }
  const report = (report: WorkerReport) => {
    if (report.kind === 'failure')
      logger.event('worker failure', { code: report.code, ...(report.inboxId ? { inboxId: report.inboxId } : {}) })
    if (process.connected) process.send?.(report)
  }
  // Not sent while a reading or solve never comes back: the parent then ends this process, and the lease of its entries with it.
  setInterval(() => report({ kind: 'alive' }), aliveMs).unref()
  // One worker of each instance looks; a lease lets one of all run.
  if (lanes.from === 0) {
    const days = Number(environment['FLSDB_RETENTION_DAYS'] ?? 400)
    const look = () =>
      void retentionWhenDue(river, days, new Date()).then(
        done => done && logger.event('retention', done),
        cause => report({ kind: 'failure', code: codeOf(cause) }),
      )
    setInterval(look, 3_600_000).unref()
    setTimeout(look, 60_000).unref()
  }
  // Two halves of the lanes side by side, as two processes would serve them: one reads while the other waits for the database.
  const middle = Math.floor((lanes.from + lanes.to) / 2)
  const halves = [
    { from: lanes.from, to: middle },
    { from: middle, to: lanes.to },
  ].filter(half => half.from < half.to)
  const ends = await Promise.all(
    halves.map((half, index) =>
      runWorker({
        river,
        name: `${name}-${index}`,
        lanes: half,
        applyEntries,
        turnPractices,
        signal: stopping.signal,
        report,
      }),
    ),
  )
  await store.close()
  process.exit(ends.includes('new-tables') ? startAgain : 0)
}

/** Heard from the first moment on: a parent killed while this process is still starting must not leave it behind. */
function stopsWithParent(): AbortController {
  const stopping = new AbortController()
  const stop = () => {
    stopping.abort()
    setTimeout(() => process.exit(1), limits.shutdownMs).unref()
  }
  for (const signal of ['SIGTERM', 'SIGINT', 'disconnect'] as const) process.on(signal, stop)
  if (!process.connected) stop()
  return stopping
}

main().catch((cause: unknown) => {
  createLogger().failure('worker start', cause)
  process.exit(1)
})
