import type { Fracture, Journey, Side } from './journey.ts'
import { instantAt, isoDay, isoStamp, type Moment } from './moments.ts'
import type { Stated } from './stated.ts'

type Json = { readonly [key: string]: unknown }
/** One entry of a transaction Bundle, without its fullUrl. */
export type Entry = {
  readonly resource: Json
  readonly request: { readonly method: 'POST' | 'PUT'; readonly url: string }
}

/** Identifier system of this trust. `kind`: `mrn`, `condition` … */
export function systemOf(journey: Journey, kind: string): string {
  return `https://${journey.trust.ods.toLowerCase()}.nhs.uk/Id/${kind}`
}

function put(type: string, system: string, value: string, resource: Json): Entry {
  return { resource, request: { method: 'PUT', url: `${type}?identifier=${encodeURIComponent(`${system}|${value}`)}` } }
}
function post(type: string, resource: Json): Entry {
  return { resource, request: { method: 'POST', url: type } }
}

export function patient(journey: Journey, said: Stated, number: string): Entry {
  const system = systemOf(journey, 'mrn')
  const { lines, town, postcode } = said.address
  return put('Patient', system, number, {
    resourceType: 'Patient',
    identifier: [
      ...(said.nhsNumber ? [nhsIdentifier(said.nhsNumber, said.isVerified)] : []),
      {
        type: { coding: [{ system: 'http://terminology.hl7.org/CodeSystem/v2-0203', code: 'MR' }] },
        system,
        value: number,
      },
    ],
    name: [{ use: 'official', family: said.family, given: said.given }],
    gender: said.sex,
    birthDate: said.birthDate,
    address: [{ use: 'home', line: lines, city: town, postalCode: postcode }],
    generalPractitioner: [
      { identifier: { system: 'https://fhir.nhs.uk/Id/ods-organization-code', value: said.practice } },
    ],
    ...(journey.person.deathOn !== undefined &&
    journey.week52 !== undefined &&
    journey.week52.day > journey.person.deathOn
      ? { deceasedDateTime: isoDay(journey.person.deathOn) }
      : {}),
  })
}

function nhsIdentifier(value: string, isVerified: boolean): Json {
  return {
    extension: [
      {
        url: 'https://fhir.hl7.org.uk/StructureDefinition/Extension-UKCore-NHSNumberVerificationStatus',
        valueCodeableConcept: {
          coding: [
            {
              system: 'https://fhir.hl7.org.uk/CodeSystem/UKCore-NHSNumberVerificationStatusEngland',
              code: isVerified ? '01' : '02',
            },
          ],
        },
      },
    ],
    system: 'https://fhir.nhs.uk/Id/nhs-number',
    value,
  }
}

const sides: Readonly<Record<Side, Json>> = {
  left: { coding: [{ system: 'http://snomed.info/sct', code: '7771000', display: 'Left' }], text: 'Left' },
  right: { coding: [{ system: 'http://snomed.info/sct', code: '24028007', display: 'Right' }], text: 'Right' },
}

export function condition(journey: Journey, fracture: Fracture, side: Side | undefined, person: string): Entry {
  const { snomed, icd10 } = fracture.site
  const system = systemOf(journey, 'condition')
  return put('Condition', system, fracture.id, {
    resourceType: 'Condition',
    identifier: [{ system, value: fracture.id }],
    clinicalStatus: {
      coding: [{ system: 'http://terminology.hl7.org/CodeSystem/condition-clinical', code: 'active' }],
    },
    verificationStatus: {
      coding: [{ system: 'http://terminology.hl7.org/CodeSystem/condition-ver-status', code: 'confirmed' }],
    },
    category: [
      { coding: [{ system: 'http://terminology.hl7.org/CodeSystem/condition-category', code: 'encounter-diagnosis' }] },
    ],
    code: {
      coding: [
        { system: 'http://snomed.info/sct', code: snomed[0], display: snomed[1] },
        { system: 'http://hl7.org/fhir/sid/icd-10', code: icd10[0], display: icd10[1] },
      ],
    },
    ...(side ? { bodySite: [sides[side]] } : {}),
    subject: { reference: person },
    onsetDateTime: isoDay(journey.day),
    recordedDate: isoDay(journey.flsContactDay ?? journey.day),
  })
}

