import { issue } from '../../fls/issue.ts'
import { Refusal } from '../../http/refusal.ts'
import type { FhirBody, FhirCall } from './call.ts'
import { isObject, type JsonObject, type JsonValue, objectsAt, textAt } from './json.ts'
import { badParameter } from './search-conditions.ts'
import { validateResource } from './validate.ts'

/** How a parameter of an operation is written: a plain value (also in the address), or a type of its own (only in Parameters). */
export type InputKind = 'text' | 'boolean' | 'count' | 'Coding' | 'CodeableConcept' | 'resource' | 'Reference'
export type InputOffer = Readonly<Record<string, InputKind>>

/** What an operation was given, by name; every value has the form its offer says. */
export type OperationInput = {
  readonly text: (name: string) => string | undefined
  readonly isTrue: (name: string) => boolean
  readonly count: (name: string) => number | undefined
  readonly object: (name: string) => JsonObject | undefined
}

/**
 * Reads the parameters of an operation from the address or from a Parameters resource in the body. A parameter that is not offered is 400,
 * like one given twice or in another form: an operation never answers a question it has not understood.
 */
export function operationInput(call: FhirCall, offer: InputOffer): OperationInput {
  const given = new Map<string, JsonValue>()
  for (const [name, value] of call.query) {
    if (name === '_format' || name === '_pretty') continue
    add(given, name, fromText(name, value, offer))
  }
  const body = call.body && parametersIn(call.body)
  for (const parameter of objectsAt(body, 'parameter')) {
    const name = textAt(parameter, 'name') ?? ''
    add(given, name, fromParameter(name, parameter, offer))
  }
  const of = (name: string): JsonValue | undefined => given.get(name)
  return {
    text: name => asText(of(name)),
    isTrue: name => of(name) === true,
    count: name => (typeof of(name) === 'number' ? Number(of(name)) : undefined),
    object: name => {
      const value = of(name)
      return isObject(value) ? value : undefined
    },
  }
}

function asText(value: JsonValue | undefined): string | undefined {
  return typeof value === 'string' ? value : undefined
}

function parametersIn({ resource }: FhirBody): JsonObject {
  const faults = validateResource(resource)
  if (faults.length > 0) throw new Refusal(400, faults)
  if (resource['resourceType'] !== 'Parameters')
    throw new Refusal(400, [issue('resource-type-wrong', 'resourceType', { hint: 'Parameters' })])
  return resource
}

function add(given: Map<string, JsonValue>, name: string, value: JsonValue): void {
  if (given.has(name)) throw badParameter(name, 'given twice')
  given.set(name, value)
}

function kindOf(name: string, offer: InputOffer): InputKind {
  const kind = Object.hasOwn(offer, name) ? offer[name] : undefined
  if (kind) return kind
  const where = /^[\w.-]{1,64}$/.test(name) ? name : 'parameter'
  throw new Refusal(400, [issue('parameter-not-supported', where, { hint: Object.keys(offer).join(', ') })])
}

function fromText(name: string, value: string, offer: InputOffer): JsonValue {
  const kind = kindOf(name, offer)
  if (kind === 'text') return value
  if (kind === 'boolean' && (value === 'true' || value === 'false')) return value === 'true'
  if (kind === 'count' && /^\d{1,6}$/.test(value)) return Number(value)
  throw badParameter(name, kind === 'boolean' || kind === 'count' ? kind : 'in a Parameters resource')
}

const members: Readonly<Record<InputKind, readonly string[]>> = {
  text: [...'Uri,Canonical,Url,Code,String,Id,Date,DateTime'.split(',')].map(one => `value${one}`),
  boolean: ['valueBoolean'],
  count: ['valueInteger', 'valueUnsignedInt', 'valuePositiveInt'],
  Coding: ['valueCoding'],
  CodeableConcept: ['valueCodeableConcept'],
  Reference: ['valueReference'],
  resource: ['resource'],
}

function fromParameter(name: string, parameter: JsonObject, offer: InputOffer): JsonValue {
  const kind = kindOf(name, offer)
  const member = members[kind].find(one => Object.hasOwn(parameter, one))
  const value = member === undefined ? undefined : parameter[member]
  if (value === undefined || (kind === 'count' && Number(value) < 0))
    throw badParameter(name, members[kind].join(' or '))
  return value
}

/** A Parameters answer, from names to values already in their form; what is undefined is left out. */
export function parameters(
  ...named: readonly (readonly [name: string, member: string, value: JsonValue | undefined])[]
): JsonObject {
  const list = named.flatMap(([name, member, value]) => (value === undefined ? [] : [{ name, [member]: value }]))
  return { resourceType: 'Parameters', ...(list.length > 0 ? { parameter: list } : {}) }
}
