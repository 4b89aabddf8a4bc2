import { randomBytes } from 'node:crypto'
import { mkdtemp } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { afterAll, beforeAll, expect, test } from '@jest/globals'
import type { InboxId, OdsCode } from '../../src/fls/fact.ts'
import { extractRoutes } from '../../src/sources/extract/routes.ts'
import { compareWithFacts } from '../../src/store/extract-before.ts'
import { applyExtractEntry, loadExtracts } from '../../src/store/extracts.ts'
import { openInbox, readInboxEntry } from '../../src/store/inbox.ts'
import { openStore, type Store } from '../../src/store/store.ts'
import { extractTables } from '../set-up/extract-chunk.ts'
import { eventually } from '../set-up/running.ts'
import { json, type Service, startService } from './running-app.ts'

const claims = { practices: ['B86001', 'B86004', 'B86005', 'B86006', 'B86007'], feeds: ['gp-supplier'] }
let service: Service
let store: Store

beforeAll(async () => {
  store = await openStore(process.env['FLSDB_TEST_MONGODB'] ?? '', `t_history_${randomBytes(6).toString('hex')}`)
  const gate = async () => ({ isOpen: true })
  // Of two decisions the later counts.
  let seconds = Date.parse('2024-12-01T00:00:00Z') / 1_000
  const clock = () => new Date(seconds++ * 1_000)
  const dataFolder = await mkdtemp(path.join(tmpdir(), 'flsdb-history-'))
  const accept = openInbox({ store, gate, clock })
  // What a worker does with a decision.
  const whenApplied = async (id: InboxId): Promise<boolean> => {
    const entry = await readInboxEntry(store, id)
    if (entry) await applyExtractEntry(store.db, entry)
    return entry !== undefined
  }
  service = await startService({
    routes: extractRoutes({ accept, store, gate, tables: extractTables(), dataFolder, clock, whenApplied }),
  })
})
afterAll(async () => {
  await store.db.dropDatabase()
  await store.close()
  await service.close()
})

const header = 'entry,rowId,action,patientId,familyName,system,code,date,recordedAt,practice,extractId,mode,to'
type View = {
  id: string
  messages: { code: string }[]
  receipt?: Record<string, number>
  state: string
  hold?: Record<string, string>
}

async function decided(id: string, outcome: 'confirm' | 'refuse', role: 'ig-lead' | 'gp-supplier' = 'ig-lead') {
  const init = { method: 'POST', ...json({ reason: 'asked the practice' }) }
  return (await service.call(role, `/api/extracts/${id}/${outcome}`, init)).status
}
async function viewOf(id: string): Promise<View> {
  return (await (await service.call('gp-supplier', `/api/jobs/${id}`, { claims })).json()) as View
}
async function counted(id: string, wanted: Record<string, number>): Promise<View> {
  return eventually(`a receipt of ${JSON.stringify(wanted)}`, async () => {
    const view = await viewOf(id)
    const isSo = Object.entries(wanted).every(([name, count]) => view.receipt?.[name] === count)
    return view.state === 'done' && isSo ? view : undefined
  })
}

async function send(practice: string, day: string, mode: string, rows: readonly string[]): Promise<View> {
  const manifest = `manifest,,,,,,,,,${practice},${day},${mode},${day}T22:00:00Z`
  const body = [
    header,
    manifest,
    ...rows.map(row => row.padEnd(row.length + 12 - (row.split(',').length - 1), ',')),
  ].join('\n')
  const answer = await service.call('gp-supplier', '/api/extracts', {
    method: 'POST',
    body,
    headers: { 'Content-Type': 'text/csv' },
    claims,
  })
  expect(answer.status).toBe(202)
  for (let attempt = 0; attempt < 200; attempt++) {
    const view = (await (
      await service.call('gp-supplier', answer.headers.get('Location') ?? '', { claims })
    ).json()) as View
    if (view.state === 'done') return view
    await new Promise(resolve => setTimeout(resolve, 20))
  }
  throw new Error('the job did not end')
}
const patients = (count: number) => Array.from({ length: count }, (_, index) => `patient,p-${index},,P${index},Testley`)
const coded = (count: number, code = '5913000') =>
  Array.from({ length: count }, (_, index) => `coded,o-${index},,P${index},,snomed,${code},2024-01-12,2024-01-20`)
const codesOf = (view: View) => view.messages.map(message => message.code)
const inForce = (practice: string) => loadExtracts(store.db, [practice as OdsCode])

