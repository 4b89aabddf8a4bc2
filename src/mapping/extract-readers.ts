import { daysBetween, isDay } from '../fls/dates.ts'
import type { IssueCode } from '../fls/issue.ts'
import { certaintyIn, sideIn } from '../terminology/words.ts'
import { type Codebook, codeKey, isLocalEmisCode } from './extract-codebook.ts'
import { type DateReading, readGpDate } from './extract-dates.ts'
import type { ExtractTables } from './extract-tables.ts'

export type CellEnv = {
  readonly argument: string
  /** Another cell of the same row by column name; empty when it is not there. */
  readonly other: (column: string) => string
  readonly shape: string
  readonly tables: ExtractTables
  readonly codebook: Codebook
}
export type CellReading = { readonly text?: string; readonly issues?: readonly IssueCode[] }

/** `joins`: a second column with the same target is appended with this between. `takesList`: the argument names a list of words.csv. */
export type CellReader = {
  readonly read: (text: string, env: CellEnv) => CellReading
  readonly joins?: string
  readonly takesList?: true
}

const nothing: CellReading = {}
const word = (text: string, list: string, env: CellEnv): string | undefined =>
  env.tables.words.get(list)?.get(text.trim().toLowerCase())

function dateText(reading: DateReading): CellReading {
  return reading.date ? { text: reading.date } : reading.problem ? { issues: [reading.problem] } : nothing
}

/** EMIS: `U` unknown; `Y`, `YM` the cell holds the first day as a filler; `YMD`, `YMDT` a day (VocDatePart). No precision: as written. */
function emisDate(text: string, env: CellEnv): CellReading {
  const precision = env.other(env.argument).toUpperCase()
  if (precision === 'U') return nothing
  const reading = readGpDate(text)
  if (!reading.date) return dateText(reading)
  const length = precision === 'Y' ? 4 : precision === 'YM' ? 7 : 10
  const isFiller = reading.date.slice(length) === '-01-01'.slice(length === 4 ? 0 : 3)
  const isFiner = length < 10 && reading.date.length > length && !isFiller
  return { text: reading.date.slice(0, length), ...(isFiner ? { issues: ['precision-disagrees'] } : {}) }
}

/** TPP has no precision: 1 January 00:00:00 recorded in a later year is read as the year alone (gp-extracts.md 2.2). */
function tppEventDate(text: string, env: CellEnv): CellReading {
  const reading = readGpDate(text)
  const recorded = readGpDate(env.other(env.argument)).date
  if (!reading.date) return dateText(reading)
  const isYearOnly =
    reading.isMidnight &&
    reading.date.endsWith('-01-01') &&
    recorded !== undefined &&
    recorded.slice(0, 4) > reading.date.slice(0, 4)
  return { text: isYearOnly ? reading.date.slice(0, 4) : reading.date }
}

/** Instants stay as they are only for ordering; what is kept of "recorded" is the London date. */
function instantText(text: string, env: CellEnv): CellReading {
  const time = env.argument ? env.other(env.argument) : ''
  const reading = readGpDate(time && /^\d{4}-\d{2}-\d{2}$/.test(text) ? `${text}T${time}` : text)
  return reading.instant ? { text: reading.instant } : dateText(reading)
}

function daysFrom(text: string, env: CellEnv): CellReading {
  const end = readGpDate(text)
  const start = readGpDate(env.other(env.argument))
  if (!isDay(end.date) || !isDay(start.date)) return end.problem === 'unreadable-date' ? dateText(end) : nothing
  const days = daysBetween(start.date, end.date)
  return days >= 1 && days <= 400 ? { text: String(days) } : nothing
}

/** The synonym after the hyphen goes, trailing dots return (gp-extracts.md 1.2); local codes are kept whole. */
function emisRead(text: string): CellReading {
  if (isLocalEmisCode(text)) return { text }
  const cut = text.split('-')[0] ?? ''
  return { text: cut.length < 5 ? cut.padEnd(5, '.') : cut }
}

function lookUpWord(text: string, env: CellEnv): CellReading {
  if (text === '-1') return nothing
  const [table = '', list] = env.argument.split(':')
  const term = env.codebook.get(codeKey(env.shape, table, text))?.term ?? text
  if (!list) return { text: term }
  const found = word(term, list, env)
  return found ? { text: found } : nothing
}

