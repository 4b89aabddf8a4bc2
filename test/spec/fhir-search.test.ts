import { readFileSync } from 'node:fs'
import { describe, expect, test } from '@jest/globals'
import fc from 'fast-check'
import { elementsFile } from '../../scripts/generate/fhir-elements.ts'
import { Refusal } from '../../src/http/refusal.ts'
import { unlessHeld } from '../../src/sources/fhir/not-modified.ts'
import { preferences } from '../../src/sources/fhir/prefer.ts'
import { meets, readCondition } from '../../src/sources/fhir/search-conditions.ts'
import { searchedTypes, searchParametersOf } from '../../src/sources/fhir/search-parameters.ts'
import { searchTermsOf } from '../../src/sources/fhir/search-terms.ts'
import { shaped, shapeOf } from '../../src/sources/fhir/shape.ts'

const now = Date.parse('2026-03-01T10:00:00Z')

/** Whether a resource is found by one parameter, or the issue that refuses the question. */
function found(resource: { resourceType: string }, query: string): boolean | string {
  const [name = '', value = ''] = query.split(/=(.*)/s)
  const [plain, modifier] = name.split(':')
  const parameters = searchParametersOf(resource.resourceType)
  const parameter = parameters.find(one => one.name === plain)
  if (!parameter) return 'unknown'
  try {
    const condition = readCondition(parameter, modifier, value, now)
    return meets(condition, searchTermsOf(resource as never, parameters))
  } catch (error) {
    if (error instanceof Refusal) return error.issues[0]?.code ?? ''
    throw error
  }
}

describe('dates are intervals on both sides (R4 search 3.1.1.4.5)', () => {
  const observed = (effectiveDateTime: string) => ({ resourceType: 'Observation', effectiveDateTime })
  const during = (start?: string, end?: string) => ({
    resourceType: 'Encounter',
    period: { ...(start ? { start } : {}), ...(end ? { end } : {}) },
  })
  test.each([
    // said by the resource       asked                  found
    [observed('2026-01-14'), 'date=2026-01-14', true],
    [observed('2026-01-14'), 'date=2026-01', true],
    [observed('2026-01-14'), 'date=2026', true],
    [observed('2026-01'), 'date=2026-01-14', false], // a month is not inside a day
    [observed('2026-01'), 'date=ne2026-01-14', true],
    [observed('2026-01-14'), 'date=ne2026-01', false],
    [observed('2026-01-14'), 'date=gt2026-01-13', true],
    [observed('2026-01-14'), 'date=gt2026-01-14', false],
    [observed('2026-01'), 'date=gt2026-01-14', true], // may lie after
    [observed('2024-06-01T00:30:00+01:00'), 'date=2024-06-01', true], // London's day, not that of UTC
    [observed('2024-06-01T00:30:00+01:00'), 'date=2024-05-31', false],
    [observed('2024-06-01'), 'date=2024-06-01', true],
    [observed('2026-01-14'), 'date=ge2026-01-14', true],
    [observed('2026-01-14'), 'date=ge2026-01-15', false],
    [observed('2026-01-14'), 'date=ge2026-01', true],
    [observed('2026-01-14'), 'date=lt2026-01-14', false],
    [observed('2026-01-14'), 'date=lt2026-01-15', true],
    [observed('2026-01-14'), 'date=le2026-01-14', true],
    [observed('2026-01-14'), 'date=sa2026-01-13', true],
    [observed('2026-01'), 'date=sa2026-01-13', false], // may have begun before
    [observed('2026-01-14'), 'date=eb2026-01-15', true],
    [observed('2026-01'), 'date=eb2026-01-31', false],
    [observed('2026-01-14'), 'date=ap2026-01-16', true],
    [observed('2020-01-14'), 'date=ap2026-01-16', false],
    [observed('2026-01-14T09:30:00Z'), 'date=2026-01-14T09:30', true],
    [observed('2026-01-14T09:30:00+01:00'), 'date=2026-01-14T08:30:00Z', true],
    [observed('2026-01-14'), 'date=2026-01-01,2026-01-14', true], // of several one
    [observed('2026-01-14'), 'date=2026-02-30', 'parameter-invalid'],
    [observed('2026-01-14'), 'date=soon', 'parameter-invalid'],
    [observed('2026-01-14'), 'date=', 'parameter-invalid'],
    [observed('2026-01-14'), 'date:missing=false', true],
    [observed('2026-01-14'), 'date:exact=2026', 'parameter-not-supported'],
    [{ resourceType: 'Observation' }, 'date:missing=true', true],
    [{ resourceType: 'Observation' }, 'date=ne2026', false], // nothing said is not another date
    [during('2026-01-10', '2026-01-12'), 'date=2026-01', true],
    [during('2026-01-10'), 'date=2026-01', false], // still open
    [during('2026-01-10'), 'date=gt2030', true],
    [during(undefined, '2026-01-12'), 'date=lt1990', true],
  ])('%j by %s: %s', (resource, query, expected) => {
    expect(found(resource, query)).toBe(expected)
  })

  const day = fc.date({ min: new Date('1990-01-01'), max: new Date('2030-12-31'), noInvalidDate: true })
  test('eq and ne part the world; ge is gt or inside; sa and eb exclude each other', () => {
    fc.assert(
      fc.property(day, day, fc.constantFrom(4, 7, 10), fc.constantFrom(4, 7, 10), (a, b, ownLength, askedLength) => {
        const resource = observed(a.toISOString().slice(0, ownLength))
        const asked = b.toISOString().slice(0, askedLength)
        const is = (prefix: string): boolean => found(resource, `date=${prefix}${asked}`) === true
        expect(is('eq')).toBe(!is('ne'))
        expect(is('ge')).toBe(is('gt') || is('eq'))
        expect(is('le')).toBe(is('lt') || is('eq'))
        expect(is('sa') && is('eb')).toBe(false)
        if (is('sa')) expect(is('gt')).toBe(true)
      }),
    )
  })
})

