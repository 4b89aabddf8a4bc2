import { type ChildProcess, fork } from 'node:child_process'
import path from 'node:path'
import type { WorkerReport } from '../worker.ts'

export type WorkersOptions = {
  readonly count: number
  /** Settings of the children: database, key file, log level. */
  readonly environment: Readonly<Record<string, string>>
  readonly onReport: (report: WorkerReport) => void
  readonly onRestart: (code: number | null) => void
}

/** How often a worker says that it is alive, and after how long without a word it is taken for hung and killed. */
export const aliveMs = 5_000
const silentMs = 90_000

/** The worker processes of this instance. One that ends or hangs is started again, at once when tables changed, else after a second. */
export type Workers = { readonly count: number; stop(): Promise<void> }

export function startWorkers({ count, environment, onReport, onRestart }: WorkersOptions): Workers {
  const children = new Map<number, ChildProcess>()
  let isStopping = false
  const start = (index: number): void => {
    const child = fork(path.join(import.meta.dirname, 'worker-main.ts'), [], {
      // A batch makes some 20 MB of short-lived objects: with the small default they are copied several times before they die.
      execArgv: ['--disable-warning=ExperimentalWarning', '--max-old-space-size=1024', '--max-semi-space-size=32'],
      env: {
        ...process.env,
        ...environment,
        FLSDB_WORKER: `w${index}`,
        FLSDB_LANES_FROM: String(Math.floor((256 * index) / count)),
        FLSDB_LANES_TO: String(Math.floor((256 * (index + 1)) / count)),
      },
      // Its own process group would outlive a killed parent; the IPC channel's end stops it instead.
      stdio: ['ignore', 'inherit', 'inherit', 'ipc'],
    })
    children.set(index, child)
    let heardAt = performance.now()
    const watch = setInterval(() => performance.now() - heardAt > silentMs && child.kill('SIGKILL'), aliveMs).unref()
    child.on('message', message => {
      heardAt = performance.now()
      onReport(message as WorkerReport)
    })
    child.on('exit', code => {
      clearInterval(watch)
      children.delete(index)
      if (isStopping) return
      onRestart(code)
      setTimeout(() => !isStopping && start(index), code === 75 ? 0 : 1_000).unref()
    })
  }
  for (let index = 0; index < count; index++) start(index)
  return {
    count,
    stop: async () => {
      isStopping = true
      await Promise.all(
        [...children.values()].map(
          child =>
            new Promise<void>(resolve => {
              child.once('exit', () => resolve())
              child.kill('SIGTERM')
              setTimeout(() => child.kill('SIGKILL'), 8_000).unref()
            }),
        ),
      )
    },
  }
}
