import type { Parcel } from './delivery.ts'
import { codeByHospital, dg1, vague } from './diagnosis.ts'
import { excludedSites } from './fracture-sites.ts'
import type { Segment } from './hl7.ts'
import { drawsFor, hospitalNumber, type Message, parcel, pv1, type Visit } from './hospital-wire.ts'
import { addressOn, type Household, type Setting } from './households.ts'
import type { Journey } from './journey.ts'
import { hl7Stamp, momentOf } from './moments.ts'
import type { Random } from './random.ts'

/** The ED attendance of an injury: A04 with a working diagnosis, then A03 with what it turned out to be. */
export function attendance(setting: Setting, household: Household, journey: Journey): Parcel[] {
  if (journey.edDay === undefined) return []
  const { trust, person } = journey
  const members = [household.subject, ...household.relatives]
  const random = drawsFor(setting, person, `ed/${journey.injuryId}`)
  const arrived = momentOf(journey.edDay, random.int(6 * 60, 23 * 60))
  const left = arrived + random.int(60, 360) * 60_000
  const number =
    random.chance(setting.knobs.overlayShare) && household.relatives[0]
      ? hospitalNumber(trust, household.relatives[0])
      : undefined
  const visit: Visit = {
    class: 'E',
    number: `E${journey.injuryId.slice(7).replace('-', '')}${person.serial % 10}`,
    specialty: '180',
    admitted: arrived,
    fromCareHome: addressOn(person, journey.edDay).isCareHome,
  }
  const common = { trust, system: 'pas' as const, person, ...(number ? { number } : {}) }
  const label = journey.injuryId.split('-')[2] ?? '0'
  const isSuspected = random.chance(0.3)
  const first = diagnoses(setting, random.fork('w'), journey, isSuspected ? 'W' : 'F', hl7Stamp(arrived), isSuspected)
  const last = diagnoses(setting, random.fork('f'), journey, 'F', hl7Stamp(left), false)
  const arrival: Message = {
    ...common,
    label: `E${label}`,
    event: ['ADT', 'A04'],
    at: arrived + random.int(1, 40) * 60_000,
    happened: arrived,
    segments: [pv1(trust, visit), pv2(journey), ...first.segments, accident(journey)],
    fractures: first.fractures,
  }
  const departure: Message = {
    ...common,
    label: `F${label}`,
    event: ['ADT', 'A03'],
    at: left + random.int(5, 600) * 60_000,
    happened: left,
    segments: [pv1(trust, { ...visit, ended: left }), ...last.segments],
    fractures: last.fractures,
  }
  return [parcel(setting, members, arrival), parcel(setting, members, departure)]
}

function diagnoses(
  setting: Setting,
  random: Random,
  journey: Journey,
  status: 'W' | 'F',
  stamp: string,
  isSuspected: boolean,
): { segments: Segment[]; fractures: NonNullable<Message['fractures']> } {
  const { trust } = journey
  const segments = journey.fractures.map((fracture, index) =>
    dg1(
      trust,
      index + 1,
      status === 'W' && random.chance(0.15) ? vague(trust) : codeByHospital(random, setting.knobs, trust, fracture),
      status,
      stamp,
      isSuspected,
    ),
  )
  return {
    segments,
    fractures: journey.fractures.map((fracture, index) => ({
      path: `DG1[${index + 1}]`,
      fracture,
      injuryDay: journey.day,
    })),
  }
}

function pv2(journey: Journey): Segment {
  return ['PV2', { 3: [undefined, journey.fractures[0] ? `Fall, painful ${journey.fractures[0].site.words}` : 'Fall'] }]
}

function accident(journey: Journey): Segment {
  return ['ACC', { 1: hl7Stamp(momentOf(journey.day, 12 * 60)).slice(0, 8), 2: ['W01', 'Fall on same level', 'I10'] }]
}

/** A fracture clinic visit; a share of them is coded as though it were a new fracture. */
export function fractureClinic(setting: Setting, household: Household, journey: Journey): Parcel[] {
  const random = drawsFor(setting, journey.person, `clinic/${journey.injuryId}`)
  if (journey.edDay === undefined || !random.chance(0.5)) return []
  const day = journey.edDay + random.int(7, 45)
  if (journey.person.deathOn !== undefined && day >= journey.person.deathOn) return []
  const { trust } = journey
  const seen = momentOf(day, random.int(9 * 60, 16 * 60))
  const isCoded = random.chance(setting.knobs.followUpAsNewShare * 2)
  const fracture = journey.fractures[0]
  const segments =
    isCoded && fracture
      ? [dg1(trust, 1, codeByHospital(random, setting.knobs, trust, fracture), 'F', hl7Stamp(seen))]
      : []
  const visit: Visit = {
    class: 'O',
    number: `O${journey.injuryId.slice(7).replace('-', '')}`,
    specialty: '110',
    admitted: seen,
  }
  const message: Message = {
    trust,
    system: 'pas',
    person: journey.person,
    label: `O${journey.injuryId.split('-')[2]}`,
    event: ['ADT', 'A04'],
    at: seen + 300_000,
    happened: seen,
    segments: [pv1(trust, visit), ...segments],
    fractures: isCoded && fracture ? [{ path: 'DG1[1]', fracture, injuryDay: journey.day }] : [],
  }
  return [parcel(setting, [household.subject, ...household.relatives], message)]
}

/** What EDs send that must open nothing: suspicions that were none, sites the audit leaves out, people under 50. */
export function otherAttendance(setting: Setting, household: Household): Parcel[] {
  const { trust, subject, kind } = household
  if (kind === 'fracture') return []
  const random = drawsFor(setting, subject, 'other')
  const arrived = momentOf(household.indexDay, random.int(6 * 60, 23 * 60))
  const left = arrived + random.int(60, 300) * 60_000
  const visit: Visit = { class: 'E', number: `X${subject.serial}`, specialty: '180', admitted: arrived }
  const stamp = hl7Stamp(arrived)
  const excluded = random.pick(excludedSites)
  const real = { id: 'none', site: household.site }
  const what =
    kind === 'excluded-site'
      ? { code: excluded.icd10[0], text: excluded.icd10[1], system: 'I10' as const }
      : codeByHospital(random, setting.knobs, trust, real)
  const bruise = { code: 'T14.0', text: 'Superficial injury of unspecified body region', system: 'I10' as const }
  const final =
    kind === 'not-a-fracture' ? dg1(trust, 1, bruise, 'F', hl7Stamp(left)) : dg1(trust, 1, what, 'F', hl7Stamp(left))
  const isSuspicion = kind === 'not-a-fracture'
  const messages: Message[] = [
    {
      trust,
      system: 'pas',
      person: subject,
      label: 'X1',
      event: ['ADT', 'A04'],
      at: arrived + 600_000,
      happened: arrived,
      segments: [pv1(trust, visit), dg1(trust, 1, what, isSuspicion ? 'W' : 'F', stamp, isSuspicion)],
    },
    {
      trust,
      system: 'pas',
      person: subject,
      label: 'X2',
      event: ['ADT', 'A03'],
      at: left + 600_000,
      happened: left,
      segments: [pv1(trust, { ...visit, ended: left }), final],
    },
  ]
  return messages.map(message => parcel(setting, [subject], message))
}
