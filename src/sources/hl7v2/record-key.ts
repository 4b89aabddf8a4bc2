import type { RecordKey } from '../../fls/fact.ts'
import { hasValidCheckDigit } from '../../fls/nhs-number.ts'
import type { Message } from './message.ts'
import type { Repetition, Segment } from './segment.ts'

/** One candidate for the NHS number and where it stood, `PID-3(2)`. Digits are not judged here. */
export type NhsNumberCandidate = { readonly text: string; readonly status: string; readonly where: string }

/** The local number of a patient and who numbers it. Patient data: never log it. */
export type LocalNumber = { readonly number: string; readonly authority: string; readonly where: string }

/**
 * The lane of a message, from its bytes and its sender alone: `<authority as sent, else MSH-4>|<number>` of the local number in PID-3, else
 * `<sender>|nhs|<NHS number>` when it is ten digits with a good check digit; undefined when neither can be read. Tolerant: never throws,
 * judges nothing. The record its facts go to is chosen by reading, from the same identifier with the feed's own names for authorities; where the two
 * are called differently nothing is lost, because a lane only spreads and groups the work: what comes of the facts depends on no order.
 */
export function peekRecordKey(message: Message, sender: string): RecordKey | undefined {
  const local = localNumberOf(message)
  if (local) return `${local.authority}|${local.number}` as RecordKey
  for (const candidate of nhsNumberCandidates(message)) {
    const digits = candidate.text.replace(/[\s-]/g, '')
    if (hasValidCheckDigit(digits)) return `${sender}|nhs|${digits}` as RecordKey
  }
  return undefined
}

/** The patient's local number: best identifier type first (MR, MRN, PI, HOSP, PT …), then an untyped one, then any other that is local. */
export function localNumberOf(message: Message): LocalNumber | undefined {
  const pid = message.first('PID')
  return pid ? localNumberIn(pid, [3, 2, 4], message) : undefined
}

/**
 * The same choice for another segment's identifier list, MRG-1 of a merge. `authority`: a number it gave comes first, where there is one; a
 * retired number is replaced by one of its own kind.
 */
export function localNumberIn(
  segment: Segment,
  fields: readonly number[],
  message: Message,
  authority?: string,
): LocalNumber | undefined {
  const isOwn = (identifier: Repetition): boolean =>
    (authorityOf(identifier) || defaultAuthority(message)) === authority
  for (const field of fields) {
    const ranked = segment
      .repetitions(field)
      .map(identifier => ({ identifier, rank: rankOf(identifier, segment.name === 'PID' && field !== 3) }))
      .filter(candidate => candidate.rank !== undefined)
      .sort((a, b) => (a.rank ?? 0) - (b.rank ?? 0))
    const best = (ranked.find(({ identifier }) => isOwn(identifier)) ?? ranked[0])?.identifier
    if (best) {
      return {
        number: best.component(1).trim().toUpperCase(),
        authority: authorityOf(best) || defaultAuthority(message),
        where: placeOf(segment, field, best),
      }
    }
  }
  return undefined
}

/**
 * Everything in PID-2, 3, 4 and 19 that says it is an NHS number, by type or authority in any of the spellings in use, in the order of the
 * fields 3, 2, 4, 19. `status` is CX-2 or the braces of `NH{status:01}` when one of them holds a two-digit trace status.
 */
export function nhsNumberCandidates(message: Message): readonly NhsNumberCandidate[] {
  const pid = message.first('PID')
  return pid ? nhsNumbersIn(pid, [3, 2, 4, 19]) : []
}

/** The same for another segment's identifier list, MRG-1 of a merge. */
export function nhsNumbersIn(segment: Segment, fields: readonly number[]): readonly NhsNumberCandidate[] {
  const found: NhsNumberCandidate[] = []
  for (const field of fields) {
    for (const identifier of segment.repetitions(field)) {
      const text = identifier.component(1).trim()
      if (text === '' || !(isNhsIdentifier(identifier) || isBareNhsNumber(segment, field, identifier))) continue
      found.push({ text, status: traceStatusOf(identifier), where: placeOf(segment, field, identifier) })
    }
  }
  return found
}

