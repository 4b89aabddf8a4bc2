import { createHash } from 'node:crypto'
import { readdirSync, readFileSync } from 'node:fs'
import { mkdtemp, readdir } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals'
import { ZipFile } from 'yazl'
import type { Instant } from '../../src/fls/dates.ts'
import type { InboxId, OdsCode } from '../../src/fls/fact.ts'
import { loadExtractTables } from '../../src/mapping/extract-tables.ts'
import { loadMappings } from '../../src/mapping/load-mappings.ts'
import type { Accept, InboxEntry } from '../../src/sources/arrival.ts'
import { extractRoutes } from '../../src/sources/extract/routes.ts'
import { openInbox, type PracticeGate } from '../../src/store/inbox.ts'
import { applyRegisterEntry, registerBytes } from '../../src/store/registers.ts'
import { openStore, type Store } from '../../src/store/store.ts'
import { loadTerminology } from '../../src/terminology/load-terminology.ts'
import { eventually } from '../set-up/running.ts'
import { type Service, startService } from './running-app.ts'

const root = path.join(import.meta.dirname, '..', '..')
const samples = path.join(root, 'samples', 'gp-extract')
const mapping = loadMappings(path.join(root, 'mappings'), loadTerminology(path.join(root, 'terminology')))
const claims = { practices: ['B86001', 'B86002', 'B86003', 'B86009'], feeds: ['gp-supplier'] }
const gate: PracticeGate = async practice =>
  practice === 'B86009' ? { isOpen: false, since: '2024-05-01T00:00:00.000Z' as never } : { isOpen: true }

let service: Service
let store: Store
let dataFolder: string
let accept: Accept

beforeAll(async () => {
  const extracts = loadExtractTables(path.join(root, 'mappings', 'gp-extract'), mapping)
  dataFolder = await mkdtemp(path.join(tmpdir(), 'flsdb-extract-'))
  store = await openStore(
    process.env['FLSDB_TEST_MONGODB'] ?? '',
    `t_extract_${createHash('sha1').update(dataFolder).digest('hex').slice(0, 10)}`,
  )
  const clock = () => new Date('2024-09-03T01:00:00Z')
  accept = openInbox({ store, gate, clock })
  const routes = extractRoutes({
    accept,
    store,
    gate,
    tables: extracts,
    dataFolder,
    clock,
    whenApplied: async () => true,
    limits: { chunkBytes: 2_000, mostBytes: 4 * 1024 * 1024 },
  })
  service = await startService({ routes })
})
afterAll(async () => {
  await store.db.dropDatabase()
  await store.close()
  await service.close()
})

const post = (query: string, body: Buffer | FormData, headers: Record<string, string> = {}) =>
  service.call('gp-supplier', `/api/extracts${query}`, { method: 'POST', body, headers, claims } as never)

async function zipOf(folder: string): Promise<Buffer> {
  const zip = new ZipFile()
  for (const name of readdirSync(folder).sort()) zip.addBuffer(readFileSync(path.join(folder, name)), `export/${name}`)
  zip.end()
  const parts: Buffer[] = []
  for await (const part of zip.outputStream) parts.push(Buffer.from(part as Buffer))
  return Buffer.concat(parts)
}

type JobView = {
  id: string
  state: string
  receipt: Record<string, number>
  issues: { code: string; count: number }[]
  messages: { code: string; where: string }[]
}

async function finished(location: string): Promise<JobView> {
  for (let attempt = 0; attempt < 200; attempt++) {
    const answer = await service.call('gp-supplier', location, { claims })
    const job: JobView = (await answer.json()) as JobView
    if (job.state === 'done' || job.state === 'failed') return job
    await new Promise(resolve => setTimeout(resolve, 20))
  }
  throw new Error('the job did not end')
}
const locationOf = (answer: Response): string => answer.headers.get('Location') ?? ''
const codes = (job: JobView) => Object.fromEntries(job.issues.map(({ code, count }) => [code, count]))

describe('an EMIS-shaped zip', () => {
  test('is kept whole, then counted; the same bytes give the same receipt', async () => {
    const zip = await zipOf(path.join(samples, 'emis', 'good'))
    const answer = await post('?practice=B86001&mode=full', zip, { 'Content-Type': 'application/zip' })
    expect(answer.status).toBe(202)
    const job = await finished(locationOf(answer))
    // 6 + 2 code rows, 4 patients, 11 observations, 1 problem, 1 referral, 1 course, 2 issues
    expect(job.receipt).toMatchObject({ in: 28, held: 1, deletes: 1 })
    // The dummy patient and her row; a confidential row; a code id of no table; both rows of the objector.
    expect(codes(job)).toMatchObject({
      'test-patient': 2,
      'confidential-row': 1,
      'code-id-unresolved': 1,
      'type-1-objection': 2,
    })
    const again = await post('?practice=B86001&mode=full', zip, { 'Content-Type': 'application/zip' })
    expect(locationOf(again)).toBe(locationOf(answer))
    expect(await store.inbox.countDocuments({ practice: 'B86001' as OdsCode })).toBeGreaterThan(5)
  })
  test('leaves nothing in the spool folder', async () => {
    // The answer may be read a moment before the upload's folder is gone.
    await eventually('an empty spool', async () =>
      (await readdir(path.join(dataFolder, 'spool'))).length === 0 ? true : undefined,
    )
  })
})

