import { createSession } from 'better-sse'
import type { Db } from 'mongodb'
import type { Principal } from '../../access/principal.ts'
import { isInScope } from '../../access/scope.ts'
import { instantOf } from '../../fls/dates.ts'
import type { OdsCode } from '../../fls/fact.ts'
import { describeIssue, issue } from '../../fls/issue.ts'
import { readBoolean, readChoice, readQuery } from '../../http/query.ts'
import { Refusal } from '../../http/refusal.ts'
import type { Call, Route } from '../../http/route.ts'
import type { ExtractTables } from '../../mapping/extract-tables.ts'
import { loadCodebook } from '../../store/codebook.ts'
import { loadDirectory } from '../../store/directory.ts'
import { compareWithFacts, unknownRecords } from '../../store/extract-before.ts'
import { findExtract } from '../../store/extracts.ts'
import { type PracticeGate, readInboxEntry } from '../../store/inbox.ts'
import { findJob, type JobDocument } from '../../store/jobs.ts'
import type { Store } from '../../store/store.ts'
import { type Accept, PracticeClosed } from '../arrival.ts'
import type { Address } from './declaration.ts'
import type { ExtractDeps } from './deps.ts'
import { type HoldDeps, holdOf, holdRoutes } from './hold-routes.ts'
import { inFlight } from './in-flight.ts'
import { countReceipt } from './receipt.ts'
import { extractLimits, receiveExtract } from './receive.ts'
import { writeRejects } from './rejects.ts'
import { openSpool, spoolRequest } from './spool.ts'

export type ExtractRouteOptions = {
  readonly accept: Accept
  readonly store: Store
  readonly gate: PracticeGate
  readonly tables: ExtractTables
  readonly dataFolder: string
  readonly clock: () => Date
  readonly linkedCount?: ExtractDeps['linkedCount']
  /** True once an entry has been applied; false when it was not within the time. */
  readonly whenApplied: HoldDeps['whenApplied']
  readonly limits?: { readonly chunkBytes: number; readonly mostBytes: number }
  /** Told of receipts that could not be counted; codes only. */
  readonly onFailure?: (cause: unknown) => void
}

export function extractDeps(options: ExtractRouteOptions): ExtractDeps {
  const { accept, store, gate, dataFolder, clock, linkedCount, limits } = options
  return {
    accept,
    db: store.db,
    // A getter, as in the options: tables change while the service runs.
    get tables() {
      return options.tables
    },
    dataFolder,
    clock,
    entryOf: id => readInboxEntry(store, id),
    codebook: keys => loadCodebook(store.db, keys),
    unknownRecords: records => unknownRecords(store, records),
    before: (practice, extractId, claims) => compareWithFacts(store, practice, extractId, claims),
    checkPractice: practice => checkPractice(gate, practice, clock()),
    ...(linkedCount ? { linkedCount } : {}),
    ...(limits ?? extractLimits),
    dryRuns: new Map(),
    eventsMs: 500,
  }
}

async function checkPractice(gate: PracticeGate, practice: OdsCode, now: Date): Promise<void> {
  const { isOpen, since } = await gate(practice, instantOf(now))
  if (!isOpen) throw new PracticeClosed(since)
}

/** Receipts counted side by side; each holds a chunk and what was read of it. */
const receiptsInFlight = 4

/** The door of GP extracts and the jobs behind it. */
export function extractRoutes(options: ExtractRouteOptions): Route[] {
  const deps = extractDeps(options)
  const beginCount = inFlight(receiptsInFlight)
  const count = (id: string, isAgain = false): void =>
    void beginCount(() => countReceipt(deps, id, isAgain))
      .then(({ result }) => result)
      .catch(cause => options.onFailure?.(cause))
  return [
    {
      key: 'POST /api/extracts',
      summary: 'An extract of one opted-in practice: one file, a zip or multipart. Answers 202 when every row is kept.',
      openapi: {
        parameters: [
          { name: 'practice', in: 'query', description: 'ODS code', schema: { type: 'string' } },
          { name: 'extractId', in: 'query', schema: { type: 'string', pattern: '^[A-Za-z0-9._-]{1,64}$' } },
          { name: 'mode', in: 'query', schema: { enum: ['full', 'delta'] } },
          { name: 'dryRun', in: 'query', description: 'Read and report, keep nothing', schema: { type: 'boolean' } },
        ],
        requestBody: {
          content: { 'text/csv': {}, 'application/zip': {}, 'application/x-ndjson': {}, 'multipart/form-data': {} },
        },
      },
      touchesPatientData: true,
      handle: call => postExtract(call, deps, count),
    },
    {
      key: 'GET /api/jobs/:id',
      summary: 'State, progress and receipt of an upload.',
      touchesPatientData: false,
      handle: async call => {
        call.response.json(await viewOf(await jobFor(call, deps.db), deps))
      },
    },
    {
      key: 'GET /api/jobs/:id/events',
      summary: 'The same as server-sent events until the job ends.',
      touchesPatientData: false,
      handle: call => streamEvents(call, deps),
    },
    {
      key: 'GET /api/jobs/:id/rejects.csv',
      summary: 'Rejected rows with the columns as sent, and what to do about each.',
      touchesPatientData: true,
      handle: async call => {
        const job = await jobFor(call, deps.db)
        // What a practice sent that has withdrawn is shown to nobody.
        await deps.checkPractice(job.practice)
        call.response.type('text/csv; charset=utf-8').attachment(`rejects-${job._id}.csv`)
        call.log({ inboxIds: job.chunks.slice(0, 100).map(chunk => chunk.inboxId) })
        await writeRejects(deps, job, call.response)
      },
    },
    ...holdRoutes({ ...deps, whenApplied: options.whenApplied, countAgain: id => count(id, true) }),
  ]
}

