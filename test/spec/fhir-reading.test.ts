import { describe, expect, test } from '@jest/globals'
import { aboutFirst, concept, factsOf, loinc, mrType, nhs, ods, patient, readBundle, snomed } from './fhir-entries.ts'

/* What each R4 resource becomes. Read beside mappings/fhir-r4/*.csv; decisions.md 2, 6 and 11 say why. */
const hip = { resourceType: 'Condition', code: snomed('5913000'), ...aboutFirst }
const condition = (more: object): object => ({ ...hip, onsetDateTime: '2026-01-14', ...more })
const diagnosisOf = (...resources: object[]) =>
  factsOf(readBundle({ resources: [patient(), ...resources] }), 'diagnosis')[0]
const codes = (reading: { issues: readonly { code: string }[] }): string[] => reading.issues.map(found => found.code)

describe('Patient → identity', () => {
  test('UK Core: NHS number with its status, hospital number, names, address, practice, ethnic category', () => {
    const status = {
      url: 'https://fhir.hl7.org.uk/StructureDefinition/Extension-UKCore-NHSNumberVerificationStatus',
      valueCodeableConcept: concept(
        'https://fhir.hl7.org.uk/CodeSystem/UKCore-NHSNumberVerificationStatusEngland',
        '01',
      ),
    }
    const ethnic = {
      url: 'https://fhir.hl7.org.uk/StructureDefinition/Extension-UKCore-EthnicCategory',
      valueCodeableConcept: concept('https://fhir.hl7.org.uk/CodeSystem/UKCore-EthnicCategory', 'A'),
    }
    const sent = patient({
      identifier: [
        { extension: [status], system: nhs, value: '9990000018' },
        { type: mrType, value: ' h100 ' },
      ],
      name: [
        { use: 'maiden', family: 'Oldname' },
        { use: 'usual', family: 'Nick', given: ['A'] },
        { use: 'official', family: 'Testwell', given: ['Ada May'], prefix: ['Mrs'] },
      ],
      address: [
        { use: 'temp', postalCode: 'ZZ1 1ZZ' },
        {
          use: 'home',
          line: ['1 Test Street'],
          city: 'Testham',
          postalCode: 'ab101xg',
          period: { start: '2020-05-01' },
        },
      ],
      generalPractitioner: [ods('A81001')],
      extension: [ethnic],
    })
    const [identity] = factsOf(readBundle({ resources: [sent] }), 'identity')
    expect(identity?.record).toBe('RXX|H100')
    expect(identity?.detail).toEqual({
      nhsNumber: '9990000018',
      nhsNumberStatus: '01',
      localNumber: { authority: 'RXX', number: 'H100' },
      familyName: 'Testwell',
      givenNames: ['Ada', 'May'],
      previousFamilyNames: ['Oldname', 'Nick'],
      birthDate: '1948-05-02',
      sex: 'female',
      addressLines: ['1 Test Street', 'Testham'],
      postcode: 'AB10 1XG',
      addressFrom: '2020-05-01',
      gpPractice: 'A81001',
      ethnicCategory: 'A',
    })
  })

  test.each([
    ['type MR without system', [{ type: mrType, value: '1' }], {}, 'RXX|1'],
    ['PAS and radiology that share numbers', [{ type: mrType, value: '1' }], { authority: 'RXX-PAS' }, 'RXX-PAS|1'],
    ['a system the feed names', [{ system: 'urn:x', value: '7' }], { identifierSystems: { 'urn:x': 'RXX' } }, 'RXX|7'],
    ['another trust assigned it', [{ type: mrType, value: '1', assigner: ods('RYY') }], {}, 'RYY|1'],
    [
      'old numbers are not used',
      [
        { use: 'old', type: mrType, value: '0' },
        { type: mrType, value: '1' },
      ],
      {},
      'RXX|1',
    ],
    ['NHS number alone', [{ system: nhs, value: '9990000018' }], {}, 'feed|nhs|9990000018'],
    ['untyped local identifier', [{ system: 'urn:x', value: '7' }], {}, 'feed|Patient/i0'],
    ['wrong check digit identifies nobody', [{ system: nhs, value: '9990000019' }], {}, 'feed|Patient/i0'],
    [
      'two different NHS numbers',
      [
        { system: nhs, value: '9990000018' },
        { system: nhs, value: '9990000026' },
      ],
      {},
      'feed|Patient/i0',
    ],
    ['no identifier', undefined, {}, 'feed|Patient/i0'],
  ])('record: %s → %s', (_why, identifier, source, record) => {
    const { identifier: _numbers, ...rest } = patient() as { identifier: unknown }
    const reading = readBundle({ resources: [{ ...rest, ...(identifier ? { identifier } : {}) }], source })
    expect(reading.facts[0]?.record).toBe(record)
  })

  test('a wrong check digit is kept as weak evidence; two numbers are a conflict; test numbers only where accepted', () => {
    const wrong = readBundle({ resources: [patient({ identifier: [{ system: nhs, value: '9990000019' }] })] })
    expect(factsOf(wrong, 'identity')[0]?.detail.invalidNhsNumber).toBe('9990000019')
    expect(codes(wrong)).toContain('nhs-number-invalid')
    const two = readBundle({
      resources: [
        patient({
          identifier: [
            { system: nhs, value: '9990000018' },
            { system: nhs, value: '9990000026' },
          ],
        }),
      ],
    })
    expect(codes(two)).toContain('nhs-numbers-conflict')
    const live = readBundle({ resources: [patient()], acceptTestNumbers: false })
    expect(factsOf(live, 'identity')[0]?.detail.nhsNumber).toBeUndefined()
    expect(codes(live)).toContain('nhs-number-test-range')
  })

  test.each([
    [{ deceasedDateTime: '2026-02-28T23:30:00Z' }, { date: '2026-02-28', kind: 'event' }],
    [{ deceasedDateTime: '2026-06-30T23:30:00Z' }, { date: '2026-07-01', kind: 'event' }],
    [{ deceasedDateTime: '2026-02' }, { date: '2026-02', kind: 'event' }],
    [{ deceasedBoolean: true }, undefined],
  ])('%j → death %j (Europe/London)', (more, when) => {
    const [death] = factsOf(readBundle({ resources: [patient(more)] }), 'death')
    expect(death?.when).toEqual(when)
    expect(death?.revision.set).toBe('Patient/i0')
  })

  test('deceasedBoolean false is no death', () => {
    expect(factsOf(readBundle({ resources: [patient({ deceasedBoolean: false })] }), 'death')).toEqual([])
  })

  test.each([
    ['replaced-by', 'RXX|H100', 'RXX|2', 'replaced-by'],
    ['replaces', 'RXX|2', 'RXX|H100', 'replaced-by'],
    ['seealso', 'RXX|H100', 'RXX|2', 'same-patient'],
  ])('link %s: %s says of %s: %s', (type, record, other, assertion) => {
    const second = patient({ identifier: [{ type: mrType, value: '2' }] })
    const [fact] = factsOf(
      readBundle({ resources: [patient({ link: [{ type, other: { reference: 'urn:1' } }] }), second] }),
      'assertion',
    )
    expect(fact).toMatchObject({
      record,
      detail: { assertion, other, by: 'source' },
      source: { path: 'Patient/i0#link[0]' },
    })
  })
})

