import { randomUUID } from 'node:crypto'
import type { Db } from 'mongodb'
import { routeKey } from '../../access/policy.ts'
import type { Principal } from '../../access/principal.ts'
import { tenantsOf } from '../../access/scope.ts'
import { type Instant, instantOf } from '../../fls/dates.ts'
import type { Episode } from '../../fls/episode.ts'
import type { InboxId } from '../../fls/fact.ts'
import { issue } from '../../fls/issue.ts'
import { Refusal } from '../../http/refusal.ts'
import type { Call, Route } from '../../http/route.ts'
import { writePart } from '../../http/streaming.ts'
import {
  addExport,
  beatExport,
  type ExportDocument,
  exportText,
  findExport,
  removeExport,
  runningExports,
  takeOverExport,
} from '../../store/bulk-exports.ts'
import { exportRequest } from './bulk-request.ts'
import { runExport } from './bulk-run.ts'
import type { FhirAnswer, FhirCall } from './call.ts'
import { answering, withBody } from './exchange.ts'

/** What the export needs from outside. */
export type BulkDeps = {
  readonly db: Db
  /** `FLSDB_PUBLIC_URL` with `/fhir`. */
  readonly base: string
  readonly clock: () => Date
  readonly research: {
    /** Episodes of the owner's scope that may leave, of one reporting FLS when a site is named. */
    readonly episodes: (owner: Principal, site: string | undefined) => AsyncIterable<Episode>
    readonly pseudonym: (id: string) => string
  }
  /** The National Data Opt-Out list in force; throws when it is stale. */
  readonly optOutList: () => Promise<InboxId>
  readonly isSite: (ods: string) => Promise<boolean>
  /** Whether a practice that is closed now was closed, or said so, after this moment. */
  readonly hasWithdrawnSince: (at: Instant) => Promise<boolean>
  readonly failed: (cause: unknown) => void
}

const lastsMs = 24 * 3_600_000
const mostAtOnce = 2

/**
 * Bulk Data export of pseudonymised episodes for analysts (fhir.md 4.3): kick-off, status with progress, manifest, files, delete. Everything
 * is the caller's alone: another's export is 404, and so is one's own from when one might see more. Without a current opt-out list nothing
 * leaves (503), and what was made under an earlier list or before a practice withdrew is gone (410).
 */
export function bulkRoutes(deps: BulkDeps): Route[] {
  const route = (
    key: string,
    summary: string,
    interact: (call: FhirCall) => Promise<FhirAnswer>,
    hasBody = false,
  ): Route => ({
    key: routeKey(key),
    summary,
    touchesPatientData: true,
    handle: call => answering(call, async plain => interact(hasBody ? await withBody(call, plain) : plain)),
  })
  const start = (call: FhirCall) => kickOff(call, deps)
  return [
    route('GET /fhir/$export', 'Starts an export of all episodes, pseudonymised.', start),
    route('POST /fhir/$export', 'The same, parameters in a Parameters resource.', start, true),
    route('GET /fhir/Group/:id/$export', 'Starts an export of the episodes of one reporting FLS.', start),
    route('POST /fhir/Group/:id/$export', 'The same, parameters in a Parameters resource.', start, true),
    {
      key: 'GET /fhir/$export/:id',
      summary: 'How far an export is; when it is done, its manifest.',
      touchesPatientData: true,
      handle: call => status(call, deps),
    },
    route('DELETE /fhir/$export/:id', 'Stops an export or removes its files.', call => remove(call, deps)),
    {
      key: 'GET /fhir/$export/:id/:file',
      summary: 'One file of an export: NDJSON, a resource a line.',
      touchesPatientData: true,
      handle: call => download(call, deps),
    },
  ]
}

async function kickOff(call: FhirCall, deps: BulkDeps): Promise<FhirAnswer> {
  const { db, base, clock } = deps
  if (call.id !== undefined && !(await deps.isSite(call.id))) throw notFound('Group')
  const request = exportRequest(call, `${base}/${call.id === undefined ? '' : `Group/${call.id}/`}$export`)
  const optOutList = await deps.optOutList()
  const now = clock()
  const { own, all } = await runningExports(db, call.principal.subject, now)
  if (own > 0 || all >= mostAtOnce)
    throw new Refusal(429, [issue('too-many-requests', '$export')], { 'Retry-After': '30' })
  const document: ExportDocument = {
    _id: randomUUID(),
    owner: call.principal,
    request,
    state: 'running',
    startedAt: now,
    beatAt: now,
    done: 0,
    optOutList,
    files: [],
    expiresAt: new Date(now.getTime() + lastsMs),
  }
  await addExport(db, document)
  void run(document, deps)
  return { status: 202, headers: { 'Content-Location': `${base}/$export/${document._id}` } }
}

