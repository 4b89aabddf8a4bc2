import { mkdtemp, rm } from 'node:fs/promises'
import { createServer, type IncomingMessage, type RequestListener, type Server, type ServerResponse } from 'node:http'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { gzipSync } from 'node:zlib'
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from '@jest/globals'
import { pullGroup } from '../../src/sources/pull/bulk-client.ts'
import { guardedFetch, type PullFault } from '../../src/sources/pull/guarded-fetch.ts'

/** Guard rules of fhir.md 4.1 against a server that breaks them, and another that must never hear of us. */
let source: Server
let other: Server
let [base, elsewhere] = ['', '']
let answer: RequestListener = (_request, response) => response.writeHead(404).end()
const overheard: string[] = []
let folder = ''

const listening = (listener: RequestListener): Promise<Server> =>
  new Promise(resolve => {
    const server = createServer(listener)
    server.listen(0, '127.0.0.1', () => resolve(server))
  })
const addressOf = (server: Server): string => {
  const address = server.address()
  return `http://127.0.0.1:${typeof address === 'object' && address ? address.port : 0}`
}
beforeAll(async () => {
  source = await listening((request, response) => answer(request, response))
  other = await listening((request, response) => {
    overheard.push(`${request.url} ${request.headers.authorization ?? ''}`)
    response.end('{}')
  })
  ;[base, elsewhere] = [addressOf(source), addressOf(other)]
})
afterAll(() => {
  for (const server of [source, other]) {
    server.closeAllConnections()
    server.close()
  }
})
beforeEach(async () => {
  folder = await mkdtemp(path.join(tmpdir(), 'flsdb-guard-'))
  overheard.length = 0
})
afterEach(() => rm(folder, { recursive: true }))

const guarded = (more: object = {}) =>
  guardedFetch({
    origins: [base],
    token: async () => 'secret',
    mostBytes: 100_000,
    timeoutMs: 20_000,
    longestPauseMs: 5,
    attempts: 2,
    ...more,
  })
const pull = (fetchFrom = guarded()) =>
  pullGroup({
    ...{ fetch: fetchFrom, base: `${base}/fhir`, group: 'g', types: ['Patient'], folder },
    ...{ mostBytes: 8, patienceMs: 2_000 },
  })

type Pages = Readonly<Record<string, (request: IncomingMessage, response: ServerResponse) => void>>
const json = { 'content-type': 'application/json' }
const manifest = (more: object = {}) =>
  JSON.stringify({ transactionTime: '2026-11-01T02:00:00Z', requiresAccessToken: true, output: [], ...more })
/** A server that keeps to the protocol but for the pages given. */
function serve(pages: Pages): void {
  answer = (request, response) => {
    const where = (request.url ?? '').split('?')[0] ?? ''
    const page = pages[where]
    if (page) page(request, response)
    else if (where.endsWith('$export')) response.writeHead(202, { 'content-location': `${base}/job` }).end()
    else if (where === '/job') response.writeHead(200, json).end(manifest({ output: [file('/file')] }))
    else response.writeHead(200, { 'content-type': 'application/fhir+ndjson' }).end('{}\n')
  }
}
const file = (place: string) => ({ type: 'Patient', url: place.startsWith('http') ? place : `${base}${place}` })
const kickOff = '/fhir/Group/g/$export'
const redirectTo = (place: () => string) => (_request: IncomingMessage, response: ServerResponse) =>
  response.writeHead(302, { location: place() }).end()
const head =
  (status: number, headers: Record<string, string> = {}, body = '') =>
  (_request: IncomingMessage, response: ServerResponse) =>
    response.writeHead(status, headers).end(body)

test('a server that keeps to the protocol is pulled', async () => {
  serve({})
  expect((await pull()).files).toHaveLength(1)
})

describe('rule 1: nothing goes to a host that is not registered', () => {
  test.each<[string, () => Pages]>([
    ['a redirect of the kick-off', () => ({ [kickOff]: redirectTo(() => `${elsewhere}/x`) })],
    ['a status elsewhere', () => ({ [kickOff]: head(202, { 'content-location': `${elsewhere}/job` }) })],
    ['a file elsewhere', () => ({ '/job': head(200, json, manifest({ output: [file(`${elsewhere}/f`)] })) })],
    ['a redirect of a file', () => ({ '/file': redirectTo(() => `${elsewhere}/f`) })],
    [
      'a further manifest elsewhere',
      () => ({ '/job': head(200, json, manifest({ link: [{ relation: 'next', url: `${elsewhere}/m` }] })) }),
    ],
    [
      'a name and password in the address',
      () => ({ '/job': head(200, json, manifest({ output: [file(base.replace('//', '//a:b@'))] })) }),
    ],
    [
      'no address at all',
      () => ({ '/job': head(200, json, manifest({ output: [{ type: 'Patient', url: 'nonsense' }] })) }),
    ],
    [
      'another protocol',
      () => ({
        '/job': head(
          200,
          json,
          manifest({
            output: [{ type: 'Patient', url: 'file:///etc/passwd' }],
          }),
        ),
      }),
    ],
  ])('%s', async (_what, pages) => {
    serve(pages())
    await expect(pull()).rejects.toMatchObject({ code: 'origin-not-allowed' })
    expect(overheard).toEqual([])
  })
  test('plain http only on this host itself', async () => {
    const fetchFrom = guarded({ origins: ['http://gp.example'] })
    await expect(fetchFrom('http://gp.example/fhir')).rejects.toMatchObject({ code: 'not-https' })
  })
  test('a redirect within the origin is followed, with the token', async () => {
    const tokens: (string | undefined)[] = []
    serve({
      '/file': redirectTo(() => '/moved'),
      '/moved': (request, response) => {
        tokens.push(request.headers.authorization)
        response.writeHead(200, { 'content-type': 'application/fhir+ndjson' }).end('{}\n')
      },
    })
    await pull()
    expect(tokens).toEqual(['Bearer secret'])
  })
})