describe('whose resource it is', () => {
  const about = (subject: object) =>
    readBundle({
      resources: [{ ...hip, id: 'c1', onsetDateTime: '2026-01-14', subject }],
      patients: { 'Patient/p9': { identifier: [{ type: mrType, value: '9' }] } },
    })

  test.each([
    ['a patient posted earlier', { reference: 'Patient/p9' }, 'RXX|9'],
    ['a version of it', { reference: 'Patient/p9/_history/3' }, 'RXX|9'],
    ['its NHS number', { identifier: { system: nhs, value: '9990000018' } }, 'feed|nhs|9990000018'],
    ['its hospital number', { identifier: { type: mrType, value: '5' } }, 'RXX|5'],
    ['a bare number', { identifier: { system: 'urn:mrn', value: '5' } }, 'RXX|5'],
  ])('by %s', (_why, subject, record) => {
    const reading = about(subject)
    expect(factsOf(reading, 'diagnosis')[0]?.record).toBe(record)
    // The record exists with its numbers though no Patient came.
    expect(factsOf(reading, 'identity')[0]).toMatchObject({
      record,
      source: { row: 'match.subject', path: 'Condition/c1#subject' },
    })
  })

  test('contained patient', () => {
    const contained = [{ resourceType: 'Patient', id: 'p', identifier: [{ type: mrType, value: '6' }] }]
    const reading = readBundle({ resources: [{ ...hip, contained, subject: { reference: '#p' } }] })
    expect(reading.facts[0]?.record).toBe('RXX|6')
  })

  test.each([[{ display: 'somebody' }], [{ reference: 'Group/1' }], [undefined]])(
    '%j: no facts, issue patient-missing',
    subject => {
      const { subject: _one, ...rest } = hip
      const reading = readBundle({ resources: [{ ...rest, ...(subject ? { subject } : {}) }] })
      expect([reading.facts, codes(reading)]).toEqual([[], ['patient-missing']])
    },
  )

  test('two patients in one Bundle stay apart', () => {
    const second = patient({ identifier: [{ type: mrType, value: '2' }] })
    const reading = readBundle({
      resources: [patient(), second, condition({}), condition({ subject: { reference: 'urn:1' } })],
    })
    expect(factsOf(reading, 'diagnosis').map(fact => fact.record)).toEqual(['RXX|H100', 'RXX|2'])
  })

  test('GP side: the practice and the system’s own patient id', () => {
    const reading = readBundle({ side: 'gp', resources: [patient(), condition({})] })
    expect(reading.facts.map(fact => [fact.side, fact.organisation, fact.record])).toEqual(
      Array(2).fill(['gp', 'A81001', 'A81001|gp|H100']),
    )
  })
})

