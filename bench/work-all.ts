import { setTimeout as pause } from 'node:timers/promises'
import { runWorker } from '../src/worker.ts'
import type { BenchRiver } from './river.ts'

/** One worker in this process until nothing waits in the inbox. */
export async function workAll({ river, applyEntries, turnPractices, store }: BenchRiver): Promise<void> {
  const stopping = new AbortController()
  const running = runWorker({
    river,
    applyEntries,
    turnPractices,
    name: 'bench',
    lanes: { from: 0, to: 256 },
    report: () => undefined,
    signal: stopping.signal,
  })
  while ((await store.inbox.countDocuments({ state: { $in: ['received', 'claimed'] } }, { limit: 1 })) > 0)
    await pause(100)
  stopping.abort()
  await running
}
