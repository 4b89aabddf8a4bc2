import { issue } from '../../fls/issue.ts'
import { Refusal } from '../../http/refusal.ts'
import { lookUp, type Meaning } from '../../terminology/look-up.ts'
import { systemOf } from '../../terminology/systems.ts'
import type { Terminology } from '../../terminology/terminology.ts'
import { defaultSets } from '../../terminology/terminology.ts'
import type { FhirAnswer, FhirCall } from './call.ts'
import { isObject, type JsonObject, objectAt, objectsAt, textAt } from './json.ts'
import { type InputOffer, type OperationInput, operationInput, parameters } from './operation-input.ts'
import { badParameter } from './search-conditions.ts'
import { conceptSystem } from './terminology-resources.ts'

/** The tables, and the same as FHIR resources. */
export type TerminologyDeps = {
  readonly terminology: Terminology
  readonly codeSystems: readonly JsonObject[]
  readonly valueSets: readonly JsonObject[]
  readonly conceptMaps: readonly JsonObject[]
}
export type Operation = {
  readonly offer: InputOffer
  readonly answer: (call: FhirCall, deps: TerminologyDeps) => FhirAnswer
}

const coded = { code: 'text', system: 'text', display: 'text', coding: 'Coding' } as const
/** Codings of one question, and parts of a value set given along. */
const mostCodings = 100
const mostParts = 100
const allSets: readonly string[] = [...defaultSets, 'body-site', 'laterality']

/** `CodeSystem/$lookup`: what a code is, and what it means to the audit. Post-coordinated SNOMED CT is taken. */
export const lookup: Operation = {
  offer: { code: 'text', system: 'text', version: 'text', coding: 'Coding', property: 'text' },
  answer: (call, deps) => {
    const { system, code } = codingOf(operationInput(call, lookup.offer))
    const published = conceptIn(deps.codeSystems, system, code)
    const meaning = lookUp({ system, code }, deps.terminology, allSets)
    if (!published && !meaning.row) throw new Refusal(404, [issue('code-unknown', 'code', { severity: 'error' })])
    const codeSystem = codeSystemOf(deps.codeSystems, canonicalSystem(system, deps.terminology))
    return answer([
      ['name', 'valueString', textAt(codeSystem, 'title') ?? system],
      ['version', 'valueString', textAt(codeSystem, 'version')],
      ['display', 'valueString', meaning.row?.display || textAt(published, 'display') || code],
      ...meaningProperties(meaning),
    ])
  },
}

function meaningProperties(meaning: Meaning): readonly Named[] {
  const { row } = meaning
  if (!row) return []
  const stated = [
    ['concept', meaning.site ?? row.concept],
    ['set', row.set],
    ['kind', meaning.kind ?? row.kind],
    ['laterality', meaning.laterality],
    ['certainty', meaning.certainty],
  ] as const
  return stated.flatMap(([code, value]) =>
    value === undefined
      ? []
      : [
          [
            'property',
            'part',
            [
              { name: 'code', valueCode: code },
              { name: 'value', valueCode: value },
            ],
          ] as const,
        ],
  )
}

/** `CodeSystem/$validate-code`: whether the tables know a code of a system. */
export const validateInSystem: Operation = {
  offer: { ...coded, url: 'text', version: 'text', codeableConcept: 'CodeableConcept' },
  answer: (call, deps) => {
    const input = operationInput(call, validateInSystem.offer)
    const url = input.text('url')
    const codings = codingsOf(input, url).filter(one => url === undefined || isSame(one.system, url, deps.terminology))
    const found = codings.find(
      ({ system, code }) =>
        conceptIn(deps.codeSystems, system, code) !== undefined ||
        lookUp({ system, code }, deps.terminology, allSets).row !== undefined,
    )
    return validity(found, found && displayOf(found, deps), input.text('display'))
  },
}

/** `ValueSet/$validate-code` and `ValueSet/[id]/$validate-code`. */
export const validateInSet: Operation = {
  offer: { ...coded, url: 'text', valueSetVersion: 'text', codeableConcept: 'CodeableConcept', valueSet: 'resource' },
  answer: (call, deps) => {
    const input = operationInput(call, validateInSet.offer)
    const set = valueSetFor(call, input, deps)
    const members = new Map(expanded(set, deps).map(one => [`${one.system}|${one.code}`, one]))
    const codings = codingsOf(input, undefined).map(one => ({
      ...one,
      system: canonicalSystem(one.system, deps.terminology),
    }))
    const found = codings.map(({ system, code }) => members.get(`${system}|${code}`)).find(one => one !== undefined)
    return validity(found, found?.display, input.text('display'))
  },
}