describe('what may turn a resource round', () => {
  test.each([
    ['modifierExtension', { modifierExtension: [{ url: 'urn:refuted', valueBoolean: true }] }],
    ['implicitRules', { implicitRules: 'urn:rules' }],
    ['modifierExtension, nested', { stage: [{ modifierExtension: [{ url: 'urn:x', valueBoolean: true }] }] }],
  ])('%s: nothing is read, and that is told', (_what, more) => {
    const reading = readBundle({ resources: [patient(), condition(more)] })
    expect(reading.facts.filter(fact => fact.kind === 'diagnosis')).toEqual([])
    expect(codes(reading)).toEqual(['resource-not-used'])
  })
})

describe('Condition → diagnosis', () => {
  test.each([
    ['onset', { onsetDateTime: '2026-01-14', recordedDate: '2026-01-20' }, '2026-01-14', 'onset'],
    ['month precision stays', { onsetDateTime: '2026-01' }, '2026-01', 'onset'],
    [
      'summer evening in UTC is the next day in London',
      { onsetDateTime: '2026-07-14T23:10:00Z' },
      '2026-07-15',
      'onset',
    ],
    ['offset as stated', { onsetDateTime: '2026-01-14T00:30:00+01:00' }, '2026-01-13', 'onset'],
    ['onset period', { onsetPeriod: { start: '2026-01-13' } }, '2026-01-13', 'onset'],
    ['else recordedDate', { recordedDate: '2026-01-20' }, '2026-01-20', 'recorded'],
    [
      'asserted date',
      {
        extension: [
          { url: 'http://hl7.org/fhir/StructureDefinition/condition-assertedDate', valueDateTime: '2026-01-16' },
        ],
      },
      '2026-01-16',
      'event',
    ],
    ['nothing: the day it was true', {}, '2026-03-01', 'received'],
  ])('date: %s', (_why, more, date, kind) => {
    expect(diagnosisOf({ ...hip, ...more })?.when).toEqual({ date, kind })
  })

  test.each([
    ['a side of its own', { bodySite: [snomed('29836001'), snomed('7771000')] }, 'left'],
    ['a site in words', { bodySite: [{ text: 'Left hip' }] }, 'left'],
    ['post-coordinated site', { bodySite: [snomed('29836001:272741003=24028007')] }, 'right'],
    ['post-coordinated code', { code: snomed('5913000:272741003=24028007') }, 'right'],
    [
      'BodyStructure qualifier',
      {
        contained: [
          {
            resourceType: 'BodyStructure',
            id: 'b',
            locationQualifier: [snomed('24028007')],
            patient: { reference: 'urn:0' },
          },
        ],
        extension: [
          {
            url: 'https://fhir.hl7.org.uk/StructureDefinition/Extension-UKCore-BodySiteReference',
            valueReference: { reference: '#b' },
          },
        ],
      },
      'right',
    ],
    [
      'words of the code',
      { code: { coding: [{ system: 'http://snomed.info/sct', code: '5913000' }], text: '# NOF (R)' } },
      'right',
    ],
    ['nothing', {}, undefined],
  ])('side: %s', (_why, more, side) => {
    expect(diagnosisOf(condition(more))?.laterality).toBe(side)
  })

  test('two sides contradict: neither, and an issue', () => {
    const reading = readBundle({
      resources: [
        patient(),
        condition({
          bodySite: [snomed('7771000')],
          code: { coding: [{ system: 'http://snomed.info/sct', code: '5913000' }], text: 'right hip' },
        }),
      ],
    })
    expect([factsOf(reading, 'diagnosis')[0]?.laterality, codes(reading)]).toEqual([undefined, ['side-conflict']])
  })

  const status = (code: string) => ({
    verificationStatus: concept('http://terminology.hl7.org/CodeSystem/condition-ver-status', code),
  })
  test.each([
    ['confirmed', status('confirmed'), 'confirmed', 'active'],
    ['provisional', status('provisional'), 'suspected', 'active'],
    ['differential', status('differential'), 'suspected', 'active'],
    ['unconfirmed', status('unconfirmed'), 'suspected', 'active'],
    ['refuted', status('refuted'), 'refuted', 'active'],
    ['entered-in-error', status('entered-in-error'), undefined, 'retracted'],
    ['none stated', {}, 'confirmed', 'active'],
    [
      'words against the status',
      {
        ...status('confirmed'),
        code: { coding: [{ system: 'http://snomed.info/sct', code: '5913000' }], text: '?fracture neck of femur' },
      },
      'suspected',
      'active',
    ],
  ])('verification: %s', (_why, more, certainty, active) => {
    const fact = diagnosisOf(condition(more))
    expect([fact?.certainty, fact?.status]).toEqual([certainty, active])
  })

  test.each([
    [
      'SNOMED CT decides over ICD-10',
      {
        coding: [
          { system: 'http://hl7.org/fhir/sid/icd-10', code: 'S72.00' },
          { system: 'http://snomed.info/sct', code: '5913000' },
        ],
      },
      'hip.neck',
    ],
    ['misspelt system', { coding: [{ system: 'https://snomed.info/sct', code: '5913000' }] }, 'hip.neck'],
    [
      'edition in the system',
      { coding: [{ system: 'http://snomed.info/sct/83821000000107/version/20250101', code: '5913000' }] },
      'hip.neck',
    ],
    ['ICD-10 without dot', { coding: [{ system: 'http://hl7.org/fhir/sid/icd-10', code: 'S7200' }] }, 'hip.neck'],
    ['local code', { coding: [{ system: 'urn:local', code: 'X1', display: 'Fracture of neck of femur' }] }, undefined],
  ])('code: %s', (_why, code, id) => {
    const fact = diagnosisOf(condition({ code }))
    expect(fact?.concept?.id).toBe(id)
    expect(fact?.coding?.length).toBe((code.coding as unknown[]).length)
  })

  test('text alone is kept and means nothing, whatever it says', () => {
    const reading = readBundle({
      resources: [patient(), condition({ code: { text: 'Fracture of neck of left femur' } })],
    })
    expect(factsOf(reading, 'diagnosis')[0]).toMatchObject({
      coding: [{ system: '', code: '', display: 'Fracture of neck of left femur' }],
    })
    expect(factsOf(reading, 'diagnosis')[0]?.concept).toBeUndefined()
    expect(codes(reading)).toEqual(['code-missing'])
  })

  test('the encounter gives the department and the visit; UK Core episodicity', () => {
    const encounter = {
      resourceType: 'Encounter',
      id: 'e1',
      status: 'finished',
      class: { code: 'EMER' },
      period: { start: '2026-01-14T20:00:00Z' },
      ...aboutFirst,
    }
    const extension = [
      {
        url: 'https://fhir.hl7.org.uk/StructureDefinition/Extension-UKCore-ConditionEpisode',
        valueCodeableConcept: concept('https://fhir.hl7.org.uk/CodeSystem/UKCore-ConditionEpisodicity', 'new'),
      },
    ]
    const fact = diagnosisOf(encounter, { ...hip, encounter: { reference: 'urn:1' }, extension })
    expect(fact).toMatchObject({
      when: { date: '2026-01-14', kind: 'attendance' },
      detail: { department: 'emergency', episodicity: 'new' },
      revision: { visit: 'Encounter/i1', set: 'Condition/i2' },
    })
  })
})

