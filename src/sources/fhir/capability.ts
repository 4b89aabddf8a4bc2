import type { CapabilityStatement, CapabilityStatementRestResource } from 'fhir/r4.js'
import { handlersFor } from './dispatch.ts'
import { type FhirDeps, fhirBase } from './door.ts'
import { isOffered, offeredTypes } from './offered.ts'
import { searchParameterUrl } from './published-definitions.ts'
import { everyTypeParameters, searchParametersOf } from './search-parameters.ts'

const sdc = 'http://hl7.org/fhir/uv/sdc/CapabilityStatement'
/** The date the offer last changed; part of the statement, not of the clock. */
const changedOn = '2026-11-25'

/** What works, exactly: built from the table and handlers that answer requests, so it cannot promise more or less (fhir.md 1.1). */
export function capabilityStatement(deps: FhirDeps): CapabilityStatement {
  const types = [...new Set([...Object.keys(offeredTypes), ...deps.typeHandlers.keys()])].sort()
  const hasResponses = deps.typeHandlers.get('QuestionnaireResponse')?.create !== undefined
  return {
    resourceType: 'CapabilityStatement',
    status: 'active',
    date: changedOn,
    kind: 'instance',
    ...(hasResponses ? { instantiates: [`${sdc}/sdc-form-receiver`, `${sdc}/sdc-form-response-manager`] } : {}),
    software: { name: 'FLS-DB' },
    implementation: { description: 'FLS-DB: one linked episode per fragility fracture', url: fhirBase(deps) },
    fhirVersion: '4.0.1',
    format: ['application/fhir+json', 'json'],
    rest: [
      {
        mode: 'server',
        documentation:
          'Content is kept as sent and read afterwards. Inside a Bundle every R4 type is taken; types not listed are kept and not used. ' +
          'Conditional create, update and references take identifier=system|value only.',
        security: {
          cors: false,
          service: [
            { coding: [{ system: 'http://terminology.hl7.org/CodeSystem/restful-security-service', code: 'OAuth' }] },
          ],
        },
        resource: types.map(type => resourceEntry(type, deps)),
        interaction: [{ code: 'transaction' }, { code: 'batch' }],
        operation: [
          {
            name: 'process-message',
            definition: 'http://hl7.org/fhir/OperationDefinition/MessageHeader-process-message',
          },
          ...['export', 'bulk-submit', 'bulk-submit-status'].map(name => ({
            name,
            definition: `http://hl7.org/fhir/uv/bulkdata/OperationDefinition/${name}`,
          })),
        ],
      },
    ],
  }
}

const validateOperation = { name: 'validate', definition: 'http://hl7.org/fhir/OperationDefinition/Resource-validate' }

function resourceEntry(type: string, deps: FhirDeps): CapabilityStatementRestResource {
  const handlers = handlersFor(type, deps)
  const theirs = deps.typeHandlers.get(type)
  const parameters = handlers.search ? searchedBy(type) : []
  const isIngested = isOffered(type) && handlers.create !== undefined && theirs?.create === undefined
  const documentation = theirs?.documentation ?? (isOffered(type) ? documentationOf[offeredTypes[type]] : undefined)
  return {
    type: type as CapabilityStatementRestResource['type'],
    ...(documentation ? { documentation } : {}),
    ...(theirs?.profiles ? { supportedProfile: [...theirs.profiles] } : {}),
    interaction: interactionsOf(handlers),
    versioning: 'versioned',
    readHistory: handlers.vread !== undefined,
    updateCreate: false,
    conditionalCreate: isIngested,
    conditionalRead: handlers.read ? 'full-support' : 'not-supported',
    conditionalUpdate: isIngested,
    conditionalDelete: 'not-supported',
    ...(isIngested ? { referencePolicy: ['literal', 'logical', 'local'] } : {}),
    ...(theirs?.includes ? { searchInclude: theirs.includes.map(name => `${type}:${name}`) } : {}),
    ...(parameters.length > 0 ? { searchParam: parameters } : {}),
    operation: [validateOperation, ...(theirs?.operations ?? [])],
  }
}

const documentationOf = {
  read: 'Read into the audit.',
  kept: 'Kept because what is read refers to it; not read by itself.',
} as const

function interactionsOf(
  handlers: ReturnType<typeof handlersFor>,
): NonNullable<CapabilityStatementRestResource['interaction']> {
  return [
    ...(handlers.create ? [{ code: 'create' as const }] : []),
    ...(handlers.history ? [{ code: 'history-instance' as const }] : []),
    ...(handlers.read ? [{ code: 'read' as const }] : []),
    ...(handlers.search ? [{ code: 'search-type' as const }] : []),
    ...(handlers.update ? [{ code: 'update' as const }] : []),
    ...(handlers.vread ? [{ code: 'vread' as const }] : []),
  ]
}

/** The parameters of a type as the statement lists them; the modifiers of each stand in its documentation. */
function searchedBy(type: string): NonNullable<CapabilityStatementRestResource['searchParam']> {
  const own = searchParametersOf(type).map(({ name, type: kind, modifiers, documentation }) => {
    const taken = `Modifiers: ${['missing', ...modifiers].map(one => `:${one}`).join(', ')}.`
    return {
      name,
      definition: searchParameterUrl(type, name),
      type: kind,
      documentation: documentation ? `${documentation} ${taken}` : taken,
    }
  })
  const every = everyTypeParameters.filter(({ name }) => name !== '_lastUpdated' || isKeptByVersion(type))
  return [...every, ...own]
}

/** Types with versions of their own; what is published or put together has no time of being kept. */
function isKeptByVersion(type: string): boolean {
  return type === 'QuestionnaireResponse' || (isOffered(type) && type !== 'EpisodeOfCare')
}