test('a chunk is the exact bytes of whole rows, and the chunks of a file are the file', async () => {
  const file = readFileSync(path.join(samples, 'tpp', 'good', 'SRCode.csv'))
  const form = new FormData()
  for (const name of readdirSync(path.join(samples, 'tpp', 'good')))
    form.append('file', new Blob([new Uint8Array(readFileSync(path.join(samples, 'tpp', 'good', name)))]), name)
  const answer = await post('?practice=B86002&mode=full', form)
  expect(answer.status).toBe(202)
  const job = await finished(locationOf(answer))
  expect(job.receipt['in']).toBe(3 + 3 + 3 + 2 + 6 + 1 + 2 + 1)
  const chunks = await store.inbox.find({ practice: 'B86002' as OdsCode, type: 'tpp/SRCode' }).toArray()
  const inOrder = chunks.sort((a, b) => Number(a.meta?.['rowsBefore']) - Number(b.meta?.['rowsBefore']))
  const header = file.subarray(0, file.indexOf('\n') + 1)
  const joined = Buffer.concat([header, ...inOrder.map(chunk => Buffer.from(chunk.bytes?.buffer ?? []))])
  expect(joined.equals(file)).toBe(true)
})

test('a neutral file declares itself; objectors are left out and told', async () => {
  const answer = await post('', readFileSync(path.join(samples, 'neutral', 'good.csv')), { 'Content-Type': 'text/csv' })
  expect(answer.status).toBe(202)
  const job = await finished(locationOf(answer))
  expect(job.receipt).toMatchObject({ in: 11, kept: 9, rejected: 2, held: 0 })
  expect(codes(job)).toMatchObject({ 'type-1-objection': 2 })
})