function validity(found: object | undefined, display: string | undefined, stated: string | undefined): FhirAnswer {
  const differs = stated !== undefined && display !== undefined && stated !== display
  return answer([
    ['result', 'valueBoolean', found !== undefined],
    [
      'message',
      'valueString',
      found === undefined ? 'The code is not in it.' : differs ? 'Known under another display.' : undefined,
    ],
    ['display', 'valueString', display],
  ])
}

/** `ValueSet/$expand` and `ValueSet/[id]/$expand`: `filter` in display or code, `offset` and `count`. */
export const expand: Operation = {
  offer: {
    url: 'text',
    valueSetVersion: 'text',
    filter: 'text',
    offset: 'count',
    count: 'count',
    valueSet: 'resource',
  },
  answer: (call, deps) => {
    const input = operationInput(call, expand.offer)
    const set = valueSetFor(call, input, deps)
    const filter = input.text('filter')?.toLowerCase()
    const all = expanded(set, deps).filter(
      ({ code, display = '' }) => filter === undefined || `${code} ${display}`.toLowerCase().includes(filter),
    )
    const offset = input.count('offset') ?? 0
    const page = all.slice(offset, offset + (input.count('count') ?? 1_000))
    const { compose: _compose, ...rest } = set
    const stated = (['offset', 'count'] as const).flatMap(name => {
      const valueInteger = input.count(name)
      return valueInteger === undefined ? [] : [{ name, valueInteger }]
    })
    const expansion = {
      identifier: `${textAt(set, 'url') ?? 'urn:value-set'}|${textAt(set, 'version') ?? ''}`,
      timestamp: `${textAt(set, 'date') ?? '2026-11-25'}T00:00:00Z`,
      total: all.length,
      offset,
      ...(stated.length > 0 ? { parameter: stated } : {}),
      ...(page.length > 0
        ? { contains: page.map(({ system, code, display }) => contained(system, code, display)) }
        : {}),
    }
    return { status: 200, resource: { ...rest, resourceType: 'ValueSet', expansion } }
  },
}

function contained(system: string, code: string, display: string | undefined): JsonObject {
  return { system, code, ...(display === undefined ? {} : { display }) }
}

/** `CodeSystem/$subsumes` over the fracture sites: the tree that linkage uses. */
export const subsumes: Operation = {
  offer: { codeA: 'text', codeB: 'text', system: 'text', version: 'text', codingA: 'Coding', codingB: 'Coding' },
  answer: (call, { terminology }) => {
    const input = operationInput(call, subsumes.offer)
    const [a, b] = (['A', 'B'] as const).map(
      end => input.text(`code${end}`) ?? textAt(input.object(`coding${end}`), 'code'),
    )
    const system = input.text('system') ?? textAt(input.object('codingA'), 'system')
    const { sites } = terminology
    if (system !== conceptSystem.replace(/concept$/, 'fracture-site'))
      throw new Refusal(404, [issue('code-system-unknown', 'system', { hint: 'fracture-site only' })])
    if (a === undefined || b === undefined || !sites.sites.includes(a) || !sites.sites.includes(b))
      throw new Refusal(404, [
        issue('code-unknown', a !== undefined && sites.sites.includes(a) ? 'codeB' : 'codeA', { severity: 'error' }),
      ])
    const outcome =
      a === b
        ? 'equivalent'
        : sites.ancestorsOf(b).includes(a)
          ? 'subsumes'
          : sites.ancestorsOf(a).includes(b)
            ? 'subsumed-by'
            : 'not-subsumed'
    return answer([['outcome', 'valueCode', outcome]])
  },
}

type Coding = { readonly system: string; readonly code: string; readonly display?: string }
type Named = readonly [name: string, member: string, value: JsonObject[string] | undefined]

function answer(named: readonly Named[]): FhirAnswer {
  return { status: 200, resource: parameters(...named) }
}

export function codingOf(input: OperationInput): Coding {
  const [first] = codingsOf(input, undefined)
  if (!first) throw badParameter('code', 'code and system, or coding')
  return first
}

