import type { Parcel, Sent, TruthLine } from './delivery.ts'
import { statedSide } from './diagnosis.ts'
import {
  condition,
  type Entry,
  encounter,
  episode,
  patient,
  prescription,
  scanRequest,
  smoking,
  systemOf,
  visit,
  vital,
} from './fls-resources.ts'
import { authorityOf, drawsFor, hospitalNumber } from './hospital-wire.ts'
import type { Household, Setting } from './households.ts'
import type { Fracture, Journey, Side } from './journey.ts'
import { instantAt, isoDay, isoStamp, londonDayOf, type Moment, momentOf } from './moments.ts'
import { uuidOf } from './random.ts'
import { stated } from './stated.ts'

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
