import type { Collection, Db } from 'mongodb'
import type { InboxId } from '../fls/fact.ts'
import { type Basis, changedFiles } from './basis.ts'
import { asideOf } from './causal-client.ts'
import type { InboxDocument } from './documents.ts'
import { lastRetention } from './retention-log.ts'
import { derivedCollections, ensureIndexes, type Store, scratchStore } from './store.ts'

/** Derived collections of a replay, its position and what it read stand under this prefix until they are swapped in or dropped. */
const prefix = 'replay.'

/** `building`: broken off or under way · `built`: whole, may be taken · `swapping`: being taken; begun swaps are finished, never undone. */
export type ReplayState = 'building' | 'built' | 'swapping'
export type ReplayBuild = { readonly state: ReplayState; readonly begunAt: Date; readonly basis: Basis }
type BuildDocument = ReplayBuild & { _id: 'build' }
/** One lane: `first` = registers and closed extracts, `again` = read twice, else a bucket 0–255. */
export type LaneName = 'first' | 'again' | number
type LaneDocument = { _id: string; lane: LaneName; entries: number }

/** What the replay found of one entry; put into the inbox when it is taken. */
export type Reading = Pick<InboxDocument, '_id' | 'state'> &
  Partial<Pick<InboxDocument, 'issues' | 'facts' | 'readAt' | 'failure'>>

export const readingsOf = (db: Db): Collection<Reading> => db.collection(`${prefix}readings`)
/** Entries to be read once more when all lanes are through. */
export const againOf = (db: Db): Collection<{ _id: InboxId }> => db.collection(`${prefix}again`)
const builds = (db: Db) => db.collection<BuildDocument>(`${prefix}progress`)
const lanes = (db: Db) => db.collection<LaneDocument>(`${prefix}progress`)

/** The inbox of `store`, and the derived collections of the replay. */
export function replayStore(store: Store): Store {
  return scratchStore(store, prefix)
}

export async function readBuild(db: Db): Promise<ReplayBuild | undefined> {
  return (await builds(db).findOne({ _id: 'build' })) ?? undefined
}

/**
 * The build that was broken off, when it reads with the same tables and nothing has expired since; else a new one over emptied collections.
 * Resumed (true), it comes to the same documents: lanes that are through are left out, all others done again.
 */
export async function beginBuild(store: Store, basis: Basis): Promise<boolean> {
  const known = await readBuild(store.db)
  const expiredAt = await lastRetention(store.db)
  const isSame =
    known?.state === 'building' &&
    changedFiles(known.basis, basis).length === 0 &&
    (expiredAt === undefined || expiredAt < known.begunAt)
  if (isSame) return true
  await dropScratch(store.db)
  await ensureIndexes(replayStore(store))
  const build: ReplayBuild = { state: 'building', begunAt: new Date(), basis }
  await builds(store.db).replaceOne({ _id: 'build' }, build, { upsert: true })
  return false
}

export async function setBuildState(db: Db, state: ReplayState): Promise<void> {
  await builds(db).updateOne({ _id: 'build' }, { $set: { state } })
}

/** Lanes that are through, with the entries they had. */
export async function laneStates(db: Db): Promise<ReadonlyMap<LaneName, number>> {
  const found = await lanes(db)
    .find({ lane: { $exists: true } })
    .toArray()
  return new Map(found.map(({ lane, entries }) => [lane, entries]))
}

/** A note that is lost with the server costs reading the lane again, no more: it need not wait for the journal. */
export async function noteLane(db: Db, lane: LaneName, entries: number): Promise<void> {
  await lanes(asideOf(db)).replaceOne(
    { _id: `lane/${lane}` },
    { lane, entries },
    { upsert: true, writeConcern: { w: 1, journal: false } },
  )
}

export async function dropScratch(db: Db): Promise<void> {
  // The position first: what is left of a broken-off drop is then never taken for a build.
  for (const name of ['progress', 'readings', 'again', ...derivedCollections])
    await db.dropCollection(`${prefix}${name}`).catch(() => false)
}

/** Each derived collection in the place of the live one, by one atomic rename; those already in place are left. */
export async function renameScratch(db: Db): Promise<void> {
  for (const name of derivedCollections) {
    const exists = await db.listCollections({ name: `${prefix}${name}` }).hasNext()
    if (exists) await db.renameCollection(`${prefix}${name}`, name, { dropTarget: true })
  }
}
