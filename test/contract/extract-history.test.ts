import { randomBytes } from 'node:crypto'
import { mkdtemp } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { afterAll, beforeAll, expect, test } from '@jest/globals'
import type { OdsCode } from '../../src/fls/fact.ts'
import { extractRoutes } from '../../src/sources/extract/routes.ts'
import { confirmHeldExtract, loadExtracts } from '../../src/store/extracts.ts'
import { openInbox } from '../../src/store/inbox.ts'
import { openStore, type Store } from '../../src/store/store.ts'
import { extractTables } from '../set-up/extract-chunk.ts'
import { type Service, startService } from './running-app.ts'

const claims = { practices: ['B86001', 'B86004', 'B86005'], feeds: ['gp-supplier'] }
let service: Service
let store: Store

beforeAll(async () => {
  store = await openStore(process.env['FLSDB_TEST_MONGODB'] ?? '', `t_history_${randomBytes(6).toString('hex')}`)
  const gate = async () => ({ isOpen: true })
  const clock = () => new Date('2024-12-01T00:00:00Z')
  const dataFolder = await mkdtemp(path.join(tmpdir(), 'flsdb-history-'))
  const accept = openInbox({ store, gate, clock })
  service = await startService({
    routes: extractRoutes({ accept, store, gate, tables: extractTables(), dataFolder, clock }),
  })
})
afterAll(async () => {
  await store.db.dropDatabase()
  await store.close()
  await service.close()
})

const header = 'entry,rowId,action,patientId,familyName,system,code,date,recordedAt,practice,extractId,mode,to'
type View = { id: string; messages: { code: string }[]; receipt?: Record<string, number>; state: string }

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
  expect(await confirmHeldExtract(store.db, mass.id, 'user:lead', new Date('2024-04-02T00:00:00Z'))).toBe(true)
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