describe('Encounter and EpisodeOfCare → encounter', () => {
  const visit = (more: object, source = {}) =>
    factsOf(
      readBundle({
        source,
        resources: [
          patient(),
          { resourceType: 'Encounter', status: 'finished', class: { code: 'IMP' }, ...aboutFirst, ...more },
        ],
      }),
      'encounter',
    )[0]

  test('an admission with NHS codes', () => {
    const uk = (name: string, code: string) => ({
      url: `https://fhir.hl7.org.uk/StructureDefinition/Extension-UKCore-${name}`,
      valueCodeableConcept: concept('urn:x', code),
    })
    const fact = visit({
      period: { start: '2026-01-14T22:00:00Z', end: '2026-01-20T10:00:00Z' },
      hospitalization: { admitSource: concept('urn:x', '54'), dischargeDisposition: concept('urn:x', '19') },
      serviceType: concept('urn:x', '110'),
      extension: [uk('AdmissionMethod', '21'), uk('DischargeMethod', '1')],
    })
    expect(fact?.detail).toEqual({
      class: 'inpatient',
      state: 'finished',
      start: '2026-01-14',
      end: '2026-01-20',
      endReason: '1',
      specialty: '110',
      admissionMethod: '21',
      admissionSource: '54',
      dischargeDestination: '19',
    })
    expect(fact?.revision).toMatchObject({ set: 'Encounter/i1', visit: 'Encounter/i1' })
  })

  test.each([
    ['AMB', 'outpatient'],
    ['VR', 'outpatient'],
    ['EMER', 'emergency'],
    ['ACUTE', 'inpatient'],
    ['PRENC', 'pre-admission'],
    ['HH', 'other'],
    ['XYZ', 'other'],
  ])('class %s → %s', (code, expected) => {
    expect(visit({ class: { code } })?.detail.class).toBe(expected)
  })

  test.each([
    ['planned', 'planned', 'active'],
    ['triaged', 'in-progress', 'active'],
    ['finished', 'finished', 'active'],
    ['cancelled', 'cancelled', 'retracted'],
    ['entered-in-error', 'cancelled', 'retracted'],
    ['unknown', undefined, 'active'],
  ])('status %s → %s, %s', (status, state, active) => {
    const fact = visit({ status })
    expect([fact?.detail.state, fact?.status]).toEqual([state, active])
  })

  test.each([
    ['type in words', { type: [{ text: 'Fracture Liaison Service' }] }, {}, 'fls'],
    ['service', { serviceType: { text: 'Falls prevention service' } }, {}, 'falls'],
    ['the feed is an FLS', {}, { department: 'fls' as const }, 'fls'],
    ['a fall as the reason is no falls clinic', { reasonCode: [{ text: 'Falls' }] }, {}, undefined],
    ['nothing', {}, {}, undefined],
  ])('clinic: %s', (_why, more, source, clinic) => {
    expect(visit(more, source)?.detail.clinic).toBe(clinic)
  })

  const episode = (more: object, source = {}) =>
    readBundle({
      source,
      resources: [
        patient(),
        {
          resourceType: 'EpisodeOfCare',
          status: 'active',
          patient: { reference: 'urn:0' },
          period: { start: '2026-01-20' },
          ...more,
        },
      ],
    })
  test.each([
    ['by its type', { type: [{ text: 'Fracture liaison service' }] }, {}],
    ['by its organisation', { managingOrganization: { display: 'Testham FLS' } }, {}],
    ['by the feed', {}, { department: 'fls' as const }],
  ])('EpisodeOfCare of an FLS %s: a period of care, no attendance', (_why, more, source) => {
    expect(factsOf(episode(more, source), 'encounter')[0]?.detail).toEqual({
      class: 'other',
      state: 'in-progress',
      start: '2026-01-20',
      clinic: 'fls',
    })
  })
  test('of anybody else: kept, not used', () => {
    const reading = episode({ type: [{ text: 'Cardiac rehabilitation' }] })
    expect([factsOf(reading, 'encounter'), codes(reading)]).toEqual([[], ['resource-not-used']])
  })
})

