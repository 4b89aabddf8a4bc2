import { mkdtemp, readdir, readFile, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { afterAll, afterEach, beforeEach, expect, test } from '@jest/globals'
import { decodeJwt, decodeProtectedHeader, generateKeyPair } from 'jose'
import nock from 'nock'
import { pullGroup } from '../../src/sources/pull/bulk-client.ts'
import { guardedFetch, retryAfterMs } from '../../src/sources/pull/guarded-fetch.ts'
import { privateKeyToken } from '../../src/sources/pull/private-key-token.ts'

/** The protocol of Bulk Data and SMART Backend Services against a server that keeps to it. */
const host = 'https://gp.example'
const { privateKey } = await generateKeyPair('RS384')
let folder = ''
beforeEach(async () => {
  nock.disableNetConnect()
  folder = await mkdtemp(path.join(tmpdir(), 'flsdb-pull-'))
})
afterEach(async () => {
  nock.cleanAll()
  nock.enableNetConnect()
  await rm(folder, { recursive: true })
})

// It stands in for the sockets of the whole process, and the next test file runs in the same one.
afterAll(() => nock.restore())

const tokenSource = {
  tokenEndpoint: `${host}/token`,
  clientId: 'fls-db',
  key: privateKey,
  keyId: 'k1',
  scope: 'system/*.rs',
}
/** Hands out t1 and t2, once each; keeps the assertions. */
function tokenServer(assertions: string[]): void {
  for (const token of ['t1', 't2'])
    nock(host)
      .post('/token', (body: Readonly<Record<string, string>>) => {
        const assertion = body['client_assertion']
        if (assertion) assertions.push(assertion)
        return assertion !== undefined
      })
      .reply(200, { access_token: token, token_type: 'bearer', expires_in: 300 })
}
const fetchFrom = () =>
  guardedFetch({
    origins: [host],
    token: privateKeyToken(tokenSource),
    mostBytes: 1_000,
    timeoutMs: 2_000,
    longestPauseMs: 5,
  })
const pull = () =>
  pullGroup({
    fetch: fetchFrom(),
    base: `${host}/fhir`,
    group: 'g 1',
    types: ['Patient', 'Condition'],
    folder,
    mostBytes: 1_000_000,
  })

const kickOff = () =>
  nock(host)
    .get('/fhir/Group/g%201/$export')
    .query({ _outputFormat: 'application/fhir+ndjson', _type: 'Patient,Condition' })
const manifest = (output: object[], more: object = {}) => ({
  transactionTime: '2026-11-01T02:00:00Z',
  request: `${host}/fhir/Group/g1/$export`,
  requiresAccessToken: true,
  output,
  error: [],
  ...more,
})
const ndjson = { 'content-type': 'application/fhir+ndjson' }
const json = { 'content-type': 'application/json' }

test('kick-off, status at its pace, manifest, files with the token, the job is deleted there', async () => {
  const assertions: string[] = []
  tokenServer(assertions)
  kickOff()
    .matchHeader('prefer', 'respond-async')
    .matchHeader('authorization', 'Bearer t1')
    .matchHeader('x-request-id', /^[0-9a-f-]{36}$/)
    .reply(202, '', { 'content-location': `${host}/jobs/1` })
  nock(host).get('/jobs/1').twice().reply(202, '', { 'retry-after': '0', 'x-progress': '50%' })
  nock(host).get('/jobs/1').reply(503, '', { 'retry-after': '0' })
  nock(host)
    .get('/jobs/1')
    .reply(
      200,
      manifest([
        { type: 'Patient', url: `${host}/files/p` },
        { type: 'Condition', url: `${host}/files/c` },
      ]),
      json,
    )
  for (const name of ['p', 'c'])
    nock(host)
      .get(`/files/${name}`)
      .matchHeader('authorization', 'Bearer t1')
      .reply(200, `{"resourceType":"Patient","id":"${name}"}\n`, ndjson)
  const forgotten = nock(host).delete('/jobs/1').reply(202)
  const pulled = await pull()
  expect(pulled).toMatchObject({ transactionTime: '2026-11-01T02:00:00Z', errorFiles: 0 })
  expect(pulled.files.map(file => path.basename(file))).toEqual(['00001-Patient.ndjson', '00002-Condition.ndjson'])
  expect(await readFile(pulled.files[0] ?? '', 'utf8')).toContain('"id":"p"')
  expect(forgotten.isDone()).toBe(true)
  expect(assertions).toHaveLength(1)
  const [assertion = ''] = assertions
  expect(decodeProtectedHeader(assertion)).toMatchObject({ alg: 'RS384', kid: 'k1' })
  const claims = decodeJwt(assertion)
  expect(claims).toMatchObject({ iss: 'fls-db', sub: 'fls-db', aud: tokenSource.tokenEndpoint })
  expect((claims.exp ?? 0) - Math.floor(Date.now() / 1_000)).toBeLessThanOrEqual(300)
  expect(claims.jti).toBeTruthy()
})

test('one 401 brings a new token, once; a second is the end', async () => {
  const assertions: string[] = []
  tokenServer(assertions)
  kickOff().reply(401)
  kickOff().matchHeader('authorization', 'Bearer t2').reply(401)
  await expect(pull()).rejects.toMatchObject({ code: 'refused-by-source' })
  expect(assertions).toHaveLength(2)
})

test('files are fetched without the token where the manifest asks for none, further manifests behind next', async () => {
  tokenServer([])
  kickOff().reply(202, '', { 'content-location': '/jobs/2' })
  const second = `${host}/jobs/2/b`
  const told = { requiresAccessToken: false }
  nock(host)
    .get('/jobs/2')
    .reply(
      200,
      manifest([{ type: 'Patient', url: `${host}/f/1` }], { ...told, link: [{ relation: 'next', url: second }] }),
      json,
    )
  nock(host)
    .get('/jobs/2/b')
    .reply(200, manifest([{ type: 'Patient', url: `${host}/f/2` }], told), json)
  nock(host, { badheaders: ['authorization'] })
    .get(/\/f\//)
    .twice()
    .reply(200, '{}\n', ndjson)
  nock(host).delete('/jobs/2').reply(404)
  expect((await pull()).files).toHaveLength(2)
})

test.each<[string, () => void, string]>([
  ['a kick-off that is no 202', () => kickOff().reply(200, {}), 'refused-by-source'],
  ['no place to ask', () => kickOff().reply(202), 'refused-by-source'],
  ['a forbidden export', () => kickOff().reply(403), 'refused-by-source'],
])('%s', async (_what, serve, code) => {
  tokenServer([])
  serve()
  await expect(pull()).rejects.toMatchObject({ code })
  expect(await readdir(folder)).toEqual([])
})

test.each([
  ['3', 3_000],
  ['0', 0],
  ['nonsense', undefined],
  [null, undefined],
])('Retry-After %s is %s ms', (text, ms) => {
  expect(retryAfterMs(text)).toBe(ms)
})
