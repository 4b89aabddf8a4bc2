import type { Parcel } from './delivery.ts'
import { codeByHospital, dg1 } from './diagnosis.ts'
import type { Segment } from './hl7.ts'
import { drawsFor, type Message, parcel, pv1, type Visit } from './hospital-wire.ts'
import { addressOn, type Household, type Setting } from './households.ts'
import type { Fracture, Journey } from './journey.ts'
import { hl7Stamp, momentOf } from './moments.ts'
import type { Trust } from './places.ts'
import type { Random } from './random.ts'

const hour = 3_600_000

/** The spell of an admitted patient: A01, A03, late coding as A08, now and then A11 or A13, a transfer to a second trust. */
export function admission(setting: Setting, household: Household, journey: Journey): Parcel[] {
  const { admitDay, dischargeDay, trust, person } = journey
  if (admitDay === undefined || dischargeDay === undefined) return []
  const members = [household.subject, ...household.relatives]
  const random = drawsFor(setting, person, `spell/${journey.injuryId}`)
  const admitted = momentOf(admitDay, 23 * 60 + random.int(0, 50))
  const died = person.deathOn === dischargeDay
  const ended = momentOf(Math.max(dischargeDay, admitDay + 1), random.int(10 * 60, 18 * 60))
  const visit: Visit = {
    class: 'I',
    number: `S${journey.injuryId.slice(7).replace('-', '')}`,
    specialty: '110',
    admitted,
    died,
    fromCareHome: addressOn(person, admitDay).isCareHome,
  }
  const first = spell(setting, random, journey, trust, visit, ended, '')
  const moved = journey.transferTo ? transferred(setting, random, journey, journey.transferTo, visit, ended) : []
  return [...first, ...moved].map(message => parcel(setting, members, message))
}

function spell(
  setting: Setting,
  random: Random,
  journey: Journey,
  trust: Trust,
  visit: Visit,
  ended: number,
  suffix: string,
): Message[] {
  const { knobs } = setting
  const label = `${journey.injuryId.split('-')[2] ?? '0'}${suffix}`
  const common = { trust, system: 'pas' as const, person: journey.person }
  const admitting = coded(setting, random.fork('a'), journey, trust, 'A', hl7Stamp(visit.admitted))
  const final = coded(setting, random.fork('f'), journey, trust, 'F', hl7Stamp(ended))
  const operations = procedures(journey.fractures, hl7Stamp(visit.admitted + 30 * hour))
  const messages: Message[] = []
  const admit = (at: number, number: string, tag: string): Message => ({
    ...common,
    label: `A${tag}${label}`,
    event: ['ADT', 'A01'],
    at,
    happened: visit.admitted,
    segments: [pv1(trust, { ...visit, number }), ...admitting],
    fractures: spoken(journey),
  })
  if (random.chance(knobs.cancelledAdmissionShare)) {
    const wrong = `${visit.number}W`
    messages.push(admit(visit.admitted + hour, wrong, 'w'))
    messages.push({
      ...common,
      label: `C${label}`,
      event: ['ADT', 'A11'],
      at: visit.admitted + 2 * hour,
      segments: [pv1(trust, { ...visit, number: wrong })],
    })
  }
  messages.push(admit(visit.admitted + 3 * hour, visit.number, ''))
  const isLate = random.chance(knobs.adtLateCodingShare)
  const discharge = (at: number, tag: string, end: number): Message => ({
    ...common,
    label: `D${tag}${label}`,
    event: ['ADT', 'A03'],
    at,
    happened: end,
    segments: [pv1(trust, { ...visit, ended: end }), ...(isLate ? [] : [...final, ...operations])],
    fractures: isLate ? [] : spoken(journey),
  })
  if (random.chance(knobs.cancelledDischargeShare)) {
    const early = ended - 24 * hour
    messages.push(discharge(early + hour, 'w', early), {
      ...common,
      label: `Z${label}`,
      event: ['ADT', 'A13'],
      at: early + 5 * hour,
      happened: early + 4 * hour,
      segments: [pv1(trust, visit)],
    })
  }
  messages.push(discharge(ended + 2 * hour, '', ended))
  if (isLate) {
    const at = ended + random.int(5, 40) * 24 * hour
    messages.push({
      ...common,
      label: `K${label}`,
      event: ['ADT', 'A08'],
      at,
      segments: [pv1(trust, { ...visit, ended }), ...final, ...operations],
      fractures: spoken(journey),
    })
  }
  return messages
}

function transferred(
  setting: Setting,
  random: Random,
  journey: Journey,
  to: Trust,
  visit: Visit,
  ended: number,
): Message[] {
  const second: Visit = { ...visit, number: `T${visit.number}`, admitted: ended + hour, fromCareHome: false }
  const died = journey.person.deathOn
  const later = ended + random.int(3, 20) * 24 * hour
  return spell(
    setting,
    random.fork('to'),
    journey,
    to,
    second,
    died === undefined ? later : Math.min(later, Math.max(momentOf(died, 600), ended + 3 * hour)),
    'T',
  )
}

function coded(
  setting: Setting,
  random: Random,
  journey: Journey,
  trust: Trust,
  status: 'A' | 'F',
  stamp: string,
): Segment[] {
  return journey.fractures.map((fracture, index) =>
    dg1(trust, index + 1, codeByHospital(random, setting.knobs, trust, fracture), status, stamp),
  )
}

function spoken(journey: Journey): NonNullable<Message['fractures']> {
  return journey.fractures.map((fracture, index) => ({ path: `DG1[${index + 1}]`, fracture, injuryDay: journey.day }))
}

/** OPCS-4 with its side, where the site is usually operated on. */
function procedures(fractures: readonly Fracture[], stamp: string): Segment[] {
  return fractures.flatMap<Segment>(({ site, side }) => {
    if (!site.opcs4) return []
    const operation: Segment = ['PR1', { 1: '1', 3: [site.opcs4, undefined, 'OPCS4'], 5: stamp }]
    return side
      ? [operation, ['PR1', { 1: '2', 3: [side === 'left' ? 'Z94.3' : 'Z94.2', undefined, 'OPCS4'], 5: stamp }]]
      : [operation]
  })
}
