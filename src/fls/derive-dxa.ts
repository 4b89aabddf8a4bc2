import { type DayDate, isDay, parseDay } from './dates.ts'
import { decimalText } from './decimal.ts'
import {
  byDate,
  type Candidate,
  candidate,
  type DeriveContext,
  each,
  isReadOutOfWords,
  isWithin,
  means,
  offsetOf,
  type Rule,
} from './derive.ts'
import type { Fact, FactOf } from './fact.ts'

/** T-scores that count for 3.04: hip and spine. Forearm and heel never do (domain reference 3.1). */
const hipOrSpine = [
  'dxa.tscore.hip',
  'dxa.tscore.femoral_neck',
  'dxa.tscore.femur',
  'dxa.tscore.lumbar',
  'dxa.tscore.spine',
]
const examSigns = [
  'dxa.tscore.',
  'dxa.bmd.',
  'dxa.result.',
  'dxa.procedure',
  'dxa.procedure.',
  'dxa.panel',
  'dxa.report',
  'assess.dxa',
]
const requestSigns = ['dxa.referred', 'dxa.procedure', 'dxa.procedure.', 'dxa.panel', 'dxa.report', 'assess.dxa']

/** Everything that shows a scan was done, dated to the day. A heel ultrasound result is no DXA. */
function exams({ facts }: DeriveContext): Fact[] {
  const done = facts.all.filter(fact => {
    if (!isDay(fact.when?.date) || means(fact, 'dxa.tscore.heel', 'dxa.bmd.heel', 'dxa.result.heel.')) return false
    if (fact.kind === 'document') return fact.detail.type === 'dxa'
    return (fact.kind === 'observation' || fact.kind === 'procedure') && means(fact, ...examSigns)
  })
  const attended = facts
    .of('appointment')
    .filter(({ detail, when }) => detail.clinic === 'dxa' && detail.state === 'attended' && isDay(when?.date))
  return byDate([...done, ...attended], 'earliest')
}

/** Asked for: a request, a referral code, or a place in the DXA clinic. */
function requests({ facts }: DeriveContext): Fact[] {
  return facts.all.filter(fact => {
    if (fact.kind === 'request') return fact.detail?.state !== 'cancelled' && means(fact, ...requestSigns)
    if (fact.kind === 'appointment') return fact.detail.clinic === 'dxa' && fact.detail.state !== 'cancelled'
    return means(fact, 'dxa.referred')
  })
}

function refusals({ facts, anchor }: DeriveContext): Fact[] {
  return facts.all.filter(
    fact =>
      means(fact, 'dxa.declined', 'dxa.contraindicated', 'dxa.not_indicated') &&
      isWithin(fact.when?.date, anchor, [0, 365]),
  )
}

/** 3.01: a request from 1.09 on or a result after it = ordered; a result in the two years before, or on the day = done. */
export const dxaStatusRule: Rule = context => {
  const { anchor } = context
  const asked = requests(context).filter(fact => isWithin(fact.when?.date ?? fact.recorded, anchor, [0, 365]))
  const all = exams(context)
  const after = all.filter(fact => isWithin(fact.when?.date, anchor, [1, 365]))
  const before = all.filter(fact => isWithin(fact.when?.date, anchor, [-730, 0]))
  return [
    ...each(byDate(asked, 'earliest'), () => 'ordered'),
    ...each(after, () => 'ordered'),
    ...each(byDate(before, 'latest'), () => 'done-within-2y'),
    ...each(refusals(context), () => 'not-ordered'),
  ]
}

/** 3.02: says something only when nothing was ordered or done. */
export const dxaNotOrderedRule: Rule = context =>
  context.answerTo('3.01') === 'not-ordered'
    ? each(byDate(refusals(context), 'latest'), fact => {
        if (means(fact, 'dxa.declined')) return 'declined'
        return means(fact, 'dxa.not_indicated') ? 'age-or-risk-makes-unnecessary' : 'other'
      })
    : []

/** 3.03: the first scan within a year from 1.09, else the last of the two years before. */
export const dxaDateRule: Rule = context => each(inOrder(context), fact => fact.when?.date)

function inOrder(context: DeriveContext): Fact[] {
  const all = exams(context)
  return [
    ...byDate(
      all.filter(fact => isWithin(fact.when?.date, context.anchor, [0, 365])),
      'earliest',
    ),
    ...byDate(
      all.filter(fact => isWithin(fact.when?.date, context.anchor, [-730, -1])),
      'latest',
    ),
  ]
}

/** 3.04: the lowest T-score of hip and spine in the scan of 3.03 (same group, or same day); one read out of words is a candidate of its own. */
export const lowestTScoreRule: Rule = context => {
  const scores = context.facts
    .of('observation')
    .filter(fact => means(fact, ...hipOrSpine) && scoreOf(fact) !== undefined)
  const byExam: ReadonlyMap<string, readonly FactOf['observation'][]> = Map.groupBy(
    scores,
    fact => fact.when?.date ?? '',
  )
  const chosen = context.answerTo('3.03')
  const others = [...byExam.keys()].flatMap(date => parseDay(date) ?? []).filter(date => date !== chosen)
  const inReach = others.filter(date => isWithin(date, context.anchor, [-730, 365])).sort(nearestTo(context))
  if (chosen === undefined) return []
  return [chosen, ...inReach].flatMap(date => {
    const { told = [], read = [] } = Object.groupBy(byExam.get(date) ?? [], fact =>
      isReadOutOfWords(fact) ? 'read' : 'told',
    )
    return [...lowest(told), ...lowest(read)]
  })
}

function nearestTo({ anchor }: DeriveContext): (a: DayDate, b: DayDate) => number {
  const distance = (date: DayDate): number => Math.abs(offsetOf(date, anchor) ?? 0)
  return (a, b) => distance(a) - distance(b) || (a < b ? -1 : 1)
}

function lowest(scores: readonly FactOf['observation'][]): Candidate[] {
  const ordered = [...scores].sort((a, b) => (scoreOf(a) ?? 0) - (scoreOf(b) ?? 0))
  const [first] = ordered
  const text = first && decimalText(first.value ?? '')
  const found = first && text ? candidate([first], text) : undefined
  return found ? [found] : []
}

/** A T-score in standard deviations; a density, a comparison or an impossible number is none. */
function scoreOf(fact: FactOf['observation']): number | undefined {
  if (fact.comparator !== undefined || fact.value === undefined || /g\/cm/i.test(fact.unit ?? '')) return undefined
  const text = decimalText(fact.value)
  const value = Number(text)
  return text !== undefined && value >= -8 && value <= 6 ? value : undefined
}
