import { type DayDate, dayFromNumber, dayNumber, type Instant } from '../src/fls/dates.ts'

/** Whole days since 1970-01-01, a calendar day in Europe/London. */
export type Day = number
/** Milliseconds since 1970-01-01T00:00Z. */
export type Moment = number

const dayMs = 86_400_000

export function dayOf(text: string): Day {
  return dayNumber(text as DayDate)
}
export function isoDay(day: Day): DayDate {
  return dayFromNumber(day)
}
/** The moment at which clocks in London show `minute` minutes after midnight of the day. */
export function momentOf(day: Day, minute: number): Moment {
  const naive = day * dayMs + Math.round(minute) * 60_000
  return naive - londonOffset(naive - 3_600_000) * 60_000
}
export function instantAt(moment: Moment): Instant {
  return new Date(moment).toISOString() as Instant
}
export function londonDayOf(moment: Moment): Day {
  return Math.floor((moment + londonOffset(moment) * 60_000) / dayMs)
}
/** `YYYYMMDD`. */
export function hl7Day(day: Day): string {
  return isoDay(day).replaceAll('-', '')
}
/** `YYYYMMDDHHMMSS` on London clocks, with `+ZZZZ` when asked for. */
export function hl7Stamp(moment: Moment, isZoned = false): string {
  const offset = londonOffset(moment)
  const text = new Date(moment + offset * 60_000).toISOString().replace(/[-:T]/g, '').slice(0, 14)
  return isZoned ? `${text}+${offset === 60 ? '0100' : '0000'}` : text
}
/** ISO 8601 with the London offset of that moment. */
export function isoStamp(moment: Moment): string {
  const offset = londonOffset(moment)
  const text = new Date(moment + offset * 60_000).toISOString().slice(0, 19)
  return `${text}${offset === 60 ? '+01:00' : '+00:00'}`
}
/** `YYYY-MM-DDThh:mm` on London clocks, as GP systems write it. */
export function localMinute(moment: Moment): string {
  return new Date(moment + londonOffset(moment) * 60_000).toISOString().slice(0, 16)
}

/** Minutes London is ahead of UTC: summer time runs from the last Sunday of March to the last of October, 01:00 UTC. */
function londonOffset(moment: Moment): 0 | 60 {
  const year = new Date(moment).getUTCFullYear()
  return moment >= lastSunday(year, 2) + 3_600_000 && moment < lastSunday(year, 9) + 3_600_000 ? 60 : 0
}

const sundays = new Map<number, number>()
function lastSunday(year: number, month: number): number {
  const key = year * 12 + month
  const known = sundays.get(key)
  if (known !== undefined) return known
  const last = new Date(Date.UTC(year, month + 1, 0))
  const sunday = Date.UTC(year, month, last.getUTCDate() - last.getUTCDay())
  sundays.set(key, sunday)
  return sunday
}
