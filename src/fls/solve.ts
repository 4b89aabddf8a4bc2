import type { FracturesSolution } from '../linkage/linkage.ts'
import { solveAnswers } from './answers.ts'
import { checkAcross, checkEpisode } from './checks.ts'
import type { Current } from './current.ts'
import { ageOn, type DayDate, daysOf, type PartialDate, parseDay, parsePartialDate } from './dates.ts'
import { type AuditTables, FactsByKind } from './derive.ts'
import type { Episode, EpisodeAnswer, EpisodeFracture, EpisodeStatus } from './episode.ts'
import type { Fact, FactId, OdsCode, RecordKey } from './fact.ts'
import { lineages, type MakeId, personFracture } from './fracture-ids.ts'
import { goneEvidence, withGoneIds } from './gone-evidence.ts'
import { type Injury, injuriesOf, type PersonFracture } from './injury.ts'
import { firstAuditDay } from './items.ts'
import { compareText } from './order.ts'
import { type FlsTables, reportingFlsOf } from './reporting-fls.ts'
import { sidesOf } from './sides.ts'
import { type AnswerFact, type AnswerTarget, assignAnswers } from './site-answers.ts'
import { withdrawnEpisodes } from './withdrawn.ts'

/** Everything one person's episodes depend on. `current`: this person's facts, folded; `fractures`: what linkage made of them. */
export type EpisodesInput = {
  readonly personId: string
  readonly personAliases: readonly string[]
  readonly records: readonly RecordKey[]
  readonly current: Current
  readonly fractures: FracturesSolution
  readonly registers: FlsTables
  readonly tables: AuditTables
  readonly id: MakeId
}

/** The person's fractures with ids and facts, episodes or not; canonical order. What `persons` stores and the solver reads. */
export function personFractures(input: EpisodesInput): PersonFracture[] {
  const earlier = lineages(input.current.past)
  const known = { ...input, sites: input.tables.sites }
  const fractures = input.fractures.fractures
    .map(solution => personFracture(solution, input.current, earlier, known))
    .sort((a, b) => compareText(a.date ?? '9999', b.date ?? '9999') || compareText(a.founder, b.founder))
  return withGoneIds(fractures, goneEvidence(input.current.facts, input.current.past), known)
}

/**
 * One episode per injury of a person (Decisions 1 and 2): all questions answered by site, hospital and GP with origins and losing values,
 * status, tenants, both sides, checks. A pure function of facts, decisions and tables: nothing depends on the order or time of arrival.
 */
export function solveEpisodes(
  input: EpisodesInput,
  fractures: readonly PersonFracture[] = personFractures(input),
): Episode[] {
  const injuries = injuriesOf(fractures)
  const answers = input.current.facts.filter(fact => fact.kind === 'answer')
  const facts = new FactsByKind(input.current.facts.filter(fact => fact.kind !== 'answer' && fact.kind !== 'assertion'))
  const targets = injuries.map(injury => ({ injury, ids: episodeIds(injury, input.id) }))
  const assigned = assignAnswers(answers, targets)
  const episodes = targets.map(target => solveEpisode(input, target, fractures, facts, assigned.get(target) ?? []))
  return [...checkAcross(episodes), ...withdrawnEpisodes(input, fractures, episodes)]
}

/** The episode's id first, then ids it had or would have had. It is founded by the first of its fractures in canonical order. */
export function episodeIds(injury: Injury, id: MakeId): string[] {
  const founding = [...injury.fractures].sort(
    (a, b) => compareText(a.date ?? '9999', b.date ?? '9999') || compareText(a.founder, b.founder),
  )
  const [first] = founding
  const own = first ? id('episode', first.fractureId) : ''
  const others = founding
    .flatMap(fracture => [fracture.fractureId, ...fracture.aliases])
    .map(fracture => id('episode', fracture))
  return [own, ...new Set(others.filter(other => other !== own).sort(compareText))]
}

