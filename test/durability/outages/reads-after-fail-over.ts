import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { setTimeout as pause } from 'node:timers/promises'
import { MongoClient } from 'mongodb'
import { CausalClient } from '../../../src/store/causal-client.ts'
import { clientOptions } from '../../../src/store/store.ts'
import { startReplicaSet } from '../replica-set.ts'

/** How often a client did not read what it had just written, a majority having confirmed it. `driver`: the driver's own client, same options. */
export type StaleReads = {
  readonly failOvers: number
  readonly driver: { readonly reads: number; readonly stale: number }
  readonly flsdb: { readonly reads: number; readonly stale: number }
}

const lanes = 16
const betweenMs = 1_500

/** Both clients write a document and read it back, over and over, while the primary is killed and made to step down in turn. */
export async function readAfterFailOvers(failOvers: number): Promise<StaleReads> {
  const folder = await mkdtemp(path.join(tmpdir(), 'flsdb-reads-'))
  const set = await startReplicaSet({ folder, size: 3 })
  const clients = { driver: new MongoClient(set.uri, clientOptions), flsdb: new CausalClient(set.uri, clientOptions) }
  const counts = { driver: { reads: 0, stale: 0 }, flsdb: { reads: 0, stale: 0 } }
  let isOver = false
  const lane = async (whose: keyof typeof clients, index: number): Promise<void> => {
    const own = clients[whose].db('reads').collection<{ _id: number }>(`${whose}-${index}`)
    for (let place = 0; !isOver; place++) {
      try {
        await own.insertOne({ _id: place })
        const found = await own.findOne({ _id: place })
        counts[whose].reads++
        if (!found) counts[whose].stale++
      } catch {
        await pause(20)
      }
    }
  }
  try {
    const running = Array.from({ length: lanes }, (_, index) => [lane('driver', index), lane('flsdb', index)]).flat()
    for (let count = 0; count < failOvers; count++) {
      await pause(betweenMs)
      const primary = await set.primary()
      if (count % 2 === 0) {
        primary.signal('SIGKILL')
        await primary.ended()
        primary.start()
      } else {
        const order = { replSetStepDown: 10, secondaryCatchUpPeriodSecs: 0, force: true }
        await primary.command(order).catch(() => undefined)
      }
      await set.primary()
    }
    isOver = true
    await Promise.all(running)
    return { failOvers, ...counts }
  } finally {
    isOver = true
    await Promise.all(Object.values(clients).map(client => client.close()))
    await set.stop()
    await rm(folder, { recursive: true, force: true })
  }
}