export function episode(journey: Journey, person: string): Entry {
  const system = systemOf(journey, 'episode')
  return put('EpisodeOfCare', system, journey.injuryId, {
    resourceType: 'EpisodeOfCare',
    identifier: [{ system, value: journey.injuryId }],
    status: 'active',
    type: [{ text: 'Fracture liaison service' }],
    patient: { reference: person },
    managingOrganization: {
      identifier: { system: 'https://fhir.nhs.uk/Id/ods-organization-code', value: journey.trust.ods },
    },
    period: { start: isoDay(journey.flsContactDay ?? journey.day) },
  })
}

export function encounter(journey: Journey, person: string, at: Moment, tag: string): Entry {
  const system = systemOf(journey, 'encounter')
  return put('Encounter', system, `${journey.injuryId}-${tag}`, {
    resourceType: 'Encounter',
    identifier: [{ system, value: `${journey.injuryId}-${tag}` }],
    status: 'finished',
    class: { system: 'http://terminology.hl7.org/CodeSystem/v3-ActCode', code: 'AMB', display: 'ambulatory' },
    type: [{ text: 'Fracture liaison service' }],
    subject: { reference: person },
    period: { start: isoStamp(at), end: isoStamp(at + 30 * 60_000) },
    serviceProvider: {
      identifier: { system: 'https://fhir.nhs.uk/Id/ods-organization-code', value: journey.trust.ods },
    },
  })
}

export function vital(person: string, code: string, display: string, value: number, unit: string, at: Moment): Entry {
  return post('Observation', {
    resourceType: 'Observation',
    status: 'final',
    category: [
      { coding: [{ system: 'http://terminology.hl7.org/CodeSystem/observation-category', code: 'vital-signs' }] },
    ],
    code: { coding: [{ system: 'http://loinc.org', code, display }] },
    subject: { reference: person },
    effectiveDateTime: isoStamp(at),
    valueQuantity: { value, unit, system: 'http://unitsofmeasure.org', code: unit },
  })
}

export function smoking(journey: Journey, person: string, at: Moment): Entry {
  const [code, display] = journey.isSmoker ? ['77176002', 'Smoker'] : ['266919005', 'Never smoked tobacco']
  return post('Observation', {
    resourceType: 'Observation',
    status: 'final',
    code: { coding: [{ system: 'http://snomed.info/sct', code, display }] },
    subject: { reference: person },
    effectiveDateTime: isoStamp(at),
  })
}

export function scanRequest(journey: Journey, person: string, at: Moment): Entry {
  const system = systemOf(journey, 'request')
  return put('ServiceRequest', system, `${journey.injuryId}-dxa`, {
    resourceType: 'ServiceRequest',
    identifier: [{ system, value: `${journey.injuryId}-dxa` }],
    status: 'active',
    intent: 'order',
    code: { coding: [{ system: 'http://snomed.info/sct', code: '312681000', display: 'Bone density scan' }] },
    subject: { reference: person },
    authoredOn: isoStamp(at),
  })
}

export function prescription(journey: Journey, person: string, at: Moment): Entry {
  const drug = typeof journey.advice === 'object' ? journey.advice : undefined
  const isOrder = drug?.isGivenInHospital ?? false
  return post('MedicationRequest', {
    resourceType: 'MedicationRequest',
    status: 'active',
    intent: isOrder ? 'order' : 'proposal',
    medicationCodeableConcept: {
      coding: [{ system: 'https://dmd.nhs.uk', code: drug?.dmd[0], display: drug?.dmd[1] }],
    },
    subject: { reference: person },
    authoredOn: isoStamp(at),
    dosageInstruction: [{ text: drug?.dosage }],
  })
}

export function visit(journey: Journey, person: string, at: Moment, tag: string): Entry {
  const system = systemOf(journey, 'appointment')
  return put('Appointment', system, `${journey.injuryId}-${tag}`, {
    resourceType: 'Appointment',
    identifier: [{ system, value: `${journey.injuryId}-${tag}` }],
    status: 'fulfilled',
    serviceType: [{ text: 'Fracture liaison service' }],
    start: instantAt(at),
    end: instantAt(at + 20 * 60_000),
    participant: [{ actor: { reference: person }, status: 'accepted' }],
  })
}
