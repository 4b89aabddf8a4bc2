import { mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import path from 'node:path'
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals'
import { Ajv2020 } from 'ajv/dist/2020.js'
import addFormats from 'ajv-formats'
import { brunoOf, type Description } from '../../scripts/generate/bruno.ts'
import type { DescribedKey } from '../../src/http/openapi-answers.ts'
import { type Answer, quiet, type RunningService, startService } from '../set-up/running.ts'

/** Every route of the JSON API as a running service describes it, called, and its answer held against the description. */
type Operation = {
  readonly parameters?: readonly { readonly name: string; readonly in: string }[]
  readonly requestBody?: object
  readonly responses: Readonly<Record<string, { readonly content?: Readonly<Record<string, object>> }>>
}
let service: RunningService
let description: Description & { readonly paths: Readonly<Record<string, Readonly<Record<string, Operation>>>> }
const ajv = new Ajv2020({ strict: false, allErrors: true })
addFormats.default(ajv)

beforeAll(async () => {
  service = await startService({ database: 'e2e_openapi', environment: { FLSDB_SEED: 'none' } })
  description = (await service.call(undefined, 'GET', '/api/openapi.json')).json as typeof description
  ajv.addSchema({ ...description, $id: 'openapi' })
  await prepare()
}, 180_000)
afterAll(() => service?.stop())

/** Ids that the addresses below need, found as a user would find them. */
const known = { message: '', job: '', replay: '', link: '', letter: '', held: '' }
const idIn = (answer: Answer, name = 'id'): string => {
  const items = (answer.json as { items?: Record<string, unknown>[] } | undefined)?.items ?? []
  return String(items[0]?.[name] ?? '')
}
async function prepare(): Promise<void> {
  await service.flsdb('send', 'samples/hl7v2/01-emergency-a04.hl7', 'samples/hl7v2/04-discharge-a03.hl7', '--mllp')
  await quiet(service)
  known.message = idIn(await service.call('engineer-rxx', 'GET', '/api/messages?controlId=D0001'), 'inboxId')
  const sent = await service.call('gp-supplier-gp-emis', 'POST', '/api/extracts?dryRun=true', extract, {
    'content-type': 'text/csv',
  })
  known.job = sent.headers.get('location')?.split('/').pop() ?? ''
  const replay = await service.call('operator', 'POST', '/api/messages/replay?feed=rxx01-pas')
  known.replay = replay.headers.get('location')?.split('/').pop() ?? ''
  const lines = (await service.call('linkage-reviewer', 'GET', '/api/links?format=ndjson')).text.split('\n')
  known.link = String((JSON.parse(lines[0] ?? '{}') as { personId?: unknown }).personId)
  known.letter = idIn(await service.call('operator', 'GET', '/api/dead-letters'))
  known.held = idIn(await service.call('operator', 'GET', '/api/extracts'))
}

const extract = readFileSync('samples/gp-extract/neutral/good.csv', 'latin1').replaceAll('B86003', 'P81001')

type Called = readonly [who: string | undefined, address: () => string, status: number, body?: unknown]
const statement = {
  organisation: 'RXX',
  protocol: 'hl7v2',
  sendingApplications: ['TRIAL'],
  sendingFacilities: ['RXX99'],
}
/** A route that is not called with success here needs a reason: `known` may hold nothing of its kind, then 404 is what it answers. */
const calls: Readonly<Record<DescribedKey, Called>> = {
  'GET /health': [undefined, () => '/health', 200],
  'GET /ready': [undefined, () => '/ready', 200],
  'GET /metrics': [undefined, () => '/metrics', 200],
  'GET /api/openapi.json': [undefined, () => '/api/openapi.json', 200],
  'GET /api/docs': [undefined, () => '/api/docs', 200],
  'POST /api/extracts': ['gp-supplier-gp-emis', () => '/api/extracts?dryRun=true', 202, extract],
  'GET /api/extracts': ['operator', () => '/api/extracts', 200],
  'POST /api/extracts/:id/confirm': ['ig-lead', () => `/api/extracts/${known.held || 'none'}/confirm`, 404, {}],
  'POST /api/extracts/:id/refuse': ['ig-lead', () => `/api/extracts/${known.held || 'none'}/refuse`, 404, {}],
  'GET /api/submissions': ['gp-supplier-gp-emis', () => '/api/submissions?practice=P81001', 200],
  'POST /api/submissions/:id/manifests/:number': [
    'gp-supplier-gp-emis',
    () => '/api/submissions/none/manifests/1',
    404,
    { failure: 'not-https' },
  ],
  'GET /api/jobs/:id': ['gp-supplier-gp-emis', () => `/api/jobs/${known.job}`, 200],
  'GET /api/jobs/:id/events': ['gp-supplier-gp-emis', () => `/api/jobs/${known.job}/events`, 200],
  'GET /api/jobs/:id/conformance': ['gp-supplier-gp-emis', () => `/api/jobs/${known.job}/conformance`, 200],
  'GET /api/jobs/:id/rejects.csv': ['gp-supplier-gp-emis', () => `/api/jobs/${known.job}/rejects.csv`, 200],
  'GET /api/episodes': ['analyst', () => '/api/episodes?format=csv', 200],
  'GET /api/episodes/manifest': ['analyst', () => '/api/episodes/manifest', 200],
  'GET /api/coverage': ['programme', () => '/api/coverage?practice=P81001', 200],
  'GET /api/links': ['linkage-reviewer', () => '/api/links', 200],
  'GET /api/links/:id': ['linkage-reviewer', () => `/api/links/${known.link}`, 200],
  'POST /api/links/:id/decision': ['linkage-reviewer', () => '/api/links/none/decision', 404, { decision: 'split' }],
  'GET /api/messages': ['engineer-rxx', () => '/api/messages?limit=2', 200],
  'GET /api/messages/:id': ['engineer-rxx', () => `/api/messages/${known.message}`, 200],
  'GET /api/messages/:id/raw': ['engineer-rxx', () => `/api/messages/${known.message}/raw`, 200],
  'POST /api/messages/replay': ['operator', () => '/api/messages/replay?feed=rxx01-pas&dryRun=true', 200],
  'POST /api/messages/:id/replay': ['operator', () => `/api/messages/${known.message}/replay`, 202],
  'GET /api/messages/replay/:job': ['operator', () => `/api/messages/replay/${known.replay}`, 200],
  'GET /api/messages/replay/:job/events': ['operator', () => `/api/messages/replay/${known.replay}/events`, 200],
  'GET /api/dead-letters': ['operator', () => '/api/dead-letters', 200],
  'GET /api/dead-letters/:id/raw': ['engineer-rxx', () => `/api/dead-letters/${known.letter || 'none'}/raw`, 404],
  'GET /api/unknown-codes': ['operator', () => '/api/unknown-codes', 200],
  'GET /api/practices': ['ig-lead', () => '/api/practices', 200],
  'GET /api/practices/:ods': ['ig-lead', () => '/api/practices/P81001', 200],
  'PUT /api/practices/:ods': ['ig-lead', () => '/api/practices/P81099', 200, { optedIn: false, name: 'Trial Surgery' }],
  'GET /api/feeds': ['operator', () => '/api/feeds', 200],
  'GET /api/feeds/:id': ['operator', () => '/api/feeds/rxx01-pas', 200],
  'PUT /api/feeds/:id': ['operator', () => '/api/feeds/trial-pas', 200, statement],
  'GET /api/sites': ['operator', () => '/api/sites', 200],
  'GET /api/sites/:ods': ['operator', () => '/api/sites/RXX01', 200],
  'PUT /api/sites/:ods': ['operator', () => '/api/sites/RXX99', 200, { name: 'Trial site', organisation: 'RXX' }],
  'GET /api/opt-outs': ['ig-lead', () => '/api/opt-outs', 200],
  'POST /api/opt-outs': ['ig-lead', () => '/api/opt-outs', 200, listOf('9990000018')],
  'GET /api/access-log': ['ig-lead', () => '/api/access-log?limit=20', 200],
  'GET /api/access-log/verify': ['ig-lead', () => '/api/access-log/verify', 200],
}

function listOf(nhsNumber: string): object {
  const day = 86_400_000
  const [issuedAt, expiresAt] = [-day, 30 * day].map(ms => new Date(Date.now() + ms).toISOString())
  return { issuedAt, expiresAt, nhsNumbers: [nhsNumber] }
}

function operationOf(key: string): Operation | undefined {
  const [method = '', path = ''] = key.split(' ')
  return description.paths[path.replace(/:([A-Za-z]+)/g, '{$1}')]?.[method.toLowerCase()]
}

describe('each route answers as it is described', () => {
  test.each(Object.entries(calls))('%s', async (key, [who, address, status, body]) => {
    const operation = operationOf(key)
    if (!operation) throw new Error('it is not described')
    const { answer, type } = await called(who, key.split(' ')[0] ?? '', address(), body)
    // A statement that is not applied within some seconds answers 202.
    const expected = answer.status === 202 && body !== undefined ? 202 : status
    expect(answer.status).toBe(expected)
    const told = operation.responses[String(answer.status)]
    // What is not described by its status is a fault, and all faults are problem details.
    const pointer = told
      ? `#/paths/${escaped(key.split(' ')[1] ?? '')}/${key.split(' ')[0]?.toLowerCase()}/responses/${answer.status}/content/${type.replace('/', '~1')}/schema`
      : '#/components/schemas/Problem'
    expect(told ? Object.keys(told.content ?? {}) : ['application/problem+json']).toContain(type)
    if (!type.endsWith('json') || (told && !('schema' in (told.content?.[type] ?? {})))) return
    const validate = ajv.compile({ $ref: `openapi${pointer}` })
    validate(answer.json)
    expect(validate.errors ?? []).toEqual([])
  })
})

async function called(who: string | undefined, method: string, address: string, body: unknown) {
  if (!address.endsWith('/events')) {
    const answer = await service.call(
      who,
      method,
      address,
      body,
      body === extract ? { 'content-type': 'text/csv' } : {},
    )
    return { answer, type: answer.headers.get('content-type')?.split(';')[0] ?? '' }
  }
  // A stream of events stays open: its head is enough.
  const stop = new AbortController()
  const headers = { authorization: `Bearer ${await service.token(who ?? '')}` }
  const { status, headers: told } = await fetch(`${service.url}${address}`, { headers, signal: stop.signal })
  stop.abort()
  const answer: Answer = { status, headers: told, text: '', json: undefined }
  return { answer, type: told.get('content-type')?.split(';')[0] ?? '' }
}

const escaped = (path: string): string =>
  encodeURIComponent(path.replace(/:([A-Za-z]+)/g, '{$1}').replaceAll('/', '~1')).replaceAll('%7E', '~')

test('names of parameters are unique in an operation, and what is sent with a body has one described', () => {
  for (const [path, methods] of Object.entries(description.paths))
    for (const [method, { parameters = [], requestBody }] of Object.entries(methods)) {
      const names = parameters.map(one => `${one.in} ${one.name}`)
      expect([path, method, names]).toEqual([path, method, [...new Set(names)]])
      if (method === 'put') expect(requestBody).toBeDefined()
    }
})

/** FLSDB_WRITE_SAMPLES=1 writes the collection anew. */
test('samples/bruno is the collection of what is described', () => {
  const folder = path.join(import.meta.dirname, '..', '..', 'samples', 'bruno')
  const files = brunoOf(description)
  if (process.env['FLSDB_WRITE_SAMPLES'] === '1') {
    rmSync(folder, { recursive: true, force: true })
    for (const [name, text] of files) {
      mkdirSync(path.dirname(path.join(folder, name)), { recursive: true })
      writeFileSync(path.join(folder, name), text)
    }
  }
  const found = readdirSync(folder, { recursive: true, encoding: 'utf8' }).filter(name => /\.(bru|json)$/.test(name))
  expect(found.toSorted()).toEqual([...files.keys()].toSorted())
  for (const [name, text] of files) expect(readFileSync(path.join(folder, name), 'utf8')).toBe(text)
})
