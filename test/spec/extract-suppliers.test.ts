import { readdirSync, readFileSync } from 'node:fs'
import path from 'node:path'
import { describe, expect, test } from '@jest/globals'
import { currentFacts } from '../../src/fls/current.ts'
import type { Fact } from '../../src/fls/fact.ts'
import { codeKeysOf, readExtract } from '../../src/mapping/extract.ts'
import { type CodebookEntry, emptyCodebook } from '../../src/mapping/extract-codebook.ts'
import { standingGpFacts } from '../../src/mapping/extract-record.ts'
import { chunkOf, extractTables, samples } from '../set-up/extract-chunk.ts'

const tables = extractTables()

/** All files of a folder, code tables first, each as one chunk. */
function readFolder(shape: string, practice: string, encoding: string, organisationId?: string) {
  const folder = path.join(samples, shape, 'good')
  const files = readdirSync(folder).map(name => ({
    name,
    file:
      [...(tables.shapes.find(one => one.name === shape)?.files.keys() ?? [])].find(
        kind => name.includes(`${kind}_2`) || name === `${kind}.csv`,
      ) ?? '',
  }))
  const codebook = new Map<string, CodebookEntry>()
  const facts: Fact[] = []
  const chunks = files.map(({ name, file }) =>
    chunkOf(shape, file, readFileSync(path.join(folder, name)), {
      practice,
      encoding,
      ...(organisationId ? { organisationId } : {}),
    }),
  )
  const isCoding = (type: string) => /Coding|Mapping/.test(type)
  for (const chunk of chunks.filter(one => isCoding(one.type)))
    for (const { key, ...entry } of readExtract(chunk, tables, emptyCodebook).codes) codebook.set(key, entry)
  for (const chunk of chunks.filter(
    one => !isCoding(one.type) && !/Manifest|Organisation_|SharingOrganisation|Admin_Organisation/.test(one.type),
  ))
    facts.push(...readExtract(chunk, tables, codebook).facts)
  return { facts, codebook, chunks }
}
const standingOf = (facts: readonly Fact[], record: string) => {
  const { facts: spoken, isAbsent } = standingGpFacts(
    facts.filter(fact => fact.record === record),
    [],
  )
  return currentFacts(spoken, { isAbsent }).facts
}
const guid = (n: number) => `${n.toString(16).toUpperCase().padStart(8, '0')}-0000-4000-8000-000000000000`

describe('EMIS-shaped', () => {
  const { facts, chunks } = readFolder('emis', 'B86001', 'utf-8', 'AAAAAAAA-1111-4111-8111-111111111111')
  const rowOf = (n: number) =>
    facts.filter(
      fact =>
        fact.revision.row?.id.startsWith(guid(n)) &&
        fact.revision.row.file !== 'problem' &&
        fact.revision.row.file !== 'referral',
    )
  test.each<[number, object, string]>([
    [
      1001,
      {
        kind: 'diagnosis',
        concept: { id: 'hip.neck' },
        laterality: 'left',
        when: { date: '2024-01-12' },
        recorded: '2024-03-28',
        detail: { episodicity: 'first' },
      },
      'SNOMED and Read of the code table',
    ],
    [1002, { kind: 'diagnosis', when: { date: '2023-11' } }, 'YM: the first of the month is a filler'],
    [1003, { kind: 'request', concept: { id: 'dxa.referred' } }, 'a Read code without dots'],
    [
      1004,
      { kind: 'diagnosis', when: { date: '2009' }, detail: { isFromDocument: true } },
      'Y: the first of January is a filler',
    ],
    [
      1005,
      { kind: 'observation', concept: { id: 'body.height' }, value: '162', unit: 'cm' },
      'metres are stored as centimetres',
    ],
    [1009, { status: 'retracted' }, 'confidential rows go'],
    [1010, { coding: [{ code: '999' }] }, 'waits for its code'],
    [1011, { status: 'retracted' }, 'a deleted row needs no code'],
    [
      401,
      {
        kind: 'medication',
        concept: { id: 'drug.alendronic_acid' },
        detail: { state: 'supplied', daysSupplied: 28, quantity: '4' },
      },
      'an issue',
    ],
    [402, { kind: 'medication', detail: { state: 'noted' } }, 'issued outside: noted'],
  ])('row %i reads as %j (%s)', (row, expected) => {
    expect(rowOf(row)[0]).toMatchObject(expected)
  })

  test('the patient keys the record by guid without braces, and a sensitive or test patient is not kept', () => {
    const identity = facts.find(fact => fact.kind === 'identity' && fact.record === `B86001|gp|${guid(1)}`)
    expect(identity).toMatchObject({
      detail: { familyName: 'Testley', givenNames: ['Ada', 'Mary'], postcode: 'LS21 5MU', nhsNumberStatus: '01' },
    })
    expect(standingOf(facts, `B86001|gp|${guid(3)}`)).toEqual([])
  })
  test('a coded type 1 objection leaves out every row of the patient', () => {
    expect(facts.filter(fact => fact.record === `B86001|gp|${guid(4)}`).length).toBeGreaterThan(2)
    expect(standingOf(facts, `B86001|gp|${guid(4)}`)).toEqual([])
  })
  test('problem and authorisation are written on the rows they add to', () => {
    const own = standingOf(facts, `B86001|gp|${guid(1)}`)
    expect(
      own.filter(fact => fact.kind === 'diagnosis' && fact.concept?.id === 'hip.neck' && fact.laterality),
    ).toMatchObject([{ detail: { endedOn: '2024-06-01', episodicity: 'first' }, when: { date: '2024-01-12' } }])
    expect(own.filter(fact => fact.kind === 'medication')).toMatchObject([
      { detail: { courseType: 'repeat', stoppedOn: '2024-06-30' } },
      { detail: { courseType: 'repeat', stoppedOn: '2024-06-30' } },
    ])
  })
  test('rows of another organisation are refused', () => {
    const file = chunks.find(one => one.type === 'emis/CareRecord_Observation')
    const other = { ...file, meta: { ...file?.meta, organisationId: 'OTHER' } } as never
    expect(
      readExtract(other, tables, emptyCodebook).rowOutcomes.filter(row => row.outcome === 'rejected'),
    ).toHaveLength(11)
  })
  test('the codes a chunk asks for are its own', () => {
    const file = chunks.find(one => one.type === 'emis/Prescribing_IssueRecord')
    expect(file && codeKeysOf(file, tables)).toEqual(['emis|drug|201'])
  })
})

