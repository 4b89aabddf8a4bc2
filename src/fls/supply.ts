import { type DayDate, dayNumber, isDay } from './dates.ts'
import type { FactOf } from './fact.ts'

/**
 * How long one supply of a drug counts, in days from its date (Decision 2.1, "Supply"). `graceDays` is added: tablets left over, an
 * injection a few weeks late. `fixedDays`: whatever the prescription says (an injection "for 1 day" works for months).
 */
export const supplyRules = {
  default: { usualDays: 56, graceDays: 28 },
  'drug.denosumab': { fixedDays: 183, graceDays: 28 },
  'drug.zoledronic_acid': { fixedDays: 365, graceDays: 0 },
} as const

/** Administration codes stand for the drug given. */
const administered: Readonly<Record<string, string>> = {
  'admin.denosumab': 'drug.denosumab',
  'admin.zoledronic_acid': 'drug.zoledronic_acid',
  'admin.ibandronic_acid': 'drug.ibandronic_acid',
  'admin.teriparatide': 'drug.teriparatide',
  'admin.parathyroid_hormone': 'drug.parathyroid_hormone',
}

export function drugConcept(concept: string): string {
  return administered[concept] ?? concept
}

/** Days since 1970-01-01, both included. */
export type Supply = { readonly from: number; readonly to: number }

const supplying: ReadonlySet<string> = new Set(['ordered', 'supplied', 'administered', 'stated'])

/**
 * The days a medication fact covers; undefined when it is none (recommended, noted, cancelled, refused) or has no full date. Days supplied
 * are used when stated, else the usual supply; a stop date ends it. Longest believed supply: 366 days.
 */
export function supplyOf(fact: FactOf['medication']): Supply | undefined {
  const { detail, when, concept } = fact
  if (!supplying.has(detail.state) || !isDay(when?.date) || !concept) return undefined
  const from = dayNumber(when.date)
  const to = from + suppliedDays(drugConcept(concept.id), detail.daysSupplied)
  const stopped = detail.stoppedOn !== undefined && isDay(detail.stoppedOn) ? dayNumber(detail.stoppedOn) : undefined
  return { from, to: stopped === undefined ? to : Math.max(from, Math.min(to, stopped)) }
}

function suppliedDays(drug: string, stated: number | undefined): number {
  if (drug === 'drug.denosumab' || drug === 'drug.zoledronic_acid') {
    const rule = supplyRules[drug]
    return rule.fixedDays + rule.graceDays
  }
  const { usualDays, graceDays } = supplyRules.default
  return Math.min(stated !== undefined && stated > 0 ? stated : usualDays, 366) + graceDays
}

export function covers(supply: Supply, day: DayDate): boolean {
  const number = dayNumber(day)
  return supply.from <= number && number <= supply.to
}
