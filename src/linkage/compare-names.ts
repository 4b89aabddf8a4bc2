import type { Facet } from './facet.ts'
import { jaroWinkler } from './jaro-winkler.ts'
import type { NameKind, PersonModel } from './models.ts'
import { isOneEdit } from './one-edit.ts'
import type { ComparableName } from './person-name.ts'

export type SurnameLevel = keyof PersonModel['bits']['surname'] | 'missing'
export type ForenameLevel = keyof PersonModel['bits']['forename'] | 'missing'
export type MiddleNameLevel = keyof PersonModel['bits']['middleName'] | 'missing'
/** A level reached, and the value both agree on where term frequency counts. */
export type NameFinding<Level> = { readonly level: Level; readonly agreed?: string }

/** The best level over the current and earlier surnames of both; halves of double names count as `part`. */
export function compareSurnames(left: Facet, right: Facet, model: PersonModel): NameFinding<SurnameLevel> {
  let best: NameFinding<SurnameLevel> = { level: 'missing' }
  left.surnames.forEach((one, first) => {
    right.surnames.forEach((two, second) => {
      const found = surnamePair(one, two, left.isExactOnly || right.isExactOnly, model)
      const isEarlier = (first > 0 || second > 0) && found.level === 'exact'
      const finding = isEarlier ? { ...found, level: 'previous' as const } : found
      if (worth(finding.level, model) > worth(best.level, model) || best.level === 'missing') best = finding
    })
  })
  return best
}

function worth(level: SurnameLevel, model: PersonModel): number {
  return level === 'missing' ? 0 : model.bits.surname[level]
}

function surnamePair(
  one: ComparableName,
  two: ComparableName,
  isExactOnly: boolean,
  model: PersonModel,
): NameFinding<SurnameLevel> {
  if (one.whole === two.whole) return { level: 'exact', agreed: one.whole }
  if (isExactOnly) return { level: 'differ' }
  if (areVariants(one.whole, two.whole, 'surname', model)) return { level: 'variant' }
  const shared = one.parts.filter(part => two.parts.includes(part)).sort()[0]
  if (shared && shared.length > 2) return { level: 'part', agreed: shared }
  const { surnameSimilar, surnameAlike } = model.similarity
  const likeness = Math.max(jaroWinkler(one.whole, two.whole), bestPart(one, two))
  return {
    level:
      likeness >= surnameSimilar || isTypingSlip(one.whole, two.whole)
        ? 'similar'
        : likeness >= surnameAlike
          ? 'alike'
          : 'differ',
  }
}

function bestPart(one: ComparableName, two: ComparableName): number {
  if (one.parts.length < 2 && two.parts.length < 2) return 0
  return Math.max(...one.parts.flatMap(part => two.parts.map(other => jaroWinkler(part, other))))
}

/** First forenames first; then variants, initials, a forename known by the second one, and similarity. */
export function compareForenames(left: Facet, right: Facet, model: PersonModel): NameFinding<ForenameLevel> {
  const [one, ...leftRest] = left.forenames
  const [two, ...rightRest] = right.forenames
  if (!one || !two) return { level: 'missing' }
  if (one === two) return one.length > 1 ? { level: 'exact', agreed: one } : { level: 'initial' }
  if (left.isExactOnly || right.isExactOnly) return { level: 'differ' }
  if (one.length === 1 || two.length === 1) return { level: initialLevel(one, two, leftRest, rightRest) }
  if (
    areVariants(one, two, 'forename', model) ||
    one + (leftRest[0] ?? '') === two ||
    two + (rightRest[0] ?? '') === one
  )
    return { level: 'variant' }
  const likeness = jaroWinkler(one, two)
  if (likeness >= model.similarity.forenameSimilar || isTypingSlip(one, two)) return { level: 'similar' }
  if (leftRest.includes(two) || rightRest.includes(one)) return { level: 'other-given' }
  if (isCutOff(one, two)) return { level: 'similar' }
  return { level: likeness >= model.similarity.forenameAlike ? 'alike' : 'differ' }
}

function initialLevel(
  one: string,
  two: string,
  leftRest: readonly string[],
  rightRest: readonly string[],
): ForenameLevel {
  if (one[0] === two[0]) return 'initial'
  const isLater = leftRest.some(name => name[0] === two[0]) || rightRest.some(name => name[0] === one[0])
  return isLater ? 'alike' : 'differ'
}

/** One slip in a name of five letters or more; in shorter names another name is as likely (John, Joan). */
function isTypingSlip(one: string, two: string): boolean {
  return Math.min(one.length, two.length) >= 5 && isOneEdit(one, two)
}

function isCutOff(one: string, two: string): boolean {
  const [short, long] = one.length < two.length ? [one, two] : [two, one]
  return short.length >= 4 && long.startsWith(short)
}

/** The second forename, when both give one. */
export function compareMiddleNames(left: Facet, right: Facet): MiddleNameLevel {
  const [one, two] = [left.forenames[1], right.forenames[1]]
  if (!one || !two) return 'missing'
  if (one === two && one.length > 1) return 'same'
  if (one[0] !== two[0]) return 'differ'
  return one.length === 1 || two.length === 1 ? 'initial' : jaroWinkler(one, two) >= 0.9 ? 'same' : 'differ'
}

/** Surname of one equal to the forename of the other, and the reverse. */
export function areNamesSwapped(left: Facet, right: Facet): { surname: string; forename: string } | undefined {
  const [one, two] = [left.forenames[0], right.forenames[0]]
  if (!one || !two || left.isExactOnly || right.isExactOnly || one.length < 2 || two.length < 2) return undefined
  const leftSurname = left.surnames.find(name => isAlmost(name.whole, two))
  const rightSurname = right.surnames.find(name => isAlmost(name.whole, one))
  if (!leftSurname || !rightSurname) return undefined
  // The pair of values is the same whichever record comes first; which of them is the surname cannot be known.
  const [first = '', second = ''] = [leftSurname.whole, rightSurname.whole].sort()
  return { surname: first, forename: second }
}

function isAlmost(one: string, two: string): boolean {
  return one === two || jaroWinkler(one, two) >= 0.95
}

function areVariants(one: string, two: string, kind: NameKind, model: PersonModel): boolean {
  const groups = model.variantGroups[kind].get(one)
  const others = model.variantGroups[kind].get(two)
  if (!groups || !others) return false
  for (const group of groups) if (others.has(group)) return true
  return false
}
