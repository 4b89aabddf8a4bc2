import { instantOf } from '../../fls/dates.ts'
import { type Issue, issue } from '../../fls/issue.ts'
import { Refusal } from '../../http/refusal.ts'
import { indexResources } from '../../store/resources.ts'
import type { Accepted, Arrival } from '../arrival.ts'
import type { FhirAnswer, FhirBody, FhirCall } from './call.ts'
import { type FhirDeps, fhirBase } from './door.ts'
import { type JsonObject, type NumberLiterals, textAt } from './json.ts'
import { laneOf } from './lane.ts'
import { isOffered, offeredTypes } from './offered.ts'
import { operationOutcome } from './operation-outcome.ts'
import { type PlannedWrite, planWrites, type WritePlan, type WriteRequest } from './plan.ts'
import { profileIssues } from './profile.ts'
import { type Sender, senderOf } from './sender.ts'
import { filled, jsonOf, servedVersion } from './served.ts'
import { parseCriterion } from './token.ts'
import { validateResource } from './validate.ts'
import { versionIdOf, writtenResources } from './written.ts'

/** `POST /fhir/:type`: create, or conditional create with If-None-Exist. */
export async function create(call: FhirCall, deps: FhirDeps): Promise<FhirAnswer> {
  const body = bodyOf(call)
  const ifNoneExist = call.headers['if-none-exist']
  const request: WriteRequest = {
    ...requestBase(call, body),
    method: 'POST',
    ...(ifNoneExist === undefined ? {} : { ifNoneExist: parseCriterion(ifNoneExist, 'If-None-Exist') }),
  }
  return writeOne(call, request, body, deps)
}

/** `PUT /fhir/:type/:id` and, without an id, `PUT /fhir/:type?identifier=system|value`. */
export async function update(call: FhirCall, deps: FhirDeps): Promise<FhirAnswer> {
  const body = bodyOf(call)
  const ifMatch = call.headers['if-match']
  const request: WriteRequest = {
    ...requestBase(call, body),
    method: 'PUT',
    ...(call.id === undefined ? { criterion: parseCriterion(call.query.toString(), 'identifier') } : { id: call.id }),
    ...(ifMatch === undefined ? {} : { ifMatch }),
  }
  return writeOne(call, request, body, deps)
}

function requestBase(call: FhirCall, body: FhirBody): Omit<WriteRequest, 'method'> {
  return { type: call.type, resource: body.resource, where: call.where ?? call.type, path: '', index: 0 }
}

function bodyOf(call: FhirCall): FhirBody {
  if (!call.body) throw new Refusal(400, [issue('json-invalid', 'body')])
  if (textAt(call.body.resource, 'resourceType') !== call.type) {
    throw new Refusal(400, [issue('resource-type-wrong', `${call.where ?? call.type}.resourceType`)])
  }
  return call.body
}

async function writeOne(call: FhirCall, request: WriteRequest, body: FhirBody, deps: FhirDeps): Promise<FhirAnswer> {
  const sender = senderOf(call)
  const structural = validateResource(body.resource, request.where)
  if (structural.length > 0) throw new Refusal(400, structural)
  const warnings = checkProfiles([request], deps)
  const plan = await planWrites([request], sender, body.bytes, deps)
  const kept = await keep(
    { call, sender, plan, bytes: body.bytes, type: request.type, controlId: call.controlId },
    deps,
  )
  const [write] = plan.writes
  if (!write) throw new Error('a plan of one write has one write')
  const { references } = plan
  const told = { call, write, kept, references, literals: body.json.literals, warnings }
  return answerWrite(told, deps)
}

/** Profile rules over what is to be written: errors refuse all of it with 422, warnings are returned. */
export function checkProfiles(requests: readonly WriteRequest[], deps: FhirDeps): Issue[] {
  const found = requests.flatMap(request => profileIssues(request.resource, request.where, deps.allowTestNumbers))
  const errors = found.filter(one => one.severity === 'error')
  if (errors.length > 0) throw new Refusal(422, errors)
  return found
}

/** Nothing was accepted when there was nothing to write. */
export type Kept = { readonly accepted?: Accepted }
type Keeping = {
  readonly call: FhirCall
  readonly sender: Sender
  readonly plan: WritePlan
  readonly bytes: Buffer
  readonly type: string
  readonly controlId: string
}