async function postExtract(
  { request, response, principal, log }: Call,
  deps: ExtractDeps,
  count: (id: string) => void,
): Promise<void> {
  const query = readQuery(request, ['practice', 'extractId', 'mode', 'dryRun'])
  const mode = readChoice('mode', query.mode || undefined, ['full', 'delta'])
  const isDryRun = readBoolean('dryRun', query.dryRun || undefined) ?? false
  const address: Address = {
    ...(query.practice ? { practice: query.practice } : {}),
    ...(query.extractId ? { extractId: query.extractId } : {}),
    ...(mode ? { mode } : {}),
  }
  const [sender] = principal.feeds
  if (!sender) throw new Refusal(403, [issue('forbidden', '', { hint: 'this client has no feed' })])
  const mayDeclare = async (practice: string): Promise<void> => {
    if (!(await mayDeclarePractice(principal, practice.toUpperCase(), deps.db)))
      throw new Refusal(403, [issue('forbidden', 'practice')])
  }
  try {
    // Before a gigabyte is read: both are known from the address.
    if (address.practice) {
      await mayDeclare(address.practice)
      await deps.checkPractice(address.practice.toUpperCase() as OdsCode)
    }
    const spool = await openSpool(deps.dataFolder)
    try {
      const files = await spoolRequest(spool, request, deps.mostBytes)
      const job = await receiveExtract(deps, { spool, files, address, from: { sender }, isDryRun }, mayDeclare)
      log({ inboxIds: job.chunks.slice(0, 100).map(chunk => chunk.inboxId), rows: job.receipt?.in ?? 0 })
      if (!isDryRun) count(job._id)
      response
        .status(202)
        .location(`/api/jobs/${job._id}`)
        .json(await viewOf(job, deps))
    } finally {
      await spool.remove()
    }
  } catch (cause) {
    throw cause instanceof PracticeClosed ? closed(cause) : cause
  }
}

/**
 * A supplier submits for the practices its token names, and for those enrolled since: of a practice in the register its supplier's feed decides,
 * and one enrolled without a supplier is open to every supplier until the register names one.
 */
export async function mayDeclarePractice(principal: Principal, practice: string, db: Db): Promise<boolean> {
  if (principal.practices.some(own => own === practice)) return true
  const enrolled = (await loadDirectory(db)).practices.get(practice)
  if (!enrolled) return false
  return enrolled.supplier === undefined || principal.feeds.includes(enrolled.supplier)
}

/** 403 with the date from which the practice was closed, when there is one. */
function closed({ since }: PracticeClosed): Refusal {
  return new Refusal(403, [
    issue('practice-closed', 'practice', since ? { hint: `closed since ${since.slice(0, 10)}` } : {}),
  ])
}

/** A job outside the caller's scope, neither of an own practice nor sent by an own feed, does not exist for them. */
export async function jobFor(
  { request, principal }: Pick<Call, 'request' | 'principal'>,
  db: Db,
): Promise<JobDocument> {
  const job = await findJob(db, String(request.params['id']))
  const isOwn = job && (isInScope(principal, [job.practice]) || isSentBy(principal, job))
  if (!job || !isOwn) throw new Refusal(404, [issue('not-found', 'address')])
  return job
}

function isSentBy({ role, feeds }: Principal, { sender }: JobDocument): boolean {
  return role === 'gp-supplier' && sender !== undefined && feeds.includes(sender)
}

async function viewOf(job: JobDocument, deps: ExtractDeps) {
  const {
    _id,
    state,
    practice,
    extractId,
    mode,
    isDryRun,
    createdAt,
    finishedAt,
    progress,
    receipt,
    issues,
    messages,
    failure,
  } = job
  const extract = isDryRun ? undefined : await findExtract(deps.db, _id)
  const hold = extract && holdOf(extract)
  const linked = deps.linkedCount && !isDryRun ? await deps.linkedCount(job.chunks.map(chunk => chunk.inboxId)) : 0
  return {
    id: _id,
    kind: job.kind,
    state,
    practice,
    extractId,
    mode,
    dryRun: isDryRun,
    createdAt,
    progress,
    ...(finishedAt ? { finishedAt } : {}),
    ...(receipt ? { receipt: { ...receipt, linked } } : {}),
    ...(hold ? { hold } : {}),
    issues: Object.entries(issues ?? {}).map(([code, count]) => ({ code, count })),
    messages: messages.map(describeIssue),
    rejects: `/api/jobs/${_id}/rejects.csv`,
    ...(failure ? { failure } : {}),
  }
}

async function streamEvents(call: Call, deps: ExtractDeps): Promise<void> {
  const first = await jobFor(call, deps.db)
  const session = await createSession(call.request, call.response)
  let isOpen = true
  session.once('disconnected', () => {
    isOpen = false
  })
  let last = ''
  for (let job: JobDocument | undefined = first; job && isOpen; job = await findJob(deps.db, first._id)) {
    const view = await viewOf(job, deps)
    const text = JSON.stringify(view)
    if (text !== last) session.push(view, 'job')
    last = text
    if (job.state === 'done' || job.state === 'failed') break
    await new Promise(resolve => setTimeout(resolve, deps.eventsMs))
  }
  call.response.end()
}