describe('Observation → observation, or diagnosis', () => {
  const result = (more: object) => ({
    resourceType: 'Observation',
    status: 'final',
    effectiveDateTime: '2026-02-01',
    ...aboutFirst,
    ...more,
  })
  const observations = (...resources: object[]) =>
    factsOf(readBundle({ resources: [patient(), ...resources] }), 'observation')

  test.each([
    ['hip', '38264-8', 'dxa.tscore.hip'],
    ['femur', '38263-0', 'dxa.tscore.femur'],
    ['lumbar', '38267-1', 'dxa.tscore.lumbar'],
    ['forearm, never hip or spine', '38265-5', 'dxa.tscore.forearm'],
    ['heel', '38266-3', 'dxa.tscore.heel'],
  ])('DXA T-score of %s', (_region, code, id) => {
    const [fact] = observations(
      result({
        code: loinc(code),
        valueQuantity: { value: -2.7, code: '{Tscore}', system: 'http://unitsofmeasure.org' },
      }),
    )
    expect(fact).toMatchObject({
      concept: { id },
      value: '-2.7',
      unit: '{Tscore}',
      when: { date: '2026-02-01', kind: 'result' },
    })
  })

  test.each([
    ['text with comparator', { valueString: '<30' }, '30', '<'],
    ['quantity with comparator', { valueQuantity: { value: 30, comparator: '<=' } }, '30', '<='],
    ['integer', { valueInteger: 4 }, '4', undefined],
    ['comma', { valueString: '41,5' }, '41.5', undefined],
    ['words', { valueString: 'see report' }, 'see report', undefined],
    ['none', {}, undefined, undefined],
  ])('value: %s', (_why, more, value, comparator) => {
    const [fact] = observations(result({ code: loinc('1989-3'), ...more }))
    expect([fact?.value, fact?.comparator]).toEqual([value, comparator])
  })

  test('smoking status: the coded value is the statement', () => {
    const [fact] = observations(result({ code: loinc('72166-2'), valueCodeableConcept: snomed('77176002') }))
    expect(fact?.concept?.id).toBe('smoking.current')
  })

  test.each([
    ['Boolean', { valueBoolean: false }],
    ['coded', { valueCodeableConcept: snomed('373067005') }],
  ])('a question answered with no (%s) withdraws, it does not state', (_why, more) => {
    expect(observations(result({ code: snomed('161898004'), ...more }))[0]?.status).toBe('retracted')
  })

  test('components stand under their panel: one group, one set, own paths', () => {
    const facts = observations(
      result({
        id: 'o1',
        code: loinc('83311-1'),
        component: [
          { code: loinc('38264-8'), valueQuantity: { value: -2 } },
          { code: loinc('38267-1'), valueQuantity: { value: -3.1 } },
        ],
      }),
    )
    expect(
      facts.map(fact => [fact.source.path, fact.value, fact.detail?.group, fact.revision.set, fact.when?.date]),
    ).toEqual([
      ['Observation/o1', undefined, 'Observation/i1', 'Observation/i1', '2026-02-01'],
      ['Observation/o1#component[0]', '-2', 'Observation/i1', 'Observation/i1', '2026-02-01'],
      ['Observation/o1#component[1]', '-3.1', 'Observation/i1', 'Observation/i1', '2026-02-01'],
    ])
  })

  test('results of one report share its group, contained ones too', () => {
    const report = {
      resourceType: 'DiagnosticReport',
      status: 'final',
      code: loinc('38269-7'),
      ...aboutFirst,
      effectiveDateTime: '2026-02-01',
      contained: [
        {
          resourceType: 'Observation',
          id: 'x',
          status: 'final',
          code: loinc('38267-1'),
          valueQuantity: { value: -1.5 },
          effectiveDateTime: '2026-02-01',
        },
      ],
      result: [{ reference: 'urn:1' }, { reference: '#x' }],
    }
    const facts = observations(result({ code: loinc('38264-8'), valueQuantity: { value: -2 } }), report)
    expect(facts.map(fact => [fact.value, fact.detail?.group])).toEqual([
      ['-2', 'DiagnosticReport/i2'],
      ['-1.5', 'DiagnosticReport/i2'],
    ])
  })

  test('a laboratory’s other analytes are left out without noise; other unknown codes are kept and told', () => {
    const lab = { category: [concept('http://terminology.hl7.org/CodeSystem/observation-category', 'laboratory')] }
    const reading = readBundle({ resources: [patient(), result({ ...lab, code: loinc('2947-0') })] })
    expect(factsOf(reading, 'observation')).toEqual([])
    expect(codes(reading)).not.toContain('code-unknown')
    expect(observations(result({ code: concept('urn:local', 'Q7') }))[0]?.coding).toEqual([
      { system: 'urn:local', code: 'Q7' },
    ])
  })

  test('a fracture code in an Observation (GP systems) is a diagnosis', () => {
    const [fact] = factsOf(
      readBundle({ resources: [patient(), result({ id: 'o1', code: snomed('5913000') })] }),
      'diagnosis',
    )
    expect(fact).toMatchObject({
      concept: { id: 'hip.neck' },
      when: { date: '2026-02-01', kind: 'onset' },
      source: { path: 'Observation/o1' },
    })
  })

  test.each([
    ['entered-in-error', 'retracted'],
    ['cancelled', 'retracted'],
    ['amended', 'amended'],
    ['corrected', 'amended'],
    ['final', 'active'],
  ])('status %s → %s', (status, expected) => {
    expect(observations(result({ status, code: loinc('38264-8') }))[0]?.status).toBe(expected)
  })
})

