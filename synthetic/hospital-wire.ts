import type { Parcel, Sent, TruthLine } from './delivery.ts'
import { buildMessage, type Field, type Segment } from './hl7.ts'
import type { Person, Setting } from './households.ts'
import type { Fracture } from './journey.ts'
import { hl7Day, hl7Stamp, instantAt, isoDay, londonDayOf, type Moment } from './moments.ts'
import type { Trust } from './places.ts'
import { makeRandom } from './random.ts'
import { type Stated, stated } from './stated.ts'

/** One HL7 message to be: who sends it, about whom, what it says after PID and which segments speak of which fracture. */
export type Message = {
  readonly trust: Trust
  readonly system: 'pas' | 'ris'
  /** Unique per person, trust and system; part of MSH-10. */
  readonly label: string
  readonly event: readonly [message: string, trigger: string]
  readonly at: Moment
  /** When it happened (EVN-6), if that is not when it was sent. */
  readonly happened?: Moment
  readonly person: Person
  /** The hospital number used; else the person's own. */
  readonly number?: string
  readonly segments: readonly Segment[]
  readonly fractures?: readonly { readonly path: string; readonly fracture: Fracture; readonly injuryDay: number }[]
  readonly death?: number
}

export function hospitalNumber(trust: Trust, person: Person): string {
  return `${trust.postArea[1]}${500_000 + person.serial}`
}
/** A second number given to the same person by an emergency registration. */
export function secondNumber(trust: Trust, person: Person): string {
  return `${trust.postArea[1]}9${500_000 + person.serial}`
}
export function authorityOf(trust: Trust): string {
  return trust.spelling.authority === 'trust' ? trust.ods : trust.site
}

/** The message as a parcel: built, with its truth, when its moment comes. */
export function parcel(setting: Setting, household: readonly Person[], message: Message): Parcel {
  return { at: message.at, make: () => sendMessage(setting, household, message) }
}

function sendMessage(setting: Setting, household: readonly Person[], message: Message): Sent {
  const { trust, person, event, at } = message
  const controlId = `${message.system === 'pas' ? 'P' : 'R'}${person.serial.toString(36).toUpperCase()}-${message.label}`
  const feed = message.system === 'pas' ? trust.pasFeed : trust.risFeed
  const said = stated(setting, person, { kind: 'pas', key: trust.ods }, londonDayOf(at), controlId, household)
  const number = message.number ?? hospitalNumber(trust, person)
  const { spelling } = trust
  const header = {
    application: message.system === 'pas' ? 'PAS' : 'RIS',
    facility: trust.site,
    sentAt: hl7Stamp(at, spelling.isZoned),
    message: event[0],
    trigger: event[1],
    controlId,
    version: spelling.version,
    ...(spelling.charset ? { charset: spelling.charset } : {}),
    ...(spelling.acknowledge ? { acknowledge: spelling.acknowledge } : {}),
  }
  const happened = message.happened ?? at
  const evn: Segment = ['EVN', { 2: hl7Stamp(at, spelling.isZoned), 6: hl7Stamp(happened, spelling.isZoned) }]
  const isAdt = event[0] === 'ADT'
  const bytes = buildMessage(header, [
    ...(isAdt ? [evn] : []),
    pid(trust, said, number, message.death),
    ...(isAdt ? [pd1(said)] : []),
    ...message.segments,
  ])
  return {
    delivery: { door: 'mllp', feed, controlId, type: event.join('^'), bytes, at: instantAt(at) },
    truth: truthOf(message, feed, controlId, `${authorityOf(trust)}|${number}`),
  }
}

function truthOf(message: Message, sender: string, controlId: string, record: string): TruthLine[] {
  const { person } = message
  const who = { sender, controlId, record, personId: person.id, trueNhsNumber: person.nhsNumber }
  const patient: TruthLine = { ...who, path: 'PID', kind: 'patient' }
  const fractures = (message.fractures ?? []).map<TruthLine>(({ path, fracture, injuryDay }) => ({
    ...who,
    path,
    kind: 'fracture',
    fractureId: fracture.id,
    injuryId: fracture.id.replace(/-[a-z]$/, ''),
    site: fracture.site.id,
    injuryDate: isoDay(injuryDay),
  }))
  return [patient, ...fractures]
}

