import { daysBetween, isDay, type PartialDate } from '../fls/dates.ts'
import type { CoreLevels } from './compare.ts'
import type { ComparableRecord, Facet } from './facet.ts'
import type { Part } from './linkage.ts'
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

/** Numbers, addresses and practices of several records together. */
export function belongingsOf(records: readonly ComparableRecord[]): Belongings {
  const facets = records.flatMap(record => record.facets)
  const collect = (read: (facet: Facet) => string | undefined) => new Set(facets.flatMap(facet => read(facet) ?? []))
  return {
    nhsNumbers: collect(facet => facet.nhsNumber),
    hasVerified: facets.some(facet => facet.isNhsVerified && facet.nhsNumber),
    hasUnverified: facets.some(facet => facet.isNhsUnverified && facet.nhsNumber),
    invalidNumbers: collect(facet => facet.invalidNhsNumber),
    postcodes: collect(facet => facet.postcode),
    careHomePostcodes: collect(facet => (facet.isCareHome ? facet.postcode : undefined)),
    practices: collect(facet => facet.gpPractice),
    localNumbers: collect(facet => facet.localNumber),
    authorities: collect(facet => facet.authority),
    deathDates: records.flatMap(record => record.deathDate ?? []),
  }
}

/** Adds what may agree with any version: NHS number, postcode, practice, local number, death; and the household caution. */
export function compareBelongings(
  left: Belongings,
  right: Belongings,
  core: CoreLevels,
  model: PersonModel,
  isSuperseded: boolean,
): { levels: Levels; parts: Part[]; adjustments: Part[] } {
  const postcode = postcodeLevel(left, right)
  const levels: Levels = {
    ...core,
    nhsNumber: nhsLevel(left, right, isSuperseded),
    postcode,
    gpPractice: practiceLevel(left, right, postcode),
    localNumber: localNumberLevel(left, right),
    deathDate: deathLevel(left.deathDates, right.deathDates),
  }
  const { bits } = model
  const parts: Part[] = [
    {
      field: 'nhsNumber',
      level: levels.nhsNumber,
      bits: levels.nhsNumber === 'missing' ? 0 : bits.nhsNumber[levels.nhsNumber],
    },
    { field: 'postcode', level: postcode, bits: postcode === 'missing' ? 0 : bits.postcode[postcode] },
    {
      field: 'gpPractice',
      level: levels.gpPractice,
      bits: levels.gpPractice === 'missing' ? 0 : bits.gpPractice[levels.gpPractice],
    },
    {
      field: 'localNumber',
      level: levels.localNumber,
      bits: levels.localNumber === 'missing' ? 0 : bits.localNumber[levels.localNumber],
    },
    {
      field: 'deathDate',
      level: levels.deathDate,
      bits: levels.deathDate === 'missing' ? 0 : bits.deathDate[levels.deathDate],
    },
  ]
  return {
    levels,
    parts,
    adjustments: isHousehold(levels)
      ? [{ field: 'household', level: 'shared address', bits: model.adjustments.household }]
      : [],
  }
}

/** Surname, address and practice come with the household; without forename and birth date they say less than their sum. */
function isHousehold(levels: Levels): boolean {
  const hasFamilyName = !['differ', 'missing', 'swapped'].includes(levels.surname)
  const hasOwnName = !['differ', 'alike', 'missing'].includes(levels.forename)
  const hasOwnBirthDate = ['exact', 'swapped', 'one-digit', 'month-agrees'].includes(levels.birthDate)
  return hasFamilyName && levels.postcode === 'exact' && !(hasOwnName && hasOwnBirthDate)
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
  return [...invalid].some(number => [...valid].some(other => isOneEdit(number, other)))
}

function postcodeLevel(left: Belongings, right: Belongings): Levels['postcode'] {
  if (left.postcodes.size === 0 || right.postcodes.size === 0) return 'missing'
  const shared = [...left.postcodes].filter(postcode => right.postcodes.has(postcode))
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
  const days = left.flatMap(one =>
    right.flatMap(two => (isDay(one) && isDay(two) ? [Math.abs(daysBetween(one, two))] : [])),
  )
  if (days.length === 0) return 'missing'
  return Math.min(...days) <= 3 ? 'same' : Math.min(...days) > 31 ? 'differ' : 'missing'
}

function meets(left: ReadonlySet<string>, right: ReadonlySet<string>): boolean {
  for (const value of left) if (right.has(value)) return true
  return false
}