test('a practice over time: unchanged rows, mass deletes held until a person confirms, gaps, older and reused ids', async () => {
  const first = await send('B86004', '2024-02-01', 'full', [...patients(100), ...coded(100)])
  expect(codesOf(first)).toEqual([])
  const same = await send('B86004', '2024-03-01', 'full', [
    ...patients(100),
    ...coded(90),
    ...coded(100, '269083002').slice(90),
  ])
  expect(same.receipt).toMatchObject({ in: 201, kept: 201, unchanged: 190 })
  const mass = await send('B86004', '2024-04-01', 'full', [...patients(40), ...coded(40)])
  expect(codesOf(mass)).toEqual(['patients-fewer', 'mass-delete-held'])
  expect((await inForce('B86004')).find(one => one.extractId === '2024-04-01')).toMatchObject({
    isHeld: true,
    isComplete: true,
  })
  // What waits has changed nothing: the next is compared with what stands, not with it.
  expect(codesOf(await send('B86004', '2024-04-02', 'full', [...patients(38), ...coded(38)]))).toContain(
    'mass-delete-held',
  )
  expect((await viewOf(mass.id)).hold).toMatchObject({ reason: 'mass-delete-held', part: 'deletes', state: 'waiting' })
  expect(await decided(mass.id, 'confirm', 'gp-supplier')).toBe(403)
  expect(await decided(first.id, 'confirm')).toBe(409)
  expect(await decided('none-of-ours', 'confirm')).toBe(404)
  expect(await decided(mass.id, 'confirm')).toBe(200)
  expect((await viewOf(mass.id)).hold).toMatchObject({ state: 'confirmed', decidedBy: 'ig-lead-test' })
  expect((await inForce('B86004')).find(one => one.extractId === '2024-04-01')).toMatchObject({ isHeld: false })
  expect(codesOf(await send('B86004', '2024-01-15', 'delta', coded(1)))).toEqual(['extract-older'])
  expect(codesOf(await send('B86004', '2024-04-01', 'full', [...patients(41), ...coded(41)]))).toContain(
    'extract-reused',
  )
})

test('a delta before any full extract leaves a gap; an empty patient file empties nothing', async () => {
  expect(codesOf(await send('B86005', '2024-02-01', 'delta', coded(1)))).toEqual(['extract-gap'])
  const empty = await send('B86005', '2024-03-01', 'full', coded(1))
  expect(codesOf(empty)).toEqual(['mass-delete-held'])
  expect((await inForce('B86005')).find(one => one.extractId === '2024-03-01')?.covers).toEqual([])
})

test('a disabled sharing agreement holds everything', async () => {
  const form = new FormData()
  const add = (table: string, text: string) => form.append('file', new Blob([text]), `52_${table}_20240902220000.csv`)
  add('Admin_Organisation', '"OrganisationGuid","ODSCode"\r\n"{AA}","B86001"\r\n')
  add(
    'Agreements_SharingOrganisation',
    '"OrganisationGuid","IsActivated","Disabled","Deleted"\r\n"{AA}","true","true","false"\r\n',
  )
  add('Admin_Patient', '"PatientGuid","OrganisationGuid","Surname","Deleted"\r\n"{01}","{AA}","Testley","true"\r\n')
  const answer = await service.call('gp-supplier', '/api/extracts?practice=B86001&mode=delta', {
    method: 'POST',
    body: form,
    claims,
  })
  expect(answer.status).toBe(202)
  const view = (await answer.json()) as View
  expect(codesOf(view)).toContain('sharing-disabled')
  const entries = await store.inbox.find({ practice: 'B86001' as OdsCode, type: 'emis/Admin_Patient' }).toArray()
  expect(entries.map(entry => entry.meta?.['hold'])).toEqual(['sharing-disabled'])
})

test('deletes by flag are held, told in the receipt, and counted as deletes once confirmed; refused ones never', async () => {
  await send('B86006', '2024-02-01', 'full', [...patients(100), ...coded(100)])
  const deletes = Array.from({ length: 60 }, (_, index) => `coded,o-${index},delete`)
  const held = await send('B86006', '2024-03-01', 'delta', deletes)
  expect(codesOf(held)).toEqual(['mass-delete-held'])
  expect(held.receipt).toMatchObject({ in: 61, kept: 1, held: 60 })
  expect(await decided(held.id, 'refuse')).toBe(200)
  expect((await counted(held.id, { kept: 1, held: 60 })).hold).toMatchObject({ state: 'refused' })
  expect((await inForce('B86006')).find(one => one.extractId === '2024-03-01')).toMatchObject({ isHeld: true })
  // A decision can be taken back by the opposite one.
  expect(await decided(held.id, 'confirm')).toBe(200)
  expect((await counted(held.id, { kept: 61, held: 0, deletes: 60 })).hold).toMatchObject({ state: 'confirmed' })
  const list = await service.call('ig-lead', '/api/extracts?state=confirmed')
  const { items } = (await list.json()) as { items: { id: string; extractId: string; rows: object }[] }
  expect(items.find(one => one.id === held.id)).toMatchObject({
    extractId: '2024-03-01',
    rows: { coded: { deletes: 60 } },
  })
})

