import type { Db } from 'mongodb'
import { routeKey } from '../../access/policy.ts'
import type { Principal } from '../../access/principal.ts'
import type { OdsCode } from '../../fls/fact.ts'
import { issue } from '../../fls/issue.ts'
import { Refusal } from '../../http/refusal.ts'
import type { Call, Route } from '../../http/route.ts'
import { writePart } from '../../http/streaming.ts'
import { findJob, type JobDocument } from '../../store/jobs.ts'
import {
  changeSubmission,
  findSubmission,
  type SubmissionDocument,
  type SubmissionState,
  type SubmittedManifest,
} from '../../store/submissions.ts'
import type { FhirAnswer, FhirCall } from './call.ts'
import { answering, withBody } from './exchange.ts'
import { type JsonObject, objectAt, objectsAt, textAt } from './json.ts'
import { preferences } from './prefer.ts'
import { badParameter } from './search-conditions.ts'

/** What the submission of manifests needs from outside. */
export type SubmitDeps = {
  readonly db: Db
  /** `FLSDB_PUBLIC_URL` with `/fhir`. */
  readonly base: string
  readonly clock: () => Date
  readonly id: (practice: string, submissionId: string) => string
  /** Whether this caller submits for this practice. */
  readonly maySubmit: (principal: Principal, practice: string) => Promise<boolean>
  /** Throws `PracticeClosed` when it is not opted in now. */
  readonly checkPractice: (practice: OdsCode) => Promise<void>
  /** One OperationOutcome a line about each row that was refused. */
  readonly outcomes: (job: JobDocument) => AsyncIterable<object>
}

const odsSystem = 'https://fhir.nhs.uk/Id/ods-organization-code'
const mostManifests = 100
/** As in the STU4 ballot and as Argonaut named them. */
const states: Readonly<Record<string, SubmissionState>> = {
  'in-progress': 'in-progress',
  completed: 'completed',
  complete: 'completed',
  stopped: 'stopped',
  aborted: 'stopped',
}
const taken = ['submitter', 'submissionId', 'submissionStatus', 'manifestUrl', 'fhirBaseUrl', 'replacesManifestUrl']
/** Said by others; nothing depends on it here: tokens come as the operator registered them. */
const ignored = ['oauthMetadataUrl', 'outputFormat', '_outputFormat', 'metadata']

/**
 * `$bulk-submit` (Bulk Data, STU4 ballot; fhir.md 4.3): a supplier names the manifests of an export it has made of a practice. They are kept here
 * and fetched by the operator's `flsdb pull --submitted` from hosts registered for that practice (Decision 0011); each becomes an extract.
 * `submitter` is the practice, by ODS code. Another's submission does not exist (404).
 */
export function bulkSubmitRoutes(deps: SubmitDeps): Route[] {
  const operation = (key: string, summary: string, interact: (call: FhirCall) => Promise<FhirAnswer>): Route => ({
    key: routeKey(key),
    summary,
    touchesPatientData: false,
    handle: call => answering(call, async plain => interact(await withBody(call, plain))),
  })
  return [
    operation('POST /fhir/$bulk-submit', 'Names a manifest to be fetched, or ends a submission.', call =>
      submit(call, deps),
    ),
    operation('POST /fhir/$bulk-submit-status', 'Where to ask what became of a submission.', async call => ({
      status: 202,
      headers: { 'Content-Location': `${deps.base}/$bulk-submit-status/${(await named(call, deps))._id}` },
    })),
    {
      key: 'GET /fhir/$bulk-submit-status/:id',
      summary: 'How far a submission is; when it is done, its manifest of outcomes.',
      touchesPatientData: false,
      handle: call => status(call, deps),
    },
    {
      key: 'GET /fhir/$bulk-submit-status/:id/:file',
      summary: 'What became of one manifest: an OperationOutcome a line.',
      touchesPatientData: true,
      handle: call => download(call, deps),
    },
  ]
}

type Given = { readonly practice: OdsCode; readonly submissionId: string; readonly parameters: readonly JsonObject[] }

