import { limits } from '../../config.ts'
import { type Issue, issue } from '../../fls/issue.ts'
import { Refusal } from '../../http/refusal.ts'
import type { Call, Route } from '../../http/route.ts'
import type { FhirAnswer, FhirBody, FhirCall } from './call.ts'
import { handlersFor, interactionOf } from './dispatch.ts'
import type { FhirDeps } from './door.ts'
import { answering, bodyOf } from './exchange.ts'
import { type JsonObject, objectAt, objectsAt, textAt } from './json.ts'
import { isRead } from './offered.ts'
import { operationOutcome } from './operation-outcome.ts'
import { profileIssues } from './profile.ts'
import { badParameter } from './search-conditions.ts'
import { jsonOf } from './served.ts'
import { ukCoreProfile, ukCoreQuality } from './uk-core.ts'
import { isResourceType, validateResource } from './validate.ts'

const modes = ['create', 'update', 'delete', 'profile'] as const
const profileOf = (type: string): string => `http://hl7.org/fhir/StructureDefinition/${type}`

/** `$validate` of every R4 type, on the type and on what is kept; keeps nothing, 200 with all findings inside (R4 Resource-validate). */
export function validateRoutes(deps: FhirDeps): Route[] {
  return [
    {
      key: 'POST /fhir/:type/$validate',
      summary:
        'Checks a resource as sending it would, and how far it follows UK Core; keeps nothing; 200 with the findings inside.',
      touchesPatientData: false,
      handle: call => answering(call, async plain => validateSent(plain, await sentIn(call), deps)),
    },
    {
      key: 'POST /fhir/:type/:id/$validate',
      summary: 'Checks a resource as an update of the one named.',
      touchesPatientData: true,
      handle: call => answering(call, async plain => validateSent(plain, await sentIn(call), deps)),
    },
    {
      key: 'GET /fhir/:type/:id/$validate',
      summary: 'Checks what is kept, by the rules that hold now.',
      touchesPatientData: true,
      handle: call => answering(call, plain => validateKept(plain, deps)),
    },
  ]
}

/** What came in the body: the resource, alone or in Parameters, with what the JSON rules found in it. */
type Sent = {
  readonly body: FhirBody
  readonly strict: readonly Issue[]
  readonly mode?: string
  readonly profile?: string
  /** A form given along, to check a response against. */
  readonly questionnaire?: JsonObject
}

async function sentIn(call: Call): Promise<Sent> {
  const { body, strict } = await bodyOf(call, limits.fhirBundle)
  if (body.resource['resourceType'] !== 'Parameters') return { body, strict }
  const parameters = objectsAt(body.resource, 'parameter')
  const index = parameters.findIndex(one => one['name'] === 'resource' && objectAt(one, 'resource') !== undefined)
  const resource = objectAt(parameters[index], 'resource')
  if (!resource) throw new Refusal(400, [issue('element-required', "Parameters.parameter.where(name = 'resource')")])
  const at = `Parameters.parameter[${index}].resource`
  const type = textAt(resource, 'resourceType') ?? ''
  const [start = 0, end = 0] = body.json.ranges.get(resource) ?? []
  const text = body.text.slice(start, end)
  const questionnaire = objectAt(
    parameters.find(one => one['name'] === 'questionnaire'),
    'resource',
  )
  const textOf = (name: string): string | undefined => {
    const held = parameters.find(one => one['name'] === name)
    return ['valueCode', 'valueUri', 'valueCanonical', 'valueString'].map(one => textAt(held, one)).find(Boolean)
  }
  const mode = textOf('mode')
  const profile = textOf('profile')
  return {
    body: { bytes: Buffer.from(text), text, json: { ...body.json, value: resource }, resource },
    strict: strict.map(one =>
      one.where.startsWith(at) ? { ...one, where: `${type}${one.where.slice(at.length)}` } : one,
    ),
    ...(mode === undefined ? {} : { mode }),
    ...(profile === undefined ? {} : { profile }),
    ...(questionnaire ? { questionnaire } : {}),
  }
}

async function validateSent(call: FhirCall, sent: Sent, deps: FhirDeps): Promise<FhirAnswer> {
  const { type } = call
  if (!isResourceType(type)) throw new Refusal(404, [issue('resource-type-unknown', 'address')])
  refuseOthers(call.query)
  const { resource } = sent.body
  if (textAt(resource, 'resourceType') !== type)
    throw new Refusal(400, [issue('resource-type-wrong', `${type}.resourceType`)])
  const mode = modeOf(sent.mode ?? call.query.get('mode') ?? undefined)
  const profile = sent.profile ?? call.query.get('profile') ?? undefined
  const found = [
    ...sent.strict,
    ...(await modeIssues(call, resource, mode, deps)),
    ...findingsOf(sent, profile, type, deps),
  ]
  return { status: 200, resource: jsonOf(operationOutcome(distinct(found))) }
}

