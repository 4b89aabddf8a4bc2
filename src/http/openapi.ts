import { policy, type RouteKey } from '../access/policy.ts'
import { answers, type DescribedKey } from './openapi-answers.ts'
import { schemas } from './openapi-schemas.ts'
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
    if (!isDescribed(route.key)) continue
    const template = path.replace(/:([A-Za-z]+)/g, '{$1}')
    paths[template] = { ...paths[template], [method.toLowerCase()]: operationOf(route, route.key, path) }
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

function isDescribed(key: RouteKey): key is DescribedKey {
  return Object.hasOwn(answers, key)
}

function operationOf(route: Route, key: DescribedKey, path: string): Json {
  const allowed = policy[key]
  const { parameters, ...rest } = route.openapi ?? {}
  const inPath = [...path.matchAll(/:([A-Za-z]+)/g)].map(match => ({
    name: match[1],
    in: 'path',
    required: true,
    schema: { type: 'string' },
  }))
  const { responses, ...sent } = answers[key]
  return {
    summary: route.summary,
    operationId: operationIdOf(key),
    tags: [tagOf(path)],
    ...(allowed === 'anyone' ? { security: [] } : { description: `Roles: ${allowed.join(', ')}.` }),
    ...(inPath.length > 0 || Array.isArray(parameters)
      ? { parameters: [...inPath, ...(Array.isArray(parameters) ? parameters : [])] }
      : {}),
    ...rest,
    ...sent,
    responses: { ...responses, default: { $ref: '#/components/responses/Problem' } },
  }
}

function tagOf(path: string): string {
  const [, root, area = ''] = path.split('/')
  return root !== 'api' || area === 'docs' || area === 'openapi.json' ? 'service' : area
}

function operationIdOf(key: RouteKey): string {
  return key
    .replace(/[^A-Za-z]+(.)?/g, (_match, next: string | undefined) => (next ?? '').toUpperCase())
    .replace(/^(GET|POST|PUT|DELETE)/, method => method.toLowerCase())
}

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
