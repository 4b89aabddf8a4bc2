import { readFileSync } from 'node:fs'
import path from 'node:path'
import { describe, expect, test } from '@jest/globals'
import { ConformanceTally, conformanceItems, verdictOf, worstOf } from '../../src/fls/conformance.ts'
import { readExtract } from '../../src/mapping/extract.ts'
import { chunkOf, extractTables } from '../set-up/extract-chunk.ts'

/** Rows of the neutral contract a clinician can count by hand. */
const header =
  'entry,rowId,patientId,nhsNumber,familyName,birthDate,sex,postcode,system,code,term,date,recordedAt,laterality,value,unit,daysSupplied,quantity'
const tables = extractTables({ acceptTestNumbers: true })

function filledOf(rows: readonly string[]): Record<string, string> {
  const tally = new ConformanceTally()
  const entry = chunkOf('neutral', 'neutral', Buffer.from(`${[header, ...rows].join('\n')}\n`), { practice: 'B86003' })
  tally.add(readExtract(entry, tables, new Map()).facts)
  return Object.fromEntries(tally.filled().flatMap(({ name, n, met }) => (n === 0 ? [] : [[name, `${met}/${n}`]])))
}

const patient = (id: string, nhs: string, birth: string, sex = 'female', postcode = 'AD1 3CD') =>
  `patient,p${id},P${id},${nhs},Test,${birth},${sex},${postcode},,,,,,,,,,`
const coded = (id: string, code: string, date: string, recorded = '2024-02-03', side = '') =>
  `coded,o${id},P1,,,,,,snomed,${code},,${date},${recorded},${side},,,,`
const issued = (id: string, code: string, days = '', date = '2024-02-03') =>
  `issue,i${id},P1,,,,,,${code ? 'dmd' : ''},${code},Some medicine,${date},2024-02-03,,,,${days},`

test('a name stands for one line: counts are kept by it', () => {
  const names = conformanceItems.map(({ name }) => name)
  expect(new Set(names).size).toBe(names.length)
})

describe('what is counted', () => {
  test('patients: number, birth date, sex, postcode', () => {
    const rows = [patient('1', '9990000646', '1941-06-14'), patient('2', '', '1941-06', 'unknown', '')]
    expect(filledOf(rows)).toEqual({
      'NHS number with a valid check digit': '1/2',
      'Date of birth to the day': '1/2',
      Sex: '1/2',
      Postcode: '1/2',
    })
  })
  test('fractures: any date, the day, the date of typing, site, side; codes that are none are not counted', () => {
    const rows = [
      coded('1', '263102004', '2024-02-03', '2024-02-03', 'left'),
      coded('2', '263102004', '2024-02', ''),
      coded('3', '263102004', ''),
      coded('4', '22298006', '2024-02-03'),
    ]
    expect(filledOf(rows)).toEqual({
      'Fracture dated at all': '2/3',
      'Fracture dated to the day': '1/3',
      'Date of typing beside the date of the fracture': '2/3',
      'Site of the fracture': '3/3',
      'Side of the fracture': '1/3',
    })
  })
  test('medicines: code, day, supply', () => {
    const rows = [issued('1', '39731311000001108', '28'), issued('2', '39731311000001108'), issued('3', '')]
    expect(filledOf(rows)).toMatchObject({
      'Medicine with a dm+d code': '2/3',
      'Bone medicine dated to the day': '2/2',
      'Bone medicine with days or quantity': '1/2',
    })
  })
})

test.each([
  [95, 100, 'pass'],
  [94, 100, 'warn'],
  [80, 100, 'warn'],
  [79, 100, 'fail'],
  [0, 0, 'nothing'],
] as const)('%i of %i is %s, where 0.95 passes and 0.8 warns', (met, n, verdict) => {
  expect(verdictOf({ pass: 0.95, warn: 0.8 }, { n, met })).toBe(verdict)
})

test('the verdict of the whole is that of its worst line', () => {
  expect([worstOf(['pass', 'warn']), worstOf(['pass', 'fail', 'warn']), worstOf(['nothing', 'pass'])]).toEqual([
    'warn',
    'fail',
    'pass',
  ])
  expect(worstOf(['nothing'])).toBe('nothing')
})

test('every line names a question of the dataset or the date of death', () => {
  const dictionary = readFileSync(path.join(import.meta.dirname, '../../src/fls/items.ts'), 'utf8')
  for (const { item } of conformanceItems) expect(dictionary).toContain(`'${item}'`)
})