test('a mode that contradicts itself holds every row; sent again with one mode, the same file counts', async () => {
  const body = `${header}\nmanifest,,,,,,,,,B86007,m-1,full,\npatient,p-1,,P1,Testley,,,,,,,,\n`
  const sent = async (query: string) => {
    const init = { method: 'POST', body, headers: { 'Content-Type': 'text/csv' }, claims }
    const answer = await service.call('gp-supplier', `/api/extracts${query}`, init)
    return (await answer.json()) as View
  }
  const held = await sent('?mode=delta')
  expect(codesOf(held)).toContain('mode-disagrees')
  expect((await counted(held.id, { in: 2, held: 2, kept: 0 })).hold).toMatchObject({ part: 'all', state: 'waiting' })
  const agreed = await sent('?mode=full')
  expect(agreed.id).not.toBe(held.id)
  await counted(agreed.id, { in: 2, kept: 2, held: 0 })
  const kept = await store.inbox.find({ practice: 'B86007' as OdsCode, type: 'neutral/neutral' }).toArray()
  expect(kept.map(entry => entry.meta?.['hold']).sort()).toEqual(['mode-disagrees', undefined])
  expect(await decided(held.id, 'confirm')).toBe(200)
  await counted(held.id, { in: 2, kept: 2, held: 0 })
})

test('what facts of earlier extracts say: a number that changed, a delete of a row nobody sent', async () => {
  const deps = { facts: store.facts }
  const identity = (extract: string, asOf: string, nhsNumber: string) =>
    ({
      _id: `${extract}-${nhsNumber}`,
      record: 'B86008|gp|P1',
      kind: 'identity',
      side: 'gp',
      status: 'active',
      detail: { nhsNumber },
      revision: { asOf, set: 'B86008/patient/p-1', row: { file: 'patient', id: 'p-1', extract } },
    }) as never
  await store.facts.insertMany([
    identity('e-1', '2024-01-01', '9990001375'),
    identity('e-2', '2024-02-01', '9990003742'),
  ])
  const claims = (nhsNumber: string, ...deletedRows: string[]) => ({
    nhsNumbers: new Map([['B86008|gp|P1', nhsNumber]]),
    deletedRows,
  })
  const compared = (extract: string, nhsNumber: string, ...rows: string[]) =>
    compareWithFacts(deps, 'B86008' as OdsCode, extract, claims(nhsNumber, ...rows))
  expect(await compared('e-3', '9990003742')).toEqual({ numbersChanged: 0, deletesUnseen: 0 })
  expect(await compared('e-3', '9990001375')).toEqual({ numbersChanged: 1, deletesUnseen: 0 })
  // The facts of the extract itself may stand already.
  expect(await compared('e-2', '9990003742')).toEqual({ numbersChanged: 1, deletesUnseen: 0 })
  expect(await compared('e-3', '9990003742', 'patient/p-1', 'coded/o-9')).toEqual({
    numbersChanged: 0,
    deletesUnseen: 1,
  })
})

test('decisions and closings come to the same register in any order', async () => {
  const entries = await store.inbox.find({ organisation: { $in: ['B86006', 'FLSDB'] as OdsCode[] } }).toArray()
  const read = await Promise.all(entries.map(entry => readInboxEntry(store, entry._id)))
  const known = await store.db.collection('extracts').find({ practice: 'B86006' }).sort({ _id: 1 }).toArray()
  await store.db.collection('extracts').deleteMany({})
  for (const entry of read.reverse()) if (entry) await applyExtractEntry(store.db, entry)
  expect(await store.db.collection('extracts').find({ practice: 'B86006' }).sort({ _id: 1 }).toArray()).toEqual(known)
})

test('deletes of a FHIR source are counted and held as any other: a Bundle of many is as many', async () => {
  const sendLines = async (day: string, mode: string, ...lines: readonly object[]): Promise<View> => {
    const answer = await service.call('gp-supplier', `/api/extracts?practice=B86008&extractId=${day}&mode=${mode}`, {
      method: 'POST',
      body: `${lines.map(line => JSON.stringify(line)).join('\n')}\n`,
      headers: { 'Content-Type': 'application/x-ndjson' },
      claims: { ...claims, practices: ['B86008'] },
    })
    expect(answer.status).toBe(202)
    const { id } = (await answer.json()) as View
    return eventually('its receipt', async () => {
      const view = await service.call('gp-supplier', `/api/jobs/${id}`, { claims: { practices: ['B86008'] } })
      const job = (await view.json()) as View
      return job.state === 'done' ? job : undefined
    })
  }
  const numbers = Array.from({ length: 100 }, (_, index) => index)
  const conditions = numbers.map(index => ({
    resourceType: 'Condition',
    id: `c${index}`,
    subject: { reference: `Patient/p${index}` },
    code: { coding: [{ system: 'http://snomed.info/sct', code: '5913000' }] },
    onsetDateTime: '2024-01-12',
  }))
  const people = numbers.map(index => ({ resourceType: 'Patient', id: `p${index}`, birthDate: '1941-03-09' }))
  const gone = (count: number) => ({
    resourceType: 'Bundle',
    type: 'transaction',
    entry: numbers.slice(0, count).map(index => ({ request: { method: 'DELETE', url: `Condition/c${index}` } })),
  })
  expect(codesOf(await sendLines('2024-02-01', 'full', ...people, ...conditions))).toEqual([])
  const few = await sendLines('2024-03-01', 'delta', gone(5))
  expect([codesOf(few), few.receipt?.['deletes']]).toEqual([[], 5])
  const many = await sendLines('2024-04-01', 'delta', gone(60))
  expect([codesOf(many), many.receipt?.['held']]).toEqual([['mass-delete-held'], 60])
})
