import { Temporal } from 'temporal-polyfill'

const dayMs = 86_400_000

/** From when on a year's clock stands how far ahead of UTC; the first entry holds from before the year begins. */
type Change = { readonly from: number; readonly offsetMs: number }

/** The time-zone database is asked once a year: asking it for every date was a fifth of all reading. */
const years = new Map<number, readonly Change[]>()

/** How far Europe/London's clock is ahead of UTC at an instant (milliseconds since 1970), by the time-zone database: 0, an hour, two in wartime. */
export function londonOffsetMs(instantMs: number): number {
  const year = new Date(instantMs).getUTCFullYear()
  let changes = years.get(year)
  if (!changes) {
    changes = changesOf(year)
    years.set(year, changes)
  }
  let offsetMs = 0
  for (const change of changes) {
    if (change.from > instantMs) break
    offsetMs = change.offsetMs
  }
  return offsetMs
}

/**
 * The instant at which London's clock shows this time (given as if it were UTC). Shown twice in autumn: the later one; skipped in spring: as far
 * after the jump as it would have been without it.
 */
export function londonInstantMs(shownMs: number): number {
  const before = shownMs - londonOffsetMs(shownMs - dayMs)
  const after = shownMs - londonOffsetMs(shownMs + dayMs)
  if (before === after) return before
  const real = [before, after].filter(instant => instant + londonOffsetMs(instant) === shownMs)
  return Math.max(...(real.length > 0 ? real : [before, after]))
}

function changesOf(year: number): Change[] {
  const start = Date.UTC(year, 0, 1)
  const end = Date.UTC(year + 1, 0, 1)
  let at = Temporal.Instant.fromEpochMilliseconds(start).toZonedDateTimeISO('Europe/London')
  const changes: Change[] = [{ from: start, offsetMs: at.offsetNanoseconds / 1_000_000 }]
  for (let next = at.getTimeZoneTransition('next'); next && next.epochMilliseconds < end; ) {
    at = next
    changes.push({ from: at.epochMilliseconds, offsetMs: at.offsetNanoseconds / 1_000_000 })
    next = at.getTimeZoneTransition('next')
  }
  return changes
}