async function run(document: ExportDocument, deps: BulkDeps): Promise<void> {
  try {
    await runExport(document, deps)
  } catch (cause) {
    deps.failed(cause)
    await beatExport(deps.db, document._id, deps.clock(), { state: 'failed' }).catch(deps.failed)
  }
}

async function ownExport(call: Call, deps: BulkDeps): Promise<ExportDocument> {
  const id = String(call.request.params['id'])
  const document = await findExport(deps.db, call.principal.subject, id, deps.clock())
  if (!document || !mayStillSee(call.principal, document.owner)) throw notFound('$export')
  return document
}

function mayStillSee(principal: Principal, owner: Principal): boolean {
  const [now, then] = [tenantsOf(principal), tenantsOf(owner)]
  return now === 'all' || (then !== 'all' && then.every(one => now.includes(one)))
}

function notFound(where: string): Refusal {
  return new Refusal(404, [issue('not-found', where)])
}

async function status(call: Call, deps: BulkDeps): Promise<void> {
  const document = await ownExport(call, deps)
  const { response } = call
  response.set('Cache-Control', 'no-store').set('X-Request-ID', call.requestId)
  if (document.state === 'failed') throw new Refusal(500, [issue('internal-error', '$export')])
  if (document.state === 'running') {
    if (await takeOverExport(deps.db, document._id, deps.clock())) void run(document, deps)
    response.status(202).set('Retry-After', '2').set('X-Progress', `${document.done} episodes`).end()
    return
  }
  await checkGrounds(document, deps)
  response
    .status(200)
    .set('Expires', document.expiresAt.toUTCString())
    .type('application/json')
    .send(JSON.stringify(manifestOf(document, deps)))
}

/** What was made under a list that has been replaced, or before a practice withdrew, may hold what nobody may see any more. */
async function checkGrounds({ optOutList, startedAt }: ExportDocument, deps: BulkDeps): Promise<void> {
  const isGone = (await deps.optOutList()) !== optOutList || (await deps.hasWithdrawnSince(instantOf(startedAt)))
  if (isGone) throw new Refusal(410, [issue('gone', '$export')])
}

type Manifest = {
  readonly transactionTime: Instant
  readonly request: string
  readonly requiresAccessToken: true
  readonly output: readonly { readonly type: string; readonly url: string; readonly count: number }[]
  readonly deleted: readonly never[]
  readonly error: readonly never[]
}

function manifestOf({ _id, request, startedAt, files }: ExportDocument, { base }: BulkDeps): Manifest {
  return {
    transactionTime: instantOf(startedAt),
    request: request.address,
    requiresAccessToken: true,
    output: files.map(({ name, type, count }) => ({ type, url: `${base}/$export/${_id}/${name}`, count })),
    deleted: [],
    error: [],
  }
}

async function remove(call: FhirCall, deps: BulkDeps): Promise<FhirAnswer> {
  const document = await findExport(deps.db, call.principal.subject, call.id ?? '', deps.clock())
  if (!document) throw notFound('$export')
  await removeExport(deps.db, document._id)
  return { status: 202 }
}

async function download(call: Call, deps: BulkDeps): Promise<void> {
  const document = await ownExport(call, deps)
  const file = document.files.find(one => one.name === call.request.params['file'])
  if (!file) throw notFound('$export')
  await checkGrounds(document, deps)
  call.log({ rows: file.count })
  const { response } = call
  response.status(200).set({
    'Cache-Control': 'no-store',
    'Content-Type': 'application/fhir+ndjson',
    'Content-Length': String(file.bytes),
    'X-Request-ID': call.requestId,
  })
  for await (const part of exportText(deps.db, document._id, file.name)) await writePart(response, part)
  response.end()
}
