import { afterAll, beforeAll, describe, expect, test } from '@jest/globals'
import { policy, type RouteKey } from '../../src/access/policy.ts'
import { roles } from '../../src/access/principal.ts'
import type { Route } from '../../src/http/route.ts'
import { routeTable, unservedKeys } from '../../src/http/route-table.ts'
import { type Service, startService } from './running-app.ts'

/** Every route of the policy × every role and a stranger: may, may not (403), who are you (401). */
const claims = { organisations: ['RXX'], feeds: ['rxx01-fls'], practices: ['P81001'] }
const keys = Object.keys(policy).filter((key): key is RouteKey => key in policy)
const cells = keys.flatMap(key => [...roles, 'stranger' as const].map(role => ({ key, role })))

let service: Service
beforeAll(async () => {
  service = await startService({ isWithStandIns: true })
})
afterAll(() => service.close())

function expected(key: RouteKey, role: (typeof cells)[number]['role']): 'may' | 401 | 403 {
  const allowed: 'anyone' | readonly string[] = policy[key]
  if (allowed === 'anyone') return 'may'
  if (role === 'stranger') return 401
  return allowed.includes(role) ? 'may' : 403
}

describe('the permission table', () => {
  test.each(cells)('$key as $role', async ({ key, role }) => {
    const [method = '', path = ''] = key.split(' ')
    const address = path.replace(/:type/, 'Observation').replace(/:(\w+)/g, 'abc')
    const answer = await service.call(role, address, { method, claims })
    await answer.arrayBuffer()
    const outcome = answer.status === 401 || answer.status === 403 ? answer.status : 'may'
    expect(outcome).toBe(expected(key, role))
    expect(answer.headers.get('x-powered-by')).toBeNull()
    expect(answer.headers.get('content-security-policy')).toContain("default-src 'none'")
  })

  test('refusals are in the access log with who, what and why', async () => {
    const mark = `trace-${Date.now()}`
    await service.call('stranger', '/api/links', { headers: { 'X-Request-ID': `${mark}-1` } })
    await service.call('nurse', '/api/links', { headers: { 'X-Request-ID': `${mark}-2` } })
    await service.call('operator', '/api/messages/none-of-yours', { headers: { 'X-Request-ID': `${mark}-3` } })
    await service.call('operator', '/api/no-such-route', { headers: { 'X-Request-ID': `${mark}-4` } })
    const lines = await service.accessLog.read({ limit: 10 })
    const logged = lines
      .filter(line => line.requestId.startsWith(mark))
      .map(({ requestId, role, action, status }) => [requestId.at(-1), role, action, status])
    expect(logged.toSorted()).toEqual([
      ['1', 'anyone', 'GET /api/links', 401],
      ['2', 'nurse', 'GET /api/links', 403],
      ['3', 'operator', 'GET /api/messages/:id', 404],
      ['4', 'operator', 'unknown', 404],
    ])
  })
})

describe('the route table', () => {
  const route = (key: string): Route => ({
    key: key as RouteKey,
    summary: '',
    touchesPatientData: false,
    handle: async () => {},
  })

  test('a route the policy does not know stops the start', () => {
    expect(() => routeTable([route('GET /api/back-door')])).toThrow('no policy for route: GET /api/back-door')
    expect(() => routeTable([route('GET /health'), route('GET /health')])).toThrow('route stands twice: GET /health')
  })
  test('policy rows nobody serves are named', () => {
    expect(unservedKeys([])).toEqual(keys)
    expect(unservedKeys(keys.map(route))).toEqual([])
  })

  /** Express takes the first match, so the order must not depend on who registered first. */
  test.each([
    ['POST', '/fhir/Questionnaire/abc/$populate', 'POST /fhir/Questionnaire/:id/$populate'],
    ['POST', '/fhir/Questionnaire/$process-response', 'POST /fhir/Questionnaire/$process-response'],
    ['POST', '/fhir/Questionnaire/abc/$process-response', 'POST /fhir/Questionnaire/:id/$process-response'],
    ['POST', '/fhir/Patient/_search', 'POST /fhir/:type/_search'],
    ['GET', '/fhir/metadata', 'GET /fhir/metadata'],
    ['GET', '/fhir/.well-known/smart-configuration', 'GET /fhir/.well-known/smart-configuration'],
    ['GET', '/fhir/Questionnaire', 'GET /fhir/Questionnaire'],
    ['GET', '/fhir/Questionnaire/abc', 'GET /fhir/Questionnaire/:id'],
    ['GET', '/fhir/Patient/abc', 'GET /fhir/:type/:id'],
    ['GET', '/fhir/Patient/abc/_history/1', 'GET /fhir/:type/:id/_history/:version'],
    ['GET', '/fhir/EpisodeOfCare/abc/$everything', 'GET /fhir/EpisodeOfCare/:id/$everything'],
  ])('%s %s is %s', async (method, path, key) => {
    const answer = await service.call('hospital', path, { method, claims })
    expect(decodeURIComponent(answer.headers.get('x-route') ?? '')).toBe(key)
  })

  test('a known address with another method is 405 and says which', async () => {
    const answer = await service.call('operator', '/api/feeds', { method: 'DELETE' })
    expect([answer.status, answer.headers.get('allow')]).toEqual([405, 'GET'])
  })
})

describe('one error shape', () => {
  test('problem details on /api, OperationOutcome on /fhir, the same issue in both', async () => {
    const api = await service.call('stranger', '/api/links')
    const fhir = await service.call('stranger', '/fhir/Patient')
    expect(api.headers.get('content-type')).toContain('application/problem+json')
    expect(fhir.headers.get('content-type')).toContain('application/fhir+json')
    expect(api.headers.get('www-authenticate')).toContain('Bearer')
    expect(await api.json()).toMatchObject({
      status: 401,
      issues: [{ code: 'unauthenticated', fix: expect.any(String) }],
    })
    expect(await fhir.json()).toMatchObject({
      resourceType: 'OperationOutcome',
      issue: [{ severity: 'error', code: 'login' }],
    })
  })

  test('X-Request-ID is mirrored when it is one word, else made', async () => {
    const kept = await service.call('stranger', '/health', { headers: { 'X-Request-ID': 'abc-123' } })
    const made = await service.call('stranger', '/health', { headers: { 'X-Request-ID': 'two words' } })
    expect(kept.headers.get('x-request-id')).toBe('abc-123')
    expect(made.headers.get('x-request-id')).toMatch(/^[0-9a-f-]{36}$/)
  })
})
