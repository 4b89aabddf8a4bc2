import type { SiteTree } from '../terminology/site-tree.ts'
import { type DayDate, dayNumber, daysOf, isDay, type PartialDate } from './dates.ts'
import type { Fact, FactKind, FactOf, Side } from './fact.ts'
import type { PersonFracture } from './injury.ts'
import type { Item } from './items.ts'
import { compareText } from './order.ts'

/** Tables the derivations read; given, never loaded here. */
export type AuditTables = {
  readonly sites: SiteTree
  /** `drug.*` concept → code of CL-TXREC. */
  readonly drugOptions: ReadonlyMap<string, string>
}

/** What a derivation may see: one episode of one person. `anchor` is 1.09; windowed rules are silent without it. */
export type DeriveContext = {
  readonly item: Item
  readonly anchor?: DayDate
  /** Current facts of the person without answers, canonical order, by kind. */
  readonly facts: FactsByKind
  /** Fractures of this episode, first site first. */
  readonly fractures: readonly PersonFracture[]
  /** The person's other fractures. */
  readonly otherFractures: readonly PersonFracture[]
  readonly birthDate?: PartialDate
  /** Items answered before this one (order of items.ts, 1.09 first). */
  readonly answerTo: (item: string) => string | undefined
  readonly tables: AuditTables
  /** Days on which a site first answered something, earliest first; not before `anchor`. */
  readonly siteAnsweredOn: readonly { readonly on: DayDate; readonly fact: Fact }[]
}

/** One value facts imply, with the facts that imply it. Rules list their candidates best first; sides are ranked afterwards. */
export type Candidate = { readonly values: readonly string[]; readonly facts: readonly Fact[]; readonly side: Side }
export type Rule = (context: DeriveContext) => readonly Candidate[]

export class FactsByKind {
  readonly #facts: ReadonlyMap<string, readonly Fact[]>
  readonly all: readonly Fact[]
  constructor(facts: readonly Fact[]) {
    this.all = facts
    this.#facts = Map.groupBy(facts, fact => fact.kind)
  }
  of<K extends FactKind>(kind: K): readonly FactOf[K][] {
    return (this.#facts.get(kind) ?? []) as readonly FactOf[K][]
  }
}

/** The concept's id is one of the names, or below one that ends in a dot. Excluded concepts never match. */
export function means(fact: Fact, ...names: readonly string[]): boolean {
  const { concept } = fact
  if (!concept || concept.kind === 'exclude') return false
  return names.some(name => (name.endsWith('.') ? concept.id.startsWith(name) : concept.id === name))
}

/** A number somebody wrote into the text of a report: for a person to confirm. */
export function isReadOutOfWords(fact: Fact): boolean {
  return fact.kind === 'observation' && fact.certainty === 'suspected'
}

/** Days from 1.09 to a full date; undefined when either is not known to the day. */
export function offsetOf(date: PartialDate | null | undefined, anchor: DayDate | undefined): number | undefined {
  return anchor && date && isDay(date) ? dayNumber(date) - dayNumber(anchor) : undefined
}

/** Inside the window whatever day a partial date means; both ends included. */
export function isWithin(
  date: PartialDate | null | undefined,
  anchor: DayDate | undefined,
  [from, to]: readonly [number, number],
): boolean {
  if (!anchor || !date) return false
  const { first, last } = daysOf(date)
  return dayNumber(first) - dayNumber(anchor) >= from && dayNumber(last) - dayNumber(anchor) <= to
}

export function candidate(facts: readonly Fact[], ...values: readonly string[]): Candidate | undefined {
  const [first] = facts
  return first && values.length > 0 ? { values, facts, side: first.side } : undefined
}

/** One candidate per fact. */
export function each<F extends Fact>(facts: readonly F[], value: (fact: F) => string | undefined): Candidate[] {
  return facts.flatMap(fact => {
    const found = value(fact)
    return found === undefined ? [] : [{ values: [found], facts: [fact], side: fact.side }]
  })
}

/** Candidates of hospital facts and of GP facts apart, so that a side's answer never mixes with the other's. */
export function bySide<F extends Fact>(
  facts: readonly F[],
  make: (facts: readonly F[]) => Candidate | undefined,
): Candidate[] {
  return (['site', 'hospital', 'gp'] as const).flatMap(side => {
    const found = make(facts.filter(fact => fact.side === side))
    return found ? [found] : []
  })
}

export function byDate<F extends Fact>(facts: readonly F[], direction: 'earliest' | 'latest'): F[] {
  const sign = direction === 'earliest' ? 1 : -1
  return [...facts].sort((a, b) => sign * compareText(a.when?.date ?? '', b.when?.date ?? ''))
}
