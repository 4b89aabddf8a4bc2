import { createWriteStream, readdirSync, readFileSync } from 'node:fs'
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { pipeline } from 'node:stream/promises'
import { afterAll, beforeAll, expect, test } from '@jest/globals'
import { ZipFile } from 'yazl'
import { checkFile } from '../../src/cli/check.ts'
import { checkExtract } from '../../src/cli/check-extract.ts'
import { loadTables } from '../../src/open-river.ts'
import { samples } from '../set-up/extract-chunk.ts'

const tables = loadTables({ acceptTestNumbers: true })
let folder = ''
beforeAll(async () => {
  folder = await mkdtemp(path.join(tmpdir(), 'flsdb-check-'))
})
afterAll(() => rm(folder, { recursive: true }))

async function zipOf(shape: string): Promise<string> {
  const from = path.join(samples, shape, 'good')
  const zip = new ZipFile()
  for (const name of readdirSync(from)) zip.addFile(path.join(from, name), name)
  zip.end()
  const file = path.join(folder, `${shape}.zip`)
  await pipeline(zip.outputStream, createWriteStream(file))
  return file
}

const errorsOf = async (file: string, practice?: string) =>
  (await checkExtract(file, tables, practice)).filter(found => found.severity === 'error').map(found => found.code)

test.each<[string, string | undefined, string[], string]>([
  ['emis', undefined, [], 'the practice stands in the organisation table'],
  ['tpp', 'B86002', ['practice-disagrees'], 'one row is of a patient registered elsewhere'],
])('a zipped %s extract of %s is checked as of its practice (errors %j: %s)', async (shape, practice, errors) => {
  expect(await errorsOf(await zipOf(shape), practice)).toEqual(errors)
})

test('another practice than the files say is refused', async () => {
  await expect(errorsOf(await zipOf('emis'), 'P81001')).rejects.toMatchObject({
    issues: [{ code: 'practice-disagrees' }],
  })
})

test('an entry of a FHIR batch that the door would refuse is told at its place', async () => {
  const patient = { resourceType: 'Patient', identifier: [{ system: 'urn:x', value: '1' }], birthDate: '14 June 1941' }
  const entry = [{ request: { method: 'POST', url: 'Patient' }, resource: patient }]
  const bytes = Buffer.from(JSON.stringify({ resourceType: 'Bundle', type: 'batch', entry }))
  const found = await checkFile('batch.json', bytes, {}, tables)
  expect(found.map(one => `${one.code} ${one.where}`)).toContain('unreadable-date Bundle.entry[0].resource.birthDate')
})

test('an HL7 batch whose trailer miscounts is told so, its messages checked all the same', async () => {
  const file = path.join('samples', 'hl7v2', '95-batch-wrong-count.hl7')
  const found = await checkFile(file, readFileSync(file), {}, tables)
  expect(found.map(one => one.code)).toContain('batch-count-differs')
})

test('line ends of CR alone: refused, and no cell is told as the name of a column', async () => {
  const bytes = Buffer.from('entry,rowId,patientId,familyName\rpatient,p1,P1,TESTLEY\r')
  const file = path.join(folder, 'mac.csv')
  await writeFile(file, bytes)
  const found = await checkFile(file, bytes, { practice: 'B86001' }, tables)
  expect(found.map(({ code }) => code)).toContain('file-not-recognised')
  expect(JSON.stringify(found)).not.toContain('TESTLEY')
})

test('a file of MLLP frames is checked frame by frame', async () => {
  const one =
    'MSH|^~\\&|PAS|RZ101|FLSDB|NOGW|20260310101112||ADT^A28|M1|P|2.4\rEVN||20260310\rPID|1||H1^^^RZ101^MR||TESTLEY^ADA||19420311|F\r'
  const bytes = Buffer.from(`\v${one}\x1c\r\v${one.replace('M1', 'M2')}\x1c\r`)
  expect(await checkFile('capture.hl7', bytes, {}, tables)).toEqual([])
})
