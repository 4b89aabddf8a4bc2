import { type DayDate, daysBetween, isDay, londonDate, type PartialDate } from './dates.ts'
import type { Candidate, FactsByKind, Rule } from './derive.ts'
import type { Fact, FactOf } from './fact.ts'
import { compareText, compareVersions } from './order.ts'

/** NHS Data Dictionary verification status 01: number present and verified. */
const verified = '01'

type Vote = { readonly value: string; readonly fact: Fact; readonly isVerified: boolean }

/**
 * Statements of who the patient is. Those made beside something else (a result, an appointment, a merge; mapping rows `match.*`) only
 * recognise the patient and never change demographics (Decision 1): they count where a record has nothing better.
 */
function demographics(facts: FactsByKind): readonly FactOf['identity'][] {
  const all = facts.of('identity')
  const isForMatching = (fact: Fact) => fact.source.row.startsWith('match.')
  const described = new Set(all.filter(fact => !isForMatching(fact)).map(fact => fact.record))
  return all.filter(fact => !isForMatching(fact) || !described.has(fact.record))
}

/**
 * One candidate per value: verified first, then the majority of records, then the latest statement, then the value itself. The side is that
 * of the best fact: identity ignores the ranking of sides, since a verified number is better wherever it came from. Of each record the
 * latest statement of the value is its origin.
 */
function ranked(votes: readonly Vote[], rank: (value: string) => number = () => 0): Candidate[] {
  const groups = [...Map.groupBy(votes, vote => vote.value)].map(([value, group]) => ({
    value,
    isVerified: group.some(vote => vote.isVerified),
    records: new Set(group.map(vote => vote.fact.record)).size,
    facts: latestOfRecords(group.map(vote => vote.fact)),
  }))
  groups.sort(
    (a, b) =>
      rank(a.value) - rank(b.value) ||
      Number(b.isVerified) - Number(a.isVerified) ||
      b.records - a.records ||
      latest(a.facts, b.facts) ||
      compareText(a.value, b.value),
  )
  return groups.map(({ value, facts }) => ({ values: [value], facts, side: 'hospital' }))
}

function latestOfRecords(facts: readonly Fact[]): readonly Fact[] {
  const seen = new Set<string>()
  return [...facts]
    .sort((a, b) => compareVersions(b, a) || compareText(a.id, b.id))
    .filter(({ record }) => !seen.has(record) && seen.add(record))
}

function latest(a: readonly Fact[], b: readonly Fact[]): number {
  return a[0] && b[0] ? compareVersions(b[0], a[0]) : 0
}

function votes(
  facts: readonly FactOf['identity'][],
  value: (identity: FactOf['identity']['detail']) => string | undefined,
): Vote[] {
  return facts.flatMap(fact => {
    const found = value(fact.detail)
    return found === undefined ? [] : [{ value: found, fact, isVerified: fact.detail.nhsNumberStatus === verified }]
  })
}

export const nhsNumberRule: Rule = ({ facts }) => ranked(votes(demographics(facts), detail => detail.nhsNumber))

/** A full date before a partial one. */
export const birthDateRule: Rule = ({ facts }) =>
  ranked(
    votes(demographics(facts), detail => detail.birthDate),
    date => (date.length === 10 ? 0 : 1),
  )

export const sexRule: Rule = ({ facts }) =>
  ranked(
    votes(demographics(facts), detail => detail.sex),
    sex => (sex === 'unknown' ? 1 : 0),
  )

/** GP wins death (Decision 2.1), so candidates keep their sides. */
export const deathRule: Rule = ({ facts }) =>
  (['gp', 'site', 'hospital'] as const).flatMap(side => {
    const deaths = facts.of('death').filter(fact => fact.side === side)
    const found = deaths.flatMap(fact => (fact.when ? [{ value: fact.when.date, fact, isVerified: false }] : []))
    return ranked(found, date => (date.length === 10 ? 0 : 1)).map(one => ({ ...one, side }))
  })

/** Valid at 1.09: the latest address known to be from that day or before; else the first one after. Without 1.09: the latest. */
export const postcodeRule: Rule = ({ facts, anchor }) => {
  const addresses = demographics(facts).flatMap(fact =>
    fact.detail.postcode ? [{ fact, postcode: fact.detail.postcode, from: validFrom(fact) }] : [],
  )
  const distance = (from: DayDate): number => {
    const days = anchor ? daysBetween(from, anchor) : 0
    return days >= 0 ? days : 1_000_000 - days
  }
  addresses.sort(
    (a, b) =>
      distance(a.from) - distance(b.from) || compareVersions(b.fact, a.fact) || compareText(a.fact.id, b.fact.id),
  )
  const seen = new Set<string>()
  return addresses.flatMap(({ fact, postcode }) => {
    const key = `${fact.side} ${postcode}`
    if (seen.has(key)) return []
    seen.add(key)
    return [{ values: [postcode], facts: [fact], side: fact.side }]
  })
}

function validFrom(fact: FactOf['identity']): DayDate {
  const stated: PartialDate | undefined = fact.detail.addressFrom
  return isDay(stated) ? stated : londonDate(fact.revision.asOf)
}
