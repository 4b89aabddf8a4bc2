import {
  type DayDate,
  isDay,
  isPlaceholderDate,
  londonDate,
  type PartialDate,
  parseInstant,
  parsePartialDate,
} from '../fls/dates.ts'
import { issue } from '../fls/issue.ts'
import { readNhsNumber } from '../fls/nhs-number.ts'
import { mentionIn } from '../terminology/fracture-words.ts'
import { tScoresIn } from '../terminology/tscore-words.ts'
import { certaintyIn, sideIn } from '../terminology/words.ts'
import type { Found } from './document.ts'
import { nothing, type Outcome, type ReadEnv, type Reader } from './reader.ts'

/** Reads the first value that is not blank. */
function first(read: (text: string, where: string, env: ReadEnv, argument: string) => Outcome): Reader['read'] {
  return (found, env, argument) => {
    const value = found.find(candidate => candidate.text.trim() !== '')
    return value ? { where: value.where, ...read(value.text.trim(), value.where, env, argument) } : nothing
  }
}

/** Text, trimmed, cut to 500 characters; argument `upper` folds the case. */
const text: Reader = {
  gives: 'text',
  argument: 'optional',
  read: first((value, _where, _env, argument) => ({
    value: (argument === 'upper' ? value.toUpperCase() : value).slice(0, 500),
  })),
}

/** Every value that is not blank, trimmed. */
const texts: Reader = {
  gives: 'texts',
  read: found => {
    const values = found.map(value => value.text.trim()).filter(value => value !== '')
    return values.length > 0 ? { value: values } : nothing
  },
}

/** The argument itself: for what follows from the kind of message. */
const constant: Reader = {
  gives: 'word',
  argument: 'required',
  needsFound: false,
  read: (_found, _env, argument) => ({ value: argument }),
}

/** The argument itself, where something was found. */
const ifFound: Reader = { gives: 'word', argument: 'required', read: (_found, _env, argument) => ({ value: argument }) }

/**
 * A word of ours through the value tables in `lookup` (case and outer blanks do not count); of several values the first that is known.
 * None known: issue `word-not-allowed`, or the argument when one is given (`word:other`; `word:-` says nothing at all).
 */
const word: Reader = {
  gives: 'word',
  argument: 'optional',
  read: (found, env, argument) => {
    const known = knownWord(found, env)
    if (known) return known
    const sent = found.find(value => value.text.trim() !== '')
    if (!sent || argument === '-') return nothing
    if (argument !== '') return { value: argument, where: sent.where }
    return { issues: [issue('word-not-allowed', sent.where, { severity: 'information' })] }
  },
}

/** As `word` with an argument, but a word that is not known is told: issue `word-not-allowed`. */
const toldWord: Reader = {
  gives: 'word',
  argument: 'required',
  read: (found, env, argument) => {
    const known = knownWord(found, env)
    if (known) return known
    const sent = found.find(value => value.text.trim() !== '')
    if (!sent) return nothing
    return { value: argument, where: sent.where, issues: [issue('word-not-allowed', sent.where)] }
  },
}

/** As `word`, for attributes that take text (NHS Data Dictionary codes); unknown ones are nothing. */
const wordText: Reader = { gives: 'text', read: (found, env) => knownWord(found, env) ?? nothing }

function knownWord(found: readonly Found[], env: ReadEnv): Outcome | undefined {
  for (const value of found) {
    for (const table of env.lookup) {
      const known = env.values.get(table)?.get(value.text.trim().toUpperCase())
      if (known !== undefined) return { value: known, where: value.where }
    }
  }
  return undefined
}

/** Always a deleted value: for messages that take something back. */
const deleted: Reader = { gives: 'nothing', needsFound: false, read: () => ({ isNull: true }) }

/** The coding of the argument, `system|code`, where something was found. */
const coding: Reader = {
  gives: 'codings',
  argument: 'required',
  read: (_found, _env, argument) => {
    const [system = '', code = ''] = argument.split('|')
    return { value: [{ system, code }] }
  },
}

/** Lowest T-score a report states for the region of the argument (hip, spine, forearm, heel). */
const tScoreText: Reader = {
  gives: 'text',
  argument: 'required',
  read: (found, _env, argument) => {
    const scores = new Map<string, string>(tScoresIn(found.map(value => value.text).join('\n')))
    const value = scores.get(argument)
    return value === undefined ? nothing : { value }
  },
}

/** ODS code of a practice or site: 5 to 9 letters and digits with at least one digit; of several values the first that looks like one. */
const odsCode: Reader = {
  gives: 'text',
  read: found => {
    const value = found.find(each => /^(?=.*\d)[A-Z0-9]{5,9}$/.test(each.text.trim().toUpperCase()))
    return value ? { value: value.text.trim().toUpperCase(), where: value.where } : nothing
  },
}

const yes: ReadonlySet<string> = new Set(['Y', 'YES', 'TRUE', 'T', '1'])
const no: ReadonlySet<string> = new Set(['N', 'NO', 'FALSE', 'F', '0'])

/** Y/N, true/false, 1/0; anything else is nothing. */
const yesNo: Reader = {
  gives: 'boolean',
  read: first(value => {
    if (yes.has(value.toUpperCase())) return { value: true }
    return no.has(value.toUpperCase()) ? { value: false } : nothing
  }),
}