test.each<[string, PullFault, () => Pages]>([
  ['rule 1: redirects without end', 'too-many-redirects', () => ({ '/file': redirectTo(() => '/file') })],
  ['rule 2: no head in time', 'too-slow', () => ({ '/job': () => undefined })],
  [
    'rule 2: a body that stands still',
    'too-slow',
    () => ({
      '/file': (_request, response) =>
        void response.writeHead(200, { 'content-type': 'application/fhir+ndjson' }).write('{}\n'),
    }),
  ],
  ['rule 3: 503 again and again', 'refused-by-source', () => ({ '/job': head(503, { 'retry-after': '0' }) })],
  [
    'rule 4: a file too large',
    'too-large',
    () => ({ '/file': head(200, { 'content-type': 'application/fhir+ndjson' }, 'x'.repeat(200_000)) }),
  ],
  [
    'rule 4: files that are too large together',
    'too-large',
    () => ({ '/job': head(200, json, manifest({ output: ['/1', '/2', '/3'].map(file) })) }),
  ],
  [
    'rule 4: small when packed, too large when not',
    'too-large',
    () => ({
      '/file': (_request, response) =>
        void response
          .writeHead(200, { 'content-type': 'application/fhir+ndjson', 'content-encoding': 'gzip' })
          .end(gzipSync(Buffer.alloc(5_000_000))),
    }),
  ],
  ['a manifest that is a page', 'wrong-type', () => ({ '/job': head(200, { 'content-type': 'text/html' }, '<p>') })],
  ['a file that is a page', 'wrong-type', () => ({ '/file': head(200, { 'content-type': 'text/html' }, '<p>') })],
  ['a manifest that is no JSON', 'manifest-broken', () => ({ '/job': head(200, json, '{') })],
  ['a manifest without its time', 'manifest-broken', () => ({ '/job': head(200, json, '{"output":[]}') })],
  [
    'a file named twice',
    'manifest-broken',
    () => ({ '/job': head(200, json, manifest({ output: [file('/file'), file('/file')] })) }),
  ],
  [
    'manifests in a circle',
    'manifest-broken',
    () => ({ '/job': head(200, json, manifest({ link: [{ relation: 'next', url: `${base}/job` }] })) }),
  ],
  ['a status that is never through', 'too-slow', () => ({ '/job': head(202, { 'retry-after': '9' }) })],
  ['a file that is gone', 'refused-by-source', () => ({ '/file': head(410) })],
])('%s: %s', async (_what, code, pages) => {
  serve(pages())
  // Only where slowness is the fault is little time given.
  const patient = guarded(code === 'too-slow' ? { longestPauseMs: 3_000, timeoutMs: 300 } : {})
  await expect(pull(patient)).rejects.toMatchObject({ code })
})

test('rule 3: what is not a GET is sent once', async () => {
  let deletes = 0
  serve({
    '/job': (request, response) => {
      if (request.method === 'DELETE') deletes++
      response.writeHead(request.method === 'DELETE' ? 503 : 200, json).end(manifest())
    },
  })
  await pull()
  expect(deletes).toBe(1)
})

test('a token endpoint that gives none ends it, before the source hears anything; a token is asked for once an attempt', async () => {
  let [asked, hits] = [0, 0]
  answer = (_request, response) => {
    hits++
    if (hits < 3) response.writeHead(302, { location: `${base}/again` }).end()
    else response.writeHead(503, { 'retry-after': '0' }).end()
  }
  const broken = guarded({ token: () => Promise.reject(new Error('secret=1234')) })
  const refused = broken(`${base}/fhir`, { isWithToken: true })
  await expect(refused).rejects.toMatchObject({ code: 'no-token', message: expect.stringContaining('token endpoint') })
  await expect(refused).rejects.not.toThrow('1234')
  expect(hits).toBe(0)
  const counting = guarded({ token: async () => `t${asked++}` })
  await expect(counting(`${base}/fhir`, { isWithToken: true })).rejects.toMatchObject({ code: 'refused-by-source' })
  expect([asked, hits]).toEqual([2, 4])
})

test('rule 6: every request has a name of its own', async () => {
  const names: (string | undefined)[] = []
  serve({})
  const plain = answer
  answer = (request, response) => {
    names.push(String(request.headers['x-request-id']))
    plain(request, response)
  }
  await pull()
  expect(names).toHaveLength(4)
  expect(new Set(names).size).toBe(4)
  for (const name of names) expect(name).toMatch(/^[0-9a-f-]{36}$/)
})

test('rule 7: after five failures in a row the source is left alone', async () => {
  let hits = 0
  answer = (_request, response) => {
    hits++
    response.writeHead(503, { 'retry-after': '0' }).end()
  }
  const fetchFrom = guarded({ attempts: 10 })
  await expect(fetchFrom(`${base}/fhir`)).rejects.toMatchObject({ code: 'refused-by-source' })
  await expect(fetchFrom(`${base}/fhir`)).rejects.toMatchObject({ code: 'source-resting' })
  expect(hits).toBe(5)
})

test('what is told of a fault holds no query and no token', async () => {
  serve({ '/job': head(200, json, manifest({ output: [file(`${elsewhere}/f?patient=9990000646`)] })) })
  await expect(pull()).rejects.toThrow(new RegExp(`^[^?]*${elsewhere.replace(/[.:/]/g, '\\$&')}/f\\)$`))
})
