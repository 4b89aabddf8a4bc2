import { addDays, type DayDate, isDay, londonDate } from './dates.ts'
import { bySide, candidate, type DeriveContext, isWithin, means, offsetOf, type Rule } from './derive.ts'
import type { FactOf } from './fact.ts'

type Stay = FactOf['encounter']

/** NHS run care home, local authority accommodation with care, non-NHS care home (NHS Data Dictionary). */
const careHomes: ReadonlySet<string> = new Set(['54', '65', '85'])

/**
 * 1.08. An inpatient stay over midnight = yes (an end on a later day, or still in at a later statement); an inpatient stay from before the
 * window that reaches 1.09 = already an inpatient; emergency or outpatient attendance only = no. A stay of unknown length is no answer.
 */
export const admittedRule: Rule = ({ facts, anchor, item }) => {
  const window = item.derivation?.window ?? [-1, 14]
  const stays = facts
    .of('encounter')
    .filter(({ detail, side }) => side === 'hospital' && detail.state !== 'planned' && detail.state !== 'cancelled')
  const around = stays.filter(stay => isWithin(stay.detail.start, anchor, window))
  const inpatient = around.filter(stay => stay.detail.class === 'inpatient')
  const overnight = inpatient.filter(isOvernight)
  const already = stays.filter(stay => stay.detail.class === 'inpatient' && isFromBefore(stay, anchor, window[0]))
  const visits = around.filter(({ detail }) => detail.class === 'emergency' || detail.class === 'outpatient')
  return [
    candidate(already, 'already-inpatient'),
    candidate(overnight, 'yes'),
    inpatient.length === 0 ? candidate(visits, 'no') : undefined,
  ].filter(found => found !== undefined)
}

function isOvernight(stay: Stay): boolean {
  const { start, end } = stay.detail
  if (!isDay(start ?? undefined)) return false
  const until = isDay(end ?? undefined) ? end : londonDate(stay.revision.asOf)
  return typeof start === 'string' && typeof until === 'string' && until > start
}

function isFromBefore(stay: Stay, anchor: DayDate | undefined, from: number): boolean {
  const offset = offsetOf(stay.detail.start, anchor)
  if (offset === undefined || offset >= from || !anchor) return false
  const { end } = stay.detail
  const until = end && isDay(end) ? end : londonDate(stay.revision.asOf)
  return until >= anchor
}

/** 1.05. Only ever `yes`, or what an address or answer said of itself: the code "usual residence" does not rule out a care home. */
export const careHomeRule: Rule = ({ facts, anchor }) => {
  const stays = facts.of('encounter').filter(stay => coversFracture(stay, anchor))
  const admittedFrom = stays.filter(({ detail }) => careHomes.has(detail.admissionSource ?? ''))
  const dischargedTo = stays.filter(
    ({ detail }) => detail.admissionSource === undefined && careHomes.has(detail.dischargeDestination ?? ''),
  )
  const coded = facts.all.filter(
    fact => means(fact, 'residence.care_home', 'residence.', 'residential.') && isBefore(fact.when?.date, anchor),
  )
  const addresses = facts.of('identity').filter(fact => fact.detail.careHomeResident !== undefined)
  return [
    ...bySide(admittedFrom, found => candidate(found, 'yes')),
    ...bySide(dischargedTo, found => candidate(found, 'yes')),
    ...bySide(coded, found => candidate(found, 'yes')),
    ...bySide(addresses, found => candidate(found.slice(-1), found.at(-1)?.detail.careHomeResident ? 'yes' : 'no')),
  ]
}

/** Begun before or within a fortnight after 1.09, and not over before the day ahead of it. */
function coversFracture({ detail }: Stay, anchor: DayDate | undefined): boolean {
  if (!anchor || detail.state === 'cancelled' || detail.state === 'planned') return false
  const { start, end } = detail
  if (!start || !isDay(start) || start > addDays(anchor, 14)) return false
  return end && isDay(end) ? end >= addDays(anchor, -1) : start >= addDays(anchor, -1)
}

function isBefore(date: string | undefined, anchor: DeriveContext['anchor']): boolean {
  return date !== undefined && anchor !== undefined && date <= anchor
}
