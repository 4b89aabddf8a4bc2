import { hash } from 'node:crypto'
import { readFile } from 'node:fs/promises'
import { setTimeout as pause } from 'node:timers/promises'
import { Binary } from 'mongodb'
import { bucketOf, inboxIdOf } from '../../../src/store/inbox.ts'
import { trustOf } from '../../../synthetic/story-wire.ts'
import { lineAt } from '../stream.ts'
import { database, openWorld, type World } from '../world.ts'

/** One JSON line: how long a restart over `entries` unread entries takes until `/ready` says 200, and the most memory any process of it held, MiB. */
export type BacklogResult = {
  readonly entries: number
  readonly readyMs: number
  readonly intakeRssMiB: number
  readonly workerRssMiB: number
  readonly watchedSeconds: number
  readonly readMeanwhile: number
  readonly isKept: boolean
}

const [readyWithinMs, mostRssMiB] = [10_000, 512]
const watchedSeconds = 20
const groupSize = 2_000

/** The service is killed, `entries` messages are put into the inbox in its own document form, and it is started again (trust.md N8). */
export async function runBacklog(entries: number): Promise<BacklogResult> {
  const world = await openWorld({ members: 1, lanes: 0, workers: 1 })
  try {
    await ready(world)
    await world.service.kill()
    await fill(world, entries)
    const began = performance.now()
    world.service.start()
    await ready(world)
    const readyMs = Math.round(performance.now() - began)
    let [intakeRssMiB, workerRssMiB] = [0, 0]
    for (let second = 0; second < watchedSeconds; second++) {
      await pause(1_000)
      intakeRssMiB = Math.max(intakeRssMiB, await rssMiB(world.service.pid))
      const workers = await Promise.all((await world.service.workers()).map(rssMiB))
      workerRssMiB = Math.max(workerRssMiB, ...workers)
    }
    const readMeanwhile = await world.mongo
      .db(database)
      .collection('inbox')
      .countDocuments({ protocol: 'hl7v2', state: 'done' })
    const isKept = readyMs <= readyWithinMs && Math.max(intakeRssMiB, workerRssMiB) <= mostRssMiB
    return { entries, readyMs, intakeRssMiB, workerRssMiB, watchedSeconds, readMeanwhile, isKept }
  } finally {
    await world.close()
  }
}

async function ready({ ports }: World): Promise<void> {
  const until = performance.now() + 180_000
  while (performance.now() < until) {
    const status = await fetch(`http://127.0.0.1:${ports.http}/ready`, { signal: AbortSignal.timeout(5_000) }).then(
      answer => answer.status,
      () => 0,
    )
    if (status === 200) return
    await pause(20)
  }
  throw new Error('the service did not become ready within three minutes')
}

async function fill({ mongo }: World, entries: number): Promise<void> {
  const inbox = mongo.db(database).collection<{ _id: string }>('inbox')
  const sender = trustOf('RXX').pasFeed
  for (let start = 0; start < entries; start += groupSize) {
    const group = Array.from({ length: Math.min(groupSize, entries - start) }, (_, index) => {
      const { bytes, controlId, record } = lineAt('mllp', start + index)
      const sha256 = hash('sha256', bytes, 'hex')
      const _id = inboxIdOf(sender, controlId, sha256)
      const receivedAt = new Date()
      return {
        ...{
          _id,
          sender,
          organisation: 'RXX',
          side: 'hospital',
          protocol: 'hl7v2',
          controlId,
          type: 'ADT^A04',
          receivedAt,
        },
        ...{ bytes: new Binary(bytes), size: bytes.length, sha256, bucket: bucketOf(record ?? _id) },
        ...(record ? { recordKey: record } : {}),
        ...{ state: 'received', attempts: 0, fence: 0, dueAt: receivedAt },
      }
    })
    await inbox.insertMany(group, { ordered: false, writeConcern: { w: 1, journal: false } })
  }
}

async function rssMiB(pid: number): Promise<number> {
  const status = await readFile(`/proc/${pid}/status`, 'utf8').catch(() => '')
  return Math.round(Number(/VmRSS:\s+(\d+) kB/.exec(status)?.[1] ?? 0) / 1_024)
}