/** A decimal as written (`-2.7`, leading comparator dropped, comma as decimal point); issue `value-not-numeric`. Argument `min..max` (inclusive): outside is issue `value-out-of-range`. */
const decimal: Reader = {
  gives: 'text',
  argument: 'optional',
  read: first((value, where, _env, argument) => {
    const match = /^[<>]?=?\s*([+\-−]?\d+(?:[.,]\d+)?)$/.exec(value)
    if (!match?.[1]) return { issues: [issue('value-not-numeric', where)] }
    const plain = match[1].replace(',', '.').replace('−', '-').replace(/^\+/, '')
    const [min = '', max = ''] = argument.split('..')
    const isOutside = argument !== '' && (Number(plain) < Number(min) || Number(plain) > Number(max))
    return isOutside ? { issues: [issue('value-out-of-range', where)] } : { value: plain }
  }),
}

const comparator: Reader = {
  gives: 'word',
  read: first(value => {
    const match = /^(<=|>=|<|>|≤|≥)/.exec(value)
    if (!match?.[1]) return nothing
    return { value: match[1].replace('≤', '<=').replace('≥', '>=') }
  }),
}

/** A whole number, 0 or more. */
const count: Reader = {
  gives: 'number',
  read: first((value, where) =>
    /^\d{1,6}(\.0+)?$/.test(value) ? { value: Number(value) } : { issues: [issue('value-not-numeric', where)] },
  ),
}

/** ISO 8601: a partial date as it stands, a date-time with offset as its day in Europe/London, without offset as its own day. */
const isoDate: Reader = {
  gives: 'date',
  read: first((value, where) => {
    const date = readIsoDate(value)
    if (!date) return { issues: [issue('unreadable-date', where)] }
    return isPlaceholderDate(date) ? { issues: [issue('placeholder-date', where)] } : { value: date }
  }),
}

export function readIsoDate(value: string): PartialDate | DayDate | undefined {
  if (!value.includes('T')) return parsePartialDate(value)
  const instant = parseInstant(value)
  if (instant) return londonDate(instant)
  const day = parsePartialDate(value.slice(0, 10))
  return isDay(day) ? day : undefined
}

/** UK postcode: upper case, one space before the last three characters. ZZ99 pseudo-codes are kept. Not a postcode: nothing. */
const postcode: Reader = {
  gives: 'text',
  read: first(value => {
    const plain = value.toUpperCase().replace(/[^A-Z0-9]/g, '')
    if (!/^[A-Z]{1,2}\d[A-Z\d]?\d[A-Z]{2}$/.test(plain)) return nothing
    return { value: `${plain.slice(0, -3)} ${plain.slice(-3)}` }
  }),
}

/** The valid NHS number, by modulus 11. Issues: invalid, placeholder, test range (unless accepted), two different ones. */
const nhsNumber: Reader = { gives: 'text', read: (found, env) => readNhsNumbers(found, env) }

/** Of several candidates the one valid number; two different valid ones are a conflict and none is used. */
export function readNhsNumbers(found: readonly Found[], env: ReadEnv): Outcome {
  const read = found.map(candidate => ({ where: candidate.where, ...readNhsNumber(candidate.text) }))
  const valid = read.filter(each => each.kind === 'valid' || (each.kind === 'test-range' && env.acceptTestNumbers))
  const values = new Set(valid.map(each => ('value' in each ? each.value : '')))
  const where = valid[0]?.where ?? read[0]?.where ?? ''
  if (values.size > 1) return { where, issues: [issue('nhs-numbers-conflict', where)] }
  const [value] = values
  if (value) return { value, where }
  const issues = read.map(each =>
    issue(
      each.kind === 'placeholder'
        ? 'nhs-number-placeholder'
        : each.kind === 'test-range'
          ? 'nhs-number-test-range'
          : 'nhs-number-invalid',
      each.where,
    ),
  )
  return issues.length > 0 ? { where, issues } : nothing
}

/** Ten digits that fail the check digit: weak evidence for linkage. Raises nothing; `nhs-number` beside it does. */
const invalidNhsNumber: Reader = {
  gives: 'text',
  read: found => {
    for (const candidate of found) {
      const reading = readNhsNumber(candidate.text)
      if (reading.kind === 'invalid' && reading.digits) return { value: reading.digits, where: candidate.where }
    }
    return nothing
  },
}

/** left, right, L, R, (L), Lt, bilateral … anywhere in a short text; both sides without "bilateral" is nothing. */
const sideWords: Reader = {
  gives: 'word',
  read: first(value => {
    const side = sideIn(value)
    return side ? { value: side } : nothing
  }),
}

/** `?`, query, suspected, possible → suspected; no evidence of, excluded → refuted; else nothing. */
const certaintyWords: Reader = {
  gives: 'word',
  read: first(value => {
    const certainty = certaintyIn(value)
    return certainty ? { value: certainty } : nothing
  }),
}

/** Where a report may speak of a fracture: a candidate for a reader, never a diagnosis. Argument: which mention, from 1, positives first. */
const fractureMention: Reader = {
  gives: 'mention',
  argument: 'optional',
  read: (found, _env, argument) => {
    const mention = mentionIn(found.map(value => value.text).join('\n'), argument === '' ? 1 : Number(argument))
    return mention ? { value: mention } : nothing
  },
}

export const plainReaders = {
  text,
  texts,
  constant,
  'if-found': ifFound,
  deleted,
  coding,
  word,
  'told-word': toldWord,
  'word-text': wordText,
  'yes-no': yesNo,
  decimal,
  comparator,
  count,
  'iso-date': isoDate,
  postcode,
  'ods-code': odsCode,
  'nhs-number': nhsNumber,
  'invalid-nhs-number': invalidNhsNumber,
  'side-words': sideWords,
  'certainty-words': certaintyWords,
  'fracture-mention': fractureMention,
  'tscore-text': tScoreText,
} as const satisfies Record<string, Reader>
