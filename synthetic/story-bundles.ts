import type { Delivery } from './delivery.ts'
import { uuidOf } from './random.ts'
import { type Figure, fhir } from './story-wire.ts'

type Json = { readonly [key: string]: unknown }
const nhsSystem = 'https://fhir.nhs.uk/Id/nhs-number'
const mrnSystem = 'https://rxx.nhs.uk/Id/mrn'

/** What an FLS of RXX sends about a figure: patient, fracture, episode, encounter, measures, DXA request, advice, all in one transaction. */
export type FlsContact = {
  readonly id: string
  readonly at: string
  readonly fracture: {
    readonly code: string
    readonly display: string
    readonly onset: string
    readonly side?: 'left' | 'right'
  }
  readonly contactOn: string
  /** Start of the assessment, with offset. */
  readonly assessedAt?: string
  readonly heightCm?: number
  readonly weightKg?: number
  readonly requestsDxa?: boolean
  readonly advice?: { readonly code: string; readonly display: string }
}

export function flsContact(who: Figure, contact: FlsContact): Delivery {
  const person = `urn:uuid:${uuidOf(`${contact.id}/patient`).toLowerCase()}`
  const resources: [string, Json][] = [
    [`Patient?identifier=${encodeURIComponent(`${mrnSystem}|${who.number}`)}`, patientOf(who)],
    [identified('Condition', contact.id), condition(contact, person)],
    [identified('EpisodeOfCare', contact.id), episode(contact, person)],
    ...(contact.assessedAt ? assessment(contact, person, contact.assessedAt) : []),
  ]
  const entry = resources.map(([url, resource], index) => ({
    fullUrl: index === 0 ? person : `urn:uuid:${uuidOf(`${contact.id}/${index}`).toLowerCase()}`,
    resource,
    request: { method: url.includes('?') ? 'PUT' : 'POST', url },
  }))
  return fhir(contact.id, contact.at, {
    resourceType: 'Bundle',
    type: 'transaction',
    timestamp: contact.at,
    identifier: { system: 'https://rxx.nhs.uk/Id/message', value: contact.id },
    entry,
  })
}

export function patientOf(who: Figure): Json {
  return {
    resourceType: 'Patient',
    identifier: [
      ...(who.nhsNumber ? [{ system: nhsSystem, value: who.nhsNumber }] : []),
      {
        type: { coding: [{ system: 'http://terminology.hl7.org/CodeSystem/v2-0203', code: 'MR' }] },
        system: mrnSystem,
        value: who.number,
      },
    ],
    name: [{ use: 'official', family: who.family, given: [who.given] }],
    gender: who.sex,
    birthDate: who.birth,
    address: [{ use: 'home', line: [who.street], postalCode: who.postcode }],
    generalPractitioner: [
      { identifier: { system: 'https://fhir.nhs.uk/Id/ods-organization-code', value: who.practice } },
    ],
  }
}

function identified(type: string, id: string): string {
  return `${type}?identifier=${encodeURIComponent(`https://rxx.nhs.uk/Id/${type.toLowerCase()}|${id}`)}`
}
function identifier(type: string, id: string): Json[] {
  return [{ system: `https://rxx.nhs.uk/Id/${type.toLowerCase()}`, value: id }]
}
function concept(system: string, code: string, display: string): Json {
  return { coding: [{ system, code, display }] }
}

function condition({ id, fracture, contactOn }: FlsContact, person: string): Json {
  const side =
    fracture.side &&
    concept(
      'http://snomed.info/sct',
      fracture.side === 'left' ? '7771000' : '24028007',
      fracture.side === 'left' ? 'Left' : 'Right',
    )
  return {
    resourceType: 'Condition',
    identifier: identifier('Condition', id),
    clinicalStatus: {
      coding: [{ system: 'http://terminology.hl7.org/CodeSystem/condition-clinical', code: 'active' }],
    },
    verificationStatus: {
      coding: [{ system: 'http://terminology.hl7.org/CodeSystem/condition-ver-status', code: 'confirmed' }],
    },
    code: concept('http://snomed.info/sct', fracture.code, fracture.display),
    ...(side ? { bodySite: [side] } : {}),
    subject: { reference: person },
    onsetDateTime: fracture.onset,
    recordedDate: contactOn,
  }
}

function episode({ id, contactOn }: FlsContact, person: string): Json {
  return {
    resourceType: 'EpisodeOfCare',
    identifier: identifier('EpisodeOfCare', id),
    status: 'active',
    type: [{ text: 'Fracture liaison service' }],
    patient: { reference: person },
    managingOrganization: { identifier: { system: 'https://fhir.nhs.uk/Id/ods-organization-code', value: 'RXX' } },
    period: { start: contactOn },
  }
}

function assessment(contact: FlsContact, person: string, at: string): [string, Json][] {
  const { id } = contact
  const list: [string, Json][] = [
    [
      identified('Encounter', id),
      {
        resourceType: 'Encounter',
        identifier: identifier('Encounter', id),
        status: 'finished',
        class: { system: 'http://terminology.hl7.org/CodeSystem/v3-ActCode', code: 'AMB' },
        type: [{ text: 'Fracture liaison service' }],
        subject: { reference: person },
        period: { start: at, end: at },
      },
    ],
  ]
  if (contact.heightCm) list.push(['Observation', measure(person, at, '8302-2', 'Body height', contact.heightCm, 'cm')])
  if (contact.weightKg)
    list.push(['Observation', measure(person, at, '29463-7', 'Body weight', contact.weightKg, 'kg')])
  if (contact.requestsDxa)
    list.push([
      identified('ServiceRequest', id),
      {
        resourceType: 'ServiceRequest',
        identifier: identifier('ServiceRequest', id),
        status: 'active',
        intent: 'order',
        code: concept('http://snomed.info/sct', '312681000', 'Bone density scan'),
        subject: { reference: person },
        authoredOn: at,
      },
    ])
  if (contact.advice)
    list.push([
      'MedicationRequest',
      {
        resourceType: 'MedicationRequest',
        status: 'active',
        intent: 'proposal',
        medicationCodeableConcept: concept('https://dmd.nhs.uk', contact.advice.code, contact.advice.display),
        subject: { reference: person },
        authoredOn: at,
      },
    ])
  return list
}

function measure(person: string, at: string, code: string, display: string, value: number, unit: string): Json {
  return {
    resourceType: 'Observation',
    status: 'final',
    code: concept('http://loinc.org', code, display),
    subject: { reference: person },
    effectiveDateTime: at,
    valueQuantity: { value, unit, system: 'http://unitsofmeasure.org', code: unit },
  }
}
