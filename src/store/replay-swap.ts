import { instantOf } from '../fls/dates.ts'
import type { InboxId } from '../fls/fact.ts'
import { noteBasis } from './basis.ts'
import { requeueEntries } from './claims.ts'
import { setTurned } from './control.ts'
import { dropScratch, type Reading, readBuild, readingsOf, renameScratch, setBuildState } from './replay-progress.ts'
import { noteReplayed } from './restore.ts'
import { lastRetention } from './retention-log.ts'
import type { Store } from './store.ts'

/** There is nothing whole to take. `message` says what to do. */
export class NothingToTake extends Error {
  readonly code = 'nothing-to-take'
}

/** An arrival may be kept this much later than its clock says. */
const skewMs = 600_000

/**
 * Puts a built replay in the place of what is live and takes up what has arrived meanwhile: it is queued for the workers, who read it with
 * today's tables. The workers must be paused. Broken off, it is called again and goes on. Returns the number of entries queued.
 */
export async function swapReplay(store: Store): Promise<number> {
  const build = await readBuild(store.db)
  if (!build || build.state === 'building')
    throw new NothingToTake('No replay is built. Run flsdb replay, or flsdb replay --diff --keep first.')
  const expiredAt = await lastRetention(store.db)
  if (build.state === 'built' && expiredAt && expiredAt >= build.begunAt)
    throw new NothingToTake(
      'Entries have expired since this replay was built: it would bring them back. Build it again.',
    )
  await setBuildState(store.db, 'swapping')
  await renameScratch(store.db)
  for await (const group of inGroups(readingsOf(store.db).find({}))) await settle(store, group)
  const queued = await queueUnread(store, new Date(build.begunAt.getTime() - skewMs))
  await setTurned(store, instantOf(build.begunAt))
  await noteBasis(store.db, build.basis)
  await noteReplayed(store.db)
  await dropScratch(store.db)
  return queued
}

async function settle(store: Store, readings: readonly Reading[]): Promise<void> {
  await store.inbox.bulkWrite(
    readings.map(({ _id, ...reading }) => ({
      updateOne: {
        filter: { _id, state: { $ne: 'expired' as const } },
        update: { $set: reading, ...(reading.failure === undefined ? { $unset: { failure: '' as const } } : {}) },
      },
    })),
    { ordered: false },
  )
}

/** What the workers have read while the replay was built stands in the collections that are gone: they read it again. */
async function queueUnread(store: Store, since: Date): Promise<number> {
  let queued = 0
  const recent = store.inbox
    .find({ receivedAt: { $gte: since } }, { projection: { _id: 1 } })
    .sort({ receivedAt: 1, _id: 1 })
  for await (const group of inGroups(recent)) {
    const ids = group.map(({ _id }) => _id)
    const read = new Set<InboxId>(await readingsOf(store.db).distinct('_id', { _id: { $in: ids } }))
    const unread = ids.filter(id => !read.has(id))
    await requeueEntries(store, unread)
    queued += unread.length
  }
  return queued
}

async function* inGroups<T>(documents: AsyncIterable<T>): AsyncGenerator<T[]> {
  let group: T[] = []
  for await (const document of documents) {
    group.push(document)
    if (group.length < 1_000) continue
    yield group
    group = []
  }
  if (group.length > 0) yield group
}
