import { setTimeout as pause } from 'node:timers/promises'
import type { InboxId } from '../fls/fact.ts'
import type { Issue } from '../fls/issue.ts'
import type { Store } from '../store/store.ts'

/** Issues of an entry once it was read, or undefined when that did not happen in time. Asks with growing pauses; nothing is pushed. */
export function whenRead(store: Store): (id: InboxId, timeoutMs: number) => Promise<readonly Issue[] | undefined> {
  return async (id, timeoutMs) => {
    const until = performance.now() + timeoutMs
    for (let waitMs = 5; ; waitMs = Math.min(100, waitMs * 1.5)) {
      const entry = await store.inbox.findOne({ _id: id }, { projection: { state: 1, issues: 1 } })
      if (entry && (entry.state === 'done' || entry.state === 'waiting' || entry.state === 'quarantined'))
        return entry.issues ?? []
      if (performance.now() + waitMs > until) return undefined
      await pause(waitMs)
    }
  }
}

/** True once the entry was applied; false when it was not within the time. */
export function whenApplied(store: Store): (id: InboxId, timeoutMs: number) => Promise<boolean> {
  const read = whenRead(store)
  return async (id, timeoutMs) => (await read(id, timeoutMs)) !== undefined
}