describe('DiagnosticReport → document, T-scores in words, coded conclusion', () => {
  const report = (more: object) =>
    readBundle({
      resources: [
        patient(),
        {
          resourceType: 'DiagnosticReport',
          status: 'final',
          code: { text: 'XR' },
          ...aboutFirst,
          effectiveDateTime: '2026-01-14',
          ...more,
        },
      ],
    })

  test.each([
    ['category RAD', { category: [concept('http://terminology.hl7.org/CodeSystem/v2-0074', 'RAD')] }, 'radiology'],
    ['category LAB', { category: [concept('http://terminology.hl7.org/CodeSystem/v2-0074', 'LAB')] }, 'laboratory'],
    ['DXA by its code', { code: loinc('38269-7') }, 'dxa'],
    ['unknown', {}, 'other'],
  ])('type: %s', (_why, more, type) => {
    expect(factsOf(report(more), 'document')[0]?.detail.type).toBe(type)
  })

  test('text only says where a fracture may be spoken of; the text itself stays in the inbox', () => {
    const conclusion = 'There is a fracture of the left neck of femur.'
    const [fact] = factsOf(report({ conclusion }), 'document')
    expect(fact?.detail.mention).toMatchObject({ isNegated: false })
    expect(JSON.stringify(fact)).not.toContain('There is')
    const attached = {
      presentedForm: [{ contentType: 'text/plain', data: Buffer.from('No fracture of the hip.').toString('base64') }],
    }
    expect(factsOf(report(attached), 'document')[0]?.detail.mention).toMatchObject({ isNegated: true })
  })

  test('T-scores written in words, unless the results are there', () => {
    const conclusion = 'Lumbar spine T-score -2.9. Total hip T-score -1.8.'
    expect(
      factsOf(report({ conclusion, code: loinc('38269-7') }), 'observation').map(fact => [
        fact.concept?.id,
        fact.value,
      ]),
    ).toEqual([
      ['dxa.tscore.hip', '-1.8'],
      ['dxa.tscore.spine', '-2.9'],
    ])
    expect(factsOf(report({ conclusion, result: [{ reference: 'Observation/1' }] }), 'observation')).toEqual([])
  })

  test('a coded conclusion supports, it does not found', () => {
    expect(factsOf(report({ conclusionCode: [snomed('5913000')] }), 'diagnosis')[0]).toMatchObject({
      certainty: 'suspected',
      detail: { department: 'radiology', isFromDocument: true },
      concept: { id: 'hip.neck' },
    })
  })
})

