import { limits } from '../../config.ts'
import { type Issue, issue } from '../../fls/issue.ts'
import { Refusal } from '../../http/refusal.ts'
import type { Route } from '../../http/route.ts'
import type { FhirAnswer, FhirBody, FhirCall } from './call.ts'
import { type FhirDeps, fhirBase } from './door.ts'
import { answering, bodyOf } from './exchange.ts'
import { checkProfiles } from './ingest.ts'
import { isObject, type JsonObject, objectAt, objectsAt, textAt } from './json.ts'
import { planAndKeep } from './keep.ts'
import { isOffered } from './offered.ts'
import { operationOutcome } from './operation-outcome.ts'
import type { WriteRequest } from './plan.ts'
import { senderOf } from './sender.ts'
import { jsonOf } from './served.ts'
import { validateResource } from './validate.ts'

/** `POST /fhir/$process-message`: a message Bundle, its MessageHeader first (bdl-12); kept whole or refused whole. */
export function messageRoute(deps: FhirDeps): Route {
  return {
    key: 'POST /fhir/$process-message',
    summary: 'Takes a message Bundle: its resources are kept as if created; the same message again changes nothing.',
    touchesPatientData: true,
    handle: call =>
      answering(call, async plain => {
        const { body, strict } = await bodyOf(call, limits.fhirBundle)
        return processMessage({ ...plain, body }, body, strict, deps)
      }),
  }
}

async function processMessage(
  call: FhirCall,
  body: FhirBody,
  strict: readonly Issue[],
  deps: FhirDeps,
): Promise<FhirAnswer> {
  const isAsync = asyncOf(call.query)
  const header = headerOf(body, strict)
  const entries = objectsAt(body.resource, 'entry')
  const writes = entries.flatMap((entry, index) => (index === 0 ? [] : writeOf(entry, index, deps)))
  const sender = senderOf(call)
  const warnings = checkProfiles(writes, deps)
  // MessageHeader has no identifier of its own: the Bundle's, else the header's id, tells a repeat (R4 messaging.html 2.4.2).
  const controlId =
    call.controlId || (textAt(objectAt(body.resource, 'identifier'), 'value') ?? textAt(header, 'id') ?? '')
  const keeping = { call, sender, body, type: 'Bundle', controlId }
  await planAndKeep(writes, keeping, () => (isAsync ? 202 : 200), deps)
  return isAsync ? { status: 202 } : { status: 200, resource: responseTo(header, warnings, controlId, deps) }
}

/** Refuses what is no message: 400 with every finding. */
function headerOf({ resource }: FhirBody, strict: readonly Issue[]): JsonObject {
  if (textAt(resource, 'resourceType') !== 'Bundle')
    throw new Refusal(400, [issue('resource-type-wrong', 'resourceType')])
  const entries = objectsAt(resource, 'entry')
  if (entries.length > limits.fhirBundleEntries) throw new Refusal(413, [issue('payload-too-large', 'Bundle.entry')])
  const found = [...strict, ...validateResource(resource)]
  if (textAt(resource, 'type') !== 'message') found.push(issue('structure-invalid', 'Bundle.type', { hint: 'message' }))
  const first = entries[0]?.['resource']
  const header = isObject(first) && first['resourceType'] === 'MessageHeader' ? first : undefined
  if (!header)
    found.push(issue('structure-invalid', 'Bundle.entry[0].resource', { hint: 'bdl-12: MessageHeader first' }))
  if (found.length > 0 || !header) throw new Refusal(400, found)
  return header
}

function asyncOf(query: URLSearchParams): boolean {
  for (const name of query.keys())
    if (name !== 'async' && name !== '_format')
      throw new Refusal(400, [
        issue('parameter-not-supported', /^[\w-]{1,64}$/.test(name) ? name : 'parameter', { hint: 'async' }),
      ])
  const stated = query.get('async') ?? 'false'
  if (stated !== 'true' && stated !== 'false') throw new Refusal(400, [issue('parameter-invalid', 'async')])
  return stated === 'true'
}

function writeOf(entry: JsonObject, index: number, deps: FhirDeps): WriteRequest[] {
  const resource = objectAt(entry, 'resource')
  const path = `entry[${index}].resource`
  const where = `Bundle.${path}`
  const type = textAt(resource, 'resourceType') ?? ''
  if (!resource) throw new Refusal(400, [issue('element-required', where)])
  if (deps.typeHandlers.has(type) && !isOffered(type))
    throw new Refusal(422, [
      issue('interaction-not-supported', where, { hint: 'send this type by itself or in a batch' }),
    ])
  const fullUrl = textAt(entry, 'fullUrl')
  return [{ method: 'POST', type, resource, where, path, index, ...(fullUrl === undefined ? {} : { fullUrl }) }]
}

/** The message that answers a message: `ok` says kept, not understood. */
function responseTo(header: JsonObject, warnings: readonly Issue[], controlId: string, deps: FhirDeps): JsonObject {
  const outcome = jsonOf(operationOutcome([...warnings, issue('not-yet-read', 'Bundle')]))
  const base = fhirBase(deps)
  const event = Object.entries(header).filter(([name]) => /^event[A-Z]/.test(name))
  const answered = textAt(header, 'id') ?? (/^[A-Za-z0-9.-]{1,64}$/.test(controlId) ? controlId : 'none')
  const source = textAt(objectAt(header, 'source'), 'endpoint')
  return {
    resourceType: 'Bundle',
    type: 'message',
    timestamp: deps.clock().toISOString(),
    entry: [
      {
        fullUrl: 'urn:uuid:00000000-0000-4000-8000-000000000001',
        resource: {
          resourceType: 'MessageHeader',
          ...Object.fromEntries(event),
          ...(source === undefined ? {} : { destination: [{ endpoint: source }] }),
          source: { name: 'FLS-DB', endpoint: `${base}/$process-message` },
          response: {
            identifier: answered,
            code: 'ok',
            details: { reference: 'urn:uuid:00000000-0000-4000-8000-000000000002' },
          },
        },
      },
      { fullUrl: 'urn:uuid:00000000-0000-4000-8000-000000000002', resource: outcome },
    ],
  }
}
