import { type DayDate, isDay, type PartialDate } from './dates.ts'
import { type Candidate, type DeriveContext, isWithin, type Rule } from './derive.ts'
import type { Clinic, Fact, Side } from './fact.ts'
import { compareText } from './order.ts'

type Seen = { readonly on: DayDate; readonly fact: Fact; readonly side: Side }

/** 1.06: the earliest sign that the FLS dealt with the patient. A missed or booked appointment was a contact when it was made. */
export const contactRule: Rule = context => {
  const booked = context.facts
    .of('appointment')
    .filter(({ detail }) => detail.clinic === 'fls' && detail.state !== 'cancelled')
    .flatMap(fact => seen(fact, fact.recorded))
  const letters = context.facts
    .of('document')
    .filter(fact => fact.detail.type === 'letter' && fact.concept?.id.startsWith('fls.') === true)
    .flatMap(fact => seen(fact, fact.when?.date))
  const cared = context.facts
    .of('encounter')
    .filter(({ detail }) => detail.clinic === 'fls' && detail.state !== 'cancelled' && detail.state !== 'planned')
    .flatMap(fact => seen(fact, fact.detail.start))
  const coded = context.facts.all
    .filter(fact => fact.concept?.id === 'fls.followup' || fact.concept?.id === 'seen.osteoporosis_clinic')
    .flatMap(fact => seen(fact, fact.when?.date))
  const earliest = dated(context, [...booked, ...letters, ...cared, ...coded, ...attended(context, 'fls')])
  return earliest.length > 0 ? earliest : answeredFirst(context)
}

/** A site that answers has been in contact; the day it first did stands in when nothing better is known, unless it knows of an earlier assessment. */
function answeredFirst({ siteAnsweredOn, answerTo, anchor, item }: DeriveContext): Candidate[] {
  const [first] = siteAnsweredOn
  const assessed = answerTo('1.07')
  if (!first || !isWithin(first.on, anchor, windowOf(item))) return []
  if (assessed !== undefined && assessed < first.on) return []
  return [{ values: [first.on], facts: [first.fact], side: 'hospital' }]
}

/** 1.07: the first FLS appointment attended, or FLS outpatient visit finished. */
export const assessmentRule: Rule = context => dated(context, attended(context, 'fls'))

export const followUpDoneRule: Rule = context =>
  dated(context, attended(context, 'fls')).map(found => ({ ...found, values: ['yes'] }))

export const followUpDateRule: Rule = context => dated(context, attended(context, 'fls'))

export const strengthBalanceRule: Rule = context =>
  dated(context, attended(context, 'strength-balance')).map(found => ({ ...found, values: ['yes'] }))

/**
 * Attendances of a clinic. An EpisodeOfCare is a period of care (class `other`): it shows contact, not an attendance.
 */
export function attended({ facts }: Pick<DeriveContext, 'facts'>, clinic: Clinic): Seen[] {
  const appointments = facts
    .of('appointment')
    .filter(({ detail }) => detail.clinic === clinic && detail.state === 'attended')
    .flatMap(fact => seen(fact, fact.when?.date))
  const visits = facts
    .of('encounter')
    .filter(({ detail }) => detail.clinic === clinic && detail.state === 'finished' && detail.class !== 'other')
    .flatMap(fact => seen(fact, fact.detail.start))
  return [...appointments, ...visits]
}

/** Candidates in the item's window, earliest first. */
export function dated({ anchor, item }: DeriveContext, visits: readonly Seen[]): Candidate[] {
  return visits
    .filter(visit => isWithin(visit.on, anchor, windowOf(item)))
    .sort((a, b) => compareText(a.on, b.on) || compareText(a.fact.id, b.fact.id))
    .map(({ on, fact, side }) => ({ values: [on], facts: [fact], side }))
}

function windowOf(item: DeriveContext['item']): readonly [number, number] {
  return item.derivation?.window ?? [0, 365]
}

function seen(fact: Fact, date: PartialDate | null | undefined): Seen[] {
  return date && isDay(date) ? [{ on: date, fact, side: fact.side }] : []
}
