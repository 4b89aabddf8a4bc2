import type { Instant } from '../src/fls/dates.ts'
import type { NhsNumber } from '../src/fls/nhs-number.ts'
import { csvText } from './csv.ts'
import type { Delivery } from './delivery.ts'
import { buildMessage, type Field, type Segment } from './hl7.ts'
import { hl7Stamp, instantAt } from './moments.ts'
import { nhsNumberOf } from './nhs-numbers.ts'
import { practices, type Trust, trusts } from './places.ts'

/** A person of a story; every detail stands in the story itself. */
export type Figure = {
  readonly nhsNumber?: NhsNumber
  readonly family: string
  readonly given: string
  readonly birth: string
  readonly sex: 'male' | 'female'
  readonly street: string
  readonly postcode: string
  readonly practice: string
  /** Hospital number, the same in PAS, radiology and FLS of one trust. */
  readonly number: string
}

/** Story numbers lie beyond those any world of up to 37,000 households uses. */
export function storyNumber(place: number): NhsNumber {
  return nhsNumberOf(150_000 + place)
}

export function trustOf(ods: string): Trust {
  const trust = trusts.find(one => one.ods === ods)
  if (!trust) throw new RangeError('no such trust')
  return trust
}

export type Note = {
  readonly trust?: string
  readonly system?: 'PAS' | 'RIS'
  readonly event: readonly [string, string]
  readonly controlId: string
  /** UTC. */
  readonly at: string
  readonly happened?: string
  readonly segments?: readonly Segment[]
  readonly death?: string
}

/** One HL7 v2 message about a figure, in the plain spelling of RXX (other trusts: their authority, the same spelling). */
export function hl7(who: Figure, note: Note): Delivery {
  const trust = trustOf(note.trust ?? 'RXX')
  const system = note.system ?? 'PAS'
  const at = Date.parse(note.at)
  const local = [who.number, undefined, undefined, trust.ods, 'MR']
  const ids: Field = { repeat: who.nhsNumber ? [[who.nhsNumber, undefined, undefined, 'NHS', 'NH'], local] : [local] }
  const pid: Segment = [
    'PID',
    {
      1: '1',
      3: ids,
      5: [who.family, who.given],
      7: who.birth.replaceAll('-', ''),
      8: who.sex === 'male' ? 'M' : 'F',
      11: [who.street, undefined, trust.town, undefined, who.postcode],
      29: note.death?.replaceAll('-', ''),
      30: note.death ? 'Y' : undefined,
      32: who.nhsNumber ? 'NSTS01' : undefined,
    },
  ]
  const evn: Segment = ['EVN', { 2: hl7Stamp(at), 6: hl7Stamp(Date.parse(note.happened ?? note.at)) }]
  const isAdt = note.event[0] === 'ADT'
  const header = {
    application: system,
    facility: trust.site,
    sentAt: hl7Stamp(at),
    message: note.event[0],
    trigger: note.event[1],
    controlId: note.controlId,
    version: '2.4',
  }
  const pd1: Segment = ['PD1', { 3: [undefined, undefined, who.practice] }]
  const bytes = buildMessage(header, [...(isAdt ? [evn] : []), pid, ...(isAdt ? [pd1] : []), ...(note.segments ?? [])])
  return {
    door: 'mllp',
    feed: system === 'PAS' ? trust.pasFeed : trust.risFeed,
    controlId: note.controlId,
    type: note.event.join('^'),
    bytes,
    at: instantAt(at),
  }
}

/** PV1 of an ED attendance (`E`) or a spell (`I`). Times in UTC. */
export function visit(kind: 'E' | 'I', number: string, from: string, to?: string): Segment {
  return [
    'PV1',
    {
      1: '1',
      2: kind,
      3: [kind === 'E' ? 'ED' : 'W12'],
      10: kind === 'E' ? '180' : '110',
      19: number,
      44: hl7Stamp(Date.parse(from)),
      45: to ? hl7Stamp(Date.parse(to)) : undefined,
    },
  ]
}

export function diagnosis(
  set: number,
  code: string,
  words: string,
  status: 'A' | 'W' | 'F' = 'F',
  system = 'I10',
): Segment {
  return ['DG1', { 1: String(set), 3: [code, words, system], 4: words, 6: status }]
}

/** A result: `values` are `[type, code, value, unit]`. */
export function result(
  number: string,
  service: readonly string[],
  performed: string,
  values: readonly (readonly ['NM' | 'TX', readonly string[], string, string?])[],
  status: 'F' | 'C' | 'W' = 'F',
): Segment[] {
  return [
    ['OBR', { 1: '1', 3: number, 4: service, 7: hl7Stamp(Date.parse(performed)), 25: status }],
    ...values.map<Segment>(([type, code, value, unit], index) => [
      'OBX',
      { 1: String(index + 1), 2: type, 3: code, 5: value, 6: unit, 11: status },
    ]),
  ]
}

export function fhir(controlId: string, at: string, body: object, trust = 'RXX', path = '/fhir'): Delivery {
  return {
    door: 'fhir',
    feed: trustOf(trust).flsFeed,
    controlId,
    type: path === '/fhir' ? 'Bundle' : (path.split('/').pop() ?? ''),
    path,
    bytes: Buffer.from(JSON.stringify(body)),
    at: at as Instant,
  }
}

type Cells = Readonly<Record<string, string | undefined>>

/** A neutral extract of a practice; the columns are those the rows use. */
export function extract(ods: string, id: string, mode: 'full' | 'delta', at: string, rows: readonly Cells[]): Delivery {
  const practice = practices.find(one => one.ods === ods)
  if (!practice) throw new RangeError('no such practice')
  const all: Cells[] = [{ entry: 'manifest', practice: ods, extractId: id, mode, to: at }, ...rows]
  const header = [...new Set(all.flatMap(row => Object.keys(row)))]
  return {
    door: 'extract',
    feed: practice.supplier,
    practice: practice.ods,
    controlId: id,
    type: 'neutral',
    mode,
    files: [{ name: `${ods.toLowerCase()}-${mode}.csv`, bytes: Buffer.from(csvText(header, all, 'needed')) }],
    at: at as Instant,
  }
}

/** Patient and registration rows of a figure. */
export function gpPatient(who: Figure, patientId: string, registeredOn = '2011-05-03'): Cells[] {
  return [
    {
      entry: 'patient',
      rowId: patientId,
      patientId,
      nhsNumber: who.nhsNumber,
      nhsNumberStatus: who.nhsNumber ? '01' : undefined,
      familyName: who.family,
      givenNames: who.given,
      birthDate: who.birth,
      sex: who.sex,
      addressLines: who.street,
      postcode: who.postcode,
    },
    { entry: 'registration', rowId: `${patientId}-g`, patientId, date: registeredOn, status: 'gms' },
  ]
}
