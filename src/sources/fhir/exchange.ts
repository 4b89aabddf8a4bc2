import type { Request } from 'express'
import { limits } from '../../config.ts'
import { type Issue, issue } from '../../fls/issue.ts'
import { Refusal } from '../../http/refusal.ts'
import type { Call } from '../../http/route.ts'
import type { FhirAnswer, FhirBody, FhirCall } from './call.ts'
import { isObject, textAt, writeJson } from './json.ts'
import { checkAccept, checkContentType, readBody } from './media.ts'
import { decodeUtf8, readStrictJson } from './strict-json.ts'

/**
 * One HTTP exchange as one FHIR interaction: negotiates, calls, writes the answer. `type`: the resource type, when the address does not name it
 * by a parameter. Everything thrown goes to the app's error handler.
 */
export async function answering(
  call: Call,
  interact: (call: FhirCall) => Promise<FhirAnswer>,
  type?: string,
): Promise<void> {
  const plain = fhirCallOf(call)
  const fhirCall = type === undefined ? plain : { ...plain, type }
  checkAccept(call.request.headers.accept, fhirCall.query.get('_format'))
  const answer = await interact(fhirCall)
  const { response } = call
  response
    .status(answer.status)
    .set('Cache-Control', 'no-store')
    .set('X-Request-ID', call.requestId)
    .set(answer.headers ?? {})
  const correlation = call.request.get('x-correlation-id')
  if (correlation && /^[\w.-]{1,128}$/.test(correlation)) response.set('X-Correlation-ID', correlation)
  if (!answer.resource) {
    response.end()
    return
  }
  const text = writeJson(answer.resource, answer.literals ?? new WeakMap())
  response.set('Content-Type', 'application/fhir+json; charset=utf-8').send(Buffer.from(text))
}

/** An express request as one FHIR interaction. For modules that mount FHIR routes of their own. */
export function fhirCallOf(call: Call): FhirCall {
  const { request } = call
  const { type, id, version } = request.params
  const sent = request.get('x-request-id')?.trim() ?? ''
  return {
    principal: call.principal,
    type: textOf(type),
    ...(id === undefined ? {} : { id: textOf(id) }),
    ...(version === undefined ? {} : { version: textOf(version) }),
    query: queryOf(request),
    headers: headersOf(request),
    controlId: /^[\x21-\x7e]{1,128}$/.test(sent) ? sent : '',
    requestId: call.requestId,
    log: call.log,
  }
}

function textOf(parameter: string | string[] | undefined): string {
  return Array.isArray(parameter) ? parameter.join('/') : (parameter ?? '')
}

export function queryOf(request: Request): URLSearchParams {
  const at = request.originalUrl.indexOf('?')
  return new URLSearchParams(at < 0 ? '' : request.originalUrl.slice(at + 1))
}

function headersOf(request: Request): Readonly<Record<string, string | undefined>> {
  return Object.fromEntries(
    Object.entries(request.headers).map(([name, value]) => [name, Array.isArray(value) ? value.join(', ') : value]),
  )
}

/** The body under FHIR's JSON rules; what they found beside it. Throws 413, 415 and, when nothing can be read, 400. */
export async function bodyOf(call: Call, limit: number): Promise<{ body: FhirBody; strict: readonly Issue[] }> {
  checkContentType(call.request.headers['content-type'])
  return readFhirBody(await readBody(call.request, limit))
}

/** These bytes under FHIR's JSON rules; what they found beside it. Throws 400 when no resource can be read. */
export function readFhirBody(bytes: Buffer): { body: FhirBody; strict: readonly Issue[] } {
  const text = decodeUtf8(bytes)
  if (text === undefined) throw new Refusal(400, [issue('json-invalid', 'body', { hint: 'not UTF-8' })])
  const { read, issues } = readStrictJson(text)
  if (!read) throw new Refusal(400, issues)
  const resource = read.value
  if (!isObject(resource) || textAt(resource, 'resourceType') === undefined) {
    throw new Refusal(400, [issue('resource-type-wrong', 'resourceType'), ...issues])
  }
  return { body: { bytes, text, json: read, resource }, strict: issues }
}

/** The call with its body, one resource of at most the limit; what the JSON rules find is 400. */
export async function withBody(call: Call, fhirCall: FhirCall, limit: number = limits.fhirResource): Promise<FhirCall> {
  const { body, strict } = await bodyOf(call, limit)
  if (strict.length > 0) throw new Refusal(400, strict)
  return { ...fhirCall, body }
}

/** Parameters of a search sent as a form, after those of the address. */
export async function formQuery(call: Call, query: URLSearchParams): Promise<URLSearchParams> {
  const type = call.request.headers['content-type']?.split(';')[0]?.trim().toLowerCase() ?? ''
  if (type !== '' && type !== 'application/x-www-form-urlencoded') {
    throw new Refusal(415, [
      issue('media-type-not-supported', 'Content-Type', { hint: 'application/x-www-form-urlencoded' }),
    ])
  }
  const form = new URLSearchParams(decodeUtf8(await readBody(call.request, limits.fhirResource)) ?? '')
  return new URLSearchParams([...query, ...form])
}
