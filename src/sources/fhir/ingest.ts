import { type Issue, issue } from '../../fls/issue.ts'
import { Refusal } from '../../http/refusal.ts'
import type { FhirAnswer, FhirBody, FhirCall } from './call.ts'
import { type FhirDeps, fhirBase } from './door.ts'
import { type JsonObject, type NumberLiterals, textAt } from './json.ts'
import { type Kept, planAndKeep } from './keep.ts'
import { isOffered, offeredTypes } from './offered.ts'
import { operationOutcome } from './operation-outcome.ts'
import type { PlannedWrite, WritePlan, WriteRequest } from './plan.ts'
import { profileIssues } from './profile.ts'
import { senderOf } from './sender.ts'
import { filled, jsonOf, servedVersion } from './served.ts'
import { parseCriterion } from './token.ts'
import { validateResource } from './validate.ts'
import { versionIdOf } from './written.ts'

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
  const { controlId } = call
  const keeping = { call, sender, body, type: request.type, controlId }
  const { plan, kept } = await planAndKeep([request], keeping, ({ writes }) => statusOf(only(writes)), deps)
  const write = only(plan.writes)
  const { references } = plan
  const told = { call, write, kept, references, literals: body.json.literals, warnings }
  return answerWrite(told, deps)
}

function only([write]: readonly PlannedWrite[]): PlannedWrite {
  if (!write) throw new Error('a plan of one write has one write')
  return write
}

/** Profile rules over what is to be written: errors refuse all of it with 422, warnings are returned. */
export function checkProfiles(requests: readonly WriteRequest[], deps: FhirDeps): Issue[] {
  const found = requests.flatMap(request => profileIssues(request.resource, request.where, deps.allowTestNumbers))
  const errors = found.filter(one => one.severity === 'error')
  if (errors.length > 0) throw new Refusal(422, errors)
  return found
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
  const status = statusOf(write)
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

function statusOf(write: PlannedWrite): number {
  return write.outcome === 'create' ? 201 : 200
}

function versionOf(write: PlannedWrite, kept: Kept, deps: FhirDeps): { versionId: string; at: Date } {
  const current = write.existing?.current
  if (write.outcome === 'match' || !kept.accepted) {
    return { versionId: current?.versionId ?? '', at: current?.at ?? deps.clock() }
  }
  const { inboxId, receivedAt } = kept.accepted
  return { versionId: versionIdOf(inboxId, write.request.path), at: new Date(receivedAt) }
}

/** What `Prefer: return=OperationOutcome` gets: the warnings, that a type is not used, or that it is kept and not read yet. */
function toldOutcome(type: string, warnings: readonly Issue[]): JsonObject {
  const isRead = isOffered(type) && offeredTypes[type] === 'read'
  const issues = [...warnings, issue(isRead ? 'not-yet-read' : 'resource-not-used', type)]
  return jsonOf(operationOutcome(issues))
}
