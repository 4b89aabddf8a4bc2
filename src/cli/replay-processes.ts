import { type ChildProcess, fork } from 'node:child_process'
import path from 'node:path'
import type { RunLane } from '../replay.ts'
import type { LaneName } from '../store/replay-progress.ts'
import type { WorkerReport } from '../worker.ts'

/** What the parent asks and a replay process answers. `job` numbers the questions. */
export type LaneQuestion = { readonly job: number; readonly lane: LaneName; readonly isAgain: boolean }
export type LaneAnswer =
  | { readonly kind: 'batch'; readonly job: number; readonly entries: number }
  | { readonly kind: 'done'; readonly job: number; readonly entries: number }
  | { readonly kind: 'failed'; readonly job: number; readonly code: string }
  | { readonly kind: 'report'; readonly report: WorkerReport }

export type ReplayProcesses = {
  readonly run: RunLane
  readonly atOnce: number
  readonly stop: () => void
}

type Waiting = {
  readonly onBatch: (entries: number) => void
  readonly resolve: (entries: number) => void
  readonly reject: (cause: Error) => void
}
type Replayer = { readonly child: ChildProcess; readonly waiting: Map<number, Waiting> }

/** Two lanes at once in each process: one reads while the other waits for the database. */
const lanesEach = 2

/**
 * Processes that read lanes again, as many as `count`. They end with this one, however it ends. A lane whose process died is refused with
 * `ReplayProcessEnded`: the replay breaks off and goes on there when it is called again.
 */
export function startReplayProcesses(
  count: number,
  environment: Readonly<Record<string, string>>,
  onReport: (report: WorkerReport) => void,
): ReplayProcesses {
  const replayers = Array.from({ length: count }, () => startReplayer(environment, onReport))
  let jobs = 0
  return {
    atOnce: count * lanesEach,
    run: (lane, isAgain, onBatch) => {
      const idle = replayers.reduce((best, one) => (one.waiting.size < best.waiting.size ? one : best))
      const job = jobs++
      return new Promise((resolve, reject) => {
        if (!idle.child.connected) return reject(ended('its process is gone'))
        idle.waiting.set(job, { onBatch, resolve, reject })
        idle.child.send({ job, lane, isAgain } satisfies LaneQuestion)
      })
    },
    stop: () => {
      for (const { child } of replayers) child.disconnect()
    },
  }
}

export class ReplayProcessEnded extends Error {
  readonly code = 'replay-process-ended'
}

function startReplayer(
  environment: Readonly<Record<string, string>>,
  onReport: (report: WorkerReport) => void,
): Replayer {
  const child = fork(path.join(import.meta.dirname, 'replay-process-main.ts'), [], {
    execArgv: ['--disable-warning=ExperimentalWarning', '--max-old-space-size=1024', '--max-semi-space-size=32'],
    env: { ...process.env, ...environment },
    stdio: ['ignore', 'inherit', 'inherit', 'ipc'],
  })
  const waiting = new Map<number, Waiting>()
  child.on('message', message => {
    const answer = message as LaneAnswer
    if (answer.kind === 'report') return onReport(answer.report)
    const asked = waiting.get(answer.job)
    if (answer.kind === 'batch') return asked?.onBatch(answer.entries)
    waiting.delete(answer.job)
    if (answer.kind === 'done') asked?.resolve(answer.entries)
    else asked?.reject(ended(answer.code))
  })
  child.on('exit', code => {
    for (const asked of waiting.values()) asked.reject(ended(`exit ${code ?? 'by signal'}`))
    waiting.clear()
  })
  return { child, waiting }
}

function ended(why: string): ReplayProcessEnded {
  return new ReplayProcessEnded(
    `The replay broke off (${why}); nothing live was changed. Run it again: it goes on where it was.`,
  )
}
