import { generateKeyPairSync } from 'node:crypto'
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { createServer, type Server } from 'node:http'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { afterAll, beforeAll, beforeEach, describe, expect, test } from '@jest/globals'
import { importSPKI, jwtVerify } from 'jose'
import { issueCodesOf } from '../set-up/linked.ts'
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
  if (where === '/submitted')
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

describe('what a supplier has named by $bulk-submit', () => {
  const supplier = 'gp-supplier-gp-emis'
  const submit = (name: string, more: Readonly<Record<string, string>>, operation = '$bulk-submit') =>
    service.call(
      supplier,
      'POST',
      `/fhir/${operation}`,
      {
        resourceType: 'Parameters',
        parameter: [
          {
            name: 'submitter',
            valueIdentifier: { system: 'https://fhir.nhs.uk/Id/ods-organization-code', value: 'P81001' },
          },
          { name: 'submissionId', valueString: name },
          ...Object.entries(more).map(([key, value]) =>
            key === 'submissionStatus'
              ? { name: key, valueCoding: { code: value } }
              : { name: key, valueString: value },
          ),
        ],
      },
      { 'content-type': 'application/fhir+json', prefer: 'respond-async' },
    )
  const named = (manifestUrl: string) => ({ manifestUrl, fhirBaseUrl: `${base}/fhir` })
  const whereabouts = async (name: string) => {
    const answer = await submit(name, {}, '$bulk-submit-status')
    expect(answer.status).toBe(202)
    return new URL(answer.headers.get('content-location') ?? '').pathname
  }

  test('is fetched when it is completed, becomes an extract, and its outcome is told line by line', async () => {
    files = {
      '/files/Condition': lines(
        {
          resourceType: 'Condition',
          id: 'c2',
          subject: { reference: 'Patient/p1' },
          code: { coding: [{ system: snomed, code: '5913000' }] },
          onsetDateTime: '2024-05-12',
        },
        { resourceType: 'Condition', id: 'c3', code: { coding: [{ system: snomed, code: '5913000' }] } },
      ),
    }
    expect((await submit('s-1', named(`${base}/submitted`))).status).toBe(200)
    expect((await submit('s-1', named('https://elsewhere.example/manifest'))).status).toBe(200)
    const place = await whereabouts('s-1')
    expect((await service.call(supplier, 'GET', place)).status).toBe(202)
    expect(await pull('P81001', '--submitted')).toBe('')
    expect((await submit('s-1', { submissionStatus: 'complete' })).status).toBe(200)

    await expect(pull('P81001', '--submitted')).rejects.toThrow('on a host that is not registered')
    const done = await service.call(supplier, 'GET', place)
    expect(done.status).toBe(200)
    const { outcome } = done.json as { outcome: { url: string; countSeverity: { count: number }[] }[] }
    expect(outcome.map(({ countSeverity }) => countSeverity.map(({ count }) => count))).toEqual([
      [1, 1],
      [0, 1],
    ])
    const [first, second] = await Promise.all(
      outcome.map(async ({ url }) =>
        (await service.call(supplier, 'GET', new URL(url).pathname)).text.trim().split('\n'),
      ),
    )
    expect(JSON.parse(first?.[0] ?? '').issue[0].details.text).toBe('2 rows: 1 kept, 0 held, 1 rejected, 0 deletes.')
    expect(JSON.parse(first?.[1] ?? '').issue[0].expression).toEqual(['00001-Condition.ndjson, row 2'])
    expect(JSON.parse(second?.[0] ?? '').issue[0].details.text).toBe('Not taken: origin-not-allowed.')
    expect(requests.filter(one => one.includes('elsewhere'))).toEqual([])
    expect(await pull('P81001', '--submitted')).toBe('')
  })

  test('files the door of extracts refuses stop nobody: the supplier is told, the next manifest is fetched', async () => {
    files = { '/files/Condition': 'no FHIR at all\n' }
    await submit('s-5', { ...named(`${base}/submitted`), submissionStatus: 'completed' })
    await expect(pull('P81001', '--submitted')).rejects.toThrow('file-not-recognised')
    const done = await service.call(supplier, 'GET', await whereabouts('s-5'))
    const { outcome } = done.json as { outcome: { url: string }[] }
    const told = await service.call(supplier, 'GET', new URL(outcome[0]?.url ?? '').pathname)
    expect(JSON.parse(told.text).issue[0].details.text).toBe('Not taken: manifest-broken.')
    expect(await pull('P81001', '--submitted')).toBe('')
    files = { '/files/Patient': lines({ resourceType: 'Patient', id: 'p9', birthDate: '1940-01-01' }) }
  })

  test('a stopped one is never fetched; nothing can be added to what has ended; saying it again is no fault', async () => {
    await submit('s-2', named(`${base}/submitted`))
    expect((await submit('s-2', { submissionStatus: 'aborted' })).status).toBe(200)
    expect((await submit('s-2', { submissionStatus: 'stopped' })).status).toBe(200)
    const late = await submit('s-2', named(`${base}/more`))
    expect([late.status, issueCodesOf(late)]).toEqual([409, ['submission-ended', 'INVALID_VALUE']])
    expect(await pull('P81001', '--submitted')).toBe('')
    const stopped = await service.call(supplier, 'GET', await whereabouts('s-2'))
    expect(stopped.json).toMatchObject({ submissionId: 's-2', outcome: [] })
  })

  test('a manifest in the place of another: the other is not fetched', async () => {
    await submit('s-3', named('https://elsewhere.example/wrong'))
    const replaced = { ...named(`${base}/submitted`), replacesManifestUrl: 'https://elsewhere.example/wrong' }
    expect((await submit('s-3', { ...replaced, submissionStatus: 'completed' })).status).toBe(200)
    expect(JSON.parse(await pull('P81001', '--submitted')).state).toBe('done')
  })

  test.each<[string, Readonly<Record<string, string>>]>([
    ['neither a manifest nor a status', {}],
    ['a manifest without its base', { manifestUrl: 'https://gp.example/m' }],
    ['an address that is none', { ...named('manifest') }],
    ['a status of no submission', { submissionStatus: 'finished' }],
    [
      'what was never named replaced',
      { ...named('https://gp.example/m'), replacesManifestUrl: 'https://gp.example/n' },
    ],
    ['headers to be sent along', { ...named('https://gp.example/m'), fileRequestHeader: 'x' }],
  ])('%s: 400', async (_name, more) => {
    expect((await submit('s-4', more)).status).toBe(400)
  })

  test('of another practice nothing is known', async () => {
    const place = await whereabouts('s-1')
    const other = service.demo.clients.find(one => one.role === 'gp-supplier' && one.clientId !== supplier)
    for (const address of [place, `${place}/1.ndjson`, '/api/submissions?practice=P81001'])
      expect((await service.call(other?.clientId, 'GET', address)).status).toBe(404)
  })
})

test('of a practice that is not opted in nothing is asked', async () => {
  await service.call('ig-lead', 'PUT', '/api/practices/P81001', { optedIn: false, from: '2026-01-05' })
  await expect(pull('P81001')).rejects.toThrow('not opted in since 2026-01-05; nothing was asked of its supplier')
  expect(requests).toEqual([])
})
