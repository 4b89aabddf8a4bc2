import { type DayDate, dayFromNumber, dayNumber, daysOf, type PartialDate } from './dates.ts'
import type { SideEntry } from './episode.ts'
import type { Fact, FactId } from './fact.ts'
import { compareText } from './order.ts'
import { supplyOf } from './supply.ts'

/** Care counted as belonging to an episode, in days around its date: DXA look-back before, last follow-up window after. */
const around = { before: 730, after: 392 } as const

const shown: ReadonlySet<string> = new Set([
  'diagnosis',
  'procedure',
  'observation',
  'medication',
  'request',
  'appointment',
  'encounter',
  'document',
  'death',
])

/**
 * What each side contributed to an episode: facts that fed an answer or the fractures, and care around its date that we understand.
 * Codes, dates and numbers only; never names, texts, numbers of patients.
 */
export function sidesOf(
  facts: readonly Fact[],
  used: ReadonlySet<FactId>,
  date: PartialDate | undefined,
): { hospital: SideEntry[]; gp: SideEntry[] } {
  const relevant = facts.filter(fact => shown.has(fact.kind) && (used.has(fact.id) || isCareAround(fact, date)))
  const entries = (isGp: boolean): SideEntry[] =>
    relevant
      .filter(fact => (fact.side === 'gp') === isGp)
      .map(entryOf)
      .sort(compareEntries)
  return { hospital: entries(false), gp: entries(true) }
}

function isCareAround(fact: Fact, date: PartialDate | undefined): boolean {
  const on = dateOf(fact)
  if (!date || !on || fact.concept?.kind === 'exclude') return false
  const isKnown = fact.concept !== undefined || clinicOf(fact) !== undefined || fact.kind === 'encounter'
  if (!isKnown || (fact.kind === 'encounter' && fact.detail.class === 'gp.registration')) return false
  const { first, last } = daysOf(date)
  const span = daysOf(on)
  return days(span.first, last) <= around.after && days(first, span.last) <= around.before
}

/** Days from `b` to `a`. */
function days(a: DayDate, b: DayDate): number {
  return dayNumber(a) - dayNumber(b)
}

function dateOf(fact: Fact): PartialDate | undefined {
  return fact.when?.date ?? (fact.kind === 'encounter' ? (fact.detail.start ?? undefined) : undefined)
}

function clinicOf(fact: Fact): string | undefined {
  return fact.kind === 'appointment' || fact.kind === 'encounter' ? fact.detail.clinic : undefined
}

function entryOf(fact: Fact): SideEntry {
  const [coding] = fact.coding ?? []
  const when = dateOf(fact)
  const clinic = clinicOf(fact)
  const value = shownValue(fact)
  const supply = fact.kind === 'medication' ? supplyOf(fact) : undefined
  return {
    factId: fact.id,
    kind: fact.kind,
    organisation: fact.organisation,
    ...(fact.concept ? { concept: fact.concept.id } : clinic ? { concept: `clinic.${clinic}` } : {}),
    ...(coding
      ? { coding: { system: coding.system, code: coding.code, ...(coding.display ? { display: coding.display } : {}) } }
      : {}),
    ...(when ? { when } : {}),
    ...(fact.recorded ? { recorded: fact.recorded } : {}),
    ...(value === undefined ? {} : { value }),
    ...(fact.unit && value !== undefined ? { unit: fact.unit } : {}),
    ...(supply ? { suppliedTo: dayFromNumber(supply.to) } : {}),
    inboxId: fact.source.inboxId,
    path: fact.source.path,
  }
}

/** Numbers and codes; a longer text could say anything, so it is not shown. */
function shownValue(fact: Fact): string | undefined {
  const state = stateOf(fact)
  if (fact.value === undefined) return state
  return /^[\w.+%-]{1,24}$/.test(fact.value) ? `${fact.comparator ?? ''}${fact.value}` : undefined
}

function stateOf(fact: Fact): string | undefined {
  switch (fact.kind) {
    case 'appointment':
    case 'medication':
      return fact.detail.state
    case 'encounter':
      return fact.detail.class
    case 'diagnosis':
      return fact.certainty
    default:
      return undefined
  }
}

function compareEntries(a: SideEntry, b: SideEntry): number {
  return compareText(a.when ?? '9999', b.when ?? '9999') || compareText(a.factId, b.factId)
}
