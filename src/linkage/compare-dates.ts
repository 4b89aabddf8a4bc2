import { isDay, type PartialDate } from '../fls/dates.ts'
import type { PersonModel } from './models.ts'
import { isOneEdit } from './one-edit.ts'

export type BirthDateLevel = keyof PersonModel['bits']['birthDate'] | 'missing'

/**
 * How two birth dates agree. Full dates: equal, day and month swapped, one digit (or two neighbouring digits exchanged), two of three parts,
 * year only. A month or year is compared at its own precision.
 */
export function compareBirthDates(
  one: PartialDate | undefined,
  two: PartialDate | undefined,
  isExactOnly: boolean,
): BirthDateLevel {
  if (!one || !two) return 'missing'
  if (!isDay(one) || !isDay(two)) return compareAtCoarser(one, two)
  if (one === two) return 'exact'
  if (isExactOnly) return 'differ'
  const [year, month, day] = one.split('-')
  const [otherYear, otherMonth, otherDay] = two.split('-')
  if (year === otherYear && month === otherDay && day === otherMonth) return 'swapped'
  if (unlikeLetters(one, two) <= 2 && isOneEdit(one.replaceAll('-', ''), two.replaceAll('-', ''))) return 'one-digit'
  const equalParts = [year === otherYear, month === otherMonth, day === otherDay].filter(Boolean).length
  if (equalParts >= 2) return 'two-parts'
  return year === otherYear ? 'year-only' : 'differ'
}

/** Places at which two texts of one length differ. */
function unlikeLetters(one: string, two: string): number {
  let count = 0
  for (let index = 0; index < one.length; index++) if (one.charCodeAt(index) !== two.charCodeAt(index)) count++
  return count
}

function compareAtCoarser(one: PartialDate, two: PartialDate): BirthDateLevel {
  const length = Math.min(one.length, two.length)
  if (one.slice(0, length) === two.slice(0, length)) return length === 7 ? 'month-agrees' : 'year-agrees'
  return length === 7 && one.slice(0, 4) === two.slice(0, 4) ? 'year-only' : 'differ'
}
