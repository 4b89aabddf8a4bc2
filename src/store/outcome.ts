import type { Collection, Filter } from 'mongodb'
import type { RecordKey } from '../fls/fact.ts'
import type { EpisodeDocument, PersonDocument, RecordDocument, ReviewDocument } from './documents.ts'
import { isOnlyRepeats } from './refused-writes.ts'
import type { Store } from './store.ts'

/** What one component solves to; `solve` is filled in when it is written. */
export type Outcome = {
  readonly persons: readonly Omit<PersonDocument, 'solve'>[]
  readonly episodes: readonly Omit<EpisodeDocument, 'solve'>[]
  readonly reviews: readonly Omit<ReviewDocument, 'solve'>[]
}

export function joinOutcomes(outcomes: readonly Outcome[]): Outcome {
  return {
    persons: outcomes.flatMap(one => one.persons),
    episodes: outcomes.flatMap(one => one.episodes),
    reviews: outcomes.flatMap(one => one.reviews),
  }
}

/**
 * Numbers solves in the order they began to read. A later number has seen everything an earlier one has. On a majority before it is used: a
 * number that a fail-over takes back would be given out again, and what stood under it would hide the later solve.
 */
export async function nextSolve(store: Store): Promise<number> {
  const counter = await store.db
    .collection<{ _id: string; value: number }>('counters')
    .findOneAndUpdate({ _id: 'solve' }, { $inc: { value: 1 } }, { upsert: true, returnDocument: 'after' })
  return counter?.value ?? 1
}

/**
 * Replaces what stood for the solved records by the outcome. A document written by a later solve is left alone, and what is solved away
 * leaves a tombstone, so a paused worker that wakes up can neither overwrite nor revive anything.
 */
export async function writeOutcome(
  store: Store,
  solved: readonly RecordDocument[],
  outcome: Outcome,
  solve: number,
): Promise<void> {
  if (solved.length === 0) return
  const records = solved.map(document => document._id)
  const personOf = new Map(
    outcome.persons.flatMap(person => person.members.map(member => [member.record, person._id] as const)),
  )
  const old = await standing(store, records)
  const moved = solved.filter(({ _id, personId }) => personOf.get(_id) !== personId)
  await Promise.all([
    replaceAll(store, store.persons, outcome.persons, old.persons, solve),
    replaceAll(store, store.episodes, outcome.episodes, old.episodes, solve),
    replaceAll(store, store.reviews, outcome.reviews, old.reviews, solve),
    moved.length === 0 ? undefined : store.records.bulkWrite(moved.map(pointTo(personOf)), { ordered: false }),
  ])
}

function pointTo(personOf: ReadonlyMap<RecordKey, string>) {
  return ({ _id }: RecordDocument) => {
    const personId = personOf.get(_id)
    const set = personId === undefined ? { $unset: { personId: '' as const } } : { $set: { personId } }
    return { updateOne: { filter: { _id }, update: set } }
  }
}

/** Clears the dirt this solve has seen, and only that; what is to be solved at a later time still is. */
export async function clearDirty(store: Store, solved: readonly RecordDocument[]): Promise<void> {
  const now = new Date()
  const seen = solved.filter(({ dirty, dirtyAt }) => dirty !== undefined && (dirtyAt === undefined || dirtyAt <= now))
  if (seen.length === 0) return
  await store.records.bulkWrite(
    seen.map(({ _id, dirty }) => ({
      updateOne: {
        filter: { _id, dirty: dirty ?? '' },
        update: { $unset: { dirty: '' as const, dirtyAt: '' as const } },
      },
    })),
    { ordered: false },
  )
}

async function standing(
  store: Store,
  records: readonly RecordKey[],
): Promise<{ persons: string[]; episodes: string[]; reviews: string[] }> {
  const keys = [...records]
  const persons = (
    await store.persons.find({ 'members.record': { $in: keys } }, { projection: { _id: 1 } }).toArray()
  ).map(document => document._id)
  const [episodes, reviews] = await Promise.all([
    store.episodes.find({ records: { $in: keys } }, { projection: { _id: 1 } }).toArray(),
    store.reviews.find({ persons: { $in: persons } }, { projection: { _id: 1 } }).toArray(),
  ])
  return { persons, episodes: episodes.map(document => document._id), reviews: reviews.map(document => document._id) }
}

async function replaceAll<T extends { _id: string; solve: number }>(
  store: Store,
  collection: Collection<T>,
  documents: readonly Omit<T, 'solve'>[],
  standingIds: readonly string[],
  solve: number,
): Promise<void> {
  const ids = new Set(documents.map(document => (document as { _id: string })._id))
  const gone = standingIds.filter(id => !ids.has(id))
  const alive = await notBuried(store, [...ids], solve)
  const operations = documents
    .filter(document => alive.has((document as { _id: string })._id))
    .map(document => ({
      replaceOne: {
        filter: { _id: (document as { _id: string })._id, solve: { $lt: solve } } as Filter<T>,
        replacement: { ...document, solve } as unknown as T,
        upsert: true,
      },
    }))
  if (operations.length > 0) {
    // A repeat means: a later solve has written it already.
    await collection.bulkWrite(operations, { ordered: false }).catch((cause: unknown) => {
      if (!isOnlyRepeats(cause)) throw cause
    })
  }
  if (gone.length > 0) {
    const at = new Date()
    await store.tombstones.bulkWrite(
      gone.map(_id => ({ updateOne: { filter: { _id }, update: { $max: { solve }, $set: { at } }, upsert: true } })),
      { ordered: false },
    )
    await collection.deleteMany({ _id: { $in: gone }, solve: { $lt: solve } } as Filter<T>)
  }
}

/** Ids that no later solve has buried. */
async function notBuried(store: Store, ids: readonly string[], solve: number): Promise<Set<string>> {
  if (ids.length === 0) return new Set()
  const buried = await store.tombstones
    .find({ _id: { $in: [...ids] }, solve: { $gt: solve } }, { projection: { _id: 1 } })
    .toArray()
  const alive = new Set(ids)
  for (const { _id } of buried) alive.delete(_id)
  return alive
}
