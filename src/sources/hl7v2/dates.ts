import {
  type Instant,
  londonDate,
  londonInstant,
  type PartialDate,
  parseInstant,
  parsePartialDate,
} from '../../fls/dates.ts'

const stamp =
  /^(\d{4})(?:(\d{2})(?:(\d{2})(?:(\d{2})(?:(\d{2})(?:(\d{2})(?:[.,](\d{1,6}))?)?)?)?)?)?(?:(Z)|([+-]\d{2}):?(\d{2})?)?$/
const isoStamp =
  /^(\d{4})-(\d{2})(?:-(\d{2})(?:[T ](\d{2}):(\d{2})(?::(\d{2})(?:[.,](\d{1,6}))?)?)?)?(?:(Z)|([+-]\d{2}):?(\d{2})?)?$/

type Stamp = {
  readonly date: string
  readonly precision: 'year' | 'month' | 'day' | 'time'
  readonly hour: number
  readonly minute: number
  readonly second: number
  readonly millisecond: number
  /** `+00:00`; undefined when the sender gave none. */
  readonly offset: string | undefined
}

const precisionLengths: Readonly<Record<string, number>> = { Y: 4, L: 7, D: 10 }

/**
 * The calendar date of an HL7 DT, DTM or TS (`YYYY[MM[DD[HH[MM[SS[.S…]]]]]][+ZZZZ]`), precision kept: `1948` stays a year.
 * A time with an offset is that instant's date in Europe/London; a date without a time is never shifted. Dashed ISO 8601 is read too.
 * `degree` is TS.2 of HL7 2.4 and earlier (Y year, L month, D day): the coarser of the two counts.
 * Undefined when it is no date or no such date or time exists (30 February, 25 o'clock): nothing is rolled forward.
 */
export function readHl7Date(text: string, degree = ''): PartialDate | undefined {
  const read = readStamp(text)
  if (!read) return undefined
  const kept = precisionLengths[degree.trim().toUpperCase()]
  if (kept !== undefined && kept < 10) return parsePartialDate(read.date.slice(0, kept))
  if (read.precision !== 'time' || read.offset === undefined) return parsePartialDate(read.date)
  const instant = instantOfStamp(read)
  return instant ? londonDate(instant) : undefined
}

/**
 * The instant of an HL7 TS or DTM of at least day precision; a day alone is its midnight. Without an offset the time is Europe/London, the
 * later one where the clock shows it twice. Undefined when coarser than a day, unreadable or impossible.
 */
export function readHl7Instant(text: string): Instant | undefined {
  const read = readStamp(text)
  return read && read.date.length === 10 ? instantOfStamp(read) : undefined
}

function instantOfStamp(read: Stamp): Instant | undefined {
  const { hour, minute, second, millisecond } = read
  if (read.offset !== undefined) {
    const time = [hour, minute, second].map(part => String(part).padStart(2, '0')).join(':')
    return parseInstant(`${read.date}T${time}.${String(millisecond).padStart(3, '0')}${read.offset}`)
  }
  const [year, month, day] = read.date.split('-').map(Number)
  if (year === undefined || month === undefined || day === undefined) return undefined
  return londonInstant({ year, month, day, hour, minute, second, millisecond })
}

function readStamp(text: string): Stamp | undefined {
  const match = stamp.exec(text.trim()) ?? isoStamp.exec(text.trim())
  if (!match) return undefined
  const [, year = '', month, day, hour, minute = '0', second = '0', fraction = '', utc, hours, minutes = '00'] = match
  const date = [year, month, day].filter(part => part !== undefined).join('-')
  if (!parsePartialDate(date)) return undefined
  if (Number(hour ?? 0) > 23 || Number(minute) > 59 || Number(second) > 59) return undefined
  if (hours !== undefined && (Math.abs(Number(hours)) > 14 || Number(minutes) > 59)) return undefined
  return {
    date,
    precision: hour !== undefined ? 'time' : day !== undefined ? 'day' : month !== undefined ? 'month' : 'year',
    hour: Number(hour ?? 0),
    minute: Number(minute),
    second: Number(second),
    millisecond: Number(fraction.slice(0, 3).padEnd(3, '0')),
    offset: utc ? '+00:00' : hours === undefined ? undefined : `${hours}:${minutes}`,
  }
}