describe('FHIR NDJSON', () => {
  const line = (resource: object) => JSON.stringify(resource)
  const snomed = (code: string) => ({ coding: [{ system: 'http://snomed.info/sct', code }] })
  const chunk = chunkOf(
    'fhir',
    'ndjson',
    Buffer.from(
      [
        '',
        line({ resourceType: 'Organization', id: 'o1', name: 'A practice' }),
        line({
          resourceType: 'Condition',
          id: 'c1',
          subject: { reference: 'Patient/p1' },
          code: snomed('5913000'),
          onsetDateTime: '2024-01',
        }),
        line({
          resourceType: 'Observation',
          id: 'h1',
          status: 'final',
          subject: { reference: 'https://gp.example/fhir/Patient/p1' },
          code: snomed('50373000'),
          effectiveDateTime: '2024-01-02',
          valueQuantity: { value: 158, unit: 'cm', system: 'http://unitsofmeasure.org', code: 'cm' },
        }),
        line({
          resourceType: 'Patient',
          id: 'p1',
          name: [{ family: 'Testley', given: ['Ada'] }],
          birthDate: '1941-03-09',
        }),
        line({ resourceType: 'Condition', id: 'c2', code: snomed('5913000') }),
      ].join('\n'),
    ),
  )
  const { delimiter: _csv, ...meta } = chunk.meta ?? {}
  const read = readExtract({ ...chunk, meta: { ...meta, header: '', rowsBefore: 0 } }, tables, emptyCodebook)
  test('lines belong to the Patient they name, wherever its own line stands', () => {
    expect(read.facts.map(({ kind, record, source }) => [kind, record, source.path.split('#')[0]])).toEqual([
      ['diagnosis', 'B86001|gp|p1', 'Condition/c1'],
      ['observation', 'B86001|gp|p1', 'Observation/h1'],
      ['identity', 'B86001|gp|p1', 'Patient/p1'],
    ])
  })
  test('what is about nobody is kept unused; what should name a patient and does not is refused', () => {
    expect(read.rowOutcomes.map(row => [row.outcome, ...row.issues.map(found => found.code)])).toEqual([
      ['kept', 'resource-not-used'],
      ['kept'],
      ['kept'],
      ['kept'],
      ['rejected', 'reference-unresolved'],
    ])
  })
})

