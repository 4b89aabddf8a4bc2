import type { Parcel, Sent, TruthLine } from './delivery.ts'
import { statedSide } from './diagnosis.ts'
import { authorityOf, drawsFor, hospitalNumber } from './hospital-wire.ts'
import type { Household, Setting } from './households.ts'
import type { Fracture, Journey, Side } from './journey.ts'
import { instantAt, isoDay, isoStamp, londonDayOf, type Moment, momentOf } from './moments.ts'
import { uuidOf } from './random.ts'
import { type Stated, stated } from './stated.ts'

type Json = { readonly [key: string]: unknown }

/** Transaction Bundles of an FLS: one per fracture at first contact (assessment, DXA request, advice), one per later contact. */
export function flsBundles(setting: Setting, household: Household, journey: Journey): Parcel[] {
  if (journey.flsContactDay === undefined) return []
  const random = drawsFor(setting, journey.person, `fls/${journey.injuryId}`)
  const contactAt = momentOf(journey.flsContactDay, random.int(9 * 60, 16 * 60)) + random.int(1, 30) * 3_600_000
  const sideOf = (fracture: Fracture): Side | undefined =>
    statedSide(random, { ...setting.knobs, sideMissingShare: setting.knobs.sideMissingShare / 3 }, fracture.side)
  const parcels = journey.fractures.map((fracture, index) => {
    const side = sideOf(fracture)
    return bundle(
      setting,
      household,
      journey,
      `c${index}`,
      contactAt + index * 60_000,
      person => [condition(journey, fracture, side, person), ...(index === 0 ? [episode(journey, person)] : [])],
      fracture,
    )
  })
  if (journey.flsAssessDay !== undefined)
    parcels.push(assessment(setting, household, journey, journey.flsAssessDay, random.int(9 * 60, 16 * 60)))
  if (journey.week16) parcels.push(followUp(setting, household, journey, journey.week16.day, 'w16'))
  if (journey.week52) parcels.push(followUp(setting, household, journey, journey.week52.day, 'w52'))
  return parcels
}

function assessment(setting: Setting, household: Household, journey: Journey, on: number, minute: number): Parcel {
  const at = momentOf(on, minute)
  return bundle(setting, household, journey, 'a', at + 4 * 3_600_000, person => [
    encounter(journey, person, at, 'a'),
    vital(person, '8302-2', 'Body height', journey.height, 'cm', at),
    vital(person, '29463-7', 'Body weight', journey.weight, 'kg', at),
    smoking(journey, person, at),
    ...(journey.dxa.decision === 'ordered' ? [scanRequest(journey, person, at)] : []),
    ...(typeof journey.advice === 'object' ? [prescription(journey, person, at)] : []),
  ])
}

function followUp(setting: Setting, household: Household, journey: Journey, on: number, tag: string): Parcel {
  const at = momentOf(on, 11 * 60)
  return bundle(setting, household, journey, tag, at + 7 * 3_600_000, person => [
    encounter(journey, person, at, tag),
    visit(journey, person, at, tag),
  ])
}

type Entry = { readonly resource: Json; readonly request: { readonly method: 'POST' | 'PUT'; readonly url: string } }

function bundle(
  setting: Setting,
  household: Household,
  journey: Journey,
  tag: string,
  at: Moment,
  content: (person: string) => Entry[],
  fracture?: Fracture,
): Parcel {
  return { at, make: () => makeBundle(setting, household, journey, tag, at, content, fracture) }
}

function makeBundle(
  setting: Setting,
  household: Household,
  journey: Journey,
  tag: string,
  at: Moment,
  content: (person: string) => Entry[],
  fracture?: Fracture,
): Sent {
  const { trust, person } = journey
  const controlId = uuidOf(`${setting.seed}/${journey.injuryId}/${tag}`).toLowerCase()
  const urn = (name: string): string => `urn:uuid:${uuidOf(`${controlId}/${name}`).toLowerCase()}`
  const said = stated(setting, person, { kind: 'fls', key: trust.ods }, londonDayOf(at), controlId, [
    household.subject,
    ...household.relatives,
  ])
  const number = hospitalNumber(trust, person)
  const entries = [patient(journey, said, number), ...content(urn('patient'))]
  const body = {
    resourceType: 'Bundle',
    identifier: { system: systemOf(journey, 'message'), value: controlId },
    type: 'transaction',
    timestamp: isoStamp(at),
    entry: entries.map(({ resource, request }, index) => ({
      fullUrl: index === 0 ? urn('patient') : urn(String(index)),
      resource,
      request,
    })),
  }
  const record = `${authorityOf(trust) === trust.ods ? trust.ods : `${trust.ods}/fhir`}|${number}`
  const who = { sender: trust.flsFeed, controlId, record, personId: person.id, trueNhsNumber: person.nhsNumber }
  const truth: TruthLine[] = [{ ...who, path: `Patient/${number}`, kind: 'patient' }]
  if (fracture)
    truth.push({
      ...who,
      path: `Condition/${fracture.id}`,
      kind: 'fracture',
      fractureId: fracture.id,
      injuryId: journey.injuryId,
      site: fracture.site.id,
      injuryDate: isoDay(journey.day),
    })
  return {
    delivery: {
      door: 'fhir',
      feed: trust.flsFeed,
      controlId,
      type: 'Bundle',
      path: '/fhir',
      bytes: Buffer.from(JSON.stringify(body)),
      at: instantAt(at),
    },
    truth,
  }
}

export function systemOf(journey: Journey, kind: string): string {
  return `https://${journey.trust.ods.toLowerCase()}.nhs.uk/Id/${kind}`
}

function put(type: string, system: string, value: string, resource: Json): Entry {
  return { resource, request: { method: 'PUT', url: `${type}?identifier=${encodeURIComponent(`${system}|${value}`)}` } }
}
function post(type: string, resource: Json): Entry {
  return { resource, request: { method: 'POST', url: type } }
}

function patient(journey: Journey, said: Stated, number: string): Entry {
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

function condition(journey: Journey, fracture: Fracture, side: Side | undefined, person: string): Entry {
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

function episode(journey: Journey, person: string): Entry {
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

function encounter(journey: Journey, person: string, at: Moment, tag: string): Entry {
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

function vital(person: string, code: string, display: string, value: number, unit: string, at: Moment): Entry {
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

function smoking(journey: Journey, person: string, at: Moment): Entry {
  const [code, display] = journey.isSmoker ? ['77176002', 'Smoker'] : ['266919005', 'Never smoked tobacco']
  return post('Observation', {
    resourceType: 'Observation',
    status: 'final',
    code: { coding: [{ system: 'http://snomed.info/sct', code, display }] },
    subject: { reference: person },
    effectiveDateTime: isoStamp(at),
  })
}

function scanRequest(journey: Journey, person: string, at: Moment): Entry {
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

function prescription(journey: Journey, person: string, at: Moment): Entry {
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

function visit(journey: Journey, person: string, at: Moment, tag: string): Entry {
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
