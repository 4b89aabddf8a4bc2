import { yearOf } from '../../fls/dates.ts'

const time = '([01]\\d|2[0-3]):[0-5]\\d:([0-5]\\d|60)(\\.\\d+)?'
const zone = '(Z|[+-]((0\\d|1[0-3]):[0-5]\\d|14:00))'
const dateTimeShape = new RegExp(`^(\\d{4}(?:-\\d{2}(?:-\\d{2})?)?)(?:T${time}${zone})?$`)
const instantShape = new RegExp(`^(\\d{4}-\\d{2}-\\d{2})T${time}${zone}$`)
const timeShape = new RegExp(`^${time}$`)

/** R4 `date`: a year, a month or a day that exists; years 0001–9999, since placeholders (1753, 9999) are valid FHIR and told where they are read. */
export function isFhirDate(text: string): boolean {
  return yearOf(text) !== undefined
}

/** R4 `dateTime`: a date, or a full day with seconds and a zone. */
export function isFhirDateTime(text: string): boolean {
  const match = dateTimeShape.exec(text)
  if (!match?.[1] || !isFhirDate(match[1])) return false
  return match[0].length === match[1].length || match[1].length === 10
}

/** R4 `instant`: a full day with seconds and a zone. */
export function isFhirInstant(text: string): boolean {
  const match = instantShape.exec(text)
  return match?.[1] !== undefined && isFhirDate(match[1])
}

/** R4 `time`: hours, minutes and seconds, no zone. */
export function isFhirTime(text: string): boolean {
  return timeShape.test(text)
}

/** R4 `id`. */
export function isFhirId(text: string): boolean {
  return /^[A-Za-z0-9.-]{1,64}$/.test(text)
}