function isTrue(text: string): boolean {
  return /^(true|t|1|y|yes)$/i.test(text)
}

/** The first listed word that occurs in the text: sides and certainty by the shared rules, others by their list. */
function findWord(text: string, env: CellEnv): CellReading {
  const exact = text
    .split(/[,;|]/)
    .map(part => word(part, env.argument, env))
    .find(found => found !== undefined)
  if (exact) return { text: exact }
  const ruled =
    env.argument === 'laterality' ? sideIn(text) : env.argument === 'certainty' ? certaintyIn(text) : undefined
  if (ruled) return { text: ruled }
  if (env.argument === 'laterality' || env.argument === 'certainty') return nothing
  const lower = text.toLowerCase()
  const inside = [...(env.tables.words.get(env.argument) ?? [])].find(([one]) => lower.includes(one))
  return inside ? { text: inside[1] } : nothing
}

/** Several words in one cell (TPP registration status): the first in the order of the list wins, GMS before all. */
function firstWord(text: string, env: CellEnv): CellReading {
  const [list = '', otherwise = ''] = env.argument.split(':')
  const found = text.split(',').map(part => word(part, list, env))
  return { text: found.find(one => one === 'gms') ?? found.find(one => one !== undefined) ?? otherwise }
}

/** Every way a supplier's cell becomes a cell of the neutral contract. Closed list; names stand in `columns.csv`. */
export const cellReaders: ReadonlyMap<string, CellReader> = new Map<string, CellReader>([
  ['none', { read: () => nothing }],
  ['text', { read: text => ({ text }) }],
  ['upper', { read: text => ({ text: text.toUpperCase() }) }],
  ['part', { read: text => ({ text }), joins: ' ' }],
  ['line', { read: text => ({ text }), joins: ';' }],
  ['present', { read: () => ({ text: 'yes' }) }],
  ['constant', { read: (_, env) => ({ text: env.argument }) }],
  ['guid', { read: text => ({ text: text.replace(/[{}]/g, '').toUpperCase() }) }],
  ['tpp-id', { read: text => (text === '-1' || text === '0' ? nothing : { text }) }],
  ['dmd-id', { read: text => (/^\d{6,18}$/.test(text) ? { text } : nothing) }],
  ['ods', { read: text => (/^[A-Z][A-Z0-9]{2,5}$/i.test(text) ? { text: text.toUpperCase() } : nothing) }],
  ['date', { read: text => dateText(readGpDate(text)) }],
  ['tpp-date', { read: text => dateText(readGpDate(text)) }],
  ['tpp-event-date', { read: tppEventDate }],
  ['tpp-days-from', { read: daysFrom }],
  ['emis-date', { read: emisDate }],
  ['instant', { read: instantText }],
  ['tpp-instant', { read: instantText }],
  ['emis-read', { read: emisRead }],
  ['code-id', { read: (text, env) => ({ text: codeKey(env.shape, env.argument, text) }) }],
  ['lookup', { read: lookUpWord }],
  ['true-false', { read: text => ({ text: isTrue(text) ? 'yes' : 'no' }) }],
  ['when-true', { read: (text, env) => (isTrue(text) ? { text: env.argument } : nothing) }],
  ['delete', { read: text => ({ text: isTrue(text) ? 'delete' : 'upsert' }) }],
  ['word', { takesList: true, read: (text, env) => known(word(text, env.argument, env)) }],
  ['known-word', { takesList: true, read: (text, env) => ({ text: word(text, env.argument, env) ?? '' }) }],
  ['find-word', { takesList: true, read: findWord }],
  ['first-word', { takesList: true, read: firstWord }],
  ['word-or', { takesList: true, read: firstWord }],
  ['leading-number', { read: text => ({ text: /^\d+(?:\.\d+)?/.exec(text)?.[0] ?? '' }) }],
  ['trailing-text', { read: text => ({ text: text.replace(/^[\d.\s]+/, '') }) }],
])

function known(found: string | undefined): CellReading {
  return found === undefined ? { issues: ['word-not-allowed'] } : { text: found }
}
