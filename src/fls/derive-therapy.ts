import { addDays, type DayDate, dayFromNumber, dayNumber, parseDay } from './dates.ts'
import { bySide, type Candidate, candidate, type DeriveContext, isWithin, type Rule } from './derive.ts'
import type { FactOf } from './fact.ts'
import { compareText } from './order.ts'
import { covers, drugConcept, type Supply, supplyOf } from './supply.ts'

type Drug = FactOf['medication']
type Supplied = { readonly fact: Drug; readonly option: string; readonly supply: Supply }

/** Drugs also given for cancer or Paget's disease in another strength: a coding without strength proves neither (domain reference 2.4). */
const strengthMatters: ReadonlySet<string> = new Set([
  'drug.zoledronic_acid',
  'drug.denosumab',
  'drug.ibandronic_acid',
  'drug.pamidronate',
])

function optionOf(fact: Drug, { tables }: DeriveContext): string | undefined {
  if (fact.concept?.kind !== 'include') return undefined
  return tables.drugOptions.get(drugConcept(fact.concept.id))
}

function isWithoutStrength(fact: Drug): boolean {
  const { concept } = fact
  return concept !== undefined && strengthMatters.has(concept.id) && concept.specificity?.includes('VTM') === true
}

function boneSupplies(context: DeriveContext): Supplied[] {
  return context.facts.of('medication').flatMap(fact => {
    const option = optionOf(fact, context)
    const supply = supplyOf(fact)
    return option && supply ? [{ fact, option, supply }] : []
  })
}

/** 2.06: what the supplies before 1.09 say about that day; a supply on the day itself answers the fracture, it does not precede it. */
export const priorTherapyRule: Rule = context => {
  const { anchor } = context
  if (!anchor) return []
  const day = dayNumber(anchor)
  const before = boneSupplies(context).filter(({ supply }) => supply.from < day)
  const current = before.filter(({ supply }) => supply.to >= day).sort(latestStart)
  const ended = before
    .filter(({ supply }) => supply.to < day)
    .sort((a, b) => b.supply.to - a.supply.to || compareText(a.fact.id, b.fact.id))
  return [
    ...current.map(({ fact, option }) => one(fact, `current-${option}`)),
    ...ended.map(({ fact, supply }) => one(fact, day - supply.to <= 365 ? 'stopped-within-1y' : 'stopped-over-1y')),
  ]
}

function latestStart(a: Supplied, b: Supplied): number {
  return b.supply.from - a.supply.from || compareText(a.fact.id, b.fact.id)
}

function one(fact: Drug, value: string): Candidate {
  return { values: [value], facts: [fact], side: fact.side }
}

/** 4.01: all bone drugs a side ordered, supplied or recommended from 1.09 to day 112, or that were running on 1.09; else its refusals. */
export const recommendedRule: Rule = context => {
  const { anchor, item } = context
  if (!anchor) return []
  const window = item.derivation?.window ?? [0, 112]
  const given = context.facts.of('medication').filter(fact => {
    if (optionOf(fact, context) === undefined || isWithoutStrength(fact)) return false
    if (fact.detail.state === 'cancelled' || fact.detail.state === 'noted') return false
    const supply = supplyOf(fact)
    return isWithin(fact.when?.date, anchor, window) || (supply !== undefined && covers(supply, anchor))
  })
  return [...bySide(given, found => candidate(found, ...optionsOf(found, context))), ...refusals(context, window)]
}

function optionsOf(facts: readonly Drug[], context: DeriveContext): string[] {
  return [...new Set(facts.flatMap(fact => optionOf(fact, context) ?? []))].sort(compareText)
}

/** Never beside a drug (V10): candidates of their own, behind all drugs. */
function refusals(context: DeriveContext, window: readonly [number, number]): Candidate[] {
  const found = context.facts.all.filter(
    fact => fact.concept?.set === 'bone-drug' && isWithin(fact.when?.date, context.anchor, window),
  )
  const meaning = (id: string | undefined): string | undefined => {
    if (id === 'bsa.declined') return 'declined'
    return id === 'bsa.contraindicated' || id === 'bsa.not_indicated' || id === 'bsa.not_tolerated'
      ? 'inappropriate'
      : undefined
  }
  return found.flatMap(fact => {
    const value = meaning(fact.concept?.id)
    return value ? [{ values: [value], facts: [fact], side: fact.side }] : []
  })
}

/** 6.05, 7.05: the drugs whose supply covers the day of the follow-up (6.02, 7.02), else day 112 or day 365. */
export const therapyAtFollowUpRule: Rule = context => {
  const day = followUpDay(context)
  if (!day) return []
  const covering = boneSupplies(context).filter(({ supply, fact }) => covers(supply, day) && !isWithoutStrength(fact))
  return bySide(
    covering.map(({ fact }) => fact),
    found => candidate(found, ...optionsOf(found, context)),
  )
}

function followUpDay({ item, answerTo, anchor }: DeriveContext): DayDate | undefined {
  const isFirst = item.section === 6
  const stated = answerTo(isFirst ? '6.02' : '7.02')
  const day = stated === undefined ? undefined : parseDay(stated)
  return day ?? (anchor ? addDays(anchor, isFirst ? 112 : 365) : undefined)
}

const calcium = 'drug.calcium'
const vitaminD = 'drug.vitamin_d'
const both = 'drug.calcium_vitamin_d'

function supplements(context: DeriveContext): { fact: Drug; supply: Supply }[] {
  return context.facts.of('medication').flatMap(fact => {
    const supply = supplyOf(fact)
    const id = fact.concept?.id
    return supply && (id === calcium || id === vitaminD || id === both) && fact.concept?.kind === 'include'
      ? [{ fact, supply }]
      : []
  })
}

/** 4.02: taken at the fracture already, else what was supplied or recommended up to day 112. */
export const calciumRule: Rule = context => {
  const { anchor, item } = context
  if (!anchor) return []
  const window = item.derivation?.window ?? [0, 112]
  const already = supplements(context)
    .filter(({ supply }) => supply.from < dayNumber(anchor) && supply.to >= dayNumber(anchor))
    .map(({ fact }) => fact)
  const started = context.facts
    .of('medication')
    .filter(
      fact =>
        isSupplement(fact) &&
        fact.detail.state !== 'cancelled' &&
        fact.detail.state !== 'noted' &&
        isWithin(fact.when?.date, anchor, window),
    )
  return [
    ...bySide(already, found => candidate(found, 'already-taking')),
    ...bySide(started, found => candidate(found, kindOf(found))),
  ]
}

function isSupplement(fact: Drug): boolean {
  const id = fact.concept?.id
  return fact.concept?.kind === 'include' && (id === calcium || id === vitaminD || id === both)
}

function kindOf(facts: readonly Drug[]): string {
  const ids = new Set(facts.map(fact => fact.concept?.id))
  if (ids.has(both) || (ids.has(calcium) && ids.has(vitaminD))) return 'yes-both'
  return ids.has(calcium) ? 'calcium-only' : 'vitd-only'
}

/** 6.04, 7.04: a supply that covers a day of the window. */
export const calciumAtFollowUpRule: Rule = context => {
  const { anchor, item } = context
  const window = item.derivation?.window
  if (!anchor || !window) return []
  const from = dayNumber(addDays(anchor, window[0]))
  const to = dayNumber(dayFromNumber(dayNumber(anchor) + window[1]))
  const covering = supplements(context)
    .filter(({ supply }) => supply.from <= to && supply.to >= from)
    .map(({ fact }) => fact)
  return bySide(covering, found => candidate(found, 'yes'))
}
