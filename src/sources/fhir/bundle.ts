import { limits } from '../../config.ts'
import { type Issue, issue } from '../../fls/issue.ts'
import { Refusal } from '../../http/refusal.ts'
import type { AccessNote } from '../../http/route.ts'
import type { FhirAnswer, FhirBody, FhirCall, Interact } from './call.ts'
import type { FhirDeps } from './door.ts'
import { type EntryRequest, entryRequests, isInEntry } from './entry.ts'
import { answerWrite, checkProfiles } from './ingest.ts'
import { type JsonObject, objectAt, objectsAt, textAt } from './json.ts'
import { planAndKeep } from './keep.ts'
import { operationOutcome } from './operation-outcome.ts'
import { type PlannedWrite, refuse, type WriteRequest } from './plan.ts'
import { mergedLiterals } from './rewrite.ts'
import { senderOf } from './sender.ts'
import { jsonOf } from './served.ts'
import { validateResource } from './validate.ts'

/** Finds who answers one interaction; the same for a request by itself and for an entry of a Bundle. */
export type Dispatch = (method: string, call: FhirCall) => Interact
/** Hears of each entry of a batch that is refused by itself; what refuses a Bundle whole is thrown. */
export type OnRefused = (refusal: Refusal) => void
/** How many entries of a batch are under way together. */
const abreast = 25

/**
 * `POST /fhir`: a batch or transaction. `strict`: what the JSON rules found in the body, by FHIRPath.
 * Refused whole: no batch or transaction (400), over 1,000 entries (413), a broken Bundle (400); for a transaction also any fault of any entry.
 */
export async function bundle(
  call: FhirCall,
  strict: readonly Issue[],
  dispatch: Dispatch,
  deps: FhirDeps,
  onRefused: OnRefused = () => undefined,
): Promise<FhirAnswer> {
  const body = call.body
  if (!body || textAt(body.resource, 'resourceType') !== 'Bundle')
    throw new Refusal(400, [issue('resource-type-wrong', 'resourceType')])
  const type = textAt(body.resource, 'type')
  const entries = objectsAt(body.resource, 'entry')
  if (entries.length > limits.fhirBundleEntries) throw new Refusal(413, [issue('payload-too-large', 'Bundle.entry')])
  const found = [...strict, ...validateResource(body.resource)]
  const isBatch = type === 'batch'
  const whole = isBatch ? found.filter(one => !isInEntry(one.where)) : found
  if (whole.length > 0) throw new Refusal(400, whole)
  if (!isBatch && type !== 'transaction') {
    throw new Refusal(400, [issue('structure-invalid', 'Bundle.type', { hint: 'batch or transaction' })])
  }
  const controlId = call.controlId || (textAt(objectAt(body.resource, 'identifier'), 'value') ?? '')
  const requests = entryRequests(entries, body.json.ranges, deps)
  const bundleCall = { ...call, controlId }
  return isBatch
    ? batch(bundleCall, body, requests, found, dispatch, onRefused)
    : transaction(bundleCall, body, requests, dispatch, deps)
}

/** Each entry by itself, as if it had been sent alone; always 200. */
async function batch(
  call: FhirCall,
  body: FhirBody,
  requests: readonly EntryRequest[],
  found: readonly Issue[],
  dispatch: Dispatch,
  onRefused: OnRefused,
): Promise<FhirAnswer> {
  const answers: FhirAnswer[] = []
  for (let start = 0; start < requests.length; start += abreast) {
    const some = requests.slice(start, start + abreast)
    answers.push(
      ...(await Promise.all(some.map(request => batchEntry(call, body, request, found, dispatch, onRefused)))),
    )
  }
  return responseBundle('batch-response', answers)
}

async function batchEntry(
  call: FhirCall,
  body: FhirBody,
  request: EntryRequest,
  found: readonly Issue[],
  dispatch: Dispatch,
  onRefused: OnRefused,
): Promise<FhirAnswer> {
  try {
    if (request.refusal) throw request.refusal
    const own = found.filter(one => isInEntry(one.where, request.index))
    if (own.length > 0) throw new Refusal(400, own)
    // The answers of all entries are one answer: its line is written when all is known.
    const inner = {
      ...entryCall(call, request),
      ...entryBody(body, request),
      log: (about: Parameters<AccessNote>[0]) => call.log(about),
    }
    return await dispatch(request.method, inner)(inner)
  } catch (error) {
    // Faults of ours end the whole batch with 5xx: a resend is absorbed entry by entry.
    if (!(error instanceof Refusal)) throw error
    onRefused(error)
    return { status: error.status, headers: error.headers, resource: jsonOf(operationOutcome(error.issues)) }
  }
}

/** What an entry sent, as if it had been sent alone. */
function entryBody(body: FhirBody, { resource }: EntryRequest): { readonly body?: FhirBody } {
  const range = resource && body.json.ranges.get(resource)
  if (!resource || !range) return {}
  const text = body.text.slice(range[0], range[1])
  return { body: { bytes: Buffer.from(text), text, json: { ...body.json, value: resource }, resource } }
}