/** Codings of any of the ways an operation can be given one; 400 for none, and for more than 100: each is looked for in every table. */
export function codingsOf(input: OperationInput, impliedSystem: string | undefined): readonly Coding[] {
  const held = [input.object('coding'), ...objectsAt(input.object('codeableConcept'), 'coding')].filter(isObject)
  const code = input.text('code')
  const system = input.text('system') ?? impliedSystem
  const all = [
    ...(code !== undefined && system !== undefined ? [{ system, code }] : []),
    ...held.flatMap(one => {
      const own = textAt(one, 'code')
      return own === undefined ? [] : [{ system: textAt(one, 'system') ?? '', code: own }]
    }),
  ]
  if (all.length === 0) throw badParameter('code', 'code and system, or coding')
  if (all.length > mostCodings) throw badParameter('codeableConcept', `at most ${mostCodings} codings`)
  return all
}

/** The published name of a system from any spelling the tables know. */
export function canonicalSystem(system: string, { systems, systemUris }: Terminology): string {
  return systemUris.get(systemOf(system, systems) ?? '') ?? system.split('|')[0] ?? system
}

function isSame(a: string, b: string, terminology: Terminology): boolean {
  return canonicalSystem(a, terminology) === canonicalSystem(b, terminology)
}

function codeSystemOf(all: readonly JsonObject[], url: string): JsonObject | undefined {
  return all.find(one => one['url'] === url)
}

function conceptIn(all: readonly JsonObject[], system: string, code: string): JsonObject | undefined {
  return objectsAt(codeSystemOf(all, system), 'concept').find(one => one['code'] === code)
}

function displayOf({ system, code }: Coding, deps: TerminologyDeps): string | undefined {
  const published = textAt(conceptIn(deps.codeSystems, system, code), 'display')
  return published ?? (lookUp({ system, code }, deps.terminology, allSets).row?.display || undefined)
}

/** The set of the address, of `url`, or given along. 404 when there is none, 422 when it says more than our tables can answer. */
function valueSetFor(call: FhirCall, input: OperationInput, deps: TerminologyDeps): JsonObject {
  const given = input.object('valueSet')
  if (given && given['resourceType'] === 'ValueSet') return given
  const [url, version] = (input.text('url') ?? '').split('|')
  const found = deps.valueSets.find(one =>
    call.id === undefined
      ? one['url'] === url && (version === undefined || one['version'] === version)
      : one['id'] === call.id,
  )
  if (!found) throw new Refusal(404, [issue('value-set-unresolved', call.id === undefined ? 'url' : 'ValueSet')])
  return found
}

function expanded(set: JsonObject, deps: TerminologyDeps): readonly Coding[] {
  const compose = objectAt(set, 'compose')
  const parts = objectsAt(compose, 'include').length + objectsAt(compose, 'exclude').length
  if (parts > mostParts)
    throw new Refusal(422, [issue('value-set-unresolved', 'ValueSet.compose', { hint: `at most ${mostParts} parts` })])
  const included = objectsAt(compose, 'include').flatMap(one => membersOf(one, deps))
  const excluded = new Set(
    objectsAt(compose, 'exclude')
      .flatMap(one => membersOf(one, deps))
      .map(({ system, code }) => `${system}|${code}`),
  )
  return included.filter(({ system, code }) => !excluded.has(`${system}|${code}`))
}

function membersOf(include: JsonObject, deps: TerminologyDeps): readonly Coding[] {
  const system = textAt(include, 'system')
  if (system === undefined || include['filter'] !== undefined || include['valueSet'] !== undefined)
    throw new Refusal(422, [issue('value-set-unresolved', 'ValueSet.compose.include')])
  const listed = objectsAt(include, 'concept')
  const codeSystem = codeSystemOf(deps.codeSystems, system)
  if (listed.length === 0 && codeSystem?.['content'] !== 'complete')
    throw new Refusal(422, [issue('value-set-unresolved', 'ValueSet.compose.include.system')])
  const concepts = listed.length > 0 ? listed : objectsAt(codeSystem, 'concept')
  return concepts.map(one => {
    const display = textAt(one, 'display')
    return { system, code: textAt(one, 'code') ?? '', ...(display ? { display } : {}) }
  })
}
