import { connect } from 'node:net'
import { Readable } from 'node:stream'
import { pipeline } from 'node:stream/promises'
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals'
import { policy } from '../../src/access/policy.ts'
import type { Instant } from '../../src/fls/dates.ts'
import { assetRoutes } from '../../src/http/assets.ts'
import { healthRoutes } from '../../src/http/health.ts'
import { createMetrics } from '../../src/http/metrics.ts'
import { openapiOf } from '../../src/http/openapi.ts'
import { pageRoutes } from '../../src/http/pages.ts'
import type { Route } from '../../src/http/route.ts'
import { PracticeClosed, StorageUncertain } from '../../src/sources/arrival.ts'
import { openStore, type Store } from '../../src/store/store.ts'
import { loadPages } from '../../src/web/render.ts'
import { type Service, startService } from './running-app.ts'

/** The service around the API: pages, description, health, limits, and what happens when our own code breaks. */
let service: Service
let store: Store
const mebibyte = Buffer.alloc(1024 * 1024, 'x')
const failing = (key: Route['key'], error: () => Error): Route => ({
  key,
  summary: 'Breaks.',
  touchesPatientData: true,
  handle: async () => Promise.reject(error()),
})
const own: Route[] = [
  failing('GET /api/jobs/:id', () => new Error('SURNAME 9990000018 in row 3')),
  failing('GET /fhir/:type/:id', () => new RangeError('SURNAME 9990000018')),
  failing('POST /api/extracts', () => new StorageUncertain('x')),
  failing('POST /fhir', () => new PracticeClosed('2026-03-01T10:00:00.000Z' as Instant)),
  {
    key: 'GET /fhir/:type',
    summary: 'Streams 20 MiB.',
    touchesPatientData: true,
    handle: async ({ response }) => pipeline(Readable.from(Array.from({ length: 20 }, () => mebibyte)), response),
  },
]

beforeAll(async () => {
  store = await openStore(process.env['FLSDB_TEST_MONGODB'] ?? '', `t_${Date.now().toString(36)}_pages`)
  const pages = await loadPages(() => {})
  const described = pageRoutes({
    store,
    pages: async () => pages,
    profile: 'test',
    baseUrl: 'https://fls-db.test',
    clock: () => new Date(),
    routes: () => described,
  })
  service = await startService({ routes: [...described, ...assetRoutes(), ...own] })
})
afterAll(async () => {
  await service.close()
  await store.db.dropDatabase()
  await store.close()
})

test.each([
  ['/', 'text/html'],
  ['/docs/index', 'text/html'],
  ['/api/docs', 'text/html'],
  ['/api/openapi.json', 'application/json'],
  ['/assets/nhsuk.css', 'text/css'],
  ['/assets/swagger-ui-bundle.js', 'text/javascript'],
  ['/health', 'application/json'],
  ['/ready', 'application/json'],
  ['/metrics', 'text/plain'],
])('%s is there for anyone', async (path, type) => {
  const answer = await service.call('stranger', path)
  expect([answer.status, answer.headers.get('content-type')?.split(';')[0]]).toEqual([200, type])
  expect((await answer.text()).length).toBeGreaterThan(10)
})

test.each([
  '/docs/nothing',
  '/docs/..%2f..%2fpackage',
  '/assets/..%2fhome-page.tsx',
  '/assets/package.json',
  '/assets/constructor',
  '/docs/%E0%A4%A',
])('%s leads nowhere', async path => {
  expect([400, 404]).toContain((await service.call('stranger', path)).status)
})

