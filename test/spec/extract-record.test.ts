import { describe, expect, test } from '@jest/globals'
import { currentFacts } from '../../src/fls/current.ts'
import type { Fact } from '../../src/fls/fact.ts'
import { readExtract } from '../../src/mapping/extract.ts'
import { emptyCodebook } from '../../src/mapping/extract-codebook.ts'
import { type ExtractInForce, isAbsentFromFull, standingGpFacts } from '../../src/mapping/extract-record.ts'
import { chunkOf, extractTables } from '../set-up/extract-chunk.ts'

const tables = extractTables()
const header =
  'entry,rowId,action,patientId,familyName,birthDate,type1Objection,testPatient,system,code,date,recordedAt,endDate,endReason,status,courseId,daysSupplied\n'
let entries = 0

/** Facts of a neutral extract named after its day. */
function sent(day: string, ...rows: readonly string[]): readonly Fact[] {
  entries++
  const chunk = chunkOf(
    'neutral',
    'neutral',
    Buffer.from(
      `${header}${rows.map(row => row.padEnd(row.length + 16 - row.split(',').length + 1, ',')).join('\n')}\n`,
    ),
    {
      extractId: day,
      asOf: `${day}T22:00:00.000Z`,
      id: String(entries).padStart(64, '0'),
    },
  )
  return readExtract(chunk, tables, emptyCodebook).facts
}
const full = (day: string, more: Partial<ExtractInForce> = {}): ExtractInForce => ({
  practice: 'B86001' as never,
  extractId: day,
  mode: 'full',
  asOf: `${day}T22:00:00.000Z`,
  covers: ['patient', 'registration', 'death', 'coded', 'issue', 'referral'],
  isComplete: true,
  isHeld: false,
  ...more,
})
const patient = 'patient,p-1,,P1,Testley,1941-03-09'
const fracture = 'coded,o-1,,P1,,,,,snomed,5913000,2024-01-12,2024-01-20'
const issue = 'issue,i-1,,P1,,,,,dmd,39731311000001108,2024-02-20,2024-02-20,,,issued,c-9,28'
const registered = 'registration,g-1,,P1,,,,,,,2001-04-17,2024-01-01,,,gms'
const left = 'registration,g-1,,P1,,,,,,,2001-04-17,2024-03-01,2024-02-28,moved,gms'
const died = 'death,d-1,,P1,,,,,,,2024-02-10,2024-03-01'
const first = '2024-01-31'
const second = '2024-03-31'

const rowsOf = (facts: readonly Fact[], extracts: readonly ExtractInForce[]): readonly string[] => {
  const { facts: spoken, isAbsent } = standingGpFacts(facts, extracts)
  return currentFacts(spoken, { isAbsent })
    .facts.map(fact => fact.revision.row?.id.split('/')[0] ?? '')
    .sort()
}

test('an extract held whole says nothing until a person confirms it; the same rows agreed on later count at once', () => {
  const chunk = (day: string, rows: string, hold?: string) => {
    const entry = chunkOf('neutral', 'neutral', Buffer.from(`${header}${rows.padEnd(rows.length + 6, ',')}\n`), {
      extractId: 'm-1',
      asOf: `${day}T22:00:00.000Z`,
      id: day.padStart(64, '0'),
    })
    return readExtract({ ...entry, meta: { ...entry.meta, ...(hold ? { hold } : {}) } }, tables, emptyCodebook).facts
  }
  const known = sent(first, patient, fracture)
  const held = chunk(second, 'coded,o-1,delete,P1,,,,,,,', 'sharing-disabled')
  const whole = full(second, { extractId: 'm-1', mode: 'delta', isHeld: true, isReleased: false })
  expect(rowsOf([...known, ...held], [])).toEqual(['o-1', 'p-1'])
  expect(rowsOf([...known, ...held], [whole])).toEqual(['o-1', 'p-1'])
  expect(rowsOf([...known, ...held], [{ ...whole, isHeld: false, isReleased: true }])).toEqual(['p-1'])
  const agreed = chunk(second, 'coded,o-1,delete,P1,,,,,,,')
  expect(rowsOf([...known, ...held, ...agreed], [whole])).toEqual(['p-1'])
})

