import { describe, expect, test } from '@jest/globals'
import fc from 'fast-check'
import { Temporal } from 'temporal-polyfill'
import {
  daysOf,
  type Instant,
  londonDate,
  londonInstant,
  type PartialDate,
  parseInstant,
  parsePartialDate,
} from '../../src/fls/dates.ts'

/** Our calendar is plain arithmetic because it is asked millions of times; Temporal is the judge of it. */
const runs = { numRuns: 1_000, seed: 20_260_301 }
const instantMs = fc.integer({ min: Date.UTC(1850, 0, 2), max: Date.UTC(2200, 0, 1) })
const two = (value: number) => String(value).padStart(2, '0')

describe('calendar', () => {
  test('a date exists exactly when Temporal says so', () => {
    fc.assert(
      fc.property(
        fc.integer({ min: 1850, max: 2200 }),
        fc.integer({ min: 0, max: 14 }),
        fc.integer({ min: 0, max: 33 }),
        (year, month, day) => {
          const text = `${year}-${two(month)}-${two(day)}`
          expect(parsePartialDate(text)).toBe(temporalDate(text))
        },
      ),
      runs,
    )
  })

  test('the last day of a month', () => {
    fc.assert(
      fc.property(fc.integer({ min: 1850, max: 2200 }), fc.integer({ min: 1, max: 12 }), (year, month) => {
        const text = `${year}-${two(month)}`
        expect(daysOf(text as PartialDate).last).toBe(`${text}-${two(Temporal.PlainYearMonth.from(text).daysInMonth)}`)
      }),
      runs,
    )
  })
})

describe('Europe/London', () => {
  test('the date of an instant', () => {
    fc.assert(
      fc.property(instantMs, ms => {
        const instant = new Date(ms).toISOString() as Instant
        expect(londonDate(instant)).toBe(
          Temporal.Instant.from(instant).toZonedDateTimeISO('Europe/London').toPlainDate().toString(),
        )
      }),
      runs,
    )
  })

  test('the instant of a shown time, also where the clock jumps', () => {
    const nearJump = fc
      .tuple(
        fc.integer({ min: 1920, max: 2100 }),
        fc.constantFrom('next', 'second'),
        fc.integer({ min: -180, max: 180 }),
      )
      .map(([year, which, minutes]) => {
        const start = Temporal.ZonedDateTime.from(`${year}-01-01T00:00[Europe/London]`)
        const first = start.getTimeZoneTransition('next') ?? start
        const jump = which === 'next' ? first : (first.getTimeZoneTransition('next') ?? first)
        return jump.epochMilliseconds + minutes * 60_000
      })
    fc.assert(
      fc.property(fc.oneof(instantMs, nearJump), ms => {
        const shown = new Date(ms)
        const parts = {
          year: shown.getUTCFullYear(),
          month: shown.getUTCMonth() + 1,
          day: shown.getUTCDate(),
          hour: shown.getUTCHours(),
          minute: shown.getUTCMinutes(),
          second: shown.getUTCSeconds(),
          millisecond: shown.getUTCMilliseconds(),
        }
        const judged = Temporal.PlainDateTime.from(parts).toZonedDateTime('Europe/London', { disambiguation: 'later' })
        expect(londonInstant(parts)).toBe(judged.toInstant().toString({ fractionalSecondDigits: 3 }))
      }),
      runs,
    )
  })
})

test('instants with an offset', () => {
  const field = (most: number) => fc.integer({ min: 0, max: most }).map(two)
  const text = fc
    .tuple(
      fc.integer({ min: 1850, max: 2200 }),
      ...([13, 32, 25, 61, 61] as const).map(field),
      fc.constantFrom('', '.1', '.12', '.123', '.123456', ',5'),
      fc.constantFrom(
        'Z',
        'z',
        '',
        '+00:00',
        '+01:00',
        '-05:30',
        '+0100',
        '+01',
        '-00:00',
        '+23:59',
        '+24:00',
        '+01:60',
      ),
    )
    .map(([year, month, day, hour, minute, second, fraction, offset]) =>
      [year, '-', month, '-', day, 'T', hour, ':', minute, ':', second, fraction, offset].join(''),
    )
  fc.assert(
    fc.property(text, one => {
      expect(parseInstant(one)).toBe(temporalInstant(one))
    }),
    runs,
  )
})

function temporalDate(text: string): string | undefined {
  try {
    const [year = 0, month = 0, day = 0] = text.split('-').map(Number)
    return Temporal.PlainDate.from({ year, month, day }, { overflow: 'reject' }).toString()
  } catch {
    return undefined
  }
}

function temporalInstant(text: string): string | undefined {
  try {
    return Temporal.Instant.from(text).toString({ fractionalSecondDigits: 3 })
  } catch {
    return undefined
  }
}