/** The practice and the name of the submission; throws where the caller may not know of it. */
async function given({ body, principal }: FhirCall, deps: SubmitDeps): Promise<Given> {
  const parameters = objectsAt(body?.resource, 'parameter')
  const submitter = objectAt(one(parameters, 'submitter'), 'valueIdentifier')
  const practice = textAt(submitter, 'value')?.trim().toUpperCase() ?? ''
  if (!practice || textAt(submitter, 'system') !== odsSystem)
    throw badParameter('submitter', `a practice as ${odsSystem}|code`)
  const submissionId = textOf(parameters, 'submissionId') ?? ''
  if (!/^[\x21-\x7e]{1,128}$/.test(submissionId)) throw badParameter('submissionId', '1 to 128 characters')
  if (!(await deps.maySubmit(principal, practice))) throw new Refusal(404, [issue('not-found', 'submitter')])
  return { practice: practice as OdsCode, submissionId, parameters }
}

function one(parameters: readonly JsonObject[], name: string): JsonObject | undefined {
  return parameters.find(parameter => textAt(parameter, 'name') === name)
}

function textOf(parameters: readonly JsonObject[], name: string): string | undefined {
  const parameter = one(parameters, name)
  const member = Object.keys(parameter ?? {}).find(key => key.startsWith('value')) ?? ''
  return textAt(parameter, member) ?? textAt(objectAt(parameter, member), 'code')
}

async function submit(call: FhirCall, deps: SubmitDeps): Promise<FhirAnswer> {
  const { practice, submissionId, parameters } = await given(call, deps)
  await deps.checkPractice(practice)
  if (preferences(call.headers['prefer']).handling !== 'lenient') checkNames(parameters)
  const url = addressOf(parameters, 'manifestUrl')
  const replaced = addressOf(parameters, 'replacesManifestUrl')
  if (url !== undefined && addressOf(parameters, 'fhirBaseUrl') === undefined)
    throw badParameter('fhirBaseUrl', 'with manifestUrl')
  if (replaced !== undefined && url === undefined) throw badParameter('manifestUrl', 'with replacesManifestUrl')
  const said = textOf(parameters, 'submissionStatus')
  const state = states[said ?? 'in-progress']
  if (!state) throw badParameter('submissionStatus', Object.keys(states).join(', '))
  if (said === undefined && url === undefined) throw badParameter('manifestUrl', 'or submissionStatus')
  const _id = deps.id(practice, submissionId)
  const now = deps.clock()
  await changeSubmission(deps.db, _id, known => {
    const before = known ?? { _id, practice, submissionId, state: 'in-progress', manifests: [], createdAt: now }
    const isRepeat = before.state === state && (url === undefined || before.manifests.some(own => own.url === url))
    if (known && isRepeat) return known
    if (before.state !== 'in-progress') throw new Refusal(409, [issue('submission-ended', 'submissionId')])
    return { ...before, state, manifests: withManifest(before.manifests, url, replaced, now) }
  })
  return {
    status: 200,
    resource: {
      resourceType: 'OperationOutcome',
      issue: [{ severity: 'information', code: 'informational', details: { text: `The submission is ${state}.` } }],
    },
  }
}

function checkNames(parameters: readonly JsonObject[]): void {
  const other = parameters
    .map(parameter => textAt(parameter, 'name') ?? '')
    .find(name => ![...taken, ...ignored].includes(name))
  if (other === undefined) return
  const where = /^[\w.:-]{1,64}$/.test(other) ? other : 'parameter'
  throw new Refusal(400, [issue('parameter-not-supported', where, { hint: taken.join(', ') })])
}

/** Whether its host is one to be asked is known where it is fetched. */
function addressOf(parameters: readonly JsonObject[], name: string): string | undefined {
  const text = textOf(parameters, name)
  if (text === undefined) return undefined
  const url = URL.canParse(text) ? new URL(text) : undefined
  const isHttp = url?.protocol === 'https:' || url?.protocol === 'http:'
  if (!url || !isHttp || url.username || url.password || text.length > 2_000)
    throw badParameter(name, 'an https address')
  return url.href
}

function withManifest(
  manifests: readonly SubmittedManifest[],
  url: string | undefined,
  replaced: string | undefined,
  addedAt: Date,
): SubmittedManifest[] {
  const kept = manifests.map(own => (own.url === replaced ? { ...own, isReplaced: true as const } : own))
  if (replaced !== undefined && !manifests.some(own => own.url === replaced))
    throw badParameter('replacesManifestUrl', 'a manifest of this submission')
  if (url === undefined || manifests.some(own => own.url === url)) return kept
  if (manifests.length >= mostManifests) throw badParameter('manifestUrl', `at most ${mostManifests}`)
  return [...kept, { url, addedAt }]
}

