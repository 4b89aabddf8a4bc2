import type { Request } from 'express'
import { limits } from '../../config.ts'
import { type Issue, issue } from '../../fls/issue.ts'
import { Refusal } from '../../http/refusal.ts'
import type { Call, Route } from '../../http/route.ts'
import { bundle } from './bundle.ts'
import type { FhirAnswer, FhirBody, FhirCall } from './call.ts'
import { capabilityStatement } from './capability.ts'
import { bundleDispatch, type Interaction, interactionOf } from './dispatch.ts'
import type { FhirDeps } from './door.ts'
import { isObject, textAt, writeJson } from './json.ts'
import { checkAccept, checkContentType, readBody } from './media.ts'
import { jsonOf } from './served.ts'
import { decodeUtf8, readStrictJson } from './strict-json.ts'

/** The FHIR door. Types of other modules come through `deps.typeHandlers`; who may call what stands in the policy table. */
export function fhirIngestRoutes(deps: FhirDeps): Route[] {
  const at = (interaction: Interaction) => (call: FhirCall) => interactionOf(interaction, call.type, deps)(call)
  return [
    {
      key: 'GET /fhir/metadata',
      summary: 'What works here: the CapabilityStatement.',
      touchesPatientData: false,
      handle: call => answering(call, async () => metadata(call, deps)),
    },
    {
      key: 'POST /fhir',
      summary: 'A batch or transaction Bundle.',
      touchesPatientData: true,
      handle: call =>
        answering(call, async fhirCall => {
          const { body, strict } = await bodyOf(call, limits.fhirBundle)
          return bundle({ ...fhirCall, body }, strict, bundleDispatch(deps), deps)
        }),
    },
    writing('POST /fhir/:type', 'Create a resource, or find it with If-None-Exist.', at('create')),
    writing('PUT /fhir/:type', 'Conditional update: identifier=system|value.', at('update')),
    writing('PUT /fhir/:type/:id', 'A new version of a resource.', at('update')),
    reading('GET /fhir/:type', 'Search by identifier or _id.', at('search')),
    {
      key: 'POST /fhir/:type/_search',
      summary: 'The same search, its parameters in a form.',
      touchesPatientData: true,
      handle: call =>
        answering(call, async fhirCall => at('search')({ ...fhirCall, query: await formQuery(call, fhirCall.query) })),
    },
    reading('GET /fhir/:type/:id', 'The current version of a resource.', at('read')),
    reading('GET /fhir/:type/:id/_history', 'All versions, newest first.', at('history')),
    reading('GET /fhir/:type/:id/_history/:version', 'One version.', at('vread')),
  ]
}

type FhirRouteKey = 'POST /fhir/:type' | 'PUT /fhir/:type' | 'PUT /fhir/:type/:id'
type FhirReadKey =
  | 'GET /fhir/:type'
  | 'GET /fhir/:type/:id'
  | 'GET /fhir/:type/:id/_history'
  | 'GET /fhir/:type/:id/_history/:version'

function writing(key: FhirRouteKey, summary: string, interact: (call: FhirCall) => Promise<FhirAnswer>): Route {
  return {
    key,
    summary,
    touchesPatientData: true,
    handle: call =>
      answering(call, async fhirCall => {
        const { body, strict } = await bodyOf(call, limits.fhirResource)
        if (strict.length > 0) throw new Refusal(400, strict)
        return interact({ ...fhirCall, body })
      }),
  }
}

function reading(key: FhirReadKey, summary: string, interact: (call: FhirCall) => Promise<FhirAnswer>): Route {
  return { key, summary, touchesPatientData: true, handle: call => answering(call, interact) }
}

/** Negotiates, calls, writes the answer. Everything thrown goes to the app's error handler. */
async function answering(call: Call, interact: (call: FhirCall) => Promise<FhirAnswer>): Promise<void> {
  const fhirCall = fhirCallOf(call)
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

function queryOf(request: Request): URLSearchParams {
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
  const bytes = await readBody(call.request, limit)
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

async function formQuery(call: Call, query: URLSearchParams): Promise<URLSearchParams> {
  const type = call.request.headers['content-type']?.split(';')[0]?.trim().toLowerCase() ?? ''
  if (type !== '' && type !== 'application/x-www-form-urlencoded') {
    throw new Refusal(415, [
      issue('media-type-not-supported', 'Content-Type', { hint: 'application/x-www-form-urlencoded' }),
    ])
  }
  const form = new URLSearchParams(decodeUtf8(await readBody(call.request, limits.fhirResource)) ?? '')
  return new URLSearchParams([...query, ...form])
}

function metadata(call: Call, deps: FhirDeps): FhirAnswer {
  const mode = queryOf(call.request).get('mode') ?? 'full'
  if (mode !== 'full' && mode !== 'normative') throw new Refusal(404, [issue('not-found', 'mode')])
  return { status: 200, resource: jsonOf(capabilityStatement(deps)) }
}
