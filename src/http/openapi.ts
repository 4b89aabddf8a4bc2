import { policy, type RouteKey } from '../access/policy.ts'
import { issueCodes } from '../fls/issue.ts'
import { inboxStates } from '../store/arrivals.ts'
import type { Route } from './route.ts'
import { splitKey } from './route-table.ts'

type Json = Readonly<Record<string, unknown>>

/** OpenAPI 3.1 of the JSON API, made from the very routes that are mounted and the policy that guards them; nothing is listed by hand. */
export function openapiOf(
  routes: readonly Route[],
  options: { readonly baseUrl: string; readonly issuer?: string },
): Json {
  const paths: Record<string, Record<string, Json>> = {}
  for (const route of routes.toSorted((a, b) => (a.key < b.key ? -1 : 1))) {
    const { method, path } = splitKey(route.key)
    if (!isDescribed(path)) continue
    const template = path.replace(/:([A-Za-z]+)/g, '{$1}')
    paths[template] = { ...paths[template], [method.toLowerCase()]: operationOf(route, path) }
  }
  return {
    openapi: '3.1.0',
    info: {
      title: 'FLS-DB JSON API',
      version: '1.0.0',
      description:
        'Enrolment, extracts, linkage review, messages and releases. The FHIR side is described by /fhir/metadata.',
      license: { name: 'Apache-2.0', identifier: 'Apache-2.0' },
    },
    servers: [{ url: options.baseUrl }],
    security: [{ bearer: [] }],
    paths,
    components: { schemas, responses: { Problem: problemResponse }, securitySchemes: securitySchemes(options.issuer) },
  }
}

function isDescribed(path: string): boolean {
  return path.startsWith('/api/') || path === '/health' || path === '/ready' || path === '/metrics'
}

function operationOf(route: Route, path: string): Json {
  const allowed = policy[route.key]
  const { parameters, responses, ...rest } = route.openapi ?? {}
  const inPath = [...path.matchAll(/:([A-Za-z]+)/g)].map(match => ({
    name: match[1],
    in: 'path',
    required: true,
    schema: { type: 'string' },
  }))
  return {
    summary: route.summary,
    operationId: operationIdOf(route.key),
    tags: [path.split('/')[2] ?? 'service'],
    ...(allowed === 'anyone' ? { security: [] } : { description: `Roles: ${allowed.join(', ')}.` }),
    ...(inPath.length > 0 || Array.isArray(parameters)
      ? { parameters: [...inPath, ...(Array.isArray(parameters) ? parameters : [])] }
      : {}),
    ...rest,
    responses: {
      ...(isObject(responses) ? responses : { 200: { description: 'The answer' } }),
      default: { $ref: '#/components/responses/Problem' },
    },
  }
}

function operationIdOf(key: RouteKey): string {
  return key
    .replace(/[^A-Za-z]+(.)?/g, (_match, next: string | undefined) => (next ?? '').toUpperCase())
    .replace(/^(GET|POST|PUT|DELETE)/, method => method.toLowerCase())
}

const schemas = {
  Issue: {
    type: 'object',
    required: ['code', 'severity', 'where', 'text', 'fix'],
    properties: {
      code: { enum: Object.keys(issueCodes) },
      severity: { enum: ['error', 'warning', 'information'] },
      where: { type: 'string', description: 'In the terms of what was sent' },
      item: { type: 'string', description: 'Audit question' },
      hint: { type: 'string' },
      text: { type: 'string' },
      fix: { type: 'string' },
    },
  },
  Problem: {
    description: 'RFC 9457 problem details',
    type: 'object',
    required: ['type', 'title', 'status', 'issues'],
    properties: {
      type: { type: 'string', format: 'uri' },
      title: { type: 'string' },
      status: { type: 'integer' },
      instance: { type: 'string', description: 'Reference to quote when you ask us' },
      issues: { type: 'array', items: { $ref: '#/components/schemas/Issue' } },
    },
  },
  Arrival: {
    type: 'object',
    properties: {
      inboxId: { type: 'string' },
      feed: { type: 'string' },
      controlId: { type: 'string' },
      type: { type: 'string' },
      receivedAt: { type: 'string', format: 'date-time' },
      size: { type: 'integer', description: 'Bytes' },
      sha256: { type: 'string' },
      state: { enum: [...inboxStates] },
      attempts: { type: 'integer' },
      issues: { type: 'array', items: { $ref: '#/components/schemas/Issue' } },
    },
  },
} as const

const problemResponse = {
  description: 'What went wrong and what to do',
  content: { 'application/problem+json': { schema: { $ref: '#/components/schemas/Problem' } } },
} as const

function securitySchemes(issuer: string | undefined): Json {
  const bearer = {
    type: 'http',
    scheme: 'bearer',
    bearerFormat: 'JWT',
    description: 'Access token of the identity provider',
  }
  if (!issuer) return { bearer }
  return {
    bearer,
    signIn: { type: 'openIdConnect', openIdConnectUrl: `${issuer}/.well-known/openid-configuration` },
  }
}

function isObject(value: unknown): value is Json {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}
