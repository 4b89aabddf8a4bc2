import { z } from 'zod'
import type { RouteKey } from '../access/policy.ts'
import { feedStatement, optOutStatement, practiceStatement, siteStatement } from '../access/statements.ts'
import { type JsonSchema, type SchemaName, schemaRef } from './openapi-schemas.ts'

/** What the JSON API describes; the FHIR side has its CapabilityStatement, pages are pages. */
export type DescribedKey = Extract<RouteKey, `${string} /api/${string}` | 'GET /health' | 'GET /ready' | 'GET /metrics'>

type Answers = {
  readonly responses: Readonly<Record<number, JsonSchema>>
  readonly requestBody?: JsonSchema
}

const json = (schema: SchemaName, description: string): JsonSchema => ({
  description,
  content: { 'application/json': { schema: schemaRef(schema) } },
})
const of = (type: string, description: string): JsonSchema => ({ description, content: { [type]: {} } })
const ok = (schema: SchemaName, description: string): Answers => ({ responses: { 200: json(schema, description) } })
const plain = (type: string, description: string): Answers => ({ responses: { 200: of(type, description) } })

/** Statements as they are sent: defaults may be left out. */
function stating(statement: z.ZodType, schema: SchemaName, description: string): Answers {
  const body = z.toJSONSchema(statement, { io: 'input', unrepresentable: 'any' })
  return {
    requestBody: { required: true, content: { 'application/json': { schema: body } } },
    responses: { 200: json(schema, description), 202: json('Received', 'Kept; applied in a moment') },
  }
}

/** What every described route answers when all goes well; faults are problem details everywhere. */
export const answers: Readonly<Record<DescribedKey, Answers>> = {
  'GET /health': ok('Alive', 'The process runs'),
  'GET /ready': {
    responses: { 200: json('Readiness', 'All checks pass'), 503: json('Readiness', 'At least one check fails') },
  },
  'GET /metrics': plain('text/plain', 'Prometheus metrics; no patient data'),
  'GET /api/openapi.json': plain('application/json', 'This description'),
  'GET /api/docs': plain('text/html', 'This description, to be browsed'),
  'POST /api/extracts': {
    responses: {
      202: json('ExtractJob', 'Every row is kept (a trial: read); Location is the job'),
      403: {
        description: 'The practice is not opted in: the date since when; nothing was kept',
        content: { 'application/problem+json': { schema: schemaRef('Problem') } },
      },
    },
  },
  'GET /api/extracts': ok('HeldExtracts', 'Counts and places only'),
  'POST /api/extracts/:id/confirm': {
    responses: {
      200: json('ExtractDecided', 'The decision is in force'),
      202: json('ExtractDecided', 'Kept; not applied yet'),
    },
  },
  'POST /api/extracts/:id/refuse': {
    responses: {
      200: json('ExtractDecided', 'The decision is in force'),
      202: json('ExtractDecided', 'Kept; not applied yet'),
    },
  },
  'GET /api/submissions': ok('Submissions', 'The oldest submission first'),
  'POST /api/submissions/:id/manifests/:number': {
    responses: { 204: { description: 'Noted; what was noted before stays' } },
  },
  'GET /api/jobs/:id': ok('ExtractJob', 'State and receipt'),
  'GET /api/jobs/:id/events': plain('text/event-stream', 'The job whenever it changes'),
  'GET /api/jobs/:id/conformance': {
    responses: {
      200: {
        description: 'Counts only; the same bytes under the same tables and code tables give the same items',
        content: { 'application/json': { schema: schemaRef('Conformance') }, 'text/html': {} },
      },
    },
  },
  'GET /api/jobs/:id/rejects.csv': plain(
    'text/csv',
    'Each rejected row as sent, with file, row, column, problem, fix, code',
  ),
  'GET /api/episodes': {
    responses: {
      200: {
        description: 'One row per episode',
        content: { 'application/x-ndjson': {}, 'text/csv': {}, 'application/vnd.apache.parquet': {} },
      },
    },
  },
  'GET /api/episodes/manifest': ok('Manifest', 'What the same query gives, and what every column means'),
  'GET /api/coverage': ok('Coverage', 'Figures, each with count, n, 95 % interval and its definition in words'),
  'GET /api/links': {
    responses: {
      200: {
        description: 'Reviews that wait; as NDJSON every assignment of facts to fractures and persons',
        content: { 'application/json': { schema: schemaRef('Reviews') }, 'application/x-ndjson': {} },
      },
    },
  },
  'GET /api/links/:id': ok('Link', 'Both sides and the reasons'),
  'POST /api/links/:id/decision': {
    responses: { 200: json('LinkDecided', 'Solved by the decision'), 202: json('LinkDecided', 'Kept; not solved yet') },
  },
  'GET /api/messages': ok('Arrivals', 'Newest first'),
  'GET /api/messages/:id': ok('ArrivalDetail', 'Stages, issues and facts; without values for an operator'),
  'GET /api/messages/:id/raw': plain('application/octet-stream', 'The exact bytes; `Repr-Digest` is their SHA-256'),
  'POST /api/messages/replay': {
    responses: { 200: json('ReplayPreview', 'What would be read'), 202: json('Replay', 'Queued; Location is the job') },
  },
  'POST /api/messages/:id/replay': { responses: { 202: json('Replay', 'Queued; Location is the job') } },
  'GET /api/messages/replay/:job': ok('Replay', 'How far it is'),
  'GET /api/messages/replay/:job/events': plain('text/event-stream', 'The job whenever it changes'),
  'GET /api/dead-letters': ok('DeadLetters', 'Bytes that never became a message'),
  'GET /api/dead-letters/:id/raw': plain('application/octet-stream', 'The exact bytes'),
  'GET /api/unknown-codes': ok('UnknownCodes', 'Most often first'),
  'GET /api/practices': ok('Practices', 'By ODS code'),
  'GET /api/practices/:ods': ok('PracticeDetail', 'With every dated statement'),
  'PUT /api/practices/:ods': stating(practiceStatement, 'PracticeDetail', 'The practice as it stands now'),
  'GET /api/feeds': ok('Feeds', 'Enrolled feeds'),
  'GET /api/feeds/:id': ok('FeedDetail', 'With every statement'),
  'PUT /api/feeds/:id': stating(feedStatement, 'FeedDetail', 'The feed as it stands now'),
  'GET /api/sites/:ods': ok('SiteDetail', 'One site'),
  'PUT /api/sites/:ods': stating(siteStatement, 'SiteDetail', 'The site as it stands now'),
  'GET /api/sites': ok('Sites', 'By ODS code'),
  'GET /api/opt-outs': ok('OptOutList', 'Dates and number; never who is on it'),
  'POST /api/opt-outs': stating(optOutStatement, 'OptOutList', 'The list in force'),
  'GET /api/access-log': ok('AccessLog', 'Newest first'),
  'GET /api/access-log/verify': ok('AccessLogCheck', 'Whether the chain of hashes holds'),
}