describe('medicines', () => {
  const drug = {
    medicationCodeableConcept: {
      ...concept('https://dmd.nhs.uk', '421552005', 'Alendronic acid'),
      text: 'Alendronic acid 70 mg',
    },
  }
  const medicine = (resource: object, medications = {}) =>
    factsOf(
      readBundle({ medications, resources: [patient(), { ...drug, ...aboutFirst, ...resource }] }),
      'medication',
    )[0]

  test('MedicationRequest: ordered, with supply', () => {
    expect(
      medicine({
        resourceType: 'MedicationRequest',
        status: 'active',
        intent: 'order',
        authoredOn: '2026-02-03T09:00:00Z',
        dosageInstruction: [{ text: 'One weekly' }],
        dispenseRequest: {
          quantity: { value: 4, unit: 'tablet' },
          expectedSupplyDuration: { value: 4, code: 'wk', system: 'http://unitsofmeasure.org' },
        },
      }),
    ).toMatchObject({
      concept: { id: 'drug.alendronic_acid' },
      when: { date: '2026-02-03', kind: 'event' },
      detail: {
        name: 'Alendronic acid 70 mg',
        state: 'ordered',
        daysSupplied: 28,
        quantity: '4',
        quantityUnit: 'tablet',
        dosage: 'One weekly',
      },
    })
  })

  test.each([
    ['MedicationRequest', { status: 'active', intent: 'proposal' }, 'recommended', 'active'],
    ['MedicationRequest', { status: 'cancelled', intent: 'order' }, 'cancelled', 'active'],
    ['MedicationRequest', { status: 'active', intent: 'order', doNotPerform: true }, 'cancelled', 'active'],
    ['MedicationRequest', { status: 'entered-in-error', intent: 'order' }, 'cancelled', 'retracted'],
    ['MedicationStatement', { status: 'active' }, 'stated', 'active'],
    ['MedicationStatement', { status: 'not-taken' }, 'cancelled', 'active'],
    ['MedicationStatement', { status: 'intended' }, 'recommended', 'active'],
    ['MedicationAdministration', { status: 'completed' }, 'administered', 'active'],
    ['MedicationAdministration', { status: 'not-done' }, 'cancelled', 'active'],
    ['MedicationDispense', { status: 'completed', daysSupply: { value: 28, unit: 'days' } }, 'supplied', 'active'],
  ])('%s %j → %s', (resourceType, more, state, status) => {
    const fact = medicine({ resourceType, ...more })
    expect([fact?.detail.state, fact?.status]).toEqual([state, status])
  })

  test.each([
    [
      'contained',
      {
        contained: [{ resourceType: 'Medication', id: 'm', code: drug.medicationCodeableConcept }],
        medicationReference: { reference: '#m' },
      },
    ],
    ['posted earlier', { medicationReference: { reference: 'Medication/m9' } }],
  ])('a Medication that is %s', (_why, more) => {
    const medications = { 'Medication/m9': { code: drug.medicationCodeableConcept } }
    const resource = { resourceType: 'MedicationStatement', status: 'active', ...aboutFirst, ...more }
    expect(factsOf(readBundle({ medications, resources: [patient(), resource] }), 'medication')[0]?.concept?.id).toBe(
      'drug.alendronic_acid',
    )
  })

  test('a foreign code (RxNorm) is kept as sent and told', () => {
    const code = concept('http://www.nlm.nih.gov/research/umls/rxnorm', '904419', 'Alendronic acid 10 MG Oral Tablet')
    const reading = readBundle({
      resources: [
        patient(),
        {
          resourceType: 'MedicationRequest',
          status: 'active',
          intent: 'order',
          medicationCodeableConcept: code,
          ...aboutFirst,
        },
      ],
    })
    expect(factsOf(reading, 'medication')[0]?.concept).toBeUndefined()
    expect(codes(reading)).toContain('code-unknown')
  })
})

