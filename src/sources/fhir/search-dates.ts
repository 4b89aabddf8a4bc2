import { type DateRange, dateRange } from '../form/date-limits.ts'

/** One comparison of an end of the sought range; `value` in milliseconds. */
export type DateComparison = {
  readonly end: 'first' | 'last'
  readonly operator: '$lt' | '$lte' | '$gt' | '$gte'
  readonly value: number
}
/** Any of the lists, and within a list all. */
export type DateCondition = readonly (readonly DateComparison[])[]

/** Ends of a period that has none. */
export const beforeAll = -8_640_000_000_000_000
export const afterAll = 8_640_000_000_000_000

const at = (end: DateComparison['end'], operator: DateComparison['operator'], value: number): DateComparison => ({
  end,
  operator,
  value,
})
const inside = ({ first, last }: DateRange): readonly DateComparison[] => [
  at('first', '$gte', first),
  at('last', '$lte', last),
]

/** R4 search, 3.1.1.4.5 "prefixes": what is given is an interval, and so is what it is compared with. `ap` widens by a tenth of the time to now. */
const prefixes: Readonly<Record<string, (range: DateRange, now: number) => DateCondition>> = {
  eq: range => [inside(range)],
  ne: ({ first, last }) => [[at('first', '$lt', first)], [at('last', '$gt', last)]],
  gt: ({ last }) => [[at('last', '$gt', last)]],
  lt: ({ first }) => [[at('first', '$lt', first)]],
  ge: range => [[at('last', '$gt', range.last)], inside(range)],
  le: range => [[at('first', '$lt', range.first)], inside(range)],
  sa: ({ last }) => [[at('first', '$gt', last)]],
  eb: ({ first }) => [[at('last', '$lt', first)]],
  ap: ({ first, last }, now) => {
    const width = Math.abs(now - first) / 10
    return [[at('first', '$lte', last + width), at('last', '$gte', first - width)]]
  },
}

/** One value of a date parameter, `ge2024-05`; undefined when it cannot be read. Minutes without seconds are taken (R4 allows them here). */
export function readDateCondition(text: string, now: number): DateCondition | undefined {
  const [, prefix = 'eq', plain = ''] = /^(eq|ne|gt|lt|ge|le|sa|eb|ap)?(.*)$/s.exec(text) ?? []
  // A blank stands for the plus sign of an unescaped zone.
  const stated = plain.replace(/ (\d{2}:\d{2})$/, '+$1')
  const range = dateRange(stated) ?? minuteRange(stated)
  return range && prefixes[prefix]?.(range, now)
}

function minuteRange(text: string): DateRange | undefined {
  const [, minute, zone = 'Z'] = /^(\d{4}-\d{2}-\d{2}T\d{2}:\d{2})(Z|[+-]\d{2}:\d{2})?$/.exec(text) ?? []
  const range = minute === undefined ? undefined : dateRange(`${minute}:00.000${zone}`)
  return range && { first: range.first, last: range.first + 59_999 }
}

/** Whether a range meets a condition. */
export function meetsDate(condition: DateCondition, range: DateRange): boolean {
  return condition.some(all => all.every(comparison => compare(range[comparison.end], comparison)))
}

function compare(own: number, { operator, value }: DateComparison): boolean {
  if (operator === '$lt') return own < value
  if (operator === '$lte') return own <= value
  return operator === '$gt' ? own > value : own >= value
}
