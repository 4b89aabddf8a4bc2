import { describe, expect, test } from '@jest/globals'
import { ukCoreChecks, ukCoreQuality } from '../../src/sources/fhir/uk-core.ts'

/** What counts towards the UK Core score of a resource. */
const nhsNumber = (value: string, more: object = {}) => ({
  system: 'https://fhir.nhs.uk/Id/nhs-number',
  value,
  ...more,
})
const unmet = (resource: object): string[] =>
  ukCoreQuality(resource as never)?.unmet.map(check => check.id.replace(/^[A-Za-z]+-/, '')) ?? []

describe('Patient', () => {
  const verified = {
    extension: [{ url: 'https://fhir.hl7.org.uk/StructureDefinition/Extension-UKCore-NHSNumberVerificationStatus' }],
  }
  const whole = {
    resourceType: 'Patient',
    meta: { profile: ['https://fhir.hl7.org.uk/StructureDefinition/UKCore-Patient|2.6.1'] },
    identifier: [
      nhsNumber('9990001006', {
        extension: [
          { url: 'https://fhir.hl7.org.uk/StructureDefinition/Extension-UKCore-NHSNumberVerificationStatus' },
        ],
      }),
    ],
    active: true,
    name: [{ use: 'official', family: 'Testwell', given: ['Ada'] }],
    telecom: [{ system: 'phone', value: '0' }],
    gender: 'female',
    birthDate: '1948-05-02',
    address: [{ postalCode: 'ZZ99 3VZ' }],
    managingOrganization: { identifier: { system: 'https://fhir.nhs.uk/Id/ods-organization-code', value: 'RXX' } },
  }
  test('that gives everything meets everything', () => {
    expect(unmet(whole)).toEqual([])
  })
  test.each([
    ['no telecom', { telecom: undefined }, ['telecom']],
    ['no NHS number', { identifier: [{ system: 'urn:x', value: '1' }] }, ['nhs-number-present']],
    ['a wrong check digit', { identifier: [nhsNumber('9990001007', verified)] }, ['nhs-number-valid']],
    ['not said how far it is verified', { identifier: [nhsNumber('9990001006')] }, ['nhs-number-verified']],
    ['a year of birth', { birthDate: '1948' }, ['birth-date-to-the-day']],
    ['a name without given names', { name: [{ use: 'official', family: 'Testwell' }] }, ['name-official']],
    ['an address without postcode', { address: [{ city: 'Leeds' }] }, ['address-postal-code']],
    ['a language in words', { communication: [{ language: { text: 'Welsh' } }] }, ['communication-language']],
    ['an extension of their own', { extension: [{ url: 'http://their.own/thing' }] }, ['extensions-of-the-uk']],
    ['an identifier without system', { identifier: [...whole.identifier, { value: '7' }] }, ['identifier-systems']],
    [
      'an ODS code in lower case',
      {
        managingOrganization: { identifier: { system: 'https://fhir.nhs.uk/Id/ods-organization-code', value: 'rxx' } },
      },
      ['ods-code-shape'],
    ],
    ['no profile', { meta: {} }, ['profile-stated']],
  ])('%s', (_why, change, expected) => {
    const resource = Object.fromEntries(
      Object.entries({ ...whole, ...change }).filter(([, value]) => value !== undefined),
    )
    expect(unmet(resource)).toEqual(expected)
  })
})

describe('codes and units', () => {
  test.each([
    [
      'Condition',
      { code: { coding: [{ system: 'http://snomed.info/sct', code: '1', display: 'x' }] } },
      'code-snomed',
      false,
    ],
    ['Condition', { code: { coding: [{ system: 'urn:local', code: '1' }] } }, 'code-snomed', true],
    ['Condition', { code: { coding: [{ system: 'urn:local', code: '1' }] } }, 'coding-display', true],
    ['Condition', { code: { text: 'x' } }, 'code-snomed', false], // nothing coded: nothing to say
    [
      'MedicationRequest',
      { medicationCodeableConcept: { coding: [{ system: 'https://dmd.nhs.uk' }] } },
      'code-snomed',
      false,
    ],
    ['Observation', { code: { coding: [{ system: 'http://loinc.org' }] } }, 'code-known-system', false],
    ['Observation', { valueQuantity: { value: 1, unit: 'cm' } }, 'quantity-ucum', true],
    [
      'Observation',
      { valueQuantity: { value: 1, system: 'http://unitsofmeasure.org', code: 'cm' } },
      'quantity-ucum',
      false,
    ],
    ['Observation', { component: [{}] }, 'value-or-component', false],
    ['Encounter', { reasonReference: [{}] }, 'reasonCode-or-reasonReference', false],
    ['MedicationStatement', { identifier: [{ value: '1' }] }, 'identifier-whole', true],
    ['Procedure', { performedPeriod: {} }, 'performed', false],
    ['Procedure', { performer: [] }, 'performed', true],
  ])('%s %j: %s unmet is %s', (resourceType, content, check, isUnmet) => {
    expect(unmet({ resourceType, ...content }).includes(check)).toBe(isUnmet)
  })
  test('a type without profile has no score', () => {
    expect(ukCoreQuality({ resourceType: 'Appointment' })).toBeUndefined()
  })
  test('every check has a name of its own and a place of its type', () => {
    expect(new Set(ukCoreChecks.map(check => check.id)).size).toBe(ukCoreChecks.length)
    for (const { type, path } of ukCoreChecks) expect(path.startsWith(`${type}.`)).toBe(true)
  })
})
