import { readFileSync } from 'node:fs'
import path from 'node:path'
import { expect, test } from '@jest/globals'
import { readExtract } from '../../src/mapping/extract.ts'
import { emptyCodebook } from '../../src/mapping/extract-codebook.ts'
import { readGpDate } from '../../src/mapping/extract-dates.ts'
import { chunkOf, extractTables, samples } from '../set-up/extract-chunk.ts'

const tables = extractTables()
const bad = readExtract(
  chunkOf('neutral', 'neutral', readFileSync(path.join(samples, 'neutral', 'bad.csv')), { practice: 'B86003' }),
  tables,
  emptyCodebook,
)
const outcomeAt = (row: number) => bad.rowOutcomes.find(one => one.number === row)

// GP extract contract 2.4, one fault a row of samples/gp-extract/neutral/bad.csv. Row 1 is the header, row 2 the manifest.
test.each([
  [3, 'rejected', 'row-id-missing', 'row 3'],
  [4, 'rejected', 'patient-id-missing', 'row 4'],
  [5, 'rejected', 'code-damaged', 'row 5, code'],
  [6, 'rejected', 'code-damaged', 'row 6, code'],
  [7, 'rejected', 'code-system-unknown', 'row 7, code'],
  [8, 'rejected', 'code-missing', 'row 8'],
  [9, 'kept', 'unreadable-date', 'row 9, date'],
  [10, 'kept', 'placeholder-date', 'row 10, date'],
  [11, 'kept', 'value-not-numeric', 'row 11, value'],
  [12, 'kept', 'value-out-of-range', 'row 12, value'],
  [13, 'kept', 'recorded-before-event', 'row 13, recordedAt'],
  [14, 'kept', 'drug-code-missing', 'row 14, term'],
  [15, 'kept', 'nhs-number-invalid', 'row 15, nhsNumber'],
  [15, 'kept', 'word-not-allowed', 'row 15, sex'],
  [16, 'rejected', 'word-not-allowed', 'row 16, entry'],
  [17, 'rejected', 'quoting-broken', 'row 17'],
])('row %i is %s with %s at %s', (row, outcome, code, where) => {
  expect(outcomeAt(row)?.outcome).toBe(outcome)
  expect(outcomeAt(row)?.issues).toContainEqual(expect.objectContaining({ code, where }))
})

test('a field that cannot be read costs the field, not the row', () => {
  const undated = bad.facts.filter(fact => ['b-7', 'b-8'].includes(fact.revision.row?.id ?? ''))
  expect(undated.map(fact => [fact.concept?.id, fact.when])).toEqual([
    ['hip.neck', undefined],
    ['hip.neck', undefined],
  ])
})

test('a row that became unusable takes its older version along', () => {
  expect(bad.facts.find(fact => fact.revision.row?.id === 'b-3')).toMatchObject({
    status: 'retracted',
    record: 'B86003|gp|P1',
  })
})

test('no finding holds a value', () => {
  const text = JSON.stringify(bad.issues)
  for (const value of ['9990001376', 'HYPERLINK', 'perhaps', '5.913E', 'tall']) expect(text).not.toContain(value)
})

test('999 numbers are refused where they are no test numbers', () => {
  const file = readFileSync(path.join(samples, 'neutral', 'good.csv'))
  const strict = readExtract(
    chunkOf('neutral', 'neutral', file, { practice: 'B86003' }),
    extractTables({ acceptTestNumbers: false }),
    emptyCodebook,
  )
  expect(strict.issues.filter(found => found.code === 'nhs-number-test-range')).toHaveLength(2)
  expect(JSON.stringify(strict.facts)).not.toContain('99900013')
})

test.each([
  ['2023', '2023', undefined],
  ['2023-11', '2023-11', undefined],
  ['2024-02-29', '2024-02-29', undefined],
  ['2023-02-29', undefined, 'unreadable-date'],
  ['29 Sep 2011 14:53:28', '2011-09-29', undefined],
  ['02/11/1938', '1938-11-02', undefined],
  ['2024-07-01T23:30:00Z', '2024-07-02', undefined],
  ['2024-07-01T23:30', '2024-07-01', undefined],
  ['20240701', '2024-07-01', undefined],
  ['01/02/24', undefined, 'unreadable-date'],
  ['1900-01-01', undefined, 'placeholder-date'],
  ['31/12/9999', undefined, 'placeholder-date'],
])('the date %s is %s (%s)', (text, date, problem) => {
  expect(readGpDate(text)).toMatchObject({ ...(date ? { date } : {}), ...(problem ? { problem } : {}) })
  expect(readGpDate(text).date).toBe(date)
})

