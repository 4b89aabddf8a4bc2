import type { Levels } from './compare-belongings.ts'

const unlikeDates: readonly string[] = ['two-parts', 'year-only', 'differ']
const likeSurnames: readonly string[] = ['exact', 'previous', 'variant', 'part', 'similar']
const unlikeForenames: readonly string[] = ['differ', 'alike', 'initial']

/**
 * Rules after the score (linkage.md 2.1): each turns a link into a review and is stored by name with the decision.
 * `human`, `overlay`, `member-contradicts`, `merge-cycle` and `merge-doubtful` come from `persons.ts` and `person-edges.ts`.
 */
export const guards = {
  /** Two valid numbers that differ: only the very same forename at the same address may link by itself. */
  'nhs-differ': levels =>
    levels.nhsNumber.startsWith('differ') &&
    !(levels.forename === 'exact' && (levels.postcode === 'exact' || levels.postcode === 'exact-care-home')),
  /** Born the same day with one surname, but another forename (or only an initial): may be a twin unless the NHS number says not. */
  'twin-shape': levels =>
    levels.birthDate === 'exact' &&
    likeSurnames.includes(levels.surname) &&
    unlikeForenames.includes(levels.forename) &&
    !hasEqualNhs(levels) &&
    levels.localNumber !== 'same',
  /** One number, two people: spouse, twin, neighbour. Where no name is given (an audit form), an unlike birth date must speak for it. */
  'nhs-borrowed': levels =>
    hasEqualNhs(levels) &&
    ((levels.forename === 'differ' &&
      (unlikeDates.includes(levels.birthDate) ||
        levels.surname === 'differ' ||
        (levels.sex === 'differ' && levels.birthDate === 'exact' && likeSurnames.includes(levels.surname)))) ||
      (levels.forename === 'missing' && levels.surname === 'missing' && unlikeDates.includes(levels.birthDate))),
} as const satisfies Record<string, (levels: Levels) => boolean>

export type GuardName = keyof typeof guards
export const guardNames = Object.keys(guards) as readonly GuardName[]

/** Names of the guards that fire, in the order of the table; `off` leaves some out, to see what each of them costs. */
export function guardsFor(levels: Levels, off: readonly string[] = []): GuardName[] {
  return guardNames.filter(name => guards[name](levels) && !off.includes(name))
}

export function hasEqualNhs(levels: Levels): boolean {
  return levels.nhsNumber === 'equal' || levels.nhsNumber === 'equal-unverified' || levels.nhsNumber === 'superseded'
}
