import { daysBetween, isDay, type PartialDate } from '../fls/dates.ts'
import type { CoreLevels } from './compare.ts'
import type { ComparableRecord } from './facet.ts'
import type { PersonModel } from './models.ts'
import { isOneEdit } from './one-edit.ts'

type Bits = PersonModel['bits']
export type NhsLevel = keyof Bits['nhsNumber'] | 'missing'
/** The levels one pair reached, field by field: what guards look at. */
export type Levels = CoreLevels & {
  readonly nhsNumber: NhsLevel
  readonly postcode: keyof Bits['postcode'] | 'missing'
  readonly gpPractice: keyof Bits['gpPractice'] | 'missing'
  readonly localNumber: keyof Bits['localNumber'] | 'missing'
  readonly deathDate: keyof Bits['deathDate'] | 'missing'
}
/** What may agree with any demographic version of a set of records: numbers, addresses, practices, deaths. */
export type Belongings = {
  readonly nhsNumbers: ReadonlySet<string>
  readonly hasVerified: boolean
  readonly hasUnverified: boolean
  readonly invalidNumbers: ReadonlySet<string>
  readonly postcodes: ReadonlySet<string>
  readonly careHomePostcodes: ReadonlySet<string>
  readonly practices: ReadonlySet<string>
  readonly localNumbers: ReadonlySet<string>
  readonly authorities: ReadonlySet<string>
  readonly deathDates: readonly PartialDate[]
}

const ofOne = new WeakMap<ComparableRecord, Belongings>()

/** Numbers, addresses and practices of several records together. */
export function belongingsOf(records: readonly ComparableRecord[]): Belongings {
  const [only] = records
  const known = records.length === 1 && only ? ofOne.get(only) : undefined
  if (known) return known
  const made = gatherBelongings(records)
  if (records.length === 1 && only) ofOne.set(only, made)
  return made
}

function gatherBelongings(records: readonly ComparableRecord[]): Belongings {
  const sets = {
    nhsNumbers: new Set<string>(),
    invalidNumbers: new Set<string>(),
    postcodes: new Set<string>(),
    careHomePostcodes: new Set<string>(),
    practices: new Set<string>(),
    localNumbers: new Set<string>(),
    authorities: new Set<string>(),
  }
  let [hasVerified, hasUnverified] = [false, false]
  for (const { facets } of records)
    for (const facet of facets) {
      addTo(sets.nhsNumbers, facet.nhsNumber)
      addTo(sets.invalidNumbers, facet.invalidNhsNumber)
      addTo(sets.postcodes, facet.postcode)
      if (facet.isCareHome) addTo(sets.careHomePostcodes, facet.postcode)
      addTo(sets.practices, facet.gpPractice)
      addTo(sets.localNumbers, facet.localNumber)
      addTo(sets.authorities, facet.authority)
      if (facet.nhsNumber && facet.isNhsVerified) hasVerified = true
      if (facet.nhsNumber && facet.isNhsUnverified) hasUnverified = true
    }
  return { ...sets, hasVerified, hasUnverified, deathDates: records.flatMap(record => record.deathDate ?? []) }
}

function addTo(set: Set<string>, value: string | undefined): void {
  if (value !== undefined) set.add(value)
}

/** Adds what may agree with any version: NHS number, postcode, practice, local number, death. */
export function compareBelongings(
  left: Belongings,
  right: Belongings,
  core: CoreLevels,
  isSuperseded: boolean,
): Levels {
  const postcode = postcodeLevel(left, right)
  return {
    ...core,
    nhsNumber: nhsLevel(left, right, isSuperseded),
    postcode,
    gpPractice: practiceLevel(left, right, postcode),
    localNumber: localNumberLevel(left, right),
    deathDate: deathLevel(left.deathDates, right.deathDates),
  }
}

export const belongingFields = ['nhsNumber', 'postcode', 'gpPractice', 'localNumber', 'deathDate'] as const

export function belongingBits(field: (typeof belongingFields)[number], levels: Levels, model: PersonModel): number {
  const table: Readonly<Record<string, number>> = model.bits[field]
  return table[levels[field]] ?? 0
}

