import type { Instant } from '../fls/dates.ts'
import type { Coding, OdsCode } from '../fls/fact.ts'
import { readHl7Date } from '../sources/hl7v2/dates.ts'
import type { Message } from '../sources/hl7v2/message.ts'
import { nhsNumberCandidates } from '../sources/hl7v2/record-key.ts'
import { translate } from '../terminology/translate.ts'
import { type PlannedRow, plansFor } from './compile.ts'
import type { Found } from './document.ts'
import { type DocumentEnv, draftFacts } from './draft.ts'
import { hl7Document, patientGroups } from './hl7-document.ts'
import type { ReadEnv, Reader } from './reader.ts'
import type { FeedTables } from './tables.ts'
import { type Tally, tally } from './tally.ts'

/** A type or segment, a header field, an identifier: how often it was met. `where` names fields without ordinals (`DG1-3`). */
export type Met = { readonly what: string; readonly count: number; readonly isUsed: boolean }
/** A word as sent, of one of the value tables. `isAsked`: without a meaning it costs the fact or makes it `other`. */
export type MetWord = {
  readonly table: string
  readonly word: string
  readonly where: string
  readonly count: number
  readonly meaning?: string
  readonly isAsked: boolean
}
/** A code as sent; without `concept` nobody knows it. `isAsked`: the audit wants such codes, or its own words say it might. */
export type MetCode = {
  readonly system: string
  readonly code: string
  readonly display: string
  readonly where: string
  readonly count: number
  readonly concept?: string
  readonly isAsked: boolean
}

/** What a feed's sample messages hold, as the tables see it. Words, codes and shapes only: never a value that describes a patient. */
export type FeedSurvey = {
  readonly messages: number
  readonly types: readonly Met[]
  readonly segments: readonly Met[]
  readonly applications: readonly Met[]
  readonly facilities: readonly Met[]
  readonly versions: readonly Met[]
  /** `MSH-18 as declared → as read`; not used when the two contradict each other. */
  readonly charsets: readonly Met[]
  /** `<authority>^<type>` of PID-3; used when it was taken for the NHS number. */
  readonly identifiers: readonly Met[]
  /** `PID-7 YYYYMMDD`; not used when it cannot be read. */
  readonly dates: readonly Met[]
  readonly words: readonly MetWord[]
  readonly codes: readonly MetCode[]
  readonly issues: readonly Met[]
}

/** Takes a survey by the very reading the service would do with these tables: each reader is watched while the facts are drafted. Pure. */
export function surveyMessages(messages: readonly Message[], tables: FeedTables, organisation: OdsCode): FeedSurvey {
  const heard: Heard = {
    ...{ types: tally(), segments: tally(), applications: tally(), facilities: tally(), versions: tally() },
    ...{ charsets: tally(), identifiers: tally(), dates: tally(), words: tally(), codes: tally(), issues: tally() },
  }
  const watched: FeedTables = { ...tables, plans: new Map() }
  for (const message of messages) {
    hearHeader(message, watched, heard)
    const type = `${message.header.type}^${message.header.trigger}`
    watchPlans(watched, tables, type, heard)
    for (const group of patientGroups(message)) {
      if (!group.pid) continue
      const { issues } = draftFacts(hl7Document(message, group), watched, { ...known, organisation })
      for (const { code, where } of issues) heard.issues.add(`${code} ${plainPlace(where)}`, true)
    }
  }
  return {
    messages: messages.length,
    types: met(heard.types),
    segments: met(heard.segments),
    applications: met(heard.applications),
    facilities: met(heard.facilities),
    versions: met(heard.versions),
    charsets: met(heard.charsets),
    identifiers: met(heard.identifiers),
    dates: met(heard.dates),
    issues: met(heard.issues),
    words: heard.words.all().map(({ of, count }) => ({ ...of, count })),
    codes: heard.codes.all().map(({ of, count }) => ({ ...of, count })),
  }
}

type Heard = { readonly [List in Exclude<keyof FeedSurvey, 'messages' | 'words' | 'codes'>]: Tally<boolean> } & {
  readonly words: Tally<Omit<MetWord, 'count'>>
  readonly codes: Tally<Omit<MetCode, 'count'>>
}

const known: Omit<DocumentEnv, 'organisation'> = {
  sender: 'survey',
  receivedAt: '2000-01-01T00:00:00.000Z' as Instant,
  acceptTestNumbers: true,
}

function met(list: Tally<boolean>): readonly Met[] {
  return list.all().map(({ key, of, count }) => ({ what: key, count, isUsed: of }))
}

function hearHeader(message: Message, tables: FeedTables, heard: Heard): void {
  const { type, trigger, sendingApplication, sendingFacility, version, charset } = message.header
  const whole = trigger === '' ? type : `${type}^${trigger}`
  heard.types.add(whole, plansFor(tables, `${type}^${trigger}`).length > 0)
  heard.applications.add(sendingApplication, sendingApplication !== '')
  heard.facilities.add(sendingFacility, sendingFacility !== '')
  heard.versions.add(version, true)
  heard.charsets.add(`${charset || 'none'} → ${message.charset}`, !message.isCharsetMislabelled)
  for (const segment of message.all) heard.segments.add(segment.name.slice(0, 3), !segment.name.startsWith('Z'))
  const nhs = new Set(nhsNumberCandidates(message).map(candidate => candidate.where))
  for (const identifier of message.first('PID')?.repetitions(3) ?? []) {
    const place = identifier.index === 1 ? 'PID-3' : `PID-3(${identifier.index})`
    const authority = identifier.component(4, 1) || identifier.component(4, 2)
    heard.identifiers.add(`${authority.trim()}^${identifier.component(5, 1).trim()}`, nhs.has(place))
  }
}

