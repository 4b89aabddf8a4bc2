import { daysBetween, daysOf, isPlaceholderDate, type PartialDate } from '../fls/dates.ts'
import type { Coding } from '../fls/fact.ts'
import { issue } from '../fls/issue.ts'
import { readNhsNumber } from '../fls/nhs-number.ts'
import { readHl7Date } from '../sources/hl7v2/dates.ts'
import { systemOf } from '../terminology/systems.ts'
import { translate } from '../terminology/translate.ts'
import type { Found } from './document.ts'
import { hl7ClinicLetter } from './hl7-clinic-letter.ts'
import { hl7PersonReaders, localNumberOf } from './hl7-person-readers.ts'
import { nothing, type Outcome, type ReadEnv, type Reader } from './reader.ts'
import { knownRecordKey } from './record-key.ts'

/** DT, DTM or TS as a calendar date in Europe/London, precision kept; TS.2 degree counts. Issues `unreadable-date`, `placeholder-date`. */
/** Argument `written`: the calendar date as it stands (a birth date), whatever offset is behind it. */
const hl7Date: Reader = {
  gives: 'date',
  argument: 'optional',
  read: (found, _env, argument) => readDate(found, argument === 'written'),
}

function readDate(found: readonly Found[], isAsWritten = false): Outcome {
  const value = found.find(each => textOf(each) !== '')
  if (!value) return nothing
  const { where } = value
  const text = isAsWritten ? textOf(value).replace(/(?:Z|[+-]\d{2}:?\d{2})$/, '') : textOf(value)
  const date = readHl7Date(text, value.part?.(2) ?? '')
  if (!date) return { where, issues: [issue('unreadable-date', where)] }
  return isPlaceholderDate(date) ? { where, issues: [issue('placeholder-date', where)] } : { value: date, where }
}

/** A date only when it is before the date at the argument's path (or that one is missing): DG1-5 as onset (decisions.md 11). */
const earlierThan: Reader = {
  gives: 'date',
  argument: 'required',
  read: (found, env, argument) => {
    const own = readDate(found)
    const other = readDate(env.context.values(argument)).value
    if (!isDate(own.value) || !isDate(other)) return nothing
    return daysBetween(daysOf(own.value).last, daysOf(other).first) > 0 ? own : nothing
  },
}

function isDate(value: unknown): value is PartialDate {
  return typeof value === 'string'
}

/**
 * Every coding of CE/CWE fields: components 1–3, 4–6 and 10–12. A missing system comes from the paths of the argument (`DG1-2`), else the
 * feed's `codingSystems` for the segment, else it stays empty; it is never guessed from the code.
 */
const hl7Coding: Reader = {
  gives: 'codings',
  argument: 'optional',
  read: (found, env, argument) => {
    const codings = found.flatMap(value => codingsIn(value, env, argument))
    return codings.length > 0 ? { value: codings } : nothing
  },
}

function codingsIn(found: Found, env: ReadEnv, fallback: string): readonly Coding[] {
  const part = found.part ?? ((component: number) => (component === 1 ? found.text : ''))
  return [1, 4, 10].flatMap(at => {
    const code = part(at).trim()
    if (code === '') return []
    const stated = part(at + 2).trim()
    const display = part(at + 1).trim()
    const system = stated || (at === 1 ? fallbackSystem(found, env, fallback) : '')
    return [
      {
        system: systemOf(system, env.terminology.systems) ?? system,
        code,
        ...(display ? { display: display.slice(0, 200) } : {}),
      },
    ]
  })
}

function fallbackSystem(found: Found, env: ReadEnv, path: string): string {
  const told = path === '' ? '' : (env.context.values(path)[0]?.text.trim() ?? '')
  const segment = found.where.slice(found.where.lastIndexOf('/') + 1).slice(0, 3)
  return told || (env.feed.codingSystems?.[segment] ?? '')
}

const numeric = /^\s*(?:[<>]=?|≤|≥)?\s*[+\-−]?(?:\d+(?:[.,]\d+)?|[.,]\d+)/

/** Behind a number: what makes it the beginning of a range, a date, a ratio or a time. */
const goesOn = /^\s*(?:[-–:/.,]|to\b)\s*\d/i

/** OBX-5 as a decimal: NM, SN (`<^10`), or a text that is a number with an optional comparator and unit. Argument as `decimal`. */
const hl7Number: Reader = {
  gives: 'text',
  argument: 'optional',
  read: (found, _env, argument) => {
    const value = found.find(each => each.text.trim() !== '')
    if (!value) return nothing
    const plain = numberIn(value)
    if (plain === undefined) return { issues: [issue('value-not-numeric', value.where)] }
    const [min = '', max = ''] = argument.split('..')
    const isOutside = argument !== '' && (Number(plain) < Number(min) || Number(plain) > Number(max))
    return isOutside ? { issues: [issue('value-out-of-range', value.where)] } : { value: plain, where: value.where }
  },
}