/** What the JSON rules and the structure both say is said once. */
function distinct(all: readonly Issue[]): readonly Issue[] {
  const keyOf = ({ code, where, item, hint }: Issue): string =>
    [code, where, item, code === 'uk-core-unmet' ? hint : ''].join(' ')
  return [...new Map(all.map(one => [keyOf(one), one])).values()]
}

async function validateKept(call: FhirCall, deps: FhirDeps): Promise<FhirAnswer> {
  refuseOthers(call.query)
  const { resource } = await interactionOf(
    'read',
    call.type,
    deps,
  )({ ...call, query: new URLSearchParams(), headers: {} })
  if (!resource) throw new Refusal(404, [issue('not-found', call.type)])
  const text = JSON.stringify(resource)
  const json = { value: resource, literals: new WeakMap(), ranges: new WeakMap() }
  const body: FhirBody = { bytes: Buffer.from(text), text, json, resource }
  const found = findingsOf({ body, strict: [] }, call.query.get('profile') ?? undefined, call.type, deps)
  return { status: 200, resource: jsonOf(operationOutcome(found)) }
}

function refuseOthers(query: URLSearchParams): void {
  for (const name of query.keys())
    if (!['mode', 'profile', '_format', '_pretty'].includes(name)) {
      const where = /^[\w.:-]{1,64}$/.test(name) ? name : 'parameter'
      throw new Refusal(400, [issue('parameter-not-supported', where, { hint: 'mode, profile' })])
    }
}

function modeOf(text: string | undefined): (typeof modes)[number] | undefined {
  const mode = modes.find(one => one === text)
  if (text !== undefined && mode === undefined) throw badParameter('mode', modes.join(', '))
  return mode
}

/** Whether the interaction itself would be taken. */
async function modeIssues(
  call: FhirCall,
  resource: JsonObject,
  mode: (typeof modes)[number] | undefined,
  deps: FhirDeps,
): Promise<Issue[]> {
  const { type, id } = call
  const handlers = handlersFor(type, deps)
  if (mode === 'delete') return [issue('interaction-not-supported', type, { hint: 'delete' })]
  if (mode === 'create' && !handlers.create) return [issue('interaction-not-supported', type, { hint: 'create' })]
  if (mode !== 'update' && id === undefined) return []
  if (!handlers.update) return [issue('interaction-not-supported', type, { hint: 'update' })]
  const named = textAt(resource, 'id')
  if (named === undefined) return [issue('element-required', `${type}.id`)]
  if (id !== undefined && named !== id)
    return [issue('structure-invalid', `${type}.id`, { hint: 'the id of the address' })]
  const known = id === undefined ? true : await isKnown(call, deps)
  return known ? [] : [issue('interaction-not-supported', `${type}.id`, { hint: 'ids are given by the server' })]
}

async function isKnown(call: FhirCall, deps: FhirDeps): Promise<boolean> {
  try {
    return (await handlersFor(call.type, deps).read?.({ ...call, headers: {} })) !== undefined
  } catch (error) {
    if (error instanceof Refusal && (error.status === 404 || error.status === 410)) return false
    throw error
  }
}

/** Structure, the rules of the type, then UK Core as a measure: never an error. */
function findingsOf(sent: Sent, profile: string | undefined, type: string, deps: FhirDeps): Issue[] {
  const { resource } = sent.body
  const known = profileKnown(profile, type)
  const check = deps.typeHandlers.get(type)?.check
  const own = check
    ? check(sent.body, sent.questionnaire)
    : [...validateResource(resource, type), ...profileIssues(resource, type, deps.allowTestNumbers)]
  const isWanted = profile === undefined || known === 'uk-core'
  return [
    ...(known === 'unknown' ? [issue('profile-unknown', 'profile')] : []),
    ...own,
    ...(isRead(type) || check || own.length > 0 ? [] : [issue('resource-not-used', type)]),
    ...(isWanted ? ukCoreIssues(resource) : []),
  ]
}

function profileKnown(profile: string | undefined, type: string): 'base' | 'uk-core' | 'unknown' {
  const url = profile?.split('|')[0]
  if (url === undefined || url === profileOf(type)) return 'base'
  return url === ukCoreProfile(type) ? 'uk-core' : 'unknown'
}

/** The score, then every check that is not met: information, whatever it comes to. */
export function ukCoreIssues(resource: JsonObject): Issue[] {
  const quality = ukCoreQuality(resource)
  if (!quality) return []
  const { met, applicable, unmet } = quality
  const type = textAt(resource, 'resourceType') ?? ''
  return [
    issue('uk-core-score', type, { hint: `${met} of ${applicable}` }),
    ...unmet.map(({ path, says }) => issue('uk-core-unmet', path, { hint: says })),
  ]
}
