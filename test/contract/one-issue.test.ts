import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { afterAll, describe, expect, test } from '@jest/globals'
import { checkFile } from '../../src/cli/check.ts'
import { describeIssue, type Issue, issueCodes } from '../../src/fls/issue.ts'
import { problemOf } from '../../src/http/errors.ts'
import { loadTables } from '../../src/open-river.ts'
import { rejectOf } from '../../src/sources/extract/rejects.ts'
import { operationOutcome } from '../../src/sources/fhir/operation-outcome.ts'
import { usualDelimiters } from '../../src/sources/hl7v2/delimiters.ts'
import { errorSegment } from '../../src/sources/hl7v2/error-segment.ts'
import { type Fault, faults } from './one-issue/faults.ts'
import { type Door, doors, type Edits, inputOf } from './one-issue/inputs.ts'

/** One fault, five doors: the same code, text and fix, at the place the sender knows. Through `flsdb check`, which is the code of the doors. */
const tables = loadTables({ acceptTestNumbers: true })
const folder = mkdtempSync(path.join(tmpdir(), 'flsdb-one-issue-'))
afterAll(() => rmSync(folder, { recursive: true }))

async function foundAt(door: Door, edits: Edits): Promise<readonly Issue[]> {
  const { name, bytes } = inputOf(door, edits)
  const file = path.join(folder, name)
  writeFileSync(file, bytes)
  return checkFile(file, bytes, {}, tables)
}

test.each(doors)('%s: what is not spoilt has no issue', async door => {
  expect(await foundAt(door, {})).toEqual([])
})

type Row = [what: string, door: Door, fault: Fault, edits: Edits, where: string]
const rows = faults.flatMap(fault =>
  doors.flatMap((door): Row[] => {
    const spoilt = fault.at[door]
    return spoilt ? [[fault.what, door, fault, spoilt[0], spoilt[1]]] : []
  }),
)

test.each(rows)('%s, %s', async (_what, door, { code }, edits, where) => {
  const found = await foundAt(door, edits)
  expect(found.map(one => `${one.code} at ${one.where}`)).toContain(`${code} at ${where}`)
  // A hint may follow in brackets; the sentence and what to do are those of the list.
  const own = found.find(one => one.code === code)
  const told = own && describeIssue(own)
  expect(told?.text.startsWith(issueCodes[code].text)).toBe(true)
  expect(told?.fix).toBe(issueCodes[code].fix)
})

test('at least forty faults, each at two doors or more, every door at twenty or more', () => {
  expect(faults.length).toBeGreaterThanOrEqual(40)
  for (const { at } of faults) expect(Object.keys(at).length).toBeGreaterThanOrEqual(2)
  for (const door of doors) expect(rows.filter(([, one]) => one === door).length).toBeGreaterThanOrEqual(20)
})

describe('one function writes an issue at each door', () => {
  const found: Issue = { code: 'unreadable-date', severity: 'error', where: 'PID-7' }
  const { text, fix } = issueCodes['unreadable-date']
  test.each<[string, () => string]>([
    ['ERR segment', () => errorSegment(found, '2.5', usualDelimiters)],
    ['OperationOutcome', () => JSON.stringify(operationOutcome([found]))],
    ['problem details', () => JSON.stringify(problemOf(422, [found]))],
    ['rejects.csv', () => Object.values(rejectOf(found, 'patients.csv', 3)).join()],
  ])('%s holds the code, the sentence and what to do', (_name, write) => {
    const written = write()
    for (const part of ['unreadable-date', text, fix]) expect(written).toContain(part)
  })
})
