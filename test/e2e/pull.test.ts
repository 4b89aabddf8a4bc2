import { generateKeyPairSync } from 'node:crypto'
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { createServer, type Server } from 'node:http'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { afterAll, beforeAll, beforeEach, expect, test } from '@jest/globals'
import { importSPKI, jwtVerify } from 'jose'
import { quiet, type RunningService, startService } from '../set-up/running.ts'

/** A practice's export, pulled from a FHIR server with a signed key into a running service, to the end: an episode with a GP side. */
const { privateKey, publicKey } = generateKeyPairSync('rsa', { modulusLength: 2048 })
let service: RunningService
let server: Server
let base = ''
let folder = ''
const requests: string[] = []

const lines = (...resources: object[]): string => resources.map(one => `${JSON.stringify(one)}\n`).join('')
const snomed = 'http://snomed.info/sct'
/** What the source holds, and what it says it deleted. */
const gone = '/deleted/Bundle'
let transactionTime = '2024-09-01T02:00:00Z'
let files: Readonly<Record<string, string>> = {
  '/files/Patient': lines({
    resourceType: 'Patient',
    id: 'p1',
    identifier: [{ system: 'https://fhir.nhs.uk/Id/nhs-number', value: '9990001308' }],
    name: [{ family: 'Testley', given: ['Ada'] }],
    gender: 'female',
    birthDate: '1941-03-09',
  }),
  '/files/Condition': lines({
    resourceType: 'Condition',
    id: 'c1',
    subject: { reference: 'Patient/p1' },
    code: { coding: [{ system: snomed, code: '5913000' }] },
    onsetDateTime: '2024-01-12',
    recordedDate: '2024-03-28',
  }),
}

beforeAll(async () => {
  service = await startService({ database: 'e2e_pull', environment: { FLSDB_SEED: 'none' } })
  folder = await mkdtemp(path.join(tmpdir(), 'flsdb-pull-e2e-'))
  server = createServer((request, response) => {
    const where = (request.url ?? '').split('?')[0] ?? ''
    const since = new URL(request.url ?? '', base).searchParams.get('_since')
    requests.push(`${request.method} ${where}${since ? ` since ${since}` : ''}`)
    let body = ''
    request.on('data', part => {
      body += part
    })
    request.on(
      'end',
      () =>
        void answer(where, body, request.headers.authorization).then(([status, headers, text]) =>
          response.writeHead(status, headers).end(text),
        ),
    )
  })
  await new Promise<void>(resolve => server.listen(0, '127.0.0.1', resolve))
  const address = server.address()
  base = `http://127.0.0.1:${typeof address === 'object' && address ? address.port : 0}`
  await writeFile(path.join(folder, 'key.pem'), privateKey.export({ type: 'pkcs8', format: 'pem' }))
}, 60_000)
afterAll(async () => {
  server?.close()
  await service?.stop()
  await rm(folder, { recursive: true, force: true })
})
beforeEach(() => {
  requests.length = 0
})

type Told = readonly [status: number, headers: Record<string, string>, text: string]
const json = { 'content-type': 'application/json' }
async function answer(where: string, body: string, authorization: string | undefined): Promise<Told> {
  if (where === '/token') {
    const assertion = new URLSearchParams(body).get('client_assertion') ?? ''
    const key = await importSPKI(publicKey.export({ type: 'spki', format: 'pem' }).toString(), 'RS384')
    const { payload } = await jwtVerify(assertion, key, { audience: `${base}/token`, issuer: 'fls-db' })
    return [200, json, JSON.stringify({ access_token: `for-${payload.sub}`, token_type: 'bearer', expires_in: 300 })]
  }
  if (authorization !== 'Bearer for-fls-db') return [401, {}, '']
  if (where === '/fhir/Group/all/$export') return [202, { 'content-location': `${base}/job` }, '']
  const named = Object.keys(files).map(place => ({ type: place.split('/').pop(), url: `${base}${place}` }))
  const [deleted, output] = [true, false].map(isGone => named.filter(({ url }) => url.endsWith(gone) === isGone))
  if (where === '/job')
    return [200, json, JSON.stringify({ transactionTime, requiresAccessToken: true, output, deleted })]
  const file = files[where]
  return file !== undefined ? [200, { 'content-type': 'application/fhir+ndjson' }, file] : [404, {}, '']
}

async function pull(practice: string, ...more: string[]): Promise<string> {
  const sources = path.join(folder, 'sources.json')
  const source = {
    practice,
    base: `${base}/fhir`,
    group: 'all',
    origins: [base],
    tokenEndpoint: `${base}/token`,
    clientId: 'fls-db',
    keyFile: 'key.pem',
  }
  await writeFile(sources, JSON.stringify({ trial: source }))
  return service.flsdb('pull', 'trial', '--sources', sources, '--client', 'gp-supplier-gp-emis', '--json', ...more)
}

test('an export becomes an extract of its practice, and a GP side of an episode; the same export again is the same job', async () => {
  const first = JSON.parse(await pull('P81001'))
  expect(first).toMatchObject({ state: 'done', practice: 'P81001', receipt: { in: 2, kept: 2, rejected: 0 } })
  expect(JSON.parse(await pull('P81001')).id).toBe(first.id)
  await quiet(service)
  const episodes = service.mongo.db(service.database).collection('episodes')
  expect(await episodes.countDocuments({ organisations: 'P81001' })).toBe(1)
  expect(requests.filter(one => one === 'DELETE /job')).toHaveLength(2)
})

test('what was deleted since the last pull is taken back, and told where nobody ever sent it', async () => {
  transactionTime = '2024-09-08T02:00:00Z'
  const request = (url: string) => ({ request: { method: 'DELETE', url } })
  files = {
    [gone]: lines(
      { resourceType: 'Bundle', type: 'transaction', entry: [request('Condition/c1'), request('Condition/never')] },
      { resourceType: 'Bundle', type: 'transaction', entry: [request('Organization/o1')] },
      { resourceType: 'Bundle', type: 'transaction' },
    ),
  }
  const job = JSON.parse(await pull('P81001', '--since', 'last'))
  expect(requests).toContain('GET /fhir/Group/all/$export since 2024-09-01T02:00:00Z')
  expect(job).toMatchObject({
    state: 'done',
    receipt: { in: 3, kept: 3, rejected: 0, deletes: 2 },
    issues: [
      { code: 'delete-of-unseen', count: 1 },
      { code: 'resource-not-used', count: 1 },
    ],
  })
  await quiet(service)
  const episodes = service.mongo.db(service.database).collection('episodes')
  expect(await episodes.findOne({ organisations: 'P81001' })).toMatchObject({ status: 'withdrawn' })
})

test('nothing changed: nothing is submitted, and the next pull asks from there', async () => {
  transactionTime = '2024-09-15T02:00:00Z'
  files = { '/files/Patient': '' }
  expect(JSON.parse(await pull('P81001', '--since', 'last'))).toEqual({
    state: 'unchanged',
    since: '2024-09-08T02:00:00Z',
  })
  await pull('P81001', '--since', 'last')
  expect(requests).toContain('GET /fhir/Group/all/$export since 2024-09-15T02:00:00Z')
  await expect(pull('P81001', '--since', 'yesterday')).rejects.toThrow('neither "last" nor an instant')
})

test('of a practice that is not opted in nothing is asked', async () => {
  await service.call('ig-lead', 'PUT', '/api/practices/P81001', { optedIn: false, from: '2026-01-05' })
  await expect(pull('P81001')).rejects.toThrow('not opted in since 2026-01-05; nothing was asked of its supplier')
  expect(requests).toEqual([])
})
