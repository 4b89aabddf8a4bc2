import type { Parcel } from './delivery.ts'
import type { Drug } from './drugs.ts'
import type { Segment } from './hl7.ts'
import { drawsFor, type Message, parcel } from './hospital-wire.ts'
import type { Household, Setting } from './households.ts'
import type { Journey } from './journey.ts'
import { type Day, hl7Stamp, momentOf } from './moments.ts'
import type { Random } from './random.ts'

const hour = 3_600_000
const day = 24 * hour

/** FLS and DXA appointments (SIU) and hospital-given bone drugs (RDE, RDS) of one injury. */
export function clinics(setting: Setting, household: Household, journey: Journey): Parcel[] {
  const random = drawsFor(setting, journey.person, `clinics/${journey.injuryId}`)
  const tag = journey.injuryId.split('-')[2] ?? '0'
  const messages = [
    ...booking(random.fork('fls'), journey, journey.flsAssessDay, ['FLS', 'Fracture Liaison Clinic'], `F${tag}`),
    ...(journey.dxa.decision === 'ordered'
      ? booking(random.fork('dxa'), journey, journey.dxa.day, ['DXA', 'DXA scan'], `D${tag}`)
      : []),
    ...booking(random.fork('w16'), journey, journey.week16?.day, ['FLS', 'Fracture Liaison Clinic'], `G${tag}`),
    ...given(random.fork('drug'), journey, tag),
  ]
  return messages.map(message => parcel(setting, [household.subject, ...household.relatives], message))
}

/** S12 booked; one in ten moved (S14), one in twenty cancelled and booked again (S15), one in sixteen not attended first (S26). */
function booking(
  random: Random,
  journey: Journey,
  on: Day | undefined,
  clinic: readonly [string, string],
  tag: string,
): Message[] {
  if (on === undefined) return []
  const at = momentOf(on, random.int(9 * 60, 16 * 60))
  const booked = at - random.int(3, 28) * day
  const number = `AP${journey.injuryId.slice(7)}${tag}`
  const messages: Message[] = []
  const send = (trigger: string, when: number, start: number, label: string, id: string, status: string): void => {
    messages.push(schedule(journey, { trigger, when, start, label: `S${tag}${label}`, number: id, status, clinic }))
  }
  if (random.chance(0.05)) {
    send('S12', booked - 10 * day, at - 9 * day, 'a', `${number}X`, 'Booked')
    send('S15', at - 10 * day, at - 9 * day, 'b', `${number}X`, 'Cancelled')
  }
  if (random.chance(0.06)) {
    send('S12', booked - 20 * day, at - 14 * day, 'c', `${number}N`, 'Booked')
    send('S26', at - 14 * day + 8 * hour, at - 14 * day, 'd', `${number}N`, 'Noshow')
  }
  const isMoved = random.chance(0.1)
  send('S12', booked, isMoved ? at - 5 * day : at, 'e', number, 'Booked')
  if (isMoved) send('S14', booked + day, at, 'f', number, 'Booked')
  if (random.chance(0.8)) send('S14', at + 3 * hour, at, 'g', number, 'Complete')
  return messages
}

type Slot = {
  trigger: string
  when: number
  start: number
  label: string
  number: string
  status: string
  clinic: readonly [string, string]
}

function schedule(journey: Journey, slot: Slot): Message {
  const { trust } = journey
  const start = hl7Stamp(slot.start, trust.spelling.isZoned)
  return {
    trust,
    system: 'pas',
    person: journey.person,
    label: slot.label,
    event: ['SIU', slot.trigger],
    at: slot.when,
    segments: [
      [
        'SCH',
        {
          1: slot.number,
          2: slot.number,
          7: slot.clinic,
          8: slot.clinic,
          11: [undefined, undefined, undefined, start],
          25: slot.status,
        },
      ],
      ['RGS', { 1: '1', 2: 'A' }],
      ['AIS', { 1: '1', 3: slot.clinic, 4: start }],
      ['AIL', { 1: '1', 3: [slot.clinic[0], undefined, undefined, trust.site], 6: start }],
    ],
  }
}

function given(random: Random, journey: Journey, tag: string): Message[] {
  const { advice, startDay } = journey
  if (typeof advice !== 'object' || !advice.isGivenInHospital || startDay === undefined) return []
  const messages = [drugMessage(random, journey, advice, startDay, `M${tag}`)]
  const again = startDay + 183
  const isOn =
    (journey.stopDay === undefined || journey.stopDay > again) && (journey.person.deathOn ?? again + 1) > again
  if (advice.id === 'denosumab' && isOn) messages.push(drugMessage(random, journey, advice, again, `N${tag}`))
  return messages
}

function drugMessage(random: Random, journey: Journey, drug: Drug, on: Day, label: string): Message {
  const { trust } = journey
  const at = momentOf(on, random.int(9 * 60, 16 * 60))
  const stamp = hl7Stamp(at, trust.spelling.isZoned)
  const code = [drug.dmd[0], drug.dmd[1], 'DMD']
  const order: Segment = ['ORC', { 1: 'NW', 2: `${label}${journey.injuryId.slice(7)}`, 9: stamp }]
  const isDispense = random.chance(0.3)
  const body: Segment = isDispense
    ? [
        'RXD',
        {
          1: '1',
          2: code,
          3: stamp,
          4: drug.quantity,
          5: drug.quantityUnit,
          7: `${label}${journey.injuryId.slice(7)}`,
        },
      ]
    : ['RXE', { 1: [undefined, undefined, undefined, stamp], 2: code, 3: '1', 5: drug.quantityUnit, 10: drug.quantity }]
  return {
    trust,
    system: 'pas',
    person: journey.person,
    label,
    event: isDispense ? ['RDS', 'O13'] : ['RDE', 'O11'],
    at: at + hour,
    segments: [order, body, ['TQ1', { 1: '1', 7: stamp }]],
  }
}
