import type { Claim } from './answer.ts'
import { daysBetween, daysOf, parseDay, parsePartialDate } from './dates.ts'
import type { FactOf } from './fact.ts'
import type { Injury } from './injury.ts'
import { compareText, compareVersions } from './order.ts'

export type AnswerFact = FactOf['answer']
/** An injury with the ids its episode answers to. */
export type AnswerTarget = { readonly injury: Injury; readonly ids: readonly string[] }

/**
 * Which episode each site answer belongs to, by response: pinned by a person; else the injury its own fracture (made from 1.09 and 1.11) was
 * linked to; else the episode nearest to the response's 1.09; else the last one begun by the day it was authored. Independent of order.
 */
export function assignAnswers(
  answers: readonly AnswerFact[],
  targets: readonly AnswerTarget[],
): ReadonlyMap<AnswerTarget, readonly AnswerFact[]> {
  const assigned = new Map<AnswerTarget, AnswerFact[]>(targets.map(target => [target, []]))
  for (const response of Map.groupBy(answers, answer => `${answer.organisation}\n${answer.detail.response}`).values()) {
    const target = targetOf(response, targets)
    if (target) assigned.get(target)?.push(...response)
  }
  return assigned
}

function targetOf(response: readonly AnswerFact[], targets: readonly AnswerTarget[]): AnswerTarget | undefined {
  const pin = response.find(answer => answer.detail.episode !== undefined)?.detail.episode
  if (pin !== undefined) {
    const pinned = targets.find(target => target.ids.includes(pin))
    if (pinned) return pinned
  }
  const entries = new Set(response.map(answer => answer.source.inboxId))
  return (
    targets.find(({ injury }) =>
      injury.fractures.some(fracture =>
        fracture.memberFacts.some(fact => fact.side === 'site' && entries.has(fact.source.inboxId)),
      ),
    ) ?? nearest(response, targets)
  )
}

function nearest(response: readonly AnswerFact[], targets: readonly AnswerTarget[]): AnswerTarget | undefined {
  const text = response.find(answer => answer.detail.item === '1.09')?.detail.values[0]
  const diagnosed = text === undefined ? undefined : parseDay(text)
  const dated = targets.flatMap(target => {
    const date = target.injury.date
    return date ? [{ target, first: daysOf(date).first, last: daysOf(date).last }] : []
  })
  if (diagnosed) {
    const distance = (one: (typeof dated)[number]): number =>
      one.first > diagnosed ? daysBetween(diagnosed, one.first) : Math.max(0, daysBetween(one.last, diagnosed))
    return dated.sort((a, b) => distance(a) - distance(b) || compareText(a.first, b.first))[0]?.target ?? targets[0]
  }
  const authored = response.map(answer => answer.revision.asOf.slice(0, 10)).sort(compareText)[0] ?? ''
  const begun = dated.filter(one => one.first <= authored).sort((a, b) => compareText(b.first, a.first))
  return begun[0]?.target ?? targets[0]
}

/** Claims of sites for one item: each organisation's latest authored answer, the latest first; an emptied answer claims nothing. */
export function siteClaims(answers: readonly AnswerFact[], item: string): Claim[] {
  const latest = new Map<string, AnswerFact>()
  for (const answer of answers) {
    if (answer.detail.item !== item) continue
    const known = latest.get(answer.organisation)
    if (!known || compareAnswers(answer, known) > 0) latest.set(answer.organisation, answer)
  }
  return [...latest.values()]
    .filter(answer => answer.detail.values.length > 0)
    .sort((a, b) => compareAnswers(b, a))
    .map(answer => ({ values: answer.detail.values, facts: [answer], by: 'site', rule: 'site.answer' }))
}

/** Later authored, then by inbox id and path: two statements are never equal unless they are one. */
export function compareAnswers(a: AnswerFact, b: AnswerFact): number {
  return compareVersions(a, b) || compareText(a.source.path, b.source.path) || compareText(a.id, b.id)
}

/** The day part of an authored instant, for 1.06. */
export function authoredOn(answer: AnswerFact): string | undefined {
  return parsePartialDate(answer.revision.asOf.slice(0, 10))
}