describe('what is absent from a full extract', () => {
  test.each<[string, readonly Fact[], ExtractInForce, readonly string[]]>([
    [
      'a row that is gone is retracted',
      [...sent(first, patient, fracture, issue), ...sent(second, patient, issue)],
      full(second),
      ['i-1', 'p-1'],
    ],
    [
      'a file kind that was not sent says nothing',
      [...sent(first, patient, fracture, issue), ...sent(second, patient)],
      full(second, { covers: ['patient', 'coded'] }),
      ['i-1', 'p-1'],
    ],
    [
      'an extract that broke off says nothing',
      [...sent(first, patient, fracture), ...sent(second, patient)],
      full(second, { isComplete: false }),
      ['o-1', 'p-1'],
    ],
    [
      'a held extract says nothing',
      [...sent(first, patient, fracture), ...sent(second, patient)],
      full(second, { isHeld: true }),
      ['o-1', 'p-1'],
    ],
    [
      'a delta says nothing',
      [...sent(first, patient, fracture), ...sent(second, patient)],
      full(second, { mode: 'delta' }),
      ['o-1', 'p-1'],
    ],
    ['an older full extract says nothing', [...sent(second, patient, fracture)], full(first), ['o-1', 'p-1']],
    ['a patient who is gone takes every row', [...sent(first, patient, fracture, registered)], full(second), []],
    [
      'after the registration ended the patient is out of scope',
      [...sent(first, patient, fracture, registered), ...sent('2024-03-01', left)],
      full(second),
      ['g-1', 'o-1', 'p-1'],
    ],
    [
      'after death the patient is out of scope',
      [...sent(first, patient, fracture, registered, died)],
      full(second),
      ['d-1', 'g-1', 'o-1', 'p-1'],
    ],
    [
      'a patient still there is in scope even after leaving',
      [...sent(first, patient, fracture), ...sent('2024-03-01', left), ...sent(second, patient, left)],
      full(second),
      ['g-1', 'p-1'],
    ],
  ])('%s', (_, facts, extract, expected) => {
    expect(rowsOf(facts, [extract])).toEqual(expected)
    expect(rowsOf([...facts].reverse(), [extract])).toEqual(expected)
  })

  test('other practices and hospital facts are never absent', () => {
    const [fact] = sent(first, fracture)
    if (!fact) throw new Error('no fact')
    expect(isAbsentFromFull(fact, [full(second)])).toBe(true)
    expect(isAbsentFromFull(fact, [full(second, { practice: 'A81001' as never })])).toBe(false)
    expect(isAbsentFromFull({ ...fact, side: 'hospital' }, [full(second)])).toBe(false)
  })
})

describe('deletes and marks', () => {
  test.each<[string, readonly Fact[], readonly ExtractInForce[], readonly string[]]>([
    ['a deleted row is gone', [...sent(first, patient, fracture), ...sent(second, 'coded,o-1,delete,P1')], [], ['p-1']],
    [
      'an older copy does not bring it back',
      [...sent(second, 'coded,o-1,delete,P1'), ...sent(first, patient, fracture)],
      [],
      ['p-1'],
    ],
    [
      'held deletes do nothing',
      [...sent(first, patient, fracture), ...sent(second, 'coded,o-1,delete,P1')],
      [full(second, { mode: 'delta', isHeld: true })],
      ['o-1', 'p-1'],
    ],
    [
      'a deleted patient takes every row',
      [...sent(first, patient, fracture, registered), ...sent(second, 'patient,p-1,delete,P1')],
      [],
      [],
    ],
    [
      'a patient deleted after leaving is out of scope',
      [...sent(first, patient, fracture, left), ...sent(second, 'patient,p-1,delete,P1')],
      [],
      ['g-1', 'o-1', 'p-1'],
    ],
    [
      'a type 1 objection leaves out every row',
      [...sent(first, patient, fracture), ...sent(second, `${patient},yes`)],
      [],
      [],
    ],
    [
      'withdrawn, they stand again',
      [...sent(first, fracture), ...sent(second, `${patient},yes`), ...sent('2024-04-30', `${patient},no`)],
      [],
      ['o-1', 'p-1'],
    ],
    ['a test patient is left out', [...sent(first, patient, fracture), ...sent(second, `${patient},,yes`)], [], []],
    [
      'a coded objection counts',
      [...sent(first, patient, fracture, 'coded,o-2,,P1,,,,,read2,9Nu0.,2024-01-02,2024-01-02')],
      [],
      [],
    ],
    [
      'the later of the pair wins',
      [
        ...sent(
          first,
          patient,
          'coded,o-2,,P1,,,,,read2,9Nu0.,2024-01-02,2024-01-02',
          'coded,o-3,,P1,,,,,read2,9Nu1.,2024-01-09,2024-01-09',
        ),
      ],
      [],
      ['o-2', 'o-3', 'p-1'],
    ],
    [
      'an earlier registration outlives a re-registration',
      [...sent(first, patient, left), ...sent(second, registered.replace('2001-04-17', '2024-03-15'))],
      [],
      ['g-1', 'g-1', 'p-1'],
    ],
  ])('%s', (_, facts, extracts, expected) => {
    expect(rowsOf(facts, extracts)).toEqual(expected)
    expect(rowsOf([...facts].reverse(), extracts)).toEqual(expected)
  })

  test('a date before birth is dropped, the entry stays', () => {
    const facts = sent(first, patient, fracture.replace('2024-01-12', '1931-01-12'))
    expect(standingGpFacts(facts, []).facts.find(fact => fact.kind === 'diagnosis')).not.toHaveProperty('when')
  })
})

