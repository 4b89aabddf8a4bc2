import { setTimeout as pause } from 'node:timers/promises'
import type { InboxId } from './fls/fact.ts'
import { issue } from './fls/issue.ts'
import { carryDown, type Read, type River, readEntries, solveTouched, takeBack } from './pipeline.ts'
import {
  claimEntries,
  type Finished,
  failEntry,
  finishEntries,
  freeExpired,
  holdingClaims,
  type Lanes,
  releaseClaims,
  renewClaim,
  requeueEntries,
  reusedControlIds,
  setBackEntries,
} from './store/claims.ts'
import { readControl } from './store/control.ts'
import type { InboxDocument } from './store/documents.ts'
import { entryOf } from './store/inbox.ts'
import { dirtyRecords, postponeDirty, solveOnceMore } from './store/records.ts'
import { isDatabaseTrouble, type Store } from './store/store.ts'

/** What a worker tells the outside: counts and codes, never content. */
export type WorkerReport =
  | { readonly kind: 'alive' }
  | { readonly kind: 'batch'; readonly entries: number; readonly milliseconds: number }
  | { readonly kind: 'failure'; readonly code: string; readonly inboxId?: InboxId }

/** What becomes of entries once they were worked: the live inbox for workers, a scratch list for a replay. */
export type Settlement = {
  /** Nothing of this entry can stand among the facts yet: they are simply added. */
  readonly isFirst: (entry: InboxDocument) => boolean
  readonly finish: (finished: readonly Finished[]) => Promise<void>
  readonly fail: (entry: InboxDocument, code: string) => Promise<unknown>
  /** False when somebody else may have the entry now; absent where nobody can. */
  readonly renew?: (entry: InboxDocument) => Promise<boolean>
  /** The database was away: none of these is to blame. */
  readonly setBack: (entries: readonly InboxDocument[], cause: unknown) => Promise<void>
  readonly readAgain: (ids: readonly InboxId[]) => Promise<void>
}

export type WorkerOptions = {
  readonly river: River
  readonly name: string
  readonly lanes: Lanes
  readonly report: (report: WorkerReport) => void
  /** Effects of entries beside their facts: registers, code tables, resource index. Returns entries to read again. */
  readonly applyEntries: (reads: readonly Read[], store: Store) => Promise<readonly InboxId[]>
  readonly turnPractices: () => Promise<void>
  readonly signal: AbortSignal
}

const batchEntries = 200
/**
 * Whoever began an entry and lost its lease may stand still with an outcome in hand, write it late under ids nobody else ever wrote, and
 * end before it looks again. A worker that hangs is killed 90 s after its last word; by then it has written or never will.
 */
const lateWriteMs = 150_000

/**
 * Claims entries of its lanes, reads them, carries them down the river, marks them done; without state of its own, so it may die at any
 * moment. One bad entry never stops the others: a batch that fails is done again one entry at a time, and only the guilty one is set aside.
 */
export async function runWorker(options: WorkerOptions): Promise<'stopped' | 'new-tables'> {
  const { river, name, lanes, signal } = options
  const { generation } = await readControl(river.store)
  let idle = 0
  let start = lanes.from
  let nextLook = 0
  let isPaused = false
  while (!signal.aborted) {
    try {
      if (Date.now() >= nextLook) {
        const control = await readControl(river.store)
        if (control.generation !== generation) return 'new-tables'
        isPaused = control.isPaused
        for (const id of await freeExpired(river.store, lanes)) {
          options.report({ kind: 'failure', code: 'worker-ended', inboxId: id })
          await takeBack(river, id)
        }
        // Not during a replay: what is marked now would be swapped away.
        if (!isPaused) await options.turnPractices()
        nextLook = Date.now() + 1_000
      }
      const worked = isPaused ? 0 : await workOnce(options, start)
      start = lanes.from + ((start - lanes.from + 37) % Math.max(1, lanes.to - lanes.from))
      idle = worked > 0 ? 0 : Math.min(idle + 1, 8)
    } catch (cause) {
      options.report({ kind: 'failure', code: codeOf(cause) })
      idle = 8
    }
    if (idle > 0) await pause(idle * 25, undefined, { signal }).catch(() => undefined)
  }
  await releaseClaims(river.store, name).catch(() => undefined)
  return 'stopped'
}

async function workOnce(options: WorkerOptions, start: number): Promise<number> {
  const { river, name, lanes } = options
  const claimed = await claimEntries(river.store, name, lanes, batchEntries, start)
  if (claimed.length > 0)
    await holdingClaims(river.store, name, () => workBatch({ ...options, settlement: liveSettlement(river) }, claimed))
  return claimed.length + (await solveDirty(options))
}

export type BatchOptions = Pick<WorkerOptions, 'river' | 'report' | 'applyEntries'> & {
  readonly settlement: Settlement
}

