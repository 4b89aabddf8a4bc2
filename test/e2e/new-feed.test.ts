import { cp, mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { afterAll, beforeAll, expect, test } from '@jest/globals'
import { feedNewCommand } from '../../src/cli/feed-new.ts'
import { quiet, type RunningService, startService } from '../set-up/running.ts'

/**
 * A hospital nobody knows comes to the service: sample messages → mapping folder → one word and one code given a meaning → service with these
 * tables → enrolled → its messages imported from a folder → read as meant.
 */
let folder: string
let service: RunningService
const mappings = () => path.join(folder, 'mappings')
const drop = () => path.join(folder, 'drop')

const message = (type: string, id: string, ...segments: string[]) =>
  [
    `MSH|^~\\&|CAREFLOW|RXX77|FLSDB|NOGW|20260310101112||${type}|${id}|P|2.5.1|||AL|NE|GBR|8859/1`,
    ...segments,
    '',
  ].join('\r')
const patient = 'PID|1||9990000646^^^NHSNBR^NHSNMBR~C700001^^^CFLOW^MRN||THÓRNBY^EILEEN||19410614000000|Female'
const attendance = (id: string) =>
  message(
    'ADT^A04',
    id,
    'EVN||20260309221500',
    patient,
    'PV1|1|ED|||||||||||||||||EV1|||||||||||||||||||||||||202603092215',
    'DG1|1||NOF-L^Lt #NOF^CFDIAG||202603092300|W',
    'ZCF|1|local',
  )
const clinic = (id: string) =>
  message(
    'SIU^S14',
    id,
    'SCH|A1|A1|||||ROUT|BONEHLTH^Bone health clinic|||^^^20260420093000+0100||||||||||||||ATTENDED',
    patient,
  )

beforeAll(async () => {
  folder = await mkdtemp(path.join(tmpdir(), 'flsdb-feed-'))
  await cp(path.join(import.meta.dirname, '..', '..', 'mappings'), mappings(), { recursive: true })
  await mkdir(drop())
  await writeFile(path.join(folder, 'sample.hl7'), Buffer.from(attendance('S1') + clinic('S2'), 'latin1'))
  await feedNewCommand('rxx77-cflow', { from: [path.join(folder, 'sample.hl7')], into: mappings(), json: true })
  const edit = async (file: string, from: string, to: string) => {
    const at = path.join(mappings(), 'rxx77-cflow', file)
    const before = await readFile(at, 'utf8')
    expect(before).toContain(from)
    await writeFile(at, before.replace(from, to))
  }
  await edit('codes.csv', 'CFDIAG,NOF-L,,,,', 'CFDIAG,NOF-L,fracture-site,hip.neck,left,')
  await edit('values.csv', 'clinic,BONEHLTH,', 'clinic,BONEHLTH,fls')
  await edit('values.csv', 'patient-class,ED,', 'patient-class,ED,emergency')
  const source = path.join(mappings(), 'rxx77-cflow', 'source.json')
  const known = JSON.parse(await readFile(source, 'utf8'))
  expect(known).toMatchObject({ organisation: 'RXX', sendingApplications: ['CAREFLOW'], sendingFacilities: ['RXX77'] })
  await writeFile(source, JSON.stringify({ ...known, authorities: { ...known.authorities, CFLOW: 'RXX' } }))
  service = await startService({ database: 'e2e_new_feed', environment: { FLSDB_MAPPINGS: mappings() } })
}, 120_000)

afterAll(async () => {
  await service?.stop()
  await rm(folder, { recursive: true, force: true })
})

test('the folder exists: the wizard never writes over it', async () => {
  const again = feedNewCommand('rxx77-cflow', { from: [path.join(folder, 'sample.hl7')], into: mappings() })
  await expect(again).rejects.toThrow('exists already')
})

test('enrolled from its folder, its messages are read as meant; unknown folders are refused', async () => {
  expect(await service.flsdb('feed', 'add', 'rxx77-cflow')).toContain('enrolled for RXX')
  await expect(
    service.flsdb('feed', 'add', 'other', '--mapping', 'nobody', '--organisation', 'RXX', '--facility', 'RXX78'),
  ).rejects.toThrow('mapping-unknown')
  const batch = `FHS|^~\\&|CAREFLOW|RXX77\rBHS|^~\\&|CAREFLOW|RXX77\r${attendance('M1')}${clinic('M2')}BTS|3\rFTS|1\r`
  await writeFile(path.join(drop(), 'day.hl7'), Buffer.from(batch, 'latin1'))
  const told = await service.flsdb('import', drop(), '--json')
  expect(JSON.parse(told)).toMatchObject({ messages: 2, before: 0, acknowledged: 2, refused: 0, differing: ['BTS-1'] })
  await quiet(service)
  const facts = service.mongo.db(service.database).collection('facts')
  const read = await facts.find({ 'source.sender': 'rxx77-cflow' }).toArray()
  expect(new Set(read.map(fact => fact['record']))).toEqual(new Set(['RXX|C700001']))
  expect(read.find(fact => fact['kind'] === 'diagnosis')).toMatchObject({
    concept: { id: 'hip.neck' },
    laterality: 'left',
  })
  expect(read.find(fact => fact['kind'] === 'encounter')).toMatchObject({
    detail: { class: 'emergency', start: '2026-03-09' },
  })
  expect(read.find(fact => fact['kind'] === 'appointment')).toMatchObject({
    detail: { clinic: 'fls', state: 'attended' },
    when: { date: '2026-04-20' },
  })
  expect(read.find(fact => fact['kind'] === 'identity')).toMatchObject({
    detail: { nhsNumber: '9990000646', familyName: 'THÓRNBY', sex: 'female', birthDate: '1941-06-14' },
  })
}, 60_000)

test('an import that was stopped goes on where it was', async () => {
  const file = path.join(drop(), 'more.hl7')
  await writeFile(file, Buffer.from([1, 2, 3, 4, 5].map(number => clinic(`R${number}`)).join('\r'), 'latin1'))
  const first = JSON.parse(await service.flsdb('import', file, '--keep', '--json'))
  expect(first).toMatchObject({ messages: 5, before: 0, acknowledged: 5 })
  // As a kill after three answers, in the middle of writing down the fourth, leaves it.
  const journal = await readFile(`${file}.acknowledged`, 'utf8')
  await writeFile(`${file}.acknowledged`, journal.split('\n').slice(0, 4).join('\n').concat('\n4'))
  const second = JSON.parse(await service.flsdb('import', drop(), '--json'))
  expect(second).toMatchObject({ messages: 5, before: 3, acknowledged: 2 })
  expect(await readFile(path.join(drop(), 'done', 'more.hl7'), 'latin1')).toContain('|R5|')
  expect(await service.flsdb('import', drop(), '--json')).toBe('')
  const inbox = service.mongo.db(service.database).collection('inbox')
  expect(await inbox.countDocuments({ sender: 'rxx77-cflow' })).toBe(7)
}, 60_000)

test('a second feed is read with the folder and the character set named at its enrolment', async () => {
  const words = ['--mapping', 'rxx77-cflow', '--application', 'CFLOWUAT', '--facility', 'RXX79', '--charset', '8859/2']
  expect(await service.flsdb('feed', 'add', 'rxx79-uat', ...words)).toContain('mappings/rxx77-cflow')
  const renamed = attendance('U1').replace('CAREFLOW|RXX77', 'CFLOWUAT|RXX79').replace('C700001', 'C790001')
  const file = path.join(folder, 'uat.hl7')
  // 0xB3 is ł in 8859/2; the message says 8859/1, where it is ³.
  await writeFile(file, Buffer.from(renamed.replace('THÓRNBY', 'MI\u00b3OSZ'), 'latin1'))
  await service.flsdb('import', file, '--keep')
  await quiet(service)
  const facts = service.mongo.db(service.database).collection('facts')
  const read = await facts.find({ 'source.sender': 'rxx79-uat' }).toArray()
  expect(read.find(fact => fact['kind'] === 'identity')).toMatchObject({ detail: { familyName: 'MIłOSZ' } })
  expect(read.find(fact => fact['kind'] === 'diagnosis')).toMatchObject({ concept: { id: 'hip.neck' } })
}, 60_000)
