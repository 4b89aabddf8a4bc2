import { expect, test } from '@jest/globals'
import { readExtract } from '../../src/mapping/extract.ts'
import { emptyCodebook } from '../../src/mapping/extract-codebook.ts'
import { TogetherChecks } from '../../src/mapping/extract-together.ts'
import { chunkOf, extractTables } from '../set-up/extract-chunk.ts'

const tables = extractTables()
const header = 'entry,rowId,patientId,nhsNumber,familyName,birthDate,system,code,date,recordedAt,endDate,status'
const patient = 'patient,p-1,P1,9990001375,Testley,1941-03-09,,,,,,'
const hip = 'coded,o-1,P1,,,,snomed,5913000,2024-01-12,2024-01-12,,'
const died = 'death,d-1,P1,,,,,,2024-02-01,2024-02-02,,'

/** Findings of rows that come in chunks of one row each, as a large file would bring them, in the order given. */
function found(rows: readonly string[]): readonly string[] {
  const checks = new TogetherChecks()
  rows.forEach((row, index) => {
    const chunk = chunkOf('neutral', 'neutral', Buffer.from(`${header}\n${row}\n`), {
      id: `${index}`.padStart(64, '0'),
    })
    checks.add(readExtract({ ...chunk, meta: { ...chunk.meta, rowsBefore: index + 1 } }, tables, emptyCodebook))
  })
  return checks.issues().map(({ code, where }) => `${code} at ${where}`)
}

// Rows are counted from 2: the header is row 1.
test.each<[why: string, rows: readonly string[], found: readonly string[]]>([
  ['nothing contradicts', [patient, hip, died], []],
  [
    'an entry before birth',
    [patient, hip.replace('2024-01-12,2024', '1940-05-01,2024')],
    ['date-before-birth at row 3'],
  ],
  ['the month of birth may be the day of birth', [patient, hip.replace('2024-01-12,2024', '1941-03,2024')], []],
  [
    'the patient row may come last',
    [hip.replace('2024-01-12,2024', '1940,2024'), patient],
    ['date-before-birth at row 2'],
  ],
  ['an entry after death', [patient, died, hip.replace('2024-01-12,', '2024-03-01,')], ['date-after-death at row 4']],
  ['the year of death may be after the entry', [patient, died.replace('2024-02-01', '2024'), hip], []],
  [
    'two dates of death',
    [patient, died, died.replace('d-1', 'd-2').replace('2024-02-01', '2024-02-03')],
    ['death-disagrees at row 4'],
  ],
  ['one date of death twice', [patient, died, died.replace('d-1', 'd-2')], []],
  ['the same entry under another id', [patient, hip, hip.replace('o-1', 'o-2')], ['possible-repeat at row 4']],
  ['the same row twice is no repeat', [patient, hip, hip], []],
  [
    'another day is another entry',
    [patient, hip, hip.replace('o-1', 'o-2').replace('2024-01-12,2', '2024-01-13,2')],
    [],
  ],
  ['a number that changed', [patient, patient.replace('9990001375', '9990003742')], ['nhs-number-changed at row 3']],
  [
    'two full registrations that overlap',
    [
      'registration,g-1,P1,,,,,,2001-04-17,2024-01-01,2024-03-01,gms',
      'registration,g-2,P1,,,,,,2024-02-01,2024-02-01,,gms',
    ],
    ['registration-overlap at row 3'],
  ],
  [
    'an open one and a later one',
    ['registration,g-1,P1,,,,,,2001-04-17,2024-01-01,,gms', 'registration,g-2,P1,,,,,,2024-02-01,2024-02-01,,gms'],
    ['registration-overlap at row 3'],
  ],
  [
    'one that ended on the day the next began',
    [
      'registration,g-1,P1,,,,,,2001-04-17,2024-01-01,2024-02-01,gms',
      'registration,g-2,P1,,,,,,2024-02-01,2024-02-01,,gms',
    ],
    [],
  ],
  [
    'a temporary one beside a full one',
    [
      'registration,g-1,P1,,,,,,2001-04-17,2024-01-01,,gms',
      'registration,g-2,P1,,,,,,2024-02-01,2024-02-01,,temporary',
    ],
    [],
  ],
])('%s', (_why, rows, expected) => {
  expect(found(rows)).toEqual(expected)
})
