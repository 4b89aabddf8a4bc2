import { readdirSync, readFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import { describe, expect, test } from '@jest/globals'
import fc from 'fast-check'
import { schemaFiles } from '../../scripts/generate/fhir-schemas.ts'
import { issueCodes } from '../../src/fls/issue.ts'
import { literalOf, writeJson } from '../../src/sources/fhir/json.ts'
import { operationOutcome } from '../../src/sources/fhir/operation-outcome.ts'
import { decodeUtf8, readStrictJson } from '../../src/sources/fhir/strict-json.ts'
import { validateResource } from '../../src/sources/fhir/validate.ts'

const found = (issues: readonly { code: string; where: string }[]) => issues.map(one => `${one.code} ${one.where}`)

describe('JSON rules (fhir.md 1.2)', () => {
  test.each([
    ['duplicate key', '{"resourceType":"Patient","active":true,"active":true}', ['json-duplicate-key Patient.active']],
    [
      'duplicate key, other value',
      '{"resourceType":"Patient","active":true,"active":false}',
      ['json-duplicate-key Patient.active'],
    ],
    [
      'duplicate key written with an escape',
      '{"resourceType":"Patient","active":true,"\\u0061ctive":true}',
      ['json-duplicate-key Patient.active'],
    ],
    ['__proto__', '{"resourceType":"Patient","__proto__":{"a":1}}', ['json-key-refused Patient.__proto__']],
    [
      'constructor',
      '{"resourceType":"Patient","name":[{"constructor":"x"}]}',
      ['json-key-refused Patient.name[0].constructor'],
    ],
    ['empty array', '{"resourceType":"Patient","name":[]}', ['element-empty Patient.name']],
    ['empty object', '{"resourceType":"Patient","name":[{}]}', ['element-empty Patient.name[0]']],
    ['empty text', '{"resourceType":"Patient","language":""}', ['element-empty Patient.language']],
    ['null', '{"resourceType":"Patient","active":null}', ['element-empty Patient.active']],
    [
      'null in array, no sibling',
      '{"resourceType":"Patient","name":[{"given":["a",null]}]}',
      ['element-empty Patient.name[0].given[1]'],
    ],
    [
      'null in array and in its sibling',
      '{"name":[{"given":[null],"_given":[null]}]}',
      ['element-empty name[0].given[0]', 'element-empty name[0]._given[0]'],
    ],
    [
      'null in array beside its sibling',
      '{"resourceType":"Patient","name":[{"given":["a",null],"_given":[null,{"id":"x"}]}]}',
      [],
    ],
    [
      'several findings at once',
      '{"resourceType":"Patient","name":[],"photo":{}}',
      ['element-empty Patient.name', 'element-empty Patient.photo'],
    ],
    [
      'a key that is no element name is not repeated',
      '{"resourceType":"Patient","Ada Testwell":""}',
      ['element-empty Patient.?'],
    ],
    ['no JSON', '{"resourceType":"Patient",}', ['json-invalid body']],
    ['no JSON, deep inside', '{"resourceType":"Patient","name":[{"given":["a" "b"]}]}', ['json-invalid name[0].given']],
    ['something behind', '{"resourceType":"Patient"}{}', ['json-invalid body']],
    ['nothing', '', ['json-invalid body']],
    ['leading zero', '{"a":01}', ['json-invalid body']],
    ['NaN', '{"a":NaN}', ['json-invalid a']],
    ['number beyond every range', '{"a":1e999}', ['json-invalid a']],
    ['raw line break in a text', '{"a":"x\ny"}', ['json-invalid a']],
    ['NUL', '{"a":"\\u0000"}', ['json-invalid a']],
    ['half a surrogate pair', '{"a":"\\ud83d"}', ['json-invalid a']],
    ['wrong escape', '{"a":"\\x41"}', ['json-invalid a']],
  ])('%s', (_why, text, issues) => {
    expect(found(readStrictJson(text).issues)).toEqual(issues)
  })

  test.each([
    [64, []],
    [65, ['json-too-deep']],
  ])('%s levels', (depth, issues) => {
    const { issues: told } = readStrictJson(`${'['.repeat(depth)}1${']'.repeat(depth)}`)
    expect(told.map(one => one.code)).toEqual(issues)
  })

  test('a hundred thousand levels do not exhaust the stack', () => {
    expect(readStrictJson('['.repeat(100_000)).issues.map(one => one.code)).toEqual(['json-too-deep'])
  })

  test.each(['1.50', '-0.0', '1e2', '123456789012345678901234567890', '0.1000', '-2.5'])(
    'the number %s keeps its places',
    literal => {
      const { read } = readStrictJson(`{"value":${literal},"list":[${literal}]}`)
      const value = read?.value as { value: number; list: number[] }
      expect(literalOf(read?.literals ?? new WeakMap(), value, 'value', value.value)).toBe(literal)
      expect(writeJson(value, read?.literals ?? new WeakMap())).toBe(`{"value":${literal},"list":[${literal}]}`)
    },
  )

  test('texts are read as JSON.parse reads them', () => {
    const text = JSON.stringify({ a: 'é "quoted" \\ / \b\f\n\r\t \u0001 😀', b: [true, false, 12.5, 'x'] })
    expect(readStrictJson(text).read?.value).toEqual(JSON.parse(text))
  })

  test('property: any JSON value is read as JSON.parse reads it, and written back equal', () => {
    fc.assert(
      fc.property(fc.jsonValue({ noUnicodeString: false }), sent => {
        const text = JSON.stringify(sent)
        const { read } = readStrictJson(text)
        // What is refused whole (prototype keys apart) is only what neither UTF-8 nor the database can hold.
        fc.pre(read !== undefined && !/__proto__|constructor|prototype/.test(text))
        expect(read?.value).toEqual(JSON.parse(text))
        expect(JSON.parse(writeJson(read?.value ?? null, read?.literals ?? new WeakMap()))).toEqual(JSON.parse(text))
      }),
      { seed: 11, numRuns: 500 },
    )
  })

  test('UTF-8 only; a byte order mark is not content', () => {
    expect(decodeUtf8(Buffer.from([0xff, 0xfe]))).toBeUndefined()
    expect(decodeUtf8(Buffer.from('\ufeff{}'))).toBe('{}')
  })
})

const patient = (more: object) => ({ resourceType: 'Patient', ...more })
const observation = (more: object) => ({ resourceType: 'Observation', status: 'final', code: { text: 'x' }, ...more })

describe('structure: every fault row of fhir.md 3.2', () => {
  test.each([
    ['30 February', patient({ birthDate: '2024-02-30' }), 'unreadable-date Patient.birthDate'],
    ['29 February of no leap year', patient({ birthDate: '2023-02-29' }), 'unreadable-date Patient.birthDate'],
    ['unknown element', patient({ nickname: 'x' }), 'element-unknown Patient.nickname'],
    ['unknown element inside', patient({ name: [{ surname: 'x' }] }), 'element-unknown Patient.name[0].surname'],
    ['gender = "woman"', patient({ gender: 'woman' }), 'word-not-allowed Patient.gender'],
    ['empty array', patient({ name: [] }), 'element-empty Patient.name'],
    ['empty object', patient({ name: [{}] }), 'element-empty Patient.name[0]'],
    ['empty string', patient({ name: [{ family: '' }] }), 'element-empty Patient.name[0].family'],
    ['invariant pat-1', patient({ contact: [{ gender: 'male' }] }), 'structure-invalid Patient.contact[0]'],
    ['id with a space', patient({ id: 'a b' }), 'structure-invalid Patient.id'],
    ['two value[x]', observation({ valueString: '1', valueInteger: 1 }), 'structure-invalid Observation.value[x]'],
    [
      'QuestionnaireResponse without status',
      { resourceType: 'QuestionnaireResponse', questionnaire: 'urn:q' },
      'element-required QuestionnaireResponse.status',
    ],
    [
      'decimal as string',
      observation({ valueQuantity: { value: '1.5' } }),
      'value-not-numeric Observation.valueQuantity.value',
    ],
    ['Observation without code', { resourceType: 'Observation', status: 'final' }, 'element-required Observation.code'],
    [
      'dateTime with time but no zone',
      observation({ effectiveDateTime: '2024-01-01T10:00:00' }),
      'unreadable-date Observation.effectiveDateTime',
    ],
    [
      'dateTime without seconds',
      observation({ effectiveDateTime: '2024-01-01T10:00Z' }),
      'unreadable-date Observation.effectiveDateTime',
    ],
    ['instant as a date', observation({ issued: '2024-01-01' }), 'unreadable-date Observation.issued'],
    ['one instead of a list', patient({ name: { family: 'x' } }), 'structure-invalid Patient.name'],
    ['a list instead of one', patient({ gender: ['male'] }), 'word-not-allowed Patient.gender'],
    ['number where Boolean is asked', patient({ active: 1 }), 'structure-invalid Patient.active'],
    ['integer too large', observation({ valueInteger: 2147483648 }), 'structure-invalid Observation.valueInteger'],
    [
      'required choice is missing',
      { resourceType: 'MedicationStatement', status: 'active', subject: { display: 'x' } },
      'element-required MedicationStatement.medication[x]',
    ],
    ['no resourceType', { id: 'x' }, 'resource-type-wrong resourceType'],
    ['unknown type', { resourceType: 'Nonsense' }, 'resource-type-unknown resourceType'],
    [
      'fault in a contained resource',
      patient({ contained: [{ resourceType: 'Organization', id: 'o', foo: 1 }] }),
      'element-unknown Patient.contained[0].foo',
    ],
    [
      'fault in a Bundle entry',
      { resourceType: 'Bundle', type: 'collection', entry: [{ resource: patient({ gender: 'x' }) }] },
      'word-not-allowed Bundle.entry[0].resource.gender',
    ],
    [
      'period that ends before it starts',
      observation({ effectivePeriod: { start: '2024-02-01', end: '2024-01-01' } }),
      'structure-invalid Observation.effectivePeriod',
    ],
    [
      'contained reference to nothing',
      patient({ managingOrganization: { reference: '#o' } }),
      'reference-unresolved Patient.managingOrganization.reference',
    ],
    ['extension with nothing', patient({ extension: [{ url: 'urn:x' }] }), 'structure-invalid Patient.extension[0]'],
    [
      'abated but active',
      {
        resourceType: 'Condition',
        subject: { display: 'x' },
        clinicalStatus: { coding: [{ code: 'active' }] },
        abatementDateTime: '2024-01-01',
      },
      'structure-invalid Condition',
    ],
    [
      'script in the narrative',
      patient({
        text: { status: 'generated', div: '<div xmlns="http://www.w3.org/1999/xhtml"><script>x</script></div>' },
      }),
      'structure-invalid Patient.text',
    ],
  ])('%s', (_why, resource, expected) => {
    expect(found(validateResource(resource))).toContain(expected)
  })

  test.each([
    [
      'valid _questionnaire extension',
      {
        resourceType: 'QuestionnaireResponse',
        status: 'completed',
        questionnaire: 'http://x.test/q|1',
        _questionnaire: {
          extension: [{ url: 'http://hl7.org/fhir/StructureDefinition/display', valueString: 'A form' }],
        },
      },
    ],
    ['trailing blank in a string: legal in R4 JSON', patient({ name: [{ family: 'Testwell ' }] })],
    [
      'required primitive that is absent with a reason',
      {
        resourceType: 'Observation',
        _status: {
          extension: [{ url: 'http://hl7.org/fhir/StructureDefinition/data-absent-reason', valueCode: 'unknown' }],
        },
        code: { text: 'x' },
      },
    ],
    ['choice by its sibling', observation({ _valueString: { extension: [{ url: 'urn:x', valueString: 'y' }] } })],
    ['year only', patient({ birthDate: '1948' })],
    ['leap day', patient({ birthDate: '2024-02-29' })],
    ['a placeholder in the far future', patient({ address: [{ period: { end: '9999-12-31' } }] })],
    ['a year before any patient', patient({ birthDate: '1820-05-05' })],
    ['a year after any', patient({ address: [{ period: { end: '2230-02-28' } }] })],
    ['a placeholder long ago', patient({ identifier: [{ value: 'x', period: { start: '1753-01-01' } }] })],
    [
      'words of a narrative that look like attributes',
      patient({
        text: {
          status: 'generated',
          div: '<div xmlns="http://www.w3.org/1999/xhtml">Fracture, onset = 14 Jan; see javascript: notes</div>',
        },
      }),
    ],
    [
      'Parameters whose resource has its own contained',
      {
        resourceType: 'Parameters',
        parameter: [
          {
            name: 'content',
            resource: patient({
              contained: [{ resourceType: 'Practitioner', id: 'gp' }],
              generalPractitioner: [{ reference: '#gp' }],
            }),
          },
        ],
      },
    ],
    [
      'primitive array with a hole',
      patient({ name: [{ given: ['a', null], _given: [null, { extension: [{ url: 'urn:x', valueString: 'y' }] }] }] }),
    ],
    ['leap second and offset', observation({ effectiveDateTime: '2016-12-31T23:59:60+00:00' })],
    [
      'contained resource',
      patient({
        contained: [{ resourceType: 'Organization', id: 'o', name: 'x' }],
        managingOrganization: { reference: '#o' },
      }),
    ],
    ['quantity with comparator', observation({ valueQuantity: { value: 1, comparator: '<' } })],
    ['nested extensions', patient({ extension: [{ url: 'urn:x', extension: [{ url: 'y', valueBoolean: true }] }] })],
    ['primitive sibling alone', patient({ _birthDate: { extension: [{ url: 'urn:x', valueTime: '10:00:00' }] } })],
    [
      'period in one day, end without time',
      observation({ effectivePeriod: { start: '2024-01-01T10:00:00Z', end: '2024-01-01' } }),
    ],
  ])('accepted: %s', (_why, resource) => {
    expect(validateResource(resource)).toEqual([])
  })

  test.each([
    [
      'GP Connect profile',
      {
        resourceType: 'Patient',
        meta: { profile: ['https://fhir.nhs.uk/STU3/StructureDefinition/CareConnect-GPC-Patient-1'] },
        animal: {},
      },
    ],
    [
      'MedicationStatement.taken',
      {
        resourceType: 'MedicationStatement',
        status: 'active',
        taken: 'y',
        subject: { display: 'x' },
        medicationCodeableConcept: { text: 'x' },
      },
    ],
    ['ReferralRequest', { resourceType: 'ReferralRequest', status: 'active' }],
    ['clinicalStatus as a code', { resourceType: 'Condition', clinicalStatus: 'active', subject: { display: 'x' } }],
  ])('STU3 is refused by name: %s', (_why, resource) => {
    expect(validateResource(resource)[0]?.hint).toMatch(/STU3/)
  })

  test('a hundred faults are all told, at most two hundred, and no issue holds a value', () => {
    const many = validateResource(patient({ name: Array.from({ length: 300 }, () => ({ use: 'SECRETVALUE' })) }))
    expect(many.length).toBe(200)
    expect(JSON.stringify(many)).not.toContain('SECRETVALUE')
  })
})

describe('what is committed is what the generator writes', () => {
  test('profiles/schemas', () => {
    const folder = fileURLToPath(new URL('../../profiles/schemas/', import.meta.url))
    const files = schemaFiles()
    expect(
      readdirSync(folder)
        .filter(name => name.endsWith('.json'))
        .sort(),
    ).toEqual([...files.keys()].sort())
    const stale = [...files]
      .filter(([name, text]) => readFileSync(`${folder}${name}`, 'utf8') !== text)
      .map(([name]) => name)
    expect(stale).toEqual([])
  })
})

describe('OperationOutcome', () => {
  test('every issue code of the closed list becomes a valid outcome', () => {
    const all = Object.keys(issueCodes) as (keyof typeof issueCodes)[]
    const outcome = operationOutcome(
      all.map(code => ({ code, severity: issueCodes[code].severity, where: 'Patient.name[0]' })),
    )
    expect(validateResource(outcome)).toEqual([])
    expect(outcome.issue).toHaveLength(all.length)
    expect(validateResource(operationOutcome([]))).toEqual([])
  })
})
