import type { ReadyCheck } from '../http/health.ts'
import { ensureIndexes, type Store } from '../store/store.ts'
import type { Disk } from './disk.ts'

const indexCheckMs = 60_000

/** Entries not yet read above which senders are asked to wait. A restart with a million waiting is still ready. */
const mostWaiting = 2_000_000

/** What `/ready` asks: a journaled majority write works, the indexes every promise rests on are there, the disk has room, nobody asked to stop. */
export function readyChecks(store: Store, disk: Disk, isStopping: () => boolean): ReadyCheck[] {
  let indexesSeenAt = 0
  return [
    { name: 'running', run: async () => ({ isReady: !isStopping(), detail: isStopping() ? 'stopping' : 'yes' }) },
    {
      name: 'database',
      run: async () => {
        await store.db
          .collection<{ _id: string; at: Date }>('heartbeat')
          .updateOne({ _id: 'ready' }, { $set: { at: new Date() } }, { upsert: true, maxTimeMS: 2_500 })
        return { isReady: true }
      },
    },
    {
      name: 'indexes',
      run: async () => {
        if (Date.now() - indexesSeenAt > indexCheckMs) {
          await ensureIndexes(store)
          indexesSeenAt = Date.now()
        }
        return { isReady: true }
      },
    },
    {
      name: 'disk',
      run: async () => ({ isReady: disk.hasRoom(), detail: `${disk.percentFree()} % free` }),
    },
    {
      name: 'backlog',
      run: async () => {
        const waiting = await store.inbox
          .countDocuments({ state: 'received' }, { limit: mostWaiting + 1, maxTimeMS: 2_000 })
          .catch(() => -1)
        return { isReady: waiting <= mostWaiting, detail: waiting < 0 ? 'not counted in time' : String(waiting) }
      },
    },
  ]
}