/** Keeps the bytes, then indexes what they wrote. Nothing to write: nothing is kept. */
export async function keep({ call, sender, plan, bytes, type, controlId }: Keeping, deps: FhirDeps): Promise<Kept> {
  const resources = plan.writes
    .filter(write => write.outcome !== 'match')
    .map(({ request, id }) => ({ path: request.path, type: request.type, id }))
  if (resources.length === 0) return {}
  const mapping = deps.mappingOf?.(sender.sender)
  const { references, patients, medications } = plan
  const meta = { resources, references, patients, medications, ...(mapping ? { mapping } : {}) }
  const recordKey = laneOf(plan, sender, mapping, deps)
  const arrival: Arrival = {
    ...sender,
    protocol: 'fhir',
    controlId,
    type,
    bytes,
    meta,
    ...(recordKey ? { recordKey } : {}),
  }
  const accepted = await acceptOnce(arrival, plan, deps)
  const entry = { ...arrival, id: accepted.inboxId, sha256: '', receivedAt: accepted.receivedAt }
  await indexResources(deps.db, writtenResources(entry))
  call.log({ inboxIds: [accepted.inboxId], rows: resources.length })
  return { accepted }
}

/**
 * A body without X-Request-ID that came before is a resend, unless it changes a resource back: then an older version would stay hidden behind
 * the newer one. It is kept again under a control id that names the version it follows; the same bytes as the current version never are.
 */
async function acceptOnce(arrival: Arrival, plan: WritePlan, deps: FhirDeps): Promise<Accepted> {
  const accepted = await deps.accept(arrival)
  if (accepted.outcome !== 'repeat' || arrival.controlId !== '') return accepted
  const reverted = plan.writes.find(({ outcome, existing, request }) => {
    const version = versionIdOf(accepted.inboxId, request.path)
    return outcome === 'update' && existing?.versions.slice(0, -1).some(one => one.versionId === version)
  })
  const current = reverted?.existing?.versions.at(-1)
  if (!current) return accepted
  const held = await deps.rawBytes(current.inboxId)
  if (held?.equals(arrival.bytes)) return { ...accepted, inboxId: current.inboxId, receivedAt: instantOf(current.at) }
  return deps.accept({ ...arrival, controlId: `after-${current.versionId}` })
}

export type Written = {
  readonly call: FhirCall
  readonly write: PlannedWrite
  readonly kept: Kept
  readonly references: WritePlan['references']
  readonly literals: NumberLiterals
  readonly warnings: readonly Issue[]
}

/** Status, headers and body of one write, as a single answer or as an entry of a transaction response. */
export async function answerWrite(written: Written, deps: FhirDeps): Promise<FhirAnswer> {
  const { call, write, kept, literals } = written
  const { request, id } = write
  const version = versionOf(write, kept, deps)
  const status = write.outcome === 'create' ? 201 : 200
  const headers = {
    Location: `${fhirBase(deps)}/${request.type}/${id}/_history/${version.versionId}`,
    ETag: `W/"${version.versionId}"`,
    'Last-Modified': version.at.toUTCString(),
  }
  const wanted = /return\s*=\s*(minimal|representation|OperationOutcome)/.exec(call.headers['prefer'] ?? '')?.[1]
  if (wanted === 'minimal') return { status, headers }
  if (wanted === 'OperationOutcome') return { status, headers, resource: toldOutcome(request.type, written.warnings) }
  if (write.outcome === 'match' && write.existing) {
    return { ...(await servedVersion(write.existing, version.versionId, deps)), status, headers }
  }
  const references = new Map(Object.entries(written.references))
  return { status, headers, resource: filled(request.resource, { id, ...version, references }, literals), literals }
}

function versionOf(write: PlannedWrite, kept: Kept, deps: FhirDeps): { versionId: string; at: Date } {
  const current = write.existing?.versions.at(-1)
  if (write.outcome === 'match' || !kept.accepted) {
    return { versionId: current?.versionId ?? '', at: current?.at ?? deps.clock() }
  }
  const versionId = versionIdOf(kept.accepted.inboxId, write.request.path)
  const known = write.existing?.versions.find(one => one.versionId === versionId)
  return { versionId, at: known?.at ?? new Date(kept.accepted.receivedAt) }
}

/** What `Prefer: return=OperationOutcome` gets: the warnings, that a type is not used, or that it is kept and not read yet. */
function toldOutcome(type: string, warnings: readonly Issue[]): JsonObject {
  const isRead = isOffered(type) && offeredTypes[type] === 'read'
  const issues = [...warnings, issue(isRead ? 'not-yet-read' : 'resource-not-used', type)]
  return jsonOf(operationOutcome(issues))
}