async function named(call: FhirCall, deps: SubmitDeps): Promise<SubmissionDocument> {
  const { practice, submissionId } = await given(call, deps)
  return visible(call.principal, deps.id(practice, submissionId), deps)
}

/** Of a practice that is closed nothing is told. */
async function visible(principal: Principal, id: string, deps: SubmitDeps): Promise<SubmissionDocument> {
  const found = await findSubmission(deps.db, id)
  if (!found || !(await deps.maySubmit(principal, found.practice)))
    throw new Refusal(404, [issue('not-found', '$bulk-submit-status')])
  await deps.checkPractice(found.practice)
  return found
}

type Told = { readonly manifest: SubmittedManifest; readonly file: string; readonly job?: JobDocument }

/** The manifests that count, each with what it became. */
async function toldOf({ manifests }: SubmissionDocument, db: Db): Promise<readonly Told[]> {
  const numbered = manifests.map((manifest, index) => ({ manifest, file: `${index + 1}.ndjson` }))
  return Promise.all(
    numbered
      .filter(({ manifest }) => !manifest.isReplaced)
      .map(async told => {
        const job = told.manifest.job === undefined ? undefined : await findJob(db, told.manifest.job)
        return { ...told, ...(job ? { job } : {}) }
      }),
  )
}

function isDone({ manifest, job }: Told): boolean {
  return manifest.failure !== undefined || job?.state === 'done' || job?.state === 'failed'
}

async function status(call: Call, deps: SubmitDeps): Promise<void> {
  const submission = await visible(call.principal, String(call.request.params['id']), deps)
  const { response } = call
  response.set('Cache-Control', 'no-store').set('X-Request-ID', call.requestId)
  const told = submission.state === 'stopped' ? [] : await toldOf(submission, deps.db)
  const done = told.filter(isDone)
  const isOpen = submission.state === 'in-progress'
  if (isOpen || done.length < told.length) {
    const progress = isOpen ? 'not completed by the submitter' : `${done.length} of ${told.length} manifests`
    response.status(202).set('Retry-After', '60').set('X-Progress', progress).end()
    return
  }
  const outcome = told.map(({ manifest, file, job }) => ({
    type: 'OperationOutcome',
    url: `${deps.base}/$bulk-submit-status/${submission._id}/${file}`,
    manifestUrl: manifest.url,
    countSeverity: [
      { code: 'information', count: job?.receipt?.kept ?? 0 },
      { code: 'error', count: job?.receipt?.rejected ?? 1 },
    ],
  }))
  const ends = told.flatMap(({ job }) => (job?.finishedAt ? [Number(job.finishedAt)] : []))
  response.type('application/json').send(
    JSON.stringify({
      transactionTime: new Date(Math.max(...ends, Number(submission.createdAt))).toISOString(),
      submissionId: submission.submissionId,
      requiresAccessToken: true,
      output: [],
      // Named `error` before the ballot.
      outcome,
      error: outcome,
    }),
  )
}

async function download(call: Call, deps: SubmitDeps): Promise<void> {
  const submission = await visible(call.principal, String(call.request.params['id']), deps)
  const told = (await toldOf(submission, deps.db)).find(one => one.file === call.request.params['file'])
  if (!told || !isDone(told)) throw new Refusal(404, [issue('not-found', '$bulk-submit-status')])
  const { manifest, job } = told
  call.log({ inboxIds: job?.chunks.slice(0, 100).map(chunk => chunk.inboxId) ?? [] })
  const { response } = call
  response.status(200).set({
    'Cache-Control': 'no-store',
    'Content-Type': 'application/fhir+ndjson',
    'X-Request-ID': call.requestId,
  })
  await writePart(response, `${JSON.stringify(summaryOf(manifest, job))}\n`)
  if (job) for await (const outcome of deps.outcomes(job)) await writePart(response, `${JSON.stringify(outcome)}\n`)
  response.end()
}

function summaryOf({ failure }: SubmittedManifest, job: JobDocument | undefined): object {
  const { receipt } = job ?? {}
  const text = receipt
    ? `${receipt.in} rows: ${receipt.kept} kept, ${receipt.held} held, ${receipt.rejected} rejected, ${receipt.deletes} deletes.`
    : `Not taken: ${failure ?? job?.failure ?? 'unknown'}.`
  return {
    resourceType: 'OperationOutcome',
    issue: [
      receipt
        ? { severity: 'information', code: 'informational', details: { text } }
        : { severity: 'error', code: 'processing', details: { text } },
    ],
  }
}
