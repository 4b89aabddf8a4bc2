import { bySide, type Candidate, candidate, type DeriveContext, each, isWithin, means, type Rule } from './derive.ts'
import { attended } from './derive-contact.ts'
import type { Fact } from './fact.ts'

/** 5.01: assessed (falls clinic attended, assessment coded) before referred. */
export const fallsAssessedRule: Rule = context => {
  const clinic = attended(context, 'falls').map(visit => visit.fact)
  const coded = context.facts.all.filter(fact => means(fact, 'falls.assessment') && fact.kind !== 'request')
  return [
    ...each(
      [...clinic, ...coded].filter(fact => isInWindow(fact, context)),
      () => 'yes',
    ),
    ...each(referredToFalls(context), () => 'referred'),
  ]
}

/** 5.10: every service a referral or a place in its clinic shows; sides apart. */
export const fallsReferralsRule: Rule = context => {
  const falls = referredToFalls(context)
  const classes = context.facts
    .of('appointment')
    .filter(
      fact =>
        fact.detail.clinic === 'strength-balance' && fact.detail.state !== 'cancelled' && isInWindow(fact, context),
    )
  return bySide([...falls, ...classes], (facts): Candidate | undefined => {
    const services = [
      facts.some(fact => falls.includes(fact)) ? 'falls-service' : undefined,
      facts.some(fact => !falls.includes(fact)) ? 'strength-balance' : undefined,
    ].filter(service => service !== undefined)
    return candidate(facts, ...services)
  })
}

/** Suggestion for 5.02: recurrent falls, or falls coded on two days of the year before. */
export const repeatedFallsRule: Rule = context => {
  const recurrent = context.facts.all.filter(fact => means(fact, 'falls.recurrent') && isInWindow(fact, context))
  const falls = context.facts.all.filter(
    fact => means(fact, 'falls.event', 'falls.mechanism.low_energy') && isInWindow(fact, context),
  )
  const days = new Set(falls.map(fact => fact.when?.date))
  return [...each(recurrent, () => 'yes'), ...(days.size >= 2 ? bySide(falls, found => candidate(found, 'yes')) : [])]
}

function referredToFalls(context: DeriveContext): Fact[] {
  const coded = context.facts.all.filter(fact => means(fact, 'referral.falls'))
  const booked = context.facts
    .of('appointment')
    .filter(({ detail }) => detail.clinic === 'falls' && detail.state !== 'cancelled')
  return [...coded, ...booked].filter(fact => isInWindow(fact, context))
}

function isInWindow(fact: Fact, { anchor, item }: DeriveContext): boolean {
  const started = fact.kind === 'encounter' ? fact.detail.start : undefined
  return isWithin(fact.when?.date ?? started ?? fact.recorded, anchor, item.derivation?.window ?? [0, 365])
}