function watchPlans(watched: FeedTables, tables: FeedTables, type: string, heard: Heard): void {
  if (watched.plans.get(type)?.some(plan => plan.rows.some(row => row.read && watchedReaders.has(row.read)))) return
  const plans = plansFor({ ...tables, plans: new Map() }, type).map(plan => ({
    ...plan,
    rows: plan.rows.map(row => ({ ...row, read: row.read && watch(row, row.read, heard) })),
  }))
  watched.plans.set(type, plans)
}

const watchedReaders = new WeakSet<Reader>()

function watch(row: PlannedRow, reader: Reader, heard: Heard): Reader {
  const own: Reader = {
    ...reader,
    read: (found, env, argument) => {
      const outcome = reader.read(found, env, argument)
      if (reader.gives === 'date') for (const value of found) hearDate(value, heard)
      if (row.reader?.name === 'word' || row.reader?.name === 'word-text') hearWords(row, found, env, heard)
      if (row.reader?.name === 'hl7-coding' && Array.isArray(outcome.value))
        hearCodes(row, outcome.value, found, env, heard)
      return outcome
    },
  }
  watchedReaders.add(own)
  return own
}

function hearDate(value: Found, heard: Heard): void {
  const text = (value.part?.(1) ?? value.text).trim()
  if (text === '') return
  heard.dates.add(`${plainPlace(value.where)} ${shapeOf(text)}`, readHl7Date(text) !== undefined)
}

function hearWords(row: PlannedRow, found: readonly Found[], env: ReadEnv, heard: Heard): void {
  const [table = ''] = row.lookup
  const meaningOf = (value: Found) => env.values.get(table)?.get(value.text.trim().toUpperCase())
  const isKnown = found.some(value => meaningOf(value) !== undefined)
  for (const value of found) {
    const word = value.text.trim().toUpperCase().slice(0, 100)
    const meaning = meaningOf(value)
    // Of several places the first known one counts: what stands in the others is not missed.
    if (word === '' || (isKnown && meaning === undefined)) continue
    const where = plainPlace(value.where)
    const isAsked = row.reader?.argument !== '-' || matters.test(word)
    heard.words.add(`${table}\n${word}`, { table, word, where, isAsked, ...(meaning ? { meaning } : {}) })
  }
}

/** Words in the display of a code that say the audit may want it, where most codes of that place are none of its business. */
const matters =
  /\bDE?XA\b|DENSIT|T[\s-]?SCORE|FRACTURE|LIAISON|\bFLS|#|OSTEOP|\bBONE\b|\bFALLS?\b|ZOLEDR|DENOSUMAB|ALENDR|RISEDR|TERIPAR|ROMOSO|VITAMIN\s*D/i

function hearCodes(
  row: PlannedRow,
  codings: readonly Coding[],
  found: readonly Found[],
  env: ReadEnv,
  heard: Heard,
): void {
  const where = plainPlace(found[0]?.where ?? '')
  const meaning = translate(codings, env.terminology, row.lookup)
  const concept = meaning.concept?.id
  // Another coding of the same field has said what it means.
  const [first] = concept === undefined ? codings : meaning.codings
  if (!first || (concept === undefined && meaning.issues.length === 0)) return
  const { system, code, display = '' } = first
  const isAsked =
    (row.onUnknown !== 'skip' && row.onUnknown !== 'quiet' && row.to === 'coding') || matters.test(display)
  const met = { system, code, display: display.slice(0, 100), where, isAsked, ...(concept ? { concept } : {}) }
  heard.codes.add(`${system}\n${code}`, met)
}

/** `DG1[2]-3.1` → `DG1-3.1`; `PID-3(2)` → `PID-3`. */
function plainPlace(where: string): string {
  return where.replace(/^.*\//, '').replace(/\[\d+\]|\(\d+\)/g, '')
}

const lengths: Readonly<Record<number, string>> = {
  4: 'YYYY',
  6: 'YYYYMM',
  8: 'YYYYMMDD',
  10: 'YYYYMMDDHH',
  12: 'YYYYMMDDHHMM',
  14: 'YYYYMMDDHHMMSS',
}

/** How a date is written, never the date: `YYYYMMDDHHMM+ZZZZ`; anything else digit by digit (`99/99/9999`). */
function shapeOf(text: string): string {
  const match = /^(\d+)(\.\d+)?([+-]\d{2}:?\d{2}|Z)?$/.exec(text)
  const stem = match?.[1] && lengths[match[1].length]
  if (!match || !stem) return text.slice(0, 40).replace(/\d/g, '9').replace(/\p{L}/gu, 'A')
  return `${stem}${match[2] ? '.S' : ''}${match[3] ? '+ZZZZ' : ''}`
}