test('rejects come back with the columns as sent, and no formula runs', async () => {
  const answer = await post('', readFileSync(path.join(samples, 'neutral', 'bad.csv')), { 'Content-Type': 'text/csv' })
  await finished(locationOf(answer))
  const rejects = await service.call('gp-supplier', `${locationOf(answer)}/rejects.csv`, { claims })
  const text = await rejects.text()
  expect(text.split('\r\n')[0]).toMatch(/^entry,rowId,.*file,row,column,problem,fix,code$/)
  expect(text).toContain('b-3')
  expect(text).toContain('Export codes as text')
  expect(text).not.toMatch(/(^|,)"?=/m)
})

test('a dry run reads the same and keeps nothing', async () => {
  const before = await store.inbox.countDocuments()
  const answer = await post('?dryRun=true', readFileSync(path.join(samples, 'neutral', 'bad.csv')), {
    'Content-Type': 'text/csv',
  })
  expect(answer.status).toBe(202)
  const job = await finished(locationOf(answer))
  expect(job.receipt['rejected']).toBeGreaterThan(5)
  expect(await store.inbox.countDocuments()).toBe(before)
})

test('FHIR NDJSON is an extract too', async () => {
  const answer = await post(
    '?practice=B86003&extractId=fhir-1&mode=delta',
    readFileSync(path.join(samples, 'fhir', 'good.ndjson')),
    { 'Content-Type': 'application/x-ndjson' },
  )
  expect(answer.status).toBe(202)
  expect((await finished(locationOf(answer))).receipt).toMatchObject({ in: 2, kept: 2 })
})

const small = Buffer.from('entry,rowId,patientId,system,code,date\ncoded,o-1,P1,snomed,5913000,2024-01-12\n')
test.each([
  ['a closed practice', '?practice=B86009&extractId=a&mode=full', small, 403, 'practice-closed'],
  ['a practice of somebody else', '?practice=X99999&extractId=a&mode=full', small, 403, 'forbidden'],
  ['no declaration', '', small, 422, 'extract-not-declared'],
  [
    'a file nobody knows',
    '?practice=B86001&extractId=a&mode=full',
    Buffer.from('a,b\n1,2\n'),
    422,
    'file-not-recognised',
  ],
  [
    'a damaged zip',
    '?practice=B86001&extractId=a&mode=full',
    Buffer.from('PK\u0003\u0004 not a zip'),
    422,
    'archive-refused',
  ],
  [
    'more than the limit',
    '?practice=B86001&extractId=a&mode=full',
    Buffer.alloc(5 * 1024 * 1024, 'a'),
    413,
    'payload-too-large',
  ],
  ['a mode that is none', '?practice=B86001&mode=some', small, 400, 'parameter-invalid'],
])('%s is refused and nothing is kept', async (_, query, body, status, code) => {
  const before = await store.inbox.countDocuments()
  const answer = await post(query, body, { 'Content-Type': 'text/csv' })
  expect(answer.status).toBe(status)
  expect(JSON.stringify(await answer.json())).toContain(code)
  expect(await store.inbox.countDocuments()).toBe(before)
})

test('a zip inside a zip, and one that grows too much, are refused', async () => {
  const inner = await zipOf(path.join(samples, 'tpp', 'good'))
  const nested = new ZipFile()
  nested.addBuffer(inner, 'inner.zip')
  nested.end()
  const bomb = new ZipFile()
  bomb.addBuffer(Buffer.alloc(3 * 1024 * 1024, 0x20), 'spaces.csv')
  bomb.end()
  for (const zip of [nested, bomb]) {
    const parts: Buffer[] = []
    for await (const part of zip.outputStream) parts.push(Buffer.from(part as Buffer))
    const answer = await post('?practice=B86001&extractId=z&mode=full', Buffer.concat(parts), {
      'Content-Type': 'application/zip',
    })
    expect(answer.status).toBe(422)
    expect(JSON.stringify(await answer.json())).toContain('archive-refused')
  }
})

describe('a FHIR Bundle as a file', () => {
  const lines = readFileSync(path.join(samples, 'fhir', 'good.ndjson'), 'utf8')
    .trim()
    .split('\n')
  const bundle = (...entries: readonly string[]) =>
    Buffer.from(
      `\ufeff{\r\n "type": "collection",\r\n "entry": [${entries.join(',\r\n  ')}],\r\n "resourceType": "Bundle"\r\n}`,
    )
  const entryOf = (line: string) => `{"fullUrl": "urn:uuid:1", "resource":\n${line.replaceAll(', "', ',\n "')}}`
  const receiptOf = async (body: Buffer) => {
    const answer = await post('?practice=B86003&extractId=bundle&mode=delta&dryRun=true', body, {
      'Content-Type': 'application/fhir+json',
    })
    expect(answer.status).toBe(202)
    return finished(locationOf(answer))
  }
  test('gives the receipt its resources give as lines', async () => {
    const asLines = await receiptOf(Buffer.from(lines.join('\n')))
    const asBundle = await receiptOf(bundle(...lines.map(entryOf)))
    expect(asLines.receipt).toMatchObject({ in: lines.length, kept: lines.length })
    expect({ receipt: asBundle.receipt, issues: asBundle.issues }).toEqual({
      receipt: asLines.receipt,
      issues: asLines.issues,
    })
  })
  test('an entry without a resource is refused under its number, the others are kept', async () => {
    const job = await receiptOf(bundle('{"fullUrl": "urn:uuid:2"}', ...lines.map(entryOf)))
    expect(job.receipt).toMatchObject({ in: lines.length + 1, kept: lines.length, rejected: 1 })
    const rejects = await service.call('gp-supplier', `/api/jobs/${job.id}/rejects.csv`, { claims })
    expect((await rejects.text()).split('\n')[1]).toMatch(/,1,/)
  })
  test('a damaged one is not recognised, and says so', async () => {
    const answer = await post(
      '?practice=B86003&extractId=torn&mode=delta',
      bundle(...lines.map(entryOf)).subarray(0, -20),
      {
        'Content-Type': 'application/fhir+json',
      },
    )
    expect([answer.status, await answer.text()]).toEqual([422, expect.stringContaining('file-not-recognised')])
  })
})

test('a job of another supplier does not exist for me', async () => {
  const answer = await post('', readFileSync(path.join(samples, 'neutral', 'good.ndjson')), {
    'Content-Type': 'application/x-ndjson',
  })
  const other = { practices: ['A81001'], feeds: ['other'] }
  expect((await service.call('gp-supplier', locationOf(answer), { claims: other })).status).toBe(404)
})

test('a practice enrolled after the token was made: its supplier may send, any supplier while none is named, nobody else', async () => {
  const enrol = (id: string, supplier?: string) =>
    applyRegisterEntry(
      store.db,
      {
        protocol: 'register',
        id: id.padEnd(64, '0') as InboxId,
        receivedAt: '2024-08-01T00:00:00.000Z' as Instant,
        bytes: registerBytes({
          register: 'practice',
          id,
          by: 'ig-lead',
          statement: { optedIn: true, ...(supplier ? { supplier } : {}) },
        }),
      } as InboxEntry,
      text => text,
    )
  await enrol('B87001')
  await enrol('B87002', 'gp-supplier')
  await enrol('B87003', 'other')
  const sent = async (practice: string) => {
    const answer = await post(`?practice=${practice}&extractId=new&mode=full`, small, { 'Content-Type': 'text/csv' })
    return [answer.status, answer.status === 202 ? (await finished(locationOf(answer))).state : undefined]
  }
  expect(await sent('B87001')).toEqual([202, 'done'])
  expect(await sent('B87002')).toEqual([202, 'done'])
  expect(await sent('B87003')).toEqual([403, undefined])
})

test('events tell the state until the job ends', async () => {
  const answer = await post('', readFileSync(path.join(samples, 'neutral', 'good.csv')), { 'Content-Type': 'text/csv' })
  await finished(locationOf(answer))
  const events = await service.call('gp-supplier', `${locationOf(answer)}/events`, { claims })
  expect(events.headers.get('Content-Type')).toContain('text/event-stream')
  expect(await events.text()).toContain('"state":"done"')
})
