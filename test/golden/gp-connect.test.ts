import { readFileSync, writeFileSync } from 'node:fs'
import path from 'node:path'
import { describe, expect, test } from '@jest/globals'
import type { Fact } from '../../src/fls/fact.ts'
import { readExtract } from '../../src/mapping/extract.ts'
import { chunkOf, extractTables, samples } from '../set-up/extract-chunk.ts'

/** Structured records of GP Connect as two suppliers shape them, beside what is read; FLSDB_GOLDEN=write writes the expected side anew. */
const tables = extractTables({ acceptTestNumbers: true })

function readRecord(name: string) {
  const bundle = JSON.parse(readFileSync(path.join(samples, 'gp-connect', `${name}.json`), 'utf8'))
  const lines = bundle.entry.map((entry: { resource?: object }) =>
    JSON.stringify(entry.resource ?? { resourceType: '' }),
  )
  const chunk = chunkOf('fhir', 'ndjson', Buffer.from(`\n${lines.join('\n')}`))
  const { delimiter: _csv, ...meta } = chunk.meta ?? {}
  const entry = { ...chunk, meta: { ...meta, header: '', rowsBefore: 0 } }
  return readExtract(entry, tables, new Map())
}

/** What the audit hears, without where it stands and how it was written. */
function said({ kind, concept, when, recorded, detail, value, unit }: Fact) {
  const { state, daysSupplied, nhsNumber, birthDate, sex, postcode } = (detail ?? {}) as Record<string, unknown>
  return JSON.parse(
    JSON.stringify({
      kind,
      concept: concept?.id,
      on: when?.date,
      recorded,
      state,
      daysSupplied,
      nhsNumber,
      birthDate,
      sex,
      postcode,
      value,
      unit,
    }),
  )
}
const inOrder = (facts: readonly Fact[]) =>
  facts.map(said).sort((a, b) => (JSON.stringify(a) < JSON.stringify(b) ? -1 : 1))

describe.each(['emis', 'tpp'])('%s', name => {
  const read = readRecord(name)
  test('reads as written down', () => {
    const got = {
      facts: inOrder(read.facts),
      rows: read.rowOutcomes.map(row =>
        [row.number, row.outcome, ...row.issues.map(found => `${found.code} at ${found.where}`)].join(' '),
      ),
    }
    const file = path.join(import.meta.dirname, `gp-connect-${name}.expected.json`)
    if (process.env['FLSDB_GOLDEN'] === 'write') writeFileSync(file, `${JSON.stringify(got, null, 1)}\n`)
    expect(got).toEqual(JSON.parse(readFileSync(file, 'utf8')))
  })
  test('says what the neutral extract of the same patient says of fracture, height and issues', () => {
    const number = name === 'emis' ? '9990001308' : '9990001316'
    const neutral = [
      'entry,rowId,patientId,nhsNumber,familyName,givenNames,birthDate,sex,postcode,system,code,date,recordedAt,value,unit,daysSupplied,status',
      `patient,p1,P1,${number},Testley,Ada Mary,1941-03-09,female,AD1 2AB,,,,,,,,`,
      'coded,o1,P1,,,,,,,snomed,5913000,2024-01-12,2024-03-28,,,,',
      'coded,o2,P1,,,,,,,snomed,50373000,2024-01-02,2024-01-02,158,cm,,',
      'issue,i1,P1,,,,,,,dmd,39731311000001108,2024-02-20,2024-02-20,,,28,issued',
      'issue,i2,P1,,,,,,,dmd,39731311000001108,2024-03-19,2024-03-19,,,28,issued',
    ]
    const chunk = chunkOf('neutral', 'neutral', Buffer.from(`${neutral.join('\n')}\n`))
    const expected = readExtract(chunk, tables, new Map()).facts
    // When an issue or a measurement was typed is not in a structured record.
    const plain = (facts: readonly Fact[]) =>
      inOrder(facts).map(({ recorded, ...fact }) => (fact.kind === 'diagnosis' ? { ...fact, recorded } : fact))
    const own = plain(read.facts).filter(fact => fact.state === undefined || fact.state === 'supplied')
    expect(own).toEqual(plain(expected))
  })
})

test('what is malformed is refused by its place, the rest is read', () => {
  const { rowOutcomes, facts } = readRecord('bad')
  expect(
    rowOutcomes.flatMap(row =>
      row.issues.filter(one => one.severity === 'error').map(one => `${one.code} at ${one.where}`),
    ),
  ).toEqual([
    'unreadable-date at row 5, Condition.onsetDateTime',
    'reference-unresolved at row 10',
    'json-invalid at row 13',
  ])
  expect(facts.map(fact => fact.kind)).toContain('identity')
})