/** Surname, address and practice come with the household; without forename and birth date they say less than their sum. */
export function isHousehold(levels: Levels): boolean {
  if (levels.postcode !== 'exact') return false
  const hasFamilyName = !['differ', 'missing', 'swapped'].includes(levels.surname)
  const hasOwnName = !['differ', 'alike', 'missing'].includes(levels.forename)
  const hasOwnBirthDate = ['exact', 'swapped', 'one-digit', 'month-agrees'].includes(levels.birthDate)
  return hasFamilyName && !(hasOwnName && hasOwnBirthDate)
}

function nhsLevel(left: Belongings, right: Belongings, isSuperseded: boolean): NhsLevel {
  const areValid = left.nhsNumbers.size > 0 && right.nhsNumbers.size > 0
  const isUnverified = (left.hasUnverified && !left.hasVerified) || (right.hasUnverified && !right.hasVerified)
  if (areValid && meets(left.nhsNumbers, right.nhsNumbers)) return isUnverified ? 'equal-unverified' : 'equal'
  if (areValid && isSuperseded) return 'superseded'
  if (areValid)
    return left.hasVerified && right.hasVerified ? 'differ-verified' : isUnverified ? 'differ-unverified' : 'differ'
  if (meets(left.invalidNumbers, right.invalidNumbers)) return 'invalid-equal'
  const isNear = nearAny(left.invalidNumbers, right.nhsNumbers) || nearAny(right.invalidNumbers, left.nhsNumbers)
  return isNear ? 'invalid-near' : 'missing'
}

function nearAny(invalid: ReadonlySet<string>, valid: ReadonlySet<string>): boolean {
  if (invalid.size === 0 || valid.size === 0) return false
  return [...invalid].some(number => [...valid].some(other => isOneEdit(number, other)))
}

function postcodeLevel(left: Belongings, right: Belongings): Levels['postcode'] {
  if (left.postcodes.size === 0 || right.postcodes.size === 0) return 'missing'
  const [few, many] = left.postcodes.size <= right.postcodes.size ? [left, right] : [right, left]
  const shared = [...few.postcodes].filter(postcode => many.postcodes.has(postcode))
  const isHome = (postcode: string) => left.careHomePostcodes.has(postcode) || right.careHomePostcodes.has(postcode)
  if (shared.some(postcode => !isHome(postcode))) return 'exact'
  if (shared.length > 0) return 'exact-care-home'
  const shares = (cut: number) =>
    [...left.postcodes].some(one => [...right.postcodes].some(two => one.slice(0, -cut) === two.slice(0, -cut)))
  return shares(2) ? 'sector' : shares(3) ? 'district' : 'differ'
}

function practiceLevel(left: Belongings, right: Belongings, postcode: Levels['postcode']): Levels['gpPractice'] {
  if (left.practices.size === 0 || right.practices.size === 0) return 'missing'
  if (meets(left.practices, right.practices))
    return postcode === 'exact' || postcode === 'exact-care-home' ? 'same-with-postcode' : 'same'
  return postcode === 'differ' || postcode === 'district' ? 'differ-with-postcode' : 'differ'
}

function localNumberLevel(left: Belongings, right: Belongings): Levels['localNumber'] {
  if (meets(left.localNumbers, right.localNumbers)) return 'same'
  return meets(left.authorities, right.authorities) ? 'differ' : 'missing'
}

function deathLevel(left: readonly PartialDate[], right: readonly PartialDate[]): Levels['deathDate'] {
  if (left.length === 0 || right.length === 0) return 'missing'
  const days = left.flatMap(one =>
    right.flatMap(two => (isDay(one) && isDay(two) ? [Math.abs(daysBetween(one, two))] : [])),
  )
  if (days.length === 0) return 'missing'
  return Math.min(...days) <= 3 ? 'same' : Math.min(...days) > 31 ? 'differ' : 'missing'
}

function meets(left: ReadonlySet<string>, right: ReadonlySet<string>): boolean {
  const [few, many] = left.size <= right.size ? [left, right] : [right, left]
  if (few.size === 0) return false
  for (const value of few) if (many.has(value)) return true
  return false
}
