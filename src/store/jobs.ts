import type { Collection, Db } from 'mongodb'
import type { Filled } from '../fls/conformance.ts'
import type { InboxId, OdsCode } from '../fls/fact.ts'
import type { Issue, IssueCode } from '../fls/issue.ts'
import { asideOf } from './causal-client.ts'
import { isDuplicateKey } from './refused-writes.ts'

export const jobStates = ['queued', 'running', 'done', 'failed'] as const
export type JobState = (typeof jobStates)[number]

/**
 * What became of an extract, in rows of its files. `in` = kept + rejected + held. `held`: wait for a code table, a patient row or a person.
 * `unchanged`: of the kept, rows the last extract had with the same content; an estimate when `isUnchangedEstimate`.
 */
export type Receipt = {
  readonly in: number
  readonly kept: number
  readonly rejected: number
  readonly held: number
  readonly unchanged: number
  readonly isUnchangedEstimate?: true
  readonly deletes: number
}

/** Collection `jobs`. `_id` from practice, extract id and content: the same upload again is the same job. Counts and places only, never values. */
export type JobDocument = {
  _id: string
  kind: 'extract'
  state: JobState
  practice: OdsCode
  /** The feed that sent it. */
  sender?: string
  extractId: string
  mode: 'full' | 'delta'
  isDryRun: boolean
  createdAt: Date
  finishedAt?: Date
  progress: { done: number; total: number }
  receipt?: Receipt
  /** Rows the last extract had with the same content, compared before anything was kept. */
  unchanged?: { count: number; isExact: boolean }
  /** Findings counted by code over all rows. */
  issues?: Partial<Record<IssueCode, number>>
  /** How well it holds what the audit needs: one count a line of `conformanceItems`, by its name, under the tables of this hash. */
  conformance?: { tables: string; filled: readonly Filled[] }
  /** Findings about files and the extract as a whole. */
  messages: Issue[]
  chunks: { inboxId: InboxId; header: string; isCoding: boolean }[]
  failure?: string
}

function jobs(db: Db): Collection<JobDocument> {
  return db.collection('jobs')
}

export async function findJob(db: Db, id: string): Promise<JobDocument | undefined> {
  return (await jobs(db).findOne({ _id: id })) ?? undefined
}

/** Keeps the job of an upload; a finished one of the same upload stays as it is. */
export async function createJob(db: Db, job: JobDocument): Promise<JobDocument> {
  await jobs(db)
    .replaceOne({ _id: job._id, state: { $ne: 'done' } }, job, { upsert: true })
    .catch(ignoreDuplicate)
  return (await findJob(db, job._id)) ?? job
}

export async function updateJob(db: Db, id: string, change: Partial<Omit<JobDocument, '_id'>>): Promise<void> {
  await jobs(db).updateOne({ _id: id }, { $set: change })
}

/** How far a count has come. Not waited for on disk: after a stop the count starts again. */
export async function tellProgress(db: Db, id: string, progress: JobDocument['progress']): Promise<void> {
  const change = { $set: { state: 'running' as const, progress } }
  const unfinished = { _id: id, state: { $ne: 'done' as const } }
  await jobs(asideOf(db)).updateOne(unfinished, change, { writeConcern: { w: 1, journal: false } })
}

/** Jobs a stopped process left behind. */
export async function unfinishedJobs(db: Db): Promise<readonly JobDocument[]> {
  return jobs(db)
    .find({ state: { $in: ['queued', 'running'] } })
    .toArray()
}

function ignoreDuplicate(cause: unknown): void {
  // A job that is done does not match the filter, so the upsert meets its id.
  if (!isDuplicateKey(cause)) throw cause
}