describe('TPP-shaped', () => {
  const { facts } = readFolder('tpp', 'B86002', 'windows-1252')
  const rowOf = (id: string, file: string) =>
    facts.find(fact => fact.revision.row?.file === file && fact.revision.row.id.split('/')[0] === id)
  test.each<[string, string, object, string]>([
    [
      '701',
      'observation',
      {
        kind: 'diagnosis',
        concept: { id: 'hip.neck' },
        when: { date: '2024-01-12' },
        detail: { episodicity: 'first' },
      },
      'SNOMED first, CTV3 second',
    ],
    ['702', 'observation', { when: { date: '2009' } }, '1 January at midnight, recorded later: the year'],
    ['703', 'observation', { concept: { id: 'body.height' }, value: '171' }, 'CTV3 with its dots cut, a numeric value'],
    [
      '704',
      'observation',
      { kind: 'observation', coding: [{ system: 'ctv3', code: 'Y1234' }] },
      'a local code is kept as sent',
    ],
    [
      '706',
      'observation',
      { status: 'retracted', record: 'B86002|gp-row|observation/706' },
      'removed: the row id alone',
    ],
    [
      '801',
      'issue',
      {
        detail: {
          state: 'supplied',
          daysSupplied: 28,
          quantity: '4',
          quantityUnit: 'tablets',
          courseId: '91',
          courseType: 'repeat',
        },
      },
      'days = end less start',
    ],
    ['802', 'issue', { detail: { state: 'noted', name: 'Denosumab 60mg/1ml injection' } }, 'hospital medication'],
    ['601', 'registration-period', { detail: { start: '2001-04-17', end: '2024-08-28' } }, 'a registration that ended'],
    ['651', 'address', { kind: 'identity', detail: { postcode: 'LS21 5MU' } }, 'home address'],
    ['901', 'referral', { kind: 'request' }, 'a referral'],
    ['503', 'patient', { kind: 'identity', status: 'retracted' }, 'a removed patient'],
  ])('row %s of %s reads as %j (%s)', (id, file, expected) => {
    expect(rowOf(id, file)).toMatchObject(expected)
  })
  test('accents of Windows-1252 survive', () => {
    expect(facts.find(fact => fact.kind === 'identity' && fact.record === 'B86002|gp|501')).toMatchObject({
      detail: { familyName: 'Müster' },
    })
  })
  test.each([
    ['603', 'registration-period', 'registered elsewhere'],
    ['652', 'address', 'correspondence'],
    ['705', 'observation', 'another practice’s patient'],
  ])('row %s of %s makes no fact (%s)', (id, file) => {
    expect(rowOf(id, file)).toBeUndefined()
  })
})

