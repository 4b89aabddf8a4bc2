import type { Parcel } from './delivery.ts'
import type { Segment } from './hl7.ts'
import {
  authorityOf,
  drawsFor,
  hospitalNumber,
  type Message,
  parcel,
  pv1,
  secondNumber,
  sexCode,
} from './hospital-wire.ts'
import type { Household, Person, Setting } from './households.ts'
import type { Journey } from './journey.ts'
import { isoDay, momentOf } from './moments.ts'
import type { Trust } from './places.ts'
import type { Random } from './random.ts'

const day = 86_400_000

/** Registration traffic of a household: A28, A31 after a move, second numbers and their A40, a wrong A40 and its A37, deaths. */
export function registrations(setting: Setting, household: Household, journeys: readonly Journey[]): Parcel[] {
  const members = [household.subject, ...household.relatives]
  const messages: Message[] = []
  for (const person of members) messages.push(...registrationOf(setting, household, journeys, person))
  return messages.map(message => parcel(setting, members, message))
}

function registrationOf(
  setting: Setting,
  household: Household,
  journeys: readonly Journey[],
  person: Person,
): Message[] {
  const { knobs } = setting
  const { trust } = household
  const random = drawsFor(setting, person, 'registration')
  const first = momentOf(household.indexDay - random.int(0, 60), random.int(8 * 60, 18 * 60))
  const common = { trust, system: 'pas' as const, person }
  const isKnown = person.role !== 'subject' || random.chance(0.6)
  const messages: Message[] = isKnown
    ? [{ ...common, label: 'R0', event: ['ADT', 'A28'], at: first, segments: [] }]
    : []
  const moved = person.homes[1]
  if (moved && random.chance(0.7))
    messages.push({
      ...common,
      label: 'R1',
      event: ['ADT', 'A31'],
      at: momentOf(moved.from + random.int(1, 40), 600),
      segments: [],
    })
  if (person.renamed && random.chance(0.6))
    messages.push({
      ...common,
      label: 'R2',
      event: ['ADT', 'A31'],
      at: momentOf(person.renamed.on + random.int(1, 60), 620),
      segments: [],
    })
  if (person.deathOn !== undefined && random.chance(0.75))
    messages.push({
      ...common,
      label: 'R3',
      event: ['ADT', 'A31'],
      at: momentOf(person.deathOn + random.int(0, 12), 700),
      death: person.deathOn,
      segments: [],
    })
  if (person.role === 'subject' && journeys.length > 0 && random.chance(knobs.duplicateMrnShare))
    messages.push(...duplicated(random, trust, household, person, knobs.mergeShare))
  const other = household.relatives[0]
  if (person.role === 'subject' && other && random.chance(knobs.wrongMergeShare / knobs.spouseShare))
    messages.push(...wronglyMerged(random, trust, household, person, other))
  return messages
}

function duplicated(random: Random, trust: Trust, household: Household, person: Person, mergeShare: number): Message[] {
  const at = momentOf(household.indexDay, 23 * 60)
  const number = secondNumber(trust, person)
  const visit = pv1(trust, { class: 'O', number: `U${person.serial}`, specialty: '110', admitted: at + 6 * day })
  const messages: Message[] = [
    { trust, system: 'pas', person, number, label: 'U1', event: ['ADT', 'A04'], at: at + 6 * day, segments: [visit] },
  ]
  if (random.chance(mergeShare)) messages.push(merge(trust, person, number, 'U2', at + random.int(10, 90) * day))
  return messages
}

function wronglyMerged(random: Random, trust: Trust, household: Household, person: Person, other: Person): Message[] {
  const at = momentOf(household.indexDay + random.int(20, 90), 15 * 60)
  const retired = hospitalNumber(trust, other)
  const unlink: Segment = [
    'PID',
    {
      1: '1',
      3: { repeat: [[retired, undefined, undefined, authorityOf(trust), trust.spelling.localType]] },
      5: [other.family, other.given[0]],
      7: isoDay(other.birth).replaceAll('-', ''),
      8: sexCode(trust, other.sex),
    },
  ]
  return [
    merge(trust, person, retired, 'W1', at),
    {
      trust,
      system: 'pas',
      person,
      label: 'W2',
      event: ['ADT', 'A37'],
      at: at + random.int(1, 20) * day,
      segments: [unlink],
    },
  ]
}

function merge(trust: Trust, person: Person, retired: string, label: string, at: number): Message {
  return {
    trust,
    system: 'pas',
    person,
    label,
    event: ['ADT', 'A40'],
    at,
    segments: [['MRG', { 1: [retired, undefined, undefined, authorityOf(trust), trust.spelling.localType] }]],
  }
}