const header = 'entry,rowId,patientId,system,code,term,date,recordedAt'
// A code as GP systems and spreadsheets write it → what becomes of its row, what is told, what it means.
test.each([
  ['read2', 'S30..', 'kept', undefined, 'hip.neck'],
  ['read2', 'S30', 'kept', undefined, 'hip.neck'],
  ['read2', 'S30..00', 'kept', undefined, 'hip.neck'],
  ['read2', 'S30..-1', 'kept', undefined, 'hip.neck'],
  ['read2', 'S30-1', 'kept', undefined, 'hip.neck'],
  ['read2', 'S30. .', 'kept', undefined, 'hip.neck'],
  ['read2', "'S234.", 'kept', undefined, 'wrist'],
  ['read2', '^ESCT123', 'kept', 'code-local', undefined],
  ['read2', 'EMISNQ12', 'kept', 'code-local', undefined],
  ['ctv3', '58EK.', 'kept', undefined, 'dxa.tscore.lumbar'],
  ['ctv3', '58EK', 'kept', undefined, 'dxa.tscore.lumbar'],
  ['ctv3', 'XaZ8a', 'kept', undefined, 'optout.type1.withdrawn'],
  // Case means something: another letter is another code.
  ['ctv3', 'XaZ8A', 'kept', 'code-unknown', undefined],
  ['ctv3', 'YA123', 'kept', 'code-local', undefined],
  ['snomed', '5913000', 'kept', undefined, 'hip.neck'],
  ['snomed', '5 913 000', 'kept', undefined, 'hip.neck'],
  ['snomed', "'5913000", 'kept', undefined, 'hip.neck'],
  ['snomed', '5913000.0', 'kept', undefined, 'hip.neck'],
  ['snomed', '5913000 |Fracture of neck of femur|', 'kept', undefined, 'hip.neck'],
  ['snomed', '5.913E+06', 'rejected', 'code-damaged', undefined],
  ['snomed', '5913E3', 'rejected', 'code-damaged', undefined],
  ['snomed', '591300', 'rejected', 'code-damaged', undefined],
  ['snomed', 'Fracture of hip', 'kept', 'code-unknown', undefined],
  ['dmd', '39731311000001108', 'kept', undefined, 'drug.alendronic_acid'],
  ['dmd', '39731311000001100', 'rejected', 'code-damaged', undefined],
])('the %s code %s is %s (%s) and means %s', (system, code, outcome, problem, concept) => {
  const row = `coded,o-1,P1,${system},${code},,2024-01-01,2024-01-01`
  const read = readExtract(chunkOf('neutral', 'neutral', Buffer.from(`${header}\n${row}\n`)), tables, emptyCodebook)
  expect(read.rowOutcomes.map(one => one.outcome)).toEqual([outcome])
  expect(read.issues.map(found => found.code)).toEqual(problem ? [problem] : [])
  expect(read.facts[0]?.concept?.id).toBe(concept)
})

// The rest of contract 2.4, a row each. Columns as named; the values are what is wrong or worth telling.
test.each<[code: string, where: string, columns: string, row: string]>([
  ['nhs-number-placeholder', 'row 2, nhsNumber', 'entry,rowId,patientId,nhsNumber', 'patient,p-1,P1,9999999999'],
  ['date-after-receipt', 'row 2, date', header, 'coded,o-1,P1,snomed,5913000,,2025-01-01,2024-01-01'],
  ['recorded-missing', 'row 2, code', header, 'coded,o-1,P1,snomed,5913000,,2024-01-01,'],
  ['code-unknown', 'row 2, code', header, 'coded,o-1,P1,snomed,SCT-1,,2024-01-01,2024-01-01'],
  [
    'supply-unknown',
    'row 2, code',
    `${header},daysSupplied`,
    'issue,i-1,P1,dmd,39731311000001108,,2024-01-01,2024-01-01,',
  ],
  [
    'unit-unknown',
    'row 2, unit',
    `${header},value,unit`,
    'coded,o-1,P1,snomed,50373000,,2024-01-01,2024-01-01,158,furlong',
  ],
  [
    'recorded-elsewhere',
    'row 2, recordedBy',
    `${header},recordedBy`,
    'coded,o-1,P1,snomed,5913000,,2024-01-01,2024-01-01,RH802',
  ],
  ['text-not-accepted', 'row 2, text', `${header},text`, 'coded,o-1,P1,snomed,5913000,,2024-01-01,2024-01-01,a word'],
  ['cell-too-long', 'row 2, familyName', 'entry,rowId,patientId,familyName', `patient,p-1,P1,${'T'.repeat(101)}`],
])('%s at %s', (code, where, columns, row) => {
  const read = readExtract(chunkOf('neutral', 'neutral', Buffer.from(`${columns}\n${row}\n`)), tables, emptyCodebook)
  expect(read.rowOutcomes.map(one => one.outcome)).toEqual(['kept'])
  expect(read.issues).toContainEqual(expect.objectContaining({ code, where }))
})

test('precision-disagrees: EMIS says a year, the cell holds another day than its first', () => {
  const columns =
    'ObservationGuid,PatientGuid,OrganisationGuid,CodeId,EffectiveDate,EffectiveDatePrecision,Deleted,EnteredDate'
  const row = '{0A},{01},{AA},101,2023-05-07,Y,false,2024-01-01'
  const codebook = new Map([['emis|clinical|101', { codings: [{ system: 'snomed', code: '5913000' }] }]])
  const chunk = chunkOf('emis', 'CareRecord_Observation', Buffer.from(`${columns}\n${row}\n`))
  const read = readExtract(chunk, tables, codebook)
  expect(read.issues).toContainEqual(
    expect.objectContaining({ code: 'precision-disagrees', where: 'row 2, EffectiveDate' }),
  )
  expect(read.facts[0]?.when).toEqual({ date: '2023', kind: 'onset' })
})

test('row-id-repeated: of one row id twice the one processed last is used', () => {
  const rows = ['5913000', '269083002'].map(code => `coded,o-1,P1,snomed,${code},,2024-01-01,2024-01-01`)
  const chunk = chunkOf('neutral', 'neutral', Buffer.from(`${header}\n${rows.join('\n')}\n`))
  const read = readExtract(chunk, tables, emptyCodebook)
  expect(read.rowOutcomes.map(one => [one.outcome, ...one.issues.map(found => found.code)])).toEqual([
    ['rejected', 'row-id-repeated'],
    ['kept'],
  ])
  expect(read.facts.map(fact => fact.concept?.id)).toEqual(['wrist'])
})