describe('FHIR lines: what a source has deleted', () => {
  /** Facts of FHIR NDJSON named after its day. */
  const lines = (day: string, ...resources: readonly object[]): readonly Fact[] => {
    entries++
    const text = `\n${resources.map(one => JSON.stringify(one)).join('\n')}\n`
    const chunk = chunkOf('fhir', 'ndjson', Buffer.from(text), {
      extractId: day,
      asOf: `${day}T22:00:00.000Z`,
      id: String(entries).padStart(64, '0'),
    })
    const { delimiter: _csv, ...meta } = chunk.meta ?? {}
    return readExtract({ ...chunk, meta: { ...meta, header: '', rowsBefore: 0 } }, tables, emptyCodebook).facts
  }
  const ada = (more: object = {}) => ({
    resourceType: 'Patient',
    id: 'P1',
    name: [{ family: 'Testley' }],
    birthDate: '1941-03-09',
    ...more,
  })
  const hip = {
    resourceType: 'Condition',
    id: 'c1',
    subject: { reference: 'Patient/P1' },
    code: { coding: [{ system: 'http://snomed.info/sct', code: '5913000' }] },
    onsetDateTime: '2024-01-12',
  }
  const gone = (url: string) => ({
    resourceType: 'Bundle',
    type: 'transaction',
    entry: [{ request: { method: 'DELETE', url } }],
  })
  const dead = ada({ deceasedDateTime: '2024-02-10' })
  const whole = full(second, { covers: ['fhir'] })
  /** What was deleted without its patient is carried to the patient's record as the store does (extract-rows.ts). */
  const owned = (facts: readonly Fact[]) =>
    facts.map(fact => (fact.record.includes('|gp-row|') ? { ...fact, record: 'B86001|gp|P1' as never } : fact))

  test.each<[string, readonly Fact[], readonly ExtractInForce[], readonly string[]]>([
    ['nothing deleted', lines(first, ada(), hip), [], ['Condition', 'Patient']],
    [
      'a deleted Condition goes',
      [...lines(first, ada(), hip), ...lines(second, gone('Condition/c1'))],
      [],
      ['Patient'],
    ],
    [
      'whatever the address before its type',
      [...lines(first, ada(), hip), ...lines(second, gone('https://gp.example/fhir/Condition/c1'))],
      [],
      ['Patient'],
    ],
    [
      'an older copy does not bring it back',
      [...lines(second, gone('Condition/c1')), ...lines(first, ada(), hip)],
      [],
      ['Patient'],
    ],
    [
      'sent again later it stands again',
      [...lines('2024-01-01', gone('Condition/c1')), ...lines(first, ada(), hip)],
      [],
      ['Condition', 'Patient'],
    ],
    ['a deleted Patient takes everything', [...lines(first, ada(), hip), ...lines(second, gone('Patient/P1'))], [], []],
    [
      'after a death that is out of scope: everything stays',
      [...lines(first, dead, hip), ...lines(second, gone('Patient/P1'))],
      [],
      ['Condition', 'Patient', 'Patient'],
    ],
    ['absent from a full extract, too', lines(first, ada(), hip), [whole], []],
    ['but for who is known to be dead', lines(first, dead, hip), [whole], ['Condition', 'Patient', 'Patient']],
  ])('%s', (_name, facts, extracts, expected) => {
    const { facts: spoken, isAbsent } = standingGpFacts(owned(facts), extracts)
    const types = currentFacts(spoken, { isAbsent }).facts.map(fact => fact.revision.row?.id.split('/')[0])
    expect(types.sort()).toEqual(expected)
  })

  test.each([
    ['two deletes in one row', { ...gone(''), entry: [...gone('Condition/c1').entry, ...gone('Condition/c2').entry] }],
    ['no address of a resource', gone('Condition?code=1')],
    ['another method', { ...gone(''), entry: [{ request: { method: 'PUT', url: 'Condition/c1' } }] }],
  ])('%s: refused', (_name, row) => {
    expect(lines(second, row)).toEqual([])
  })
})