function entryCall(call: FhirCall, request: EntryRequest): FhirCall {
  const { id: _id, version: _version, body: _body, ...rest } = call
  return {
    ...rest,
    type: request.type,
    query: request.query,
    headers: { ...pick(call.headers), ...request.headers },
    where: `Bundle.entry[${request.index}].resource`,
    ...(request.id === undefined ? {} : { id: request.id }),
    ...(request.version === undefined ? {} : { version: request.version }),
  }
}

/** Conditions of the outer request are not those of its entries. */
function pick(headers: FhirCall['headers']): FhirCall['headers'] {
  const names = ['prefer', 'nhsd-end-user-organisation-ods']
  return Object.fromEntries(names.map(name => [name, headers[name]]))
}

/** All or nothing: every check first, then one inbox entry holding the body as sent, then the reads. */
async function transaction(
  call: FhirCall,
  body: FhirBody,
  requests: readonly EntryRequest[],
  dispatch: Dispatch,
  deps: FhirDeps,
): Promise<FhirAnswer> {
  refuse(requests.flatMap(request => refusalsOf(request)))
  const writes = requests.flatMap(request => writeRequest(request))
  const sender = senderOf(call)
  const warnings = checkProfiles(writes, deps)
  // A read that is refused refuses the whole before anything is kept; answered again below, with what was written.
  for (const request of requests.filter(({ method }) => method === 'GET')) {
    const inner = entryCall(call, request)
    await dispatch(request.method, inner)(inner)
  }
  const { controlId } = call
  const { plan, kept } = await planAndKeep(writes, { call, sender, body, type: 'Bundle', controlId }, () => 200, deps)
  const byIndex = new Map<number, PlannedWrite>(plan.writes.map(write => [write.request.index, write]))
  const answers: FhirAnswer[] = []
  for (const request of requests) {
    const write = byIndex.get(request.index)
    const inner = entryCall(call, request)
    const own = warnings.filter(one => isInEntry(one.where, request.index))
    const told = { call: inner, kept, references: plan.references, literals: body.json.literals, warnings: own }
    answers.push(write ? await answerWrite({ ...told, write }, deps) : await dispatch(request.method, inner)(inner))
  }
  return responseBundle('transaction-response', answers)
}

function refusalsOf(request: EntryRequest): Refusal[] {
  const at = `Bundle.entry[${request.index}]`
  if (request.refusal) return [request.refusal]
  if (request.isHandledElsewhere) {
    const hint = 'send this type by itself or in a batch'
    return [new Refusal(422, [issue('interaction-not-supported', `${at}.request.url`, { hint })])]
  }
  if (request.method === 'GET') return []
  if (!request.resource) return [new Refusal(400, [issue('element-required', `${at}.resource`)])]
  if (textAt(request.resource, 'resourceType') === request.type) return []
  return [new Refusal(400, [issue('resource-type-wrong', `${at}.resource.resourceType`)])]
}

function writeRequest(request: EntryRequest): WriteRequest[] {
  const { method, resource, type, index } = request
  if (!resource || (method !== 'POST' && method !== 'PUT')) return []
  const path = `entry[${index}].resource`
  const { ifNoneExist, ifMatch, fullUrl, criterion, id } = request
  return [
    {
      ...{ method, type, resource, index, path, where: `Bundle.${path}` },
      ...(fullUrl === undefined ? {} : { fullUrl }),
      ...(id === undefined ? {} : { id }),
      ...(criterion === undefined ? {} : { criterion }),
      ...(ifNoneExist === undefined ? {} : { ifNoneExist }),
      ...(ifMatch === undefined ? {} : { ifMatch }),
    },
  ]
}

const statusTexts: Readonly<Record<number, string>> = {
  200: 'OK',
  201: 'Created',
  304: 'Not Modified',
  400: 'Bad Request',
  403: 'Forbidden',
  404: 'Not Found',
  405: 'Method Not Allowed',
  409: 'Conflict',
  410: 'Gone',
  412: 'Precondition Failed',
  413: 'Content Too Large',
  422: 'Unprocessable Content',
}

/** One response entry per request entry, in the same order. */
function responseBundle(type: string, answers: readonly FhirAnswer[]): FhirAnswer {
  const entry = answers.map(({ status, headers = {}, resource }): JsonObject => {
    const isOutcome = resource !== undefined && resource['resourceType'] === 'OperationOutcome'
    const modified = headers['Last-Modified']
    return {
      ...(resource && !isOutcome ? { resource } : {}),
      response: {
        status: `${status} ${statusTexts[status] ?? ''}`.trim(),
        ...(headers['Location'] === undefined ? {} : { location: headers['Location'] }),
        ...(headers['ETag'] === undefined ? {} : { etag: headers['ETag'] }),
        ...(modified === undefined ? {} : { lastModified: new Date(modified).toISOString() }),
        ...(isOutcome ? { outcome: resource } : {}),
      },
    }
  })
  return {
    status: 200,
    resource: { resourceType: 'Bundle', type, ...(entry.length > 0 ? { entry } : {}) },
    literals: mergedLiterals(answers.map(answer => answer.literals)),
  }
}
