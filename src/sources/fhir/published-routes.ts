import { routeKey } from '../../access/policy.ts'
import type { Route } from '../../http/route.ts'
import type { Terminology } from '../../terminology/terminology.ts'
import { episodeEverythingDefinition } from '../form/operation-definition.ts'
import type { TypeHandlers } from './call.ts'
import { interactionOf } from './dispatch.ts'
import type { FhirDeps } from './door.ts'
import { answering, formQuery, withBody } from './exchange.ts'
import { type PublishedDeps, publishedHandlers } from './published.ts'
import { extensionDefinitions, searchParameterResources } from './published-definitions.ts'
import { jsonOf } from './served.ts'
import {
  expand,
  lookup,
  type Operation,
  subsumes,
  type TerminologyDeps,
  validateInSet,
  validateInSystem,
} from './terminology-operations.ts'
import { terminologyResources } from './terminology-resources.ts'
import { translateOperation } from './translate-operation.ts'

/** The operations over the shipped tables: where each is called, and what it is by the R4 specification. */
const operations = [
  { type: 'CodeSystem', name: 'lookup', isOnInstance: false, operation: lookup },
  { type: 'CodeSystem', name: 'subsumes', isOnInstance: false, operation: subsumes },
  { type: 'CodeSystem', name: 'validate-code', isOnInstance: false, operation: validateInSystem },
  { type: 'ConceptMap', name: 'translate', isOnInstance: true, operation: translateOperation },
  { type: 'ValueSet', name: 'expand', isOnInstance: true, operation: expand },
  { type: 'ValueSet', name: 'validate-code', isOnInstance: true, operation: validateInSet },
] as const satisfies readonly { type: string; name: string; isOnInstance: boolean; operation: Operation }[]

/** Types everybody may read because they hold nothing about a patient. */
export const publishedTypes = [
  'CodeSystem',
  'ConceptMap',
  'OperationDefinition',
  'SearchParameter',
  'StructureDefinition',
  'ValueSet',
] as const

/** The shipped tables as FHIR resources; made again when `tablesNow` gives others, as it does once a replay has been taken. */
export function publishedTerminology(tablesNow: () => Terminology): TerminologyDeps {
  let made = published(tablesNow())
  const current = () => {
    const terminology = tablesNow()
    if (terminology !== made.terminology) made = published(terminology)
    return made
  }
  return {
    get terminology() {
      return current().terminology
    },
    get codeSystems() {
      return current().codeSystems
    },
    get valueSets() {
      return current().valueSets
    },
    get conceptMaps() {
      return current().conceptMaps
    },
  }
}

function published(terminology: Terminology): TerminologyDeps {
  const { codeSystems, valueSets, conceptMaps } = terminologyResources(terminology)
  return {
    terminology,
    codeSystems: codeSystems.map(jsonOf),
    valueSets: valueSets.map(jsonOf),
    conceptMaps: conceptMaps.map(jsonOf),
  }
}

/** Handlers of the published types, put into the door's `typeHandlers`. */
export function publishedTypeHandlers(
  shipped: TerminologyDeps,
  deps: PublishedDeps,
): ReadonlyMap<string, TypeHandlers> {
  const fixed = {
    OperationDefinition: [jsonOf(episodeEverythingDefinition())],
    SearchParameter: searchParameterResources().map(jsonOf),
    StructureDefinition: extensionDefinitions().map(jsonOf),
  }
  const definitionsOf = (type: (typeof publishedTypes)[number]) =>
    ({ ...fixed, CodeSystem: shipped.codeSystems, ConceptMap: shipped.conceptMaps, ValueSet: shipped.valueSets })[type]
  return new Map(
    publishedTypes.map(type => {
      const own = operations.filter(one => one.type === type)
      const listed = own.map(({ name }) => ({
        name,
        definition: `http://hl7.org/fhir/OperationDefinition/${type}-${name}`,
      }))
      const handlers = publishedHandlers(() => definitionsOf(type), deps)
      return [type, { ...handlers, ...(listed.length > 0 ? { operations: listed } : {}) }] as const
    }),
  )
}

/** Reads of the published types for every role, and the operations over the shipped tables. */
export function publishedRoutes(shipped: TerminologyDeps, deps: FhirDeps): Route[] {
  return [
    ...openTypes.flatMap(type => readRoutes(type, deps)),
    ...operations.flatMap(one => operationRoutes(one, shipped)),
  ]
}

/** Questionnaires are published by the form door and read like the rest. */
const openTypes = [...publishedTypes, 'Questionnaire'] as const

function readRoutes(type: string, deps: FhirDeps): Route[] {
  const search = interactionOf('search', type, deps)
  const read = interactionOf('read', type, deps)
  return [
    open(`GET /fhir/${type}`, `Published ${type} resources.`, call => answering(call, search, type)),
    open(`GET /fhir/${type}/:id`, `One published ${type}.`, call => answering(call, read, type)),
    open(`POST /fhir/${type}/_search`, 'The same search, its parameters in a form.', call =>
      answering(call, async plain => search({ ...plain, query: await formQuery(call, plain.query) }), type),
    ),
  ]
}

function operationRoutes(
  { type, name, isOnInstance, operation }: (typeof operations)[number],
  shipped: TerminologyDeps,
): Route[] {
  const paths = [`/fhir/${type}/$${name}`, ...(isOnInstance ? [`/fhir/${type}/:id/$${name}`] : [])]
  return paths.flatMap(path => [
    open(`GET ${path}`, `${name} over the shipped tables.`, call =>
      answering(call, async plain => operation.answer(plain, shipped), type),
    ),
    open(`POST ${path}`, `${name}, its parameters in a Parameters resource.`, call =>
      answering(call, async plain => operation.answer(await withBody(call, plain), shipped), type),
    ),
  ])
}

function open(key: string, summary: string, handle: Route['handle']): Route {
  return { key: routeKey(key), summary, touchesPatientData: false, handle }
}
