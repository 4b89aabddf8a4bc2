import { answerOf, type Claim, claimOf } from './answer.ts'
import { type DayDate, londonDate, parseDay, parsePartialDate } from './dates.ts'
import { type AuditTables, type Candidate, type DeriveContext, type FactsByKind, isReadOutOfWords } from './derive.ts'
import { needsReview } from './derive-fracture.ts'
import type { EpisodeAnswer } from './episode.ts'
import type { Injury, PersonFracture } from './injury.ts'
import { type Item, itemOf, items } from './items.ts'
import { rules } from './rules.ts'
import { type AnswerFact, compareAnswers, siteClaims } from './site-answers.ts'

type Answers = Record<string, EpisodeAnswer>
export type AnswersInput = {
  readonly injury: Injury
  readonly otherFractures: readonly PersonFracture[]
  readonly facts: FactsByKind
  readonly siteAnswers: readonly AnswerFact[]
  readonly tables: AuditTables
}

/** Items other derivations look at, before the rest: 1.09 anchors every window, 1.02 gives ages, 1.07 bounds 1.06. */
const first = ['1.09', '1.02', '1.07']
const order: readonly Item[] = [
  ...first.flatMap(id => itemOf(id) ?? []),
  ...items.filter(item => !first.includes(item.id)),
]

/** Every question of one episode, by site answers and derivations; items nobody answered are absent. */
export function solveAnswers(input: AnswersInput): { answers: Answers; suggestions: Answers } {
  const answers: Answers = {}
  const suggestions: Answers = {}
  const byItem = Map.groupBy(input.siteAnswers, answer => answer.detail.item)
  let shared: SharedContext | undefined
  for (const item of order) {
    const own = siteClaims(byItem.get(item.id) ?? [], item.id)
    const isAnchoring = first.includes(item.id)
    if (!shared || isAnchoring) shared = sharedContext(input, answers)
    const { derived, suggested } = derivedClaims(item, shared)
    const answer = answerOf(item, [...own, ...derived])
    if (answer) answers[item.id] = answer
    if (isAnchoring) shared = undefined
    const suggestion = answer && !item.isSuggestionOnly ? undefined : answerOf(item, suggested)
    if (suggestion) suggestions[item.id] = suggestion
  }
  const type = typeSuggestion(input.injury)
  if (type) suggestions['1.10'] = type
  return { answers: inFormOrder(answers), suggestions: inFormOrder(suggestions) }
}

/** What facts imply as an answer, and what only as a suggestion to the site: all of some items, and whatever was read out of words. */
function derivedClaims(item: Item, shared: SharedContext): { derived: readonly Claim[]; suggested: readonly Claim[] } {
  const { derivation } = item
  if (!derivation) return { derived: [], suggested: [] }
  const candidates = rules[derivation.rule]({ ...shared, item })
  const isSuggested = ({ facts }: Candidate) => item.isSuggestionOnly === true || facts.some(isReadOutOfWords)
  const claims = (list: readonly Candidate[]) => list.map(candidate => claimOf(candidate, derivation.rule))
  return {
    derived: claims(candidates.filter(one => !isSuggested(one))),
    suggested: claims(candidates.filter(isSuggested)),
  }
}

/** What all derivations of an episode see alike, once 1.09 and 1.02 are settled. */
type SharedContext = Omit<DeriveContext, 'item'>

function sharedContext(input: AnswersInput, answers: Answers): SharedContext {
  const answeredValue = (id: string): string | undefined => answers[id]?.values[0]
  const anchor = parseDay(answeredValue('1.09') ?? '')
  const birthDate = parsePartialDate(answeredValue('1.02') ?? '')
  return {
    ...(anchor ? { anchor } : {}),
    facts: input.facts,
    fractures: input.injury.fractures,
    otherFractures: input.otherFractures,
    ...(birthDate ? { birthDate } : {}),
    answerTo: answeredValue,
    tables: input.tables,
    siteAnsweredOn: answeredOn(input.siteAnswers, anchor),
  }
}

function answeredOn(answers: readonly AnswerFact[], anchor: DayDate | undefined): DeriveContext['siteAnsweredOn'] {
  return [...answers]
    .sort(compareAnswers)
    .map(fact => ({ on: londonDate(fact.revision.asOf), fact }))
    .filter(({ on }) => anchor !== undefined && on >= anchor)
}

/** 1.10 where only a clinician may say: what the code hints at. */
function typeSuggestion({ fractures: [fracture] }: Injury): EpisodeAnswer | undefined {
  const item = itemOf('1.10')
  if (!item || !fracture || !needsReview(fracture)) return undefined
  const hints = fracture.memberFacts.flatMap(fact => {
    const tokens = fact.concept?.specificity ?? []
    const value = tokens.includes('periprosthetic_review')
      ? 'periprosthetic'
      : tokens.includes('atypical')
        ? 'atypical-femoral'
        : undefined
    return value ? [claimOf({ values: [value], facts: [fact], side: fact.side }, 'fracture.type')] : []
  })
  return answerOf(item, hints)
}

function inFormOrder(answers: Answers): Answers {
  return Object.fromEntries(items.flatMap(({ id }) => (answers[id] ? [[id, answers[id]] as const] : [])))
}
