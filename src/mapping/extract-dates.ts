import {
  type Instant,
  isPlaceholderDate,
  londonDate,
  londonInstant,
  type PartialDate,
  parseInstant,
  parsePartialDate,
} from '../fls/dates.ts'
import type { IssueCode } from '../fls/issue.ts'

/** A stated date, or why there is none. `isMidnight`: the source showed a time and it was 00:00:00 (TPP: time unknown). */
export type DateReading = {
  readonly date?: PartialDate
  readonly instant?: Instant
  readonly isMidnight?: true
  readonly problem?: IssueCode
}

const months = ['jan', 'feb', 'mar', 'apr', 'may', 'jun', 'jul', 'aug', 'sep', 'oct', 'nov', 'dec']
const offset = /(?:Z|[+-]\d{2}:?\d{2})$/i
const iso = /^(\d{4})(?:-(\d{2})(?:-(\d{2})(?:[T ](\d{2}):(\d{2})(?::(\d{2})(?:\.\d+)?)?(?:Z|[+-]\d{2}:?\d{2})?)?)?)?$/i
const named = /^(\d{1,2})[ -]([A-Za-z]{3,9})[ -](\d{4})(?:[ T](\d{1,2}):(\d{2})(?::(\d{2}))?)?$/
const slashed = /^(\d{1,2})\/(\d{1,2})\/(\d{4})(?:[ T](\d{1,2}):(\d{2})(?::(\d{2}))?)?$/

/**
 * Reads the date forms of GP systems: ISO at any length (`2023`, `2023-11`, `2023-11-02`, with time), `29 Sep 2011 14:53:28`,
 * and `DD/MM/YYYY` (UK order). A time without offset is Europe/London; with one the London date is taken. Two-digit years are unreadable.
 */
export function readGpDate(text: string): DateReading {
  const compact = /^(\d{4})(\d{2})(\d{2})$/.exec(text)
  const plain = compact ? `${compact[1]}-${compact[2]}-${compact[3]}` : text
  const parts = iso.exec(plain)
  if (parts) return isoReading(plain, parts)
  const word = named.exec(text)
  if (word) {
    const month = months.indexOf((word[2] ?? '').slice(0, 3).toLowerCase()) + 1
    return month === 0 ? { problem: 'unreadable-date' } : dayReading([word[3], String(month), word[1]], word.slice(4))
  }
  const slash = slashed.exec(text)
  if (slash) return dayReading([slash[3], slash[2], slash[1]], slash.slice(4))
  return { problem: 'unreadable-date' }
}

function isoReading(text: string, parts: RegExpExecArray): DateReading {
  const [, year, month, day, ...time] = parts
  if (day === undefined) return checked(month === undefined ? `${year}` : `${year}-${month}`)
  if (time[0] !== undefined && offset.test(text)) {
    const instant = parseInstant(text.replace(' ', 'T'))
    return instant ? { ...checked(londonDate(instant)), instant } : { problem: 'unreadable-date' }
  }
  return dayReading([year, month, day], time)
}

function dayReading(date: readonly (string | undefined)[], time: readonly (string | undefined)[]): DateReading {
  const [year = '', month = '', day = ''] = date
  const found = checked(`${year}-${month.padStart(2, '0')}-${day.padStart(2, '0')}`)
  if (found.date === undefined || time[0] === undefined) return found
  const [hour, minute, second] = time.map(part => Number(part ?? 0))
  const instant = londonInstant({
    year: Number(year),
    month: Number(month),
    day: Number(day),
    hour: hour ?? 0,
    minute: minute ?? 0,
    second: second ?? 0,
  })
  if (!instant) return { problem: 'unreadable-date' }
  return { ...found, instant, ...(!hour && !minute && !second ? { isMidnight: true } : {}) }
}

function checked(text: string): DateReading {
  if (isPlaceholderDate(text)) return { problem: 'placeholder-date' }
  const date = parsePartialDate(text)
  return date ? { date } : { problem: 'unreadable-date' }
}
