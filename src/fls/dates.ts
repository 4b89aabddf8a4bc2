import { Temporal } from 'temporal-polyfill'
import { londonInstantMs, londonOffsetMs } from './london-clock.ts'

/** A calendar date as it was stated: `2024`, `2024-03` or `2024-03-05`. Its length is its precision; nothing is filled in. */
export type PartialDate = string & { readonly brand: 'PartialDate' }
/** A full calendar date, `YYYY-MM-DD`. Always also a `PartialDate`. */
export type DayDate = PartialDate & { readonly precision: 'day' }
/** An instant in UTC with milliseconds, `2024-03-05T10:11:12.000Z`: sorts as text. */
export type Instant = string & { readonly brand: 'Instant' }
export type Precision = 'day' | 'month' | 'year'

const partial = /^(\d{4})(?:-(\d{2})(?:-(\d{2}))?)?$/

/** Reads `YYYY`, `YYYY-MM` or `YYYY-MM-DD`; undefined when it is none of them or no such date exists (2026-02-30). Years 1850–2200. */
export function parsePartialDate(text: string): PartialDate | undefined {
  const year = yearOf(text)
  return year === undefined || year < 1850 || year > 2200 ? undefined : (text as PartialDate)
}

/** The year of `YYYY`, `YYYY-MM` or `YYYY-MM-DD`, 1 to 9999; undefined when it is none of them or no such date exists. */
export function yearOf(text: string): number | undefined {
  const match = partial.exec(text)
  if (!match) return undefined
  const year = Number(match[1])
  const month = Number(match[2] ?? 1)
  const day = Number(match[3] ?? 1)
  return year < 1 || month < 1 || month > 12 || day < 1 || day > daysInMonth(year, month) ? undefined : year
}

const monthLengths = [31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31]

function daysInMonth(year: number, month: number): number {
  const isLeap = (year % 4 === 0 && year % 100 !== 0) || year % 400 === 0
  return month === 2 && isLeap ? 29 : (monthLengths[month - 1] ?? 0)
}

/** Dates that stand for "unknown" in the systems that send them (gp-extracts.md 1.5, 2.4). */
const placeholders: ReadonlySet<string> = new Set([
  ...['1900-01-01', '9999-12-31', '1753-01-01', '1899-12-30', '1899-12-31', '1800-01-01'],
  ...['9999', '1900'],
])

export function isPlaceholderDate(text: string): boolean {
  return placeholders.has(text)
}

/** Reads `YYYY-MM-DD` only. */
export function parseDay(text: string): DayDate | undefined {
  return text.length === 10 ? (parsePartialDate(text) as DayDate | undefined) : undefined
}

export function precisionOf(date: PartialDate): Precision {
  return date.length === 10 ? 'day' : date.length === 7 ? 'month' : 'year'
}

export function isDay(date: PartialDate | undefined): date is DayDate {
  return date !== undefined && date.length === 10
}

/** First and last day the stated date may mean; for a day both are that day. */
export function daysOf(date: PartialDate): { first: DayDate; last: DayDate } {
  if (isDay(date)) return { first: date, last: date }
  if (date.length === 7) {
    const last = daysInMonth(Number(date.slice(0, 4)), Number(date.slice(5)))
    return { first: `${date}-01` as DayDate, last: `${date}-${String(last).padStart(2, '0')}` as DayDate }
  }
  return { first: `${date}-01-01` as DayDate, last: `${date}-12-31` as DayDate }
}

/** Whole days since 1970-01-01 of a full date. */
export function dayNumber(date: DayDate): number {
  const month = digits(date, 5)
  // Years that begin in March end with the leap day; 146,097 days make 400 years of the Gregorian calendar.
  const year = digits(date, 0) * 100 + digits(date, 2) - (month <= 2 ? 1 : 0)
  const dayOfYear = Math.floor((153 * (month + (month > 2 ? -3 : 9)) + 2) / 5) + digits(date, 8) - 1
  return 365 * year + Math.floor(year / 4) - Math.floor(year / 100) + Math.floor(year / 400) + dayOfYear - 719_468
}