/** One batch, from bytes to settled. */
export async function workBatch(options: BatchOptions, batch: readonly InboxDocument[]): Promise<void> {
  const started = performance.now()
  try {
    await workTogether(options, batch)
    options.report({ kind: 'batch', entries: batch.length, milliseconds: performance.now() - started })
  } catch (cause) {
    if (isDatabaseTrouble(cause)) {
      options.report({ kind: 'failure', code: codeOf(cause) })
      return options.settlement.setBack(batch, cause)
    }
    const [only, ...others] = batch
    const again = { ...options, settlement: { ...options.settlement, isFirst: () => false } }
    if (others.length > 0) for (const one of batch) await workBatch(again, [one])
    else if (only) await tellFailure(options, only, cause)
  }
}

async function workTogether(options: BatchOptions, batch: readonly InboxDocument[]): Promise<void> {
  const { river, applyEntries, settlement } = options
  const byId = new Map(batch.map(document => [document._id, document]))
  const reads = await readEntries(river, await Promise.all(batch.map(document => entryOf(river.store, document))))
  const readable = reads.filter(read => read.failure === undefined)
  for (const read of reads.filter(read => read.failure !== undefined)) {
    const document = byId.get(read.entry.id)
    if (document) await tellFailure(options, document, read.failure)
  }
  const again = await applyEntries(readable, river.store)
  const isFirst = (id: InboxId) => {
    const document = byId.get(id)
    return document !== undefined && settlement.isFirst(document)
  }
  await carryDown(river, readable, isFirst)
  const begunBefore = readable.filter(({ entry }) => {
    const document = byId.get(entry.id)
    return document !== undefined && document.fence > 1 && document.readAt === undefined && !isFirst(entry.id)
  })
  const records = new Set(begunBefore.flatMap(({ facts }) => facts.map(fact => fact.record)))
  await solveOnceMore(river.store, [...records], new Date(Date.now() + lateWriteMs))
  const reused = await reusedControlIds(river.store, batch)
  await settlement.finish(
    readable.flatMap(({ entry, facts, issues, waitsFor }) => {
      const document = byId.get(entry.id)
      const where = entry.protocol === 'hl7v2' ? 'MSH-10' : 'X-Request-ID'
      const all = reused.has(entry.id) ? [...issues, issue('control-id-reused', where)] : issues
      return document
        ? [{ entry: document, issues: all, facts: facts.length, isWaiting: (waitsFor?.length ?? 0) > 0 }]
        : []
    }),
  )
  await settlement.readAgain([...again, ...(await servedMeanwhile(river, readable))])
}

/** Entries whose code came while they were being read: who brought it could not yet see that they wait. */
async function servedMeanwhile(river: River, reads: readonly Read[]): Promise<InboxId[]> {
  const waiting = reads.filter(read => (read.waitsFor?.length ?? 0) > 0)
  if (waiting.length === 0) return []
  const codebook = await river.codebook(waiting.map(read => read.entry))
  return waiting.filter(read => read.waitsFor?.some(key => codebook.has(key))).map(read => read.entry.id)
}

async function tellFailure(
  { river, report, settlement }: BatchOptions,
  document: InboxDocument,
  cause: unknown,
): Promise<void> {
  report({ kind: 'failure', code: codeOf(cause), inboxId: document._id })
  // Whoever has it now may be through with it: what it made of the entry stays.
  if (settlement.renew && !(await settlement.renew(document))) return
  // At every failure, not the last alone: messages of the same patient must not fail with it.
  await takeBack(river, document._id).catch((second: unknown) => {
    if (isDatabaseTrouble(second)) throw second
    report({ kind: 'failure', code: codeOf(second), inboxId: document._id })
  })
  await settlement.fail(document, codeOf(cause))
}

export function liveSettlement({ store }: River): Settlement {
  return {
    // Only the fence never goes back: a claim released unread gives its attempt back.
    isFirst: ({ fence, readAt }) => fence === 1 && readAt === undefined,
    finish: finished => finishEntries(store, finished),
    fail: (entry, code) => failEntry(store, entry, code),
    renew: entry => renewClaim(store, entry),
    setBack: entries => setBackEntries(store, entries),
    readAgain: ids => requeueEntries(store, ids),
  }
}

/** Solves records that something outside their facts has touched; one that cannot be solved waits a minute and never blocks the others. */
async function solveDirty({ river, lanes, report }: WorkerOptions): Promise<number> {
  const dirty = await dirtyRecords(river.store, lanes, batchEntries)
  try {
    await solveTouched(river, new Set(dirty))
  } catch (cause) {
    if (isDatabaseTrouble(cause)) throw cause
    for (const record of dirty) {
      await solveTouched(river, new Set([record])).catch(async (guilty: unknown) => {
        report({ kind: 'failure', code: codeOf(guilty) })
        await postponeDirty(river.store, record, new Date(Date.now() + 60_000))
      })
    }
  }
  return dirty.length
}

/** A stable code of a failure; messages may hold data and are never told. */
export function codeOf(cause: unknown): string {
  if (cause instanceof Error && 'code' in cause && (typeof cause.code === 'string' || typeof cause.code === 'number'))
    return String(cause.code)
  return cause instanceof Error ? cause.name : 'unknown'
}