describe('tokens, references, texts', () => {
  const sct = 'http://snomed.info/sct'
  const fracture = {
    resourceType: 'Condition',
    code: {
      coding: [
        { system: sct, code: '5913000' },
        { system: 'urn:local', code: 'NOF' },
      ],
    },
    subject: {
      reference: 'http://other.test/fhir/Patient/p1/_history/2',
      identifier: { system: 'https://fhir.nhs.uk/Id/nhs-number', value: '999 000 1006' },
    },
  }
  const patient = {
    resourceType: 'Patient',
    gender: 'female',
    active: true,
    name: [{ family: 'Ó Súilleabháin', given: ['Ada', 'May'] }],
  }
  const ward = { resourceType: 'Appointment', participant: [{ actor: { reference: 'Practitioner/d1' } }] }
  test.each([
    [fracture, `code=${sct}|5913000`, true],
    [fracture, 'code=5913000', true],
    [fracture, 'code=|5913000', false], // no system is another system
    [fracture, `code=${sct}|NOF`, false],
    [fracture, 'code=1,NOF', true],
    [fracture, 'code:not=NOF', false],
    [fracture, 'code:not=1', true],
    [fracture, `code=${sct}|`, 'parameter-invalid'],
    [fracture, 'code:in=http://x', 'parameter-not-supported'],
    [fracture, 'code:text=hip', 'parameter-not-supported'],
    [fracture, 'category:missing=true', true],
    [fracture, 'category:not=x', true], // without category it is in none
    [fracture, 'category:missing=maybe', 'parameter-invalid'],
    [fracture, 'patient=Patient/p1', true],
    [fracture, 'patient=p1', true],
    [fracture, 'subject=p1', true],
    [fracture, 'subject=https://any.test/fhir/Patient/p1', true],
    [fracture, 'patient:identifier=9990001006', true],
    [fracture, 'patient:identifier=https://fhir.nhs.uk/Id/nhs-number|9990001006', true],
    [fracture, 'patient:identifier=http://x|9990001006', false],
    [ward, 'patient=Practitioner/d1', false],
    [ward, 'actor=Practitioner/d1', true],
    [patient, 'gender=female', true],
    [patient, 'gender=http://hl7.org/fhir/administrative-gender|female', true],
    [patient, 'active=true', true],
    [patient, 'family=o suil', true],
    [patient, 'family=suil', false],
    [patient, 'family:contains=SUIL', true],
    [patient, 'family:exact=Ó Súilleabháin', true],
    [patient, 'family:exact=o suilleabhain', false],
    [patient, 'given=may', true],
    [patient, 'identifier:not=1', 'parameter-not-supported'], // would list everybody
  ])('%j by %s: %s', (resource, query, expected) => {
    expect(found(resource, query)).toBe(expected)
  })

  test('every parameter of the table takes :missing, and no name stands twice', () => {
    for (const type of searchedTypes()) {
      const names = searchParametersOf(type).map(one => one.name)
      expect([type, new Set(names).size]).toEqual([type, names.length])
      for (const name of names)
        expect([type, name, found({ resourceType: type }, `${name}:missing=true`)]).toEqual([type, name, true])
    }
  })
})