const nhsAuthority = /^NHS(?:NBR|NO|NUMBER|NUM|NMBR)?$/
const nhsType = /^(?:NH|NHS|NHSNMBR|NHSNBR|NHSNO)$/
const nhsAuthorityOids = new Set(['2.16.840.1.113883.2.1.4.1', 'HTTPS://FHIR.NHS.UK/ID/NHS-NUMBER'])
/** Best first. Empty = the sender gave no type. */
const localTypes = ['MR', 'MRN', 'PI', 'HOSP', 'HOSPITAL', 'PT', 'PAS', 'UR', 'PATIENT', '']
/** Numbers of a visit, an account, an insurance or another country's register: not of the patient within this hospital. */
const otherTypes = new Set([
  'AN',
  'VN',
  'VS',
  'BCT',
  'SS',
  'DL',
  'PPN',
  'NI',
  'NIIP',
  'MA',
  'MC',
  'CHI',
  'HCN',
  'EMAIL',
  'TAX',
  'CZ',
  'BC',
  'EI',
  'FI',
  'XX',
])

function isNhsIdentifier(identifier: Repetition): boolean {
  const type = typeOf(identifier)
  if (nhsType.test(type)) return true
  const [namespace, id] = [identifier.component(4, 1), identifier.component(4, 2)].map(text =>
    text.trim().toUpperCase(),
  )
  const isNhs = nhsAuthority.test((namespace ?? '').replace(/[^A-Z]/g, '')) || nhsAuthorityOids.has(id ?? '')
  // `HN` is `NH` with its letters swapped, seen in the wild. A shorter number under authority NHS is a hospital's own.
  return isNhs && (type === '' || type === 'HN' || type === 'NHSNUMBER' || isTenDigits(identifier))
}

/** PID-19 held the NHS number before PID-3 took lists; there it carries no type. */
function isBareNhsNumber(segment: Segment, field: number, identifier: Repetition): boolean {
  return (
    segment.name === 'PID' &&
    field !== 3 &&
    typeOf(identifier) === '' &&
    authorityOf(identifier) === '' &&
    isGoodNumber(identifier)
  )
}

function rankOf(identifier: Repetition, isOldField: boolean): number | undefined {
  const number = identifier.component(1).trim()
  if (number === '' || isNhsIdentifier(identifier)) return undefined
  const type = typeOf(identifier)
  if (otherTypes.has(type)) return undefined
  if (isOldField && type === '' && isGoodNumber(identifier)) return undefined
  const rank = localTypes.indexOf(type)
  return rank < 0 ? localTypes.length : rank
}

function typeOf(identifier: Repetition): string {
  return identifier.component(5, 1).replace(/\{.*$/s, '').trim().toUpperCase()
}

function authorityOf(identifier: Repetition): string {
  return (identifier.component(4, 1).trim() || identifier.component(4, 2).trim()).toUpperCase()
}

function defaultAuthority(message: Message): string {
  return (message.header.sendingFacility.trim() || message.header.sendingApplication.trim()).toUpperCase()
}

function traceStatusOf(identifier: Repetition): string {
  return (
    (/\{status:(\d{2})\}/i.exec(identifier.component(5)) ?? /^\s*(0[1-8])\s*$/.exec(identifier.component(2)))?.[1] ?? ''
  )
}

function isTenDigits(identifier: Repetition): boolean {
  return /^\d{10}$/.test(identifier.component(1).replace(/[\s-]/g, ''))
}

function isGoodNumber(identifier: Repetition): boolean {
  return hasValidCheckDigit(identifier.component(1).replace(/[\s-]/g, ''))
}

function placeOf(segment: Segment, field: number, identifier: Repetition): string {
  return identifier.index === 1 ? `${segment.name}-${field}` : `${segment.name}-${field}(${identifier.index})`
}