test('styles name no other host', async () => {
  for (const name of ['nhsuk.css', 'site.css', 'swagger-ui.css']) {
    const text = await (await service.call('stranger', `/assets/${name}`)).text()
    expect(text).not.toMatch(/url\(["']?https?:/)
  }
})

test('the description lists every route of the API that is mounted, each with its roles, and nothing else', () => {
  const routes = Object.keys(policy).map(
    key => ({ key, summary: 's', touchesPatientData: false, handle: async () => {} }) as unknown as Route,
  )
  const description = openapiOf(routes, { baseUrl: 'https://fls-db.test', issuer: 'https://sign-in.test' }) as {
    paths: Record<string, Record<string, { summary: string; operationId: string }>>
  }
  const listed = Object.entries(description.paths).flatMap(([path, methods]) =>
    Object.keys(methods).map(method => `${method.toUpperCase()} ${path.replace(/\{(\w+)\}/g, ':$1')}`),
  )
  const expected = Object.keys(policy).filter(key => / \/(api\/|health|ready|metrics)/.test(key))
  expect(listed.toSorted()).toEqual(expected.toSorted())
  const ids = Object.values(description.paths).flatMap(methods => Object.values(methods).map(one => one.operationId))
  expect(new Set(ids).size).toBe(ids.length)
})

test('a large answer arrives whole through the access log', async () => {
  const answer = await service.call('analyst', '/fhir/Patient')
  expect((await answer.arrayBuffer()).byteLength).toBe(20 * 1024 * 1024)
})

describe('readiness', () => {
  const ready = async (run: () => Promise<{ isReady: boolean }>) => {
    const routes = healthRoutes({ checks: [{ name: 'database', run }], metrics: createMetrics() })
    let status = 0
    const response = {
      status(code: number) {
        status = code
        return this
      },
      set() {
        return this
      },
      json() {
        return this
      },
    }
    await routes.find(route => route.key === 'GET /ready')?.handle({ response } as never)
    return status
  }
  test('one failing check is enough for 503; an exception counts as failing', async () => {
    expect(await ready(async () => ({ isReady: true }))).toBe(200)
    expect(await ready(async () => ({ isReady: false }))).toBe(503)
    expect(await ready(async () => Promise.reject(new Error('down')))).toBe(503)
  })
})

describe('when our own code breaks', () => {
  test.each([
    ['GET', '/api/jobs/7', 'application/problem+json'],
    ['GET', '/fhir/Patient/7', 'application/fhir+json'],
  ])('%s %s: a reference and nothing else, the same reference in the log', async (method, path, type) => {
    const answer = await service.call('gp-supplier', path, { method })
    const text = await answer.text()
    expect([answer.status, answer.headers.get('content-type')?.split(';')[0]]).toEqual([500, type])
    expect(text + service.lines.join('')).not.toMatch(/SURNAME|9990000018|\.ts:\d+(?=.*"issues")/)
    const reference = /[0-9a-f]{8}-[0-9a-f-]{27}/.exec(text)?.[0] ?? 'none'
    expect(service.lines.some(line => line.includes(reference) && line.includes('frames'))).toBe(true)
  })
  test('storage that could not be confirmed is 503 with a time to come back', async () => {
    const answer = await service.call('gp-supplier', '/api/extracts', { method: 'POST' })
    expect([answer.status, answer.headers.get('retry-after'), (await answer.json()).issues[0].code]).toEqual([
      503,
      '5',
      'storage-uncertain',
    ])
  })
  test('a closed practice is 403 with the day it closed', async () => {
    const answer = await service.call('gp-supplier', '/fhir', { method: 'POST' })
    expect([answer.status, JSON.stringify(await answer.json()).includes('2026-03-01')]).toEqual([403, true])
  })
})

test('one caller too fast is 429, another is not slowed', async () => {
  const limited = await startService({ rateLimits: { signedIn: 6, anonymous: 1_000 } })
  try {
    const statuses: number[] = []
    for (let call = 0; call < 8; call++) statuses.push((await limited.call('operator', '/api/messages')).status)
    expect(statuses.filter(status => status === 429)).toHaveLength(2)
    const refused = await limited.call('operator', '/api/messages')
    expect([refused.headers.get('retry-after'), (await refused.json()).issues[0].code]).toEqual([
      '60',
      'too-many-requests',
    ])
    expect((await limited.call('ig-lead', '/api/opt-outs')).status).toBe(200)
  } finally {
    await limited.close()
  }
})

test('too many bad tokens from one address are 429 before they are looked at; a good one from elsewhere is not slowed', async () => {
  const limited = await startService({ rateLimits: { refused: 3 }, trustedProxies: ['127.0.0.1'] })
  const from = (address: string, token: string) =>
    fetch(`${limited.url}/api/messages`, {
      headers: { authorization: `Bearer ${token}`, 'x-forwarded-for': address },
    }).then(answer => answer.status)
  try {
    const bad: number[] = []
    for (let call = 0; call < 5; call++) bad.push(await from('192.0.2.7', 'nonsense'))
    expect(bad).toEqual([401, 401, 401, 429, 429])
    expect(await from('192.0.2.8', await limited.tokenFor('operator'))).toBe(200)
  } finally {
    await limited.close()
  }
})

test.each<[string, string[], string | undefined, number[]]>([
  ['behind a proxy nobody said to trust: callers share its address', [], '192.0.2.7', [401, 401, 401, 401, 401]],
  ['a caller past the proxy, with a header of its own', ['10.0.0.1'], '192.0.2.7', [401, 401, 401, 429, 429]],
  ['no proxy', [], undefined, [401, 401, 401, 429, 429]],
])('bad tokens %s', async (_where, trustedProxies, address, statuses) => {
  const limited = await startService({ rateLimits: { refused: 3 }, trustedProxies })
  const forwarded = address ? { 'x-forwarded-for': address } : {}
  try {
    const bad: number[] = []
    for (let call = 0; call < 5; call++) {
      const headers = { authorization: 'Bearer nonsense', ...forwarded }
      bad.push((await fetch(`${limited.url}/api/messages`, { headers })).status)
    }
    expect(bad).toEqual(statuses)
  } finally {
    await limited.close()
  }
})

test('request smuggling shapes are refused by the server itself', async () => {
  const answer = await raw(
    'POST /api/feeds HTTP/1.1\r\nHost: x\r\nContent-Length: 4\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n',
  )
  expect(answer).toMatch(/^HTTP\/1\.1 400/)
  expect(await raw(`GET / HTTP/1.1\r\nHost: x\r\nX-Long: ${'a'.repeat(20_000)}\r\n\r\n`)).toMatch(/^HTTP\/1\.1 431/)
})

function raw(text: string): Promise<string> {
  const { port } = new URL(service.url)
  return new Promise((resolve, reject) => {
    let got = ''
    const socket = connect(Number(port), '127.0.0.1', () => socket.write(text))
    socket.on('data', part => {
      got += part
    })
    socket.on('close', () => resolve(got))
    socket.on('error', reject)
  })
}