function numberIn(found: Found): string | undefined {
  const first = found.part?.(1).trim() ?? found.text.trim()
  const second = found.part?.(2).trim() ?? ''
  const isStructured = /^[<>]=?$|^=$|^$/.test(first) && numeric.test(second)
  // SN.3 makes a range or a ratio of it.
  if (isStructured && (found.part?.(3).trim() ?? '') !== '') return undefined
  const text = isStructured ? second : first
  const match = numeric.exec(text)
  if (!match || goesOn.test(text.slice(match[0].length))) return undefined
  return match[0]
    .replace(/[<>=≤≥\s]/g, '')
    .replace(',', '.')
    .replace('−', '-')
    .replace(/^\+/, '')
    .replace(/^(-?)\./, '$10.')
}

const hl7Comparator: Reader = {
  gives: 'word',
  read: found => {
    const match = /^\s*(<=|>=|<|>|≤|≥)/.exec(found[0]?.part?.(1) || found[0]?.text || '')
    return match?.[1] ? { value: match[1].replace('≤', '<=').replace('≥', '>=') } : nothing
  },
}

/**
 * `visit:<PV1-19>`; without it `visit:<day>/<class>` of PV1-44 (hl7v2.md 1.2 fallback); with a path, the visit number found there.
 * Argument: suffix of a set (`dg1`).
 */
const hl7Visit: Reader = {
  gives: 'text',
  argument: 'optional',
  needsFound: false,
  read: (found, env, argument) => {
    const [stated] = found
    const key = stated ? `visit:${textOf(stated).toUpperCase()}` : visitKey(env)
    return key ? { value: argument === '' ? key : `${key}/${argument}` } : nothing
  },
}

function visitKey(env: ReadEnv): string | undefined {
  const number = env.context.values('PV1-19.1')[0]?.text.trim()
  if (number) return `visit:${number.toUpperCase()}`
  const start = readDate(env.context.values('PV1-44')).value
  const kind = env.context.values('PV1-2.1')[0]?.text.trim().toUpperCase() ?? ''
  return isDate(start) ? `visit:${start}/${kind}` : undefined
}

/** All values joined by `|` behind the argument and a colon: `report:<OBR-3>|<OBR-4.1>`. */
const keyed: Reader = {
  gives: 'text',
  argument: 'required',
  read: (found, _env, argument) => ({ value: `${argument}:${found.map(value => textOf(value)).join('|')}` }),
}

/** Record key of the segment named by the argument: PID, or MRG of a merge; `PID#surviving-number` of the number a merge keeps. */
const hl7Record: Reader = {
  gives: 'text',
  argument: 'required',
  needsFound: false,
  read: (_found, env, argument) => {
    const [segment = '', number = 'local-number'] = argument.split('#')
    const local = localNumberOf(env.context.values(`${segment}#${number}`), env)
    const nhs = env.context.values(`${segment}#nhs-number`).map(found => readNhsNumber(found.text))
    const valid = nhs.find(reading => reading.kind === 'valid' || reading.kind === 'test-range')
    const nhsNumber = valid && 'value' in valid ? valid.value : undefined
    const identity = { ...(local ? { localNumber: local } : {}), ...(nhsNumber ? { nhsNumber } : {}) }
    const key = knownRecordKey(identity, { sender: env.sender })
    return key ? { value: key } : nothing
  },
}

/** Who spoke: the feed's department, else the class of the visit (E, I, O). */
const hl7Department: Reader = {
  gives: 'word',
  needsFound: false,
  read: (found, env) => {
    if (env.feed.department) return { value: env.feed.department }
    const kind = found[0]?.text.trim().toUpperCase()
    const known = kind ? env.values.get('department')?.get(kind) : undefined
    return known ? { value: known } : nothing
  },
}

/** Kind of a report: OBR-24 through the table, the examination's own code, the feed's `reports`, else `other`. */
const hl7ReportType: Reader = {
  gives: 'word',
  needsFound: false,
  read: (found, env) => {
    if (isDxa(env)) return { value: 'dxa' }
    for (const value of found) {
      const known = env.values.get('report-type')?.get(value.text.trim().toUpperCase())
      if (known) return { value: known, where: value.where }
    }
    return { value: env.feed.reports ?? 'other' }
  },
}

function isDxa(env: ReadEnv): boolean {
  const codings = env.context.values('OBR-4').flatMap(found => codingsIn(found, env, ''))
  return translate(codings, env.terminology, ['dxa']).concept !== undefined
}

function textOf(found: Found): string {
  return (found.part?.(1) ?? found.text).trim()
}

export const hl7Readers = {
  'hl7-date': hl7Date,
  'hl7-earlier-than': earlierThan,
  'hl7-coding': hl7Coding,
  'hl7-number': hl7Number,
  'hl7-comparator': hl7Comparator,
  'hl7-visit': hl7Visit,
  'hl7-key': keyed,
  'hl7-record': hl7Record,
  'hl7-department': hl7Department,
  'hl7-report-type': hl7ReportType,
  'hl7-clinic-letter': hl7ClinicLetter,
  ...hl7PersonReaders,
} as const satisfies Record<string, Reader>
