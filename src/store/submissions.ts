import type { Collection, Db } from 'mongodb'
import type { OdsCode } from '../fls/fact.ts'
import { isDuplicateKey } from './refused-writes.ts'

export type SubmissionState = 'in-progress' | 'completed' | 'stopped'

/** A manifest a supplier asks us to fetch. Neither `job` nor `failure`: not fetched yet. */
export type SubmittedManifest = {
  url: string
  addedAt: Date
  /** Another manifest of the submission stands in its place. */
  isReplaced?: true
  /** Id of the job its files became. */
  job?: string
  /** Why it was not fetched: a code of the guard (src/sources/pull). */
  failure?: string
}

/** Collection `submissions`: what came over `$bulk-submit`. The service never fetches by itself: `flsdb pull --submitted` does. */
export type SubmissionDocument = {
  _id: string
  practice: OdsCode
  submissionId: string
  state: SubmissionState
  manifests: SubmittedManifest[]
  createdAt: Date
  /** Grows with every change: of two changes at once one is made again. */
  revision: number
}

function submissions(db: Db): Collection<SubmissionDocument> {
  return db.collection('submissions')
}

export async function findSubmission(db: Db, id: string): Promise<SubmissionDocument | undefined> {
  return (await submissions(db).findOne({ _id: id })) ?? undefined
}

/** Completed ones of a practice, the oldest first. */
export async function completedSubmissions(db: Db, practice: OdsCode): Promise<SubmissionDocument[]> {
  return submissions(db).find({ practice, state: 'completed' }).sort({ createdAt: 1, _id: 1 }).toArray()
}

/**
 * Writes what `change` makes of the submission as it stands (undefined: there is none yet); nothing when it returns the same object. What
 * `change` throws is thrown.
 */
export async function changeSubmission(
  db: Db,
  id: string,
  change: (known: SubmissionDocument | undefined) => Omit<SubmissionDocument, 'revision'>,
): Promise<void> {
  for (;;) {
    const known = await findSubmission(db, id)
    const changed = change(known)
    if (changed === known || (await write(db, { ...changed, revision: (known?.revision ?? 0) + 1 }))) return
  }
}

async function write(db: Db, next: SubmissionDocument): Promise<boolean> {
  const before = { _id: next._id, revision: next.revision - 1 }
  try {
    const { matchedCount, upsertedCount } = await submissions(db).replaceOne(before, next, {
      upsert: next.revision === 1,
    })
    return matchedCount + upsertedCount > 0
  } catch (cause) {
    // Somebody else was the first.
    if (isDuplicateKey(cause)) return false
    throw cause
  }
}
