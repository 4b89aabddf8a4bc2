import { daysOf, parseInstant, parsePartialDate } from '../../fls/dates.ts'
import { londonInstantMs } from '../../fls/london-clock.ts'

const dayMs = 86_400_000

/** First and last instant a FHIR date or dateTime may mean, as milliseconds; both ends included. */
export type DateRange = { readonly first: number; readonly last: number }

/**
 * The stretch of time a date or dateTime stands for. A date is the day in Europe/London on both sides of a comparison: half past midnight in
 * British Summer Time is of the new day. Undefined when the text is none or names no day that exists.
 */
export function dateRange(text: string): DateRange | undefined {
  const date = parsePartialDate(text)
  if (date) {
    const { first, last } = daysOf(date)
    return {
      first: londonInstantMs(Date.parse(`${first}T00:00:00Z`)),
      last: londonInstantMs(Date.parse(`${last}T00:00:00Z`) + dayMs) - 1,
    }
  }
  const [, day, seconds] = /^(\d{4}-\d{2}-\d{2})T\d{2}:\d{2}:\d{2}(\.\d+)?(?:Z|[+-]\d{2}:\d{2})$/.exec(text) ?? []
  if (day === undefined || !parsePartialDate(day)) return undefined
  const instant = parseInstant(text)
  if (!instant) return undefined
  const first = Date.parse(instant)
  return { first, last: seconds === undefined ? first + 999 : first }
}

/** Certainly below a minimum: every reading of the value lies before every reading of the limit. */
export function isBelow(value: string, limit: string): boolean | undefined {
  const [own, other] = [dateRange(value), dateRange(limit)]
  return own && other ? own.last < other.first : undefined
}

/** Certainly above a maximum. */
export function isAbove(value: string, limit: string): boolean | undefined {
  const [own, other] = [dateRange(value), dateRange(limit)]
  return own && other ? own.first > other.last : undefined
}