export function sexCode(trust: Trust, sex: 'male' | 'female'): string {
  return trust.spelling.sex === 'digits' ? (sex === 'male' ? '1' : '2') : sex === 'male' ? 'M' : 'F'
}

function pid(trust: Trust, said: Stated, number: string, death: number | undefined): Segment {
  const { spelling } = trust
  const status = said.isVerified ? '01' : '03'
  const inTwo = spelling.nhsNumber === '^NH in PID-2'
  const nhs = said.nhsNumber === undefined ? undefined : nhsField(trust, said.nhsNumber, status)
  const local = [number, undefined, undefined, authorityOf(trust), spelling.localType]
  const { lines, town, postcode } = said.address
  const isMale = said.sex === 'male'
  return [
    'PID',
    {
      1: '1',
      2: inTwo ? nhs : undefined,
      3: { repeat: nhs && !inTwo ? [nhs, local] : [local] },
      5: [said.family, said.given[0], said.given.slice(1).join(' ') || undefined, undefined, isMale ? 'MR' : 'MRS'],
      7: said.birthDate.replaceAll('-', ''),
      8: sexCode(trust, said.sex),
      11: [lines[0], lines[1], town, undefined, postcode, 'GBR', 'H'],
      22: said.ethnicCategory,
      29: death === undefined ? undefined : hl7Day(death),
      30: death === undefined ? undefined : 'Y',
      32: spelling.traceStatus === 'PID-32' && said.nhsNumber ? `NSTS${status}` : undefined,
    },
  ]
}

function nhsField(trust: Trust, nhsNumber: string, status: string): (string | undefined)[] {
  const { spelling } = trust
  const check = spelling.traceStatus === 'CX-2' ? status : undefined
  const [authority, type] = spelling.nhsNumber.startsWith('^') ? [undefined, 'NH'] : spelling.nhsNumber.split('^')
  return [nhsNumber, check, undefined, authority, type]
}

function pd1(said: Stated): Segment {
  return ['PD1', { 3: [undefined, undefined, said.practice], 4: [`G${said.practice.slice(1)}00`, 'GP'] }]
}

export type Visit = {
  readonly class: 'E' | 'I' | 'O'
  readonly number: string
  readonly specialty: string
  readonly admitted: Moment
  readonly ended?: Moment | 'cancelled'
  readonly fromCareHome?: boolean
  readonly died?: boolean
}

export function pv1(trust: Trust, visit: Visit): Segment {
  const { spelling } = trust
  const place: Field =
    visit.class === 'E'
      ? ['ED', undefined, undefined, trust.site]
      : visit.class === 'O'
        ? ['OPD', undefined, undefined, trust.site]
        : ['W12', 'B3', '07', trust.site]
  const source = visit.fromCareHome ? '85' : '19'
  const isEnded = typeof visit.ended === 'number'
  return [
    'PV1',
    {
      1: '1',
      2: visit.class,
      3: place,
      4: visit.class === 'I' ? '21' : undefined,
      10: visit.specialty,
      14: visit.class === 'I' ? source : undefined,
      19: spelling.hasVisitNumber ? [visit.number] : undefined,
      36: isEnded ? (visit.died ? '4' : '1') : undefined,
      37: isEnded ? (visit.died ? '79' : source) : undefined,
      44: hl7Stamp(visit.admitted, spelling.isZoned),
      45: typeof visit.ended === 'number' ? hl7Stamp(visit.ended, spelling.isZoned) : undefined,
    },
  ]
}

/** A stream of draws that belongs to one person, trust and purpose. */
export function drawsFor(setting: Setting, person: Person, purpose: string): ReturnType<typeof makeRandom> {
  return makeRandom(`${setting.seed}/${purpose}/${person.serial}`)
}
