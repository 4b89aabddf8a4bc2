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
