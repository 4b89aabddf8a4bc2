import { ageOn, dayNumber, daysOf, isDay, londonDate } from './dates.ts'
import { bySide, type Candidate, candidate, type DeriveContext, isWithin, type Rule } from './derive.ts'
import type { Fact } from './fact.ts'
import type { PersonFracture } from './injury.ts'
import { compareText } from './order.ts'
import { isReportText } from './report-text.ts'

/** Marks of a code that only a clinician may type (Decision 2.1, 1.10). */
const toReview: ReadonlySet<string> = new Set([
  'periprosthetic_review',
  'pathological_unspecified',
  'neoplastic',
  'stress_or_fatigue_review',
  'secondary_disease_review',
  'atypical',
])

/** 1.09: the golden date of the fractures, known to the day; the earliest of one injury. */
export const fractureDateRule: Rule = ({ fractures }) =>
  fractures
    .flatMap(fracture => (isDay(fracture.date) ? [{ fracture, date: fracture.date }] : []))
    .sort((a, b) => compareText(a.date, b.date))
    .flatMap(({ fracture, date }) => whole(dating(fracture), date))

function dating(fracture: PersonFracture): readonly Fact[] {
  const exact = fracture.memberFacts.filter(fact => fact.id === fracture.dateFactId)
  return exact.length > 0 ? exact : fracture.memberFacts
}

export function siteRule(index: number): Rule {
  return ({ fractures }) => {
    const fracture = fractures[index]
    return fracture?.option === undefined ? [] : whole(fracture.memberFacts, fracture.option)
  }
}

export const fractureTypeRule: Rule = ({ fractures: [first] }) => {
  const type = first && typeOf(first)
  return first && type ? whole(first.memberFacts, type) : []
}

/** 1.10 by site and kind of code; undefined where a clinician must say (periprosthetic, pathological, atypical). */
export function typeOf(fracture: PersonFracture): string | undefined {
  if (fracture.option === undefined || needsReview(fracture)) return undefined
  if (fracture.option === 'hip') return 'clinical-hip'
  if (fracture.option !== 'spine') return 'clinical-nonhip-nonspine'
  return fracture.memberFacts.every(isImagingOnly) ? 'incidental-spine' : 'clinical-spine'
}

export function needsReview(fracture: PersonFracture): boolean {
  return fracture.memberFacts.some(fact => fact.concept?.specificity?.some(token => toReview.has(token)))
}

function isImagingOnly(fact: Fact): boolean {
  return isReportText(fact) || (fact.kind === 'diagnosis' && fact.detail?.department === 'radiology')
}

/** The fracture decided by linkage carries all its facts; it is of no single side. */
function whole(facts: readonly Fact[], value: string): Candidate[] {
  return facts.length > 0 ? [{ values: [value], facts, side: 'hospital' }] : []
}

/** 2.03: an earlier fracture of the person at 50 or over, or a history code from before 1.09. Never `no`: nobody's record is complete. */
export const previousFractureRule: Rule = context => {
  const { anchor, otherFractures, birthDate, facts } = context
  if (!anchor) return []
  const own = new Set(context.fractures.flatMap(fracture => fracture.memberFacts.map(fact => fact.id)))
  const earlier = otherFractures.filter(fracture => {
    if (fracture.option === undefined || !fracture.date || fracture.status === 'provisional') return false
    const last = daysOf(fracture.date).last
    const age = ageOn(birthDate, last)
    return last < anchor && (age === undefined || age >= 50)
  })
  const history = facts.all.filter(
    fact =>
      fact.concept?.kind === 'history' &&
      isFractureHistory(fact.concept.id, fact.concept.set) &&
      !own.has(fact.id) &&
      statedBefore(fact, anchor),
  )
  return [
    ...earlier.flatMap(fracture => whole(fracture.memberFacts, 'yes')),
    ...bySide(history, found => candidate(found, 'yes')),
  ]
}

function isFractureHistory(concept: string, set: string): boolean {
  return set === 'fracture-site' || /^history\.(fragility|hip|vertebral)_fracture$/.test(concept)
}

/** Said or dated before the day of 1.09: later history codes may mean this very fracture. */
function statedBefore(fact: Fact, anchor: string): boolean {
  const date = fact.when && fact.when.kind !== 'received' ? daysOf(fact.when.date).last : londonDate(fact.revision.asOf)
  return date < anchor
}

/** Later fractures of the person inside the item's window, by date; several of one injury count each. */
export function laterFractures({ otherFractures, anchor, item }: DeriveContext): PersonFracture[] {
  return otherFractures
    .filter(
      fracture =>
        fracture.option !== undefined &&
        (fracture.status === 'confirmed' || fracture.status === 'candidate') &&
        isWithin(fracture.date, anchor, item.derivation?.window ?? [1, 392]),
    )
    .sort((a, b) => days(a) - days(b) || compareText(a.founder, b.founder))
}

function days(fracture: PersonFracture): number {
  return fracture.date ? dayNumber(daysOf(fracture.date).first) : Number.MAX_SAFE_INTEGER
}

export const refractureCountRule: Rule = context => {
  const later = laterFractures(context)
  const facts = later.flatMap(fracture => fracture.memberFacts)
  return later.length === 0 ? [] : whole(facts, later.length >= 3 ? '3+' : String(later.length))
}

export function refractureRule(index: number): Rule {
  return context => {
    const fracture = laterFractures(context)[index]
    const type = fracture && typeOf(fracture)
    return fracture && type ? whole(fracture.memberFacts, type) : []
  }
}
