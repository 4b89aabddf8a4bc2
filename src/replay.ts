import { countByBucket, type LaneOptions, replayLane } from './replay-lane.ts'
import { readBasis } from './store/basis.ts'
import { beginBuild, type LaneName, laneStates, noteLane, replayStore, setBuildState } from './store/replay-progress.ts'
import type { Store } from './store/store.ts'

/** Does one lane, here or in a process of its own; resolves with the number of entries. */
export type RunLane = (lane: LaneName, isAgain: boolean, onBatch: (entries: number) => void) => Promise<number>

export type ReplayOptions = LaneOptions & {
  readonly onProgress: (done: number, total: number) => void
  /** Folder of mapping tables the river reads with, when not that of this release. */
  readonly mappingsFolder?: string
  /** Who does the lanes, and how many at once; without, this process, two at once: one reads while the other waits for the database. */
  readonly lanes?: { readonly run: RunLane; readonly atOnce: number }
}

/**
 * Reads the whole inbox again with the tables and models of today into scratch collections; nothing live changes, workers and doors go on.
 * Registers first, then lane by lane; any order gives the same documents. Entries expired by retention are left out. The position is kept in the
 * database: killed at any moment and called again, it goes on where it was and comes to the same. Rejects when the database goes away.
 */
export async function buildReplay(options: ReplayOptions): Promise<{ store: Store; entries: number }> {
  const { river, onProgress, mappingsFolder } = options
  const { db } = river.store
  const inBuckets = await countByBucket(river.store)
  const total = [...inBuckets.values()].reduce((sum, entries) => sum + entries, 0)
  const isResumed = await beginBuild(river.store, readBasis(mappingsFolder))
  const states = await laneStates(db)
  let done = [...states.values()].reduce((sum, entries) => sum + entries, 0)
  onProgress(done, total)
  const onBatch = (entries: number) => {
    done += entries
    onProgress(done, Math.max(done, total))
  }
  const here: RunLane = (lane, isAgain, tell) => replayLane(options, lane, isAgain, tell)
  const { run, atOnce } = options.lanes ?? { run: here, atOnce: 2 }
  const once = async (lane: LaneName, by: RunLane): Promise<void> => {
    // Of a lane that is not through, something may stand.
    if (!states.has(lane)) await noteLane(db, lane, await by(lane, isResumed, onBatch))
  }
  await once('first', here)
  const buckets = inBuckets.keys()
  await Promise.all(
    Array.from({ length: atOnce }, async () => {
      for (const bucket of buckets) await once(bucket, run)
    }),
  )
  // Whatever met its code table only later in the replay: the tables of a deployment are complete, those of an emptied one are not.
  await once('again', here)
  await setBuildState(db, 'built')
  const again = (await laneStates(db)).get('again') ?? 0
  return { store: replayStore(river.store), entries: done - again }
}