describe('Prefer', () => {
  test.each([
    ['return=minimal', { return: 'minimal', isAsync: false }],
    ['handling=strict, return=OperationOutcome', { handling: 'strict', return: 'OperationOutcome', isAsync: false }],
    ['respond-async; return="representation"', { return: 'representation', isAsync: true }],
    ['Handling=lenient', { handling: 'lenient', isAsync: false }],
    ['return=everything, wait=10', { isAsync: false }],
    ['return=minimal, return=representation', { return: 'minimal', isAsync: false }],
    [undefined, { isAsync: false }],
  ])('%s', (header, expected) => {
    expect(preferences(header)).toEqual(expected)
  })
})

describe('subsets', () => {
  const resource = {
    resourceType: 'Condition',
    id: 'c1',
    meta: { versionId: '7' },
    text: { status: 'generated', div: '<div/>' },
    clinicalStatus: { text: 'active' },
    code: { text: 'x' },
    subject: { reference: 'Patient/p' },
    onsetDateTime: '2026',
    _onsetDateTime: { id: 'o' },
    note: [{ text: 'x' }],
  }
  const keys = (query: string): string[] => {
    const answer = shaped({ status: 200, resource }, shapeOf({ query: new URLSearchParams(query) }))
    return Object.keys(answer.resource ?? {}).filter(name => !['resourceType', 'id', 'meta'].includes(name))
  }
  test.each([
    ['', ['text', 'clinicalStatus', 'code', 'subject', 'onsetDateTime', '_onsetDateTime', 'note']],
    ['_summary=false', ['text', 'clinicalStatus', 'code', 'subject', 'onsetDateTime', '_onsetDateTime', 'note']],
    ['_summary=data', ['clinicalStatus', 'code', 'subject', 'onsetDateTime', '_onsetDateTime', 'note']],
    // What is mandatory or modifies the meaning stays: clinicalStatus, subject.
    ['_summary=text', ['text', 'clinicalStatus', 'subject']],
    ['_summary=true', ['clinicalStatus', 'code', 'subject', 'onsetDateTime', '_onsetDateTime']],
    ['_elements=code', ['clinicalStatus', 'code', 'subject']],
    ['_elements=onset', ['clinicalStatus', 'subject', 'onsetDateTime', '_onsetDateTime']],
    ['_elements=Condition.note,Patient.name', ['clinicalStatus', 'subject', 'note']],
  ])('%s keeps %j', (query, expected) => {
    expect(keys(query)).toEqual(expected)
  })
  test('says that it is one, and nothing else does', () => {
    const tagOf = (query: string) =>
      shaped({ status: 200, resource }, shapeOf({ query: new URLSearchParams(query) })).resource?.['meta']
    expect(tagOf('_elements=code')).toMatchObject({ versionId: '7', tag: [{ code: 'SUBSETTED' }] })
    expect(tagOf('')).toEqual({ versionId: '7' })
  })
  test.each(['_summary=some', '_elements=a b', '_elements=$where'])('%s is 400', query => {
    expect(() => shapeOf({ query: new URLSearchParams(query) })).toThrow(Refusal)
  })
  test('the table of elements is fresh', () => {
    expect(readFileSync('profiles/elements.json', 'utf8')).toBe(elementsFile())
  })
})

describe('conditional read', () => {
  const answer = { status: 200, headers: { ETag: 'W/"7"', 'Last-Modified': 'Sun, 01 Mar 2026 10:00:00 GMT' } }
  test.each<[Record<string, string>, number]>([
    [{}, 200],
    [{ 'if-none-match': 'W/"7"' }, 304],
    [{ 'if-none-match': '"7"' }, 304],
    [{ 'if-none-match': 'W/"6", W/"7"' }, 304],
    [{ 'if-none-match': '*' }, 304],
    [{ 'if-none-match': 'W/"6"' }, 200],
    [{ 'if-none-match': 'W/"6"', 'if-modified-since': 'Sun, 01 Mar 2026 10:00:00 GMT' }, 200],
    [{ 'if-modified-since': 'Sun, 01 Mar 2026 10:00:00 GMT' }, 304],
    [{ 'if-modified-since': 'Sun, 01 Mar 2026 09:59:59 GMT' }, 200],
    [{ 'if-modified-since': 'yesterday' }, 200],
  ])('%j: %i', (headers, status) => {
    expect(unlessHeld(answer, headers).status).toBe(status)
  })
})