function solveEpisode(
  input: EpisodesInput,
  { injury, ids }: AnswerTarget,
  fractures: readonly PersonFracture[],
  facts: FactsByKind,
  siteAnswers: readonly AnswerFact[],
): Episode {
  const otherFractures = fractures.filter(fracture => !injury.fractures.includes(fracture))
  const solved = solveAnswers({ injury, otherFractures, facts, siteAnswers, tables: input.tables })
  const { answers, suggestions } = solved
  const diagnosedOn = parseDay(firstValue(answers, '1.09') ?? '')
  const injuryDate = diagnosedOn ?? injury.date
  const birthDate = parsePartialDate(firstValue(answers, '1.02') ?? '')
  const age = ageOn(birthDate, diagnosedOn)
  const excluded = exclusionOf(injury, injuryDate, birthDate)
  const reportingFls = reportingFlsOf(injury, siteAnswers, facts, input.registers)
  const sides = sidesOf(input.current.facts, usedFacts(injury, answers, suggestions), injuryDate)
  const episode: Episode = {
    id: ids[0] ?? '',
    aliases: ids.slice(1),
    personId: input.personId,
    records: [...input.records].sort(compareText),
    status: excluded ? 'excluded' : statusOf(answers, siteAnswers),
    ...(excluded ? { excluded } : {}),
    organisations: organisationsOf(input.current.facts),
    ...(reportingFls ? { reportingFls } : {}),
    datasetVersion: 'v3',
    ...(diagnosedOn ? { diagnosedOn } : {}),
    ...(injuryDate ? { injuryDate } : {}),
    ...(age === undefined ? {} : { ageAtDiagnosis: age }),
    fractures: injury.fractures.map(episodeFracture),
    answers,
    suggestions,
    ...sides,
    isLinked: sides.hospital.length > 0 && sides.gp.length > 0,
    checks: [],
  }
  return { ...episode, checks: checkEpisode(episode) }
}

function firstValue(answers: Readonly<Record<string, EpisodeAnswer>>, item: string): string | undefined {
  return answers[item]?.values[0]
}

/** A pure reason to leave the audit; the episode stays visible with it. Half-known dates exclude only when every reading does. */
function exclusionOf(
  injury: Injury,
  date: PartialDate | undefined,
  birthDate: PartialDate | undefined,
): Episode['excluded'] | undefined {
  if (injury.fractures.every(fracture => fracture.option === undefined)) return 'site-excluded'
  if (!date) return undefined
  const last: DayDate = daysOf(date).last
  if (last < firstAuditDay) return 'before-audit'
  const oldest = birthDate ? ageOn(daysOf(birthDate).first, last) : undefined
  return oldest !== undefined && oldest < 50 ? 'under-50' : undefined
}

/** candidate → identified (FLS contact, attended appointment, any site answer) → submitted (a completed response or upload row). */
function statusOf(answers: Readonly<Record<string, EpisodeAnswer>>, siteAnswers: readonly AnswerFact[]): EpisodeStatus {
  const isSubmitted = siteAnswers.some(
    ({ detail }) => detail.responseStatus === 'completed' || detail.responseStatus === 'amended',
  )
  if (isSubmitted) return 'submitted'
  return siteAnswers.length > 0 || answers['1.06'] || answers['1.07'] ? 'identified' : 'candidate'
}

function organisationsOf(facts: readonly Fact[]): OdsCode[] {
  return [...new Set(facts.map(fact => fact.organisation))].sort(compareText)
}

function episodeFracture(fracture: PersonFracture): EpisodeFracture {
  return {
    fractureId: fracture.fractureId,
    aliases: fracture.aliases,
    site: fracture.site,
    ...(fracture.laterality ? { laterality: fracture.laterality } : {}),
    ...(fracture.date ? { date: fracture.date } : {}),
    status: fracture.status === 'old' ? 'candidate' : fracture.status,
    facts: fracture.members,
  }
}

function usedFacts(injury: Injury, ...groups: readonly Readonly<Record<string, EpisodeAnswer>>[]): ReadonlySet<FactId> {
  const members = injury.fractures.flatMap(fracture => [...fracture.memberFacts, ...fracture.supportingFacts])
  const origins = groups
    .flatMap(group => Object.values(group))
    .flatMap(answer => [...answer.origins, ...answer.losing.flatMap(one => one.origins)])
  return new Set([...members.map(fact => fact.id), ...origins.map(origin => origin.factId)])
}