describe('requests, appointments, procedures', () => {
  const one = <K extends 'request' | 'appointment' | 'procedure'>(kind: K, resource: object) =>
    factsOf(readBundle({ resources: [patient(), resource] }), kind)[0]

  test.each([
    ['active', 'sent', 'active'],
    ['completed', 'completed', 'active'],
    ['revoked', 'cancelled', 'active'],
    ['draft', undefined, 'retracted'],
  ])('ServiceRequest %s', (status, state, active) => {
    const fact = one('request', {
      resourceType: 'ServiceRequest',
      status,
      intent: 'order',
      code: snomed('312681000'),
      authoredOn: '2026-01-21',
      ...aboutFirst,
    })
    expect([fact?.detail?.state, fact?.status, fact?.concept?.id, fact?.when?.date]).toEqual([
      state,
      active,
      'dxa.procedure',
      '2026-01-21',
    ])
  })

  test.each([
    ['fulfilled', 'attended'],
    ['arrived', 'attended'],
    ['booked', 'booked'],
    ['noshow', 'missed'],
    ['cancelled', 'cancelled'],
  ])('Appointment %s → %s', (status, state) => {
    const participant = [
      { actor: { reference: 'Practitioner/1' }, status: 'accepted' },
      { actor: { reference: 'urn:0' }, status: 'accepted' },
    ]
    const fact = one('appointment', {
      resourceType: 'Appointment',
      status,
      serviceType: [{ text: 'FLS' }],
      created: '2026-01-15',
      start: '2026-02-01T10:00:00Z',
      end: '2026-02-01T10:20:00Z',
      participant,
    })
    expect(fact).toMatchObject({
      record: 'RXX|H100',
      detail: { clinic: 'fls', state },
      when: { date: '2026-02-01', kind: 'clinic' },
      recorded: '2026-01-15',
    })
  })

  test.each([
    ['completed', 'active'],
    ['not-done', 'retracted'],
    ['entered-in-error', 'retracted'],
  ])('Procedure %s', (status, active) => {
    const fact = one('procedure', {
      resourceType: 'Procedure',
      status,
      code: concept('https://fhir.nhs.uk/Id/opcs-4', 'W38.1'),
      bodySite: [snomed('7771000')],
      performedPeriod: { start: '2026-01-16' },
      ...aboutFirst,
    })
    expect([fact?.status, fact?.laterality, fact?.when]).toEqual([
      active,
      'left',
      { date: '2026-01-16', kind: 'event' },
    ])
  })
})

describe('time and identity of statements', () => {
  test.each([
    [
      'meta.lastUpdated',
      { meta: { lastUpdated: '2026-02-01T08:00:00Z' } },
      '2026-01-31T00:00:00Z',
      '2026-02-01T08:00:00.000Z',
    ],
    ['else Bundle.timestamp', {}, '2026-01-31T00:00:00Z', '2026-01-31T00:00:00.000Z'],
    ['else receipt', {}, undefined, '2026-03-01T10:00:00.000Z'],
    [
      'never later than receipt',
      { meta: { lastUpdated: '2031-01-01T00:00:00Z' } },
      undefined,
      '2026-03-01T10:00:00.000Z',
    ],
  ])('asOf: %s', (_why, more, timestamp, asOf) => {
    const reading = readBundle({ resources: [patient(), condition(more)], ...(timestamp ? { timestamp } : {}) })
    expect(factsOf(reading, 'diagnosis')[0]?.revision.asOf).toBe(asOf)
  })

  test('paths name the resource: the sender’s id, else an identifier that is no patient’s, else the id issued; never twice', () => {
    const named = { identifier: [{ system: 'urn:x', value: 'ACC-1' }] }
    const reading = readBundle({
      resources: [patient({ id: 'mine' }), condition({ id: 'c1' }), condition(named), condition(named), condition({})],
    })
    expect(reading.facts.map(fact => fact.source.path)).toEqual([
      'Patient/mine',
      'Condition/c1',
      'Condition/ACC-1',
      'Condition/i3',
      'Condition/i4',
    ])
    expect(new Set(reading.facts.map(fact => fact.id)).size).toBe(reading.facts.length)
  })

  test('reading twice gives the same', () => {
    const sent = { resources: [patient(), condition({})] }
    expect(readBundle(sent)).toEqual(readBundle(sent))
  })

  test('types nobody reads are kept and told', () => {
    expect(readBundle({ resources: [{ resourceType: 'Claim', id: 'x' }] }).issues).toEqual([
      { code: 'resource-not-used', severity: 'information', where: 'Bundle.entry[0].resource' },
    ])
  })
})
