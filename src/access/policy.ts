import type { Role } from './principal.ts'
import { roles } from './principal.ts'

const all = roles
const site = ['nurse', 'lead'] as const
const clinical = ['hospital', 'nurse', 'lead'] as const

/**
 * THE permission table: every mounted route, and the roles that may call it. `anyone` needs no token. A route missing here does not start;
 * a row without a route fails the house test. What a role sees of an allowed route is narrowed by its scope (scope.ts): outside it, 404.
 */
export const policy = {
  'GET /': 'anyone',
  'GET /health': 'anyone',
  'GET /ready': 'anyone',
  'GET /metrics': 'anyone',
  'GET /docs/:page': 'anyone',
  'GET /assets/:file': 'anyone',
  'GET /fhir/metadata': 'anyone',
  'GET /fhir/.well-known/smart-configuration': 'anyone',
  'GET /api/openapi.json': 'anyone',
  'GET /api/docs': 'anyone',
  'POST /fhir': ['hospital', 'gp-supplier'],
  'POST /fhir/$process-message': ['hospital', 'gp-supplier'],
  'POST /fhir/:type': ['hospital', 'gp-supplier', 'nurse', 'lead'],
  'PUT /fhir/:type': ['hospital', 'gp-supplier'],
  'PUT /fhir/:type/:id': ['hospital', 'gp-supplier', 'nurse', 'lead'],
  'GET /fhir/:type': ['hospital', 'gp-supplier', 'nurse', 'lead', 'analyst'],
  'POST /fhir/:type/_search': ['hospital', 'gp-supplier', 'nurse', 'lead', 'analyst'],
  'GET /fhir/:type/:id': ['hospital', 'gp-supplier', 'nurse', 'lead', 'analyst'],
  'GET /fhir/:type/:id/_history': ['hospital', 'gp-supplier', 'nurse', 'lead'],
  'GET /fhir/:type/:id/_history/:version': ['hospital', 'gp-supplier', 'nurse', 'lead'],
  'GET /fhir/Questionnaire': all,
  'GET /fhir/Questionnaire/:id': all,
  'GET /fhir/CodeSystem': all,
  'GET /fhir/CodeSystem/:id': all,
  'POST /fhir/CodeSystem/_search': all,
  'GET /fhir/ConceptMap': all,
  'GET /fhir/ConceptMap/:id': all,
  'POST /fhir/ConceptMap/_search': all,
  'GET /fhir/OperationDefinition': all,
  'GET /fhir/OperationDefinition/:id': all,
  'POST /fhir/OperationDefinition/_search': all,
  'GET /fhir/SearchParameter': all,
  'GET /fhir/SearchParameter/:id': all,
  'POST /fhir/SearchParameter/_search': all,
  'GET /fhir/StructureDefinition': all,
  'GET /fhir/StructureDefinition/:id': all,
  'POST /fhir/StructureDefinition/_search': all,
  'GET /fhir/ValueSet': all,
  'GET /fhir/ValueSet/:id': all,
  'POST /fhir/ValueSet/_search': all,
  'POST /fhir/Questionnaire/_search': all,
  'GET /fhir/CodeSystem/$lookup': all,
  'POST /fhir/CodeSystem/$lookup': all,
  'GET /fhir/CodeSystem/$subsumes': all,
  'POST /fhir/CodeSystem/$subsumes': all,
  'GET /fhir/CodeSystem/$validate-code': all,
  'POST /fhir/CodeSystem/$validate-code': all,
  'GET /fhir/ConceptMap/$translate': all,
  'POST /fhir/ConceptMap/$translate': all,
  'GET /fhir/ConceptMap/:id/$translate': all,
  'POST /fhir/ConceptMap/:id/$translate': all,
  'GET /fhir/ValueSet/$expand': all,
  'POST /fhir/ValueSet/$expand': all,
  'GET /fhir/ValueSet/:id/$expand': all,
  'POST /fhir/ValueSet/:id/$expand': all,
  'GET /fhir/ValueSet/$validate-code': all,
  'POST /fhir/ValueSet/$validate-code': all,
  'GET /fhir/ValueSet/:id/$validate-code': all,
  'POST /fhir/ValueSet/:id/$validate-code': all,
  'POST /fhir/Questionnaire/:id/$populate': [...clinical],
  'POST /fhir/Questionnaire/$process-response': [...clinical],
  'POST /fhir/Questionnaire/:id/$process-response': [...clinical],
  'POST /fhir/QuestionnaireResponse/$process-response': [...clinical],
  'POST /fhir/:type/$validate': all,
  'POST /fhir/:type/:id/$validate': ['hospital', 'gp-supplier', 'nurse', 'lead'],
  'GET /fhir/:type/:id/$validate': ['hospital', 'gp-supplier', 'nurse', 'lead'],
  'GET /fhir/EpisodeOfCare/:id/$everything': ['hospital', 'nurse', 'lead', 'analyst'],
  'GET /fhir/$export': ['analyst'],
  'POST /fhir/$export': ['analyst'],
  'GET /fhir/Group/:id/$export': ['analyst'],
  'POST /fhir/Group/:id/$export': ['analyst'],
  'GET /fhir/$export/:id': ['analyst'],
  'DELETE /fhir/$export/:id': ['analyst'],
  'GET /fhir/$export/:id/:file': ['analyst'],
  'POST /api/extracts': ['gp-supplier'],
  'GET /api/extracts': ['gp-supplier', 'ig-lead', 'operator'],
  'POST /api/extracts/:id/confirm': ['ig-lead', 'operator'],
  'POST /api/extracts/:id/refuse': ['ig-lead', 'operator'],
  'GET /api/jobs/:id': ['gp-supplier', 'nurse', 'lead', 'operator'],
  'GET /api/jobs/:id/events': ['gp-supplier', 'nurse', 'lead', 'operator'],
  'GET /api/jobs/:id/rejects.csv': ['gp-supplier', 'nurse', 'lead'],
  'GET /api/episodes': ['analyst'],
  'GET /api/episodes/manifest': ['analyst'],
  'GET /api/links': ['linkage-reviewer'],
  'GET /api/links/:id': ['linkage-reviewer'],
  'POST /api/links/:id/decision': ['linkage-reviewer'],
  'GET /api/messages': ['hospital', 'engineer', 'operator', 'gp-supplier'],
  'GET /api/messages/:id': ['hospital', 'engineer', 'operator', 'gp-supplier'],
  'GET /api/messages/:id/raw': ['engineer'],
  'GET /api/unknown-codes': ['engineer', 'operator'],
  'GET /api/practices': ['ig-lead', 'operator', 'programme'],
  'GET /api/practices/:ods': ['ig-lead', 'operator', 'gp-supplier'],
  'PUT /api/practices/:ods': ['ig-lead'],
  'GET /api/feeds': ['operator', 'ig-lead', 'engineer'],
  'GET /api/feeds/:id': ['operator', 'ig-lead', 'engineer'],
  'PUT /api/feeds/:id': ['operator', 'ig-lead'],
  'GET /api/sites/:ods': ['operator', 'ig-lead', ...site],
  'PUT /api/sites/:ods': ['operator', 'ig-lead'],
  'GET /api/sites': ['operator', 'ig-lead', 'programme'],
  'GET /api/opt-outs': ['ig-lead', 'operator'],
  'POST /api/opt-outs': ['ig-lead'],
  'GET /api/access-log': ['ig-lead'],
  'GET /api/access-log/verify': ['ig-lead'],
} as const satisfies Record<string, 'anyone' | readonly Role[]>

export type RouteKey = keyof typeof policy

/** A key put together from parts; one the table does not have is a broken program. */
export function routeKey(text: string): RouteKey {
  if (!isRouteKey(text)) throw new Error(`no policy for route: ${text}`)
  return text
}

function isRouteKey(text: string): text is RouteKey {
  return Object.hasOwn(policy, text)
}