function digits(date: string, at: number): number {
  return (date.charCodeAt(at) - 48) * 10 + date.charCodeAt(at + 1) - 48
}

export function dayFromNumber(days: number): DayDate {
  return new Date(days * 86_400_000).toISOString().slice(0, 10) as DayDate
}

/** Whole calendar days from `from` to `to`; negative when `to` is earlier. */
export function daysBetween(from: DayDate, to: DayDate): number {
  return dayNumber(to) - dayNumber(from)
}

export function addDays(date: DayDate, days: number): DayDate {
  return dayFromNumber(dayNumber(date) + days)
}

/** Completed years of age on a day; a 29 February birthday is reached on 1 March in other years. Undefined without a full birth date. */
export function ageOn(birthDate: PartialDate | undefined, on: PartialDate | undefined): number | undefined {
  if (!isDay(birthDate) || !isDay(on)) return undefined
  const years = Number(on.slice(0, 4)) - Number(birthDate.slice(0, 4))
  return on.slice(5) >= birthDate.slice(5) ? years : years - 1
}

/** The calendar date of an instant in Europe/London (Decision "one calendar"). Date-only values are never shifted. */
export function londonDate(instant: Instant): DayDate {
  const ms = Date.parse(instant)
  return new Date(ms + londonOffsetMs(ms)).toISOString().slice(0, 10) as DayDate
}

/**
 * An instant from a local time without offset, read as Europe/London. A time that happens twice in autumn is the later one,
 * a time skipped in spring is moved forward (hl7v2.md 1.4). Undefined when no such calendar time exists.
 */
export function londonInstant(parts: {
  year: number
  month: number
  day: number
  hour?: number
  minute?: number
  second?: number
  millisecond?: number
}): Instant | undefined {
  const { year, month, day, hour = 0, minute = 0, second = 0, millisecond = 0 } = parts
  // Date.UTC reads years below 100 as of the last century, and rolls what does not exist forward.
  if (year < 100 || year > 9_998 || month < 1 || month > 12 || day < 1 || day > daysInMonth(year, month))
    return undefined
  if (!(isWithin(hour, 23) && isWithin(minute, 59) && isWithin(second, 59) && isWithin(millisecond, 999)))
    return undefined
  return instantOf(new Date(londonInstantMs(Date.UTC(year, month - 1, day, hour, minute, second, millisecond))))
}

function isWithin(value: number, most: number): boolean {
  return value >= 0 && value <= most
}

const plainInstant = /^(\d{4}-\d{2}-\d{2})T(\d{2}):(\d{2}):(\d{2})(?:\.(\d{1,3}))?(?:Z|([+-])(\d{2}):(\d{2}))$/

/** ISO 8601 with offset or `Z` to our canonical instant; undefined when unreadable or without an offset. */
export function parseInstant(text: string): Instant | undefined {
  const match = plainInstant.exec(text)
  if (match) {
    const [, date = '', hour, minute, second, fraction = '', sign, offsetHours = 0, offsetMinutes = 0] = match
    const isTime = Number(hour) <= 23 && Number(minute) <= 59 && Number(second) <= 59
    const isOffset = Number(offsetHours) <= 23 && Number(offsetMinutes) <= 59
    if (isTime && isOffset && parsePartialDate(date)) {
      const shownMs = Date.parse(`${date}T${hour}:${minute}:${second}.${fraction.padEnd(3, '0')}Z`)
      const offsetMs = (Number(offsetHours) * 60 + Number(offsetMinutes)) * 60_000
      return instantOf(new Date(sign === '-' ? shownMs + offsetMs : shownMs - offsetMs))
    }
  }
  // The rest of ISO 8601 (no seconds, leap seconds, basic format, far years) is rare and left to Temporal.
  try {
    return Temporal.Instant.from(text).toString({ fractionalSecondDigits: 3 }) as Instant
  } catch {
    return undefined
  }
}

export function instantOf(date: Date): Instant {
  return date.toISOString() as Instant
}

/** The last instant a stated date may mean, for ordering a date among instants. */
export function endOfDate(date: PartialDate): Instant {
  return `${daysOf(date).last}T23:59:59.999Z` as Instant
}