describe('FHIR STU3 as GP Connect writes it', () => {
  const concept = (...coding: readonly (readonly [system: string, code: string])[]) => ({
    coding: coding.map(([system, code]) => ({ system, code })),
  })
  const snomed = (code: string) => concept(['http://snomed.info/sct', code])
  const subject = { reference: 'Patient/p1' }
  const context = { reference: 'Encounter/e1' }
  const profile = (name: string) => ({
    meta: { profile: [`https://fhir.nhs.uk/STU3/StructureDefinition/CareConnect-GPC-${name}-1`] },
  })
  const plain = { subject, status: 'active', medicationCodeableConcept: snomed('39731311000001108') }
  const factsOf = (resource: object) => {
    const chunk = chunkOf('fhir', 'ndjson', Buffer.from(`\n${JSON.stringify({ id: 'x1', ...resource })}`))
    const { delimiter: _csv, ...meta } = chunk.meta ?? {}
    const entry = { ...chunk, meta: { ...meta, header: '', rowsBefore: 0 } }
    const read = readExtract(entry, tables, emptyCodebook)
    // The hash of the bytes differs as the bytes do; what is stated must not.
    return read.facts.map(({ id: _id, source: { row }, revision: _revision, ...said }) => ({ ...said, row }))
  }
  test.each<[string, object, object]>([
    [
      'a problem header: codes as plain codes, Read v2 and SNOMED side by side',
      {
        resourceType: 'Condition',
        ...profile('ProblemHeader-Condition'),
        clinicalStatus: 'active',
        verificationStatus: 'entered-in-error',
        code: concept(['http://read.info/readv2', 'S30..00'], ['http://snomed.info/sct', '5913000']),
        subject,
        context,
        onsetDateTime: '2024-01-12',
        assertedDate: '2024-01-13',
      },
      {
        resourceType: 'Condition',
        clinicalStatus: concept(['http://terminology.hl7.org/CodeSystem/condition-clinical', 'active']),
        verificationStatus: concept(['http://terminology.hl7.org/CodeSystem/condition-ver-status', 'entered-in-error']),
        code: concept(['http://read.info/readv2', 'S30..00'], ['http://snomed.info/sct', '5913000']),
        subject,
        encounter: context,
        onsetDateTime: '2024-01-12',
        recordedDate: '2024-01-13',
      },
    ],
    [
      'an authorised course: a plan is no advice',
      { resourceType: 'MedicationRequest', ...profile('MedicationRequest'), ...plain, intent: 'plan', context },
      { resourceType: 'MedicationRequest', ...plain, intent: 'order', encounter: context },
    ],
    [
      'a drug not taken',
      { resourceType: 'MedicationStatement', ...profile('MedicationStatement'), ...plain, taken: 'n' },
      { resourceType: 'MedicationStatement', ...plain, status: 'not-taken' },
    ],
    [
      'a procedure not done',
      { resourceType: 'Procedure', subject, status: 'completed', notDone: true, code: snomed('312681000') },
      { resourceType: 'Procedure', subject, status: 'not-done', code: snomed('312681000') },
    ],
    [
      'a request under the name it had',
      { resourceType: 'ProcedureRequest', subject, status: 'active', code: snomed('312681000') },
      { resourceType: 'ServiceRequest', subject, status: 'active', code: snomed('312681000') },
    ],
  ])('%s says what R4 says', (_why, stu3, r4) => {
    const said = factsOf(r4)
    expect(said.length).toBeGreaterThan(0)
    expect(factsOf(stu3)).toEqual(said)
  })
  test('without the conversion they would not: a plan of R4 is advice', () => {
    const plan = { resourceType: 'MedicationRequest', ...plain, intent: 'plan' }
    expect(factsOf(plan)).toMatchObject([{ detail: { state: 'recommended' } }])
    expect(factsOf({ ...plan, ...profile('MedicationRequest') })).toMatchObject([{ detail: { state: 'ordered' } }])
  })
})

describe('a FHIR line that refers to a Medication', () => {
  const medication = JSON.stringify({
    resourceType: 'Medication',
    id: 'm1',
    code: { coding: [{ system: 'https://dmd.nhs.uk', code: '39731311000001108' }] },
  })
  const request = JSON.stringify({
    resourceType: 'MedicationRequest',
    id: 'r1',
    status: 'active',
    intent: 'order',
    subject: { reference: 'Patient/p1' },
    medicationReference: { reference: 'Medication/m1' },
    authoredOn: '2024-02-20',
  })
  const entryOf = (...lines: readonly string[]) => {
    const chunk = chunkOf('fhir', 'ndjson', Buffer.from(`\n${lines.join('\n')}`))
    const { delimiter: _csv, ...meta } = chunk.meta ?? {}
    return { ...chunk, meta: { ...meta, header: '', rowsBefore: 0 } }
  }
  const concepts = (read: ReturnType<typeof readExtract>) => read.facts.map(fact => fact.concept?.id)
  test.each([
    ['before it', [medication, request]],
    ['after it', [request, medication]],
  ])('finds one that stands %s in the chunk', (_, lines) => {
    const read = readExtract(entryOf(...lines), tables, emptyCodebook)
    expect(concepts(read)).toEqual(['drug.alendronic_acid'])
    expect(read.rowOutcomes.map(row => row.outcome)).toEqual(['kept', 'kept'])
  })
  test('waits for one of another chunk, and is read when it has come', () => {
    const entry = entryOf(request)
    const waiting = readExtract(entry, tables, emptyCodebook)
    const [key] = codeKeysOf(entry, tables)
    expect(waiting.waitsFor).toEqual([key])
    expect(waiting.rowOutcomes.map(row => [row.outcome, ...row.issues.map(found => found.code)])).toEqual([
      ['held', 'code-id-unresolved'],
    ])
    // What the store finds it again by: the key ends in the code of a fact nobody could read.
    expect(key?.endsWith(`|${waiting.facts[0]?.coding?.[0]?.code}`)).toBe(true)
    expect(concepts(waiting)).toEqual([undefined])
    const { codes } = readExtract(entryOf(medication), tables, emptyCodebook)
    const codebook = new Map(codes.map(({ key: own, ...code }) => [own, code] as const))
    expect(concepts(readExtract(entry, tables, codebook))).toEqual(['drug.alendronic_acid'])
  })
})
