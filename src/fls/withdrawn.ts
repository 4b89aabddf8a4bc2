import { ageOn, daysOf, type PartialDate } from './dates.ts'
import type { Episode } from './episode.ts'
import type { Fact } from './fact.ts'
import { lineageKey } from './fracture-ids.ts'
import { goneEvidence } from './gone-evidence.ts'
import type { PersonFracture } from './injury.ts'
import { firstAuditDay } from './items.ts'
import { compareFacts, compareText } from './order.ts'
import type { EpisodesInput } from './solve.ts'

/**
 * Episodes whose evidence is all gone: cancelled visits, entries in error, deleted rows. They keep the id they had, hold no answers, and
 * belong to nobody's counts. A statement replaced by a newer version of itself withdraws nothing: the newer one carries the id on.
 */
export function withdrawnEpisodes(
  input: EpisodesInput,
  fractures: readonly PersonFracture[],
  episodes: readonly Episode[],
): Episode[] {
  const { current, id } = input
  const used = new Set([
    ...episodes.flatMap(one => [one.id, ...one.aliases]),
    ...fractures.flatMap(one => [one.fractureId, ...one.aliases]),
  ])
  const gone = goneEvidence(current.facts, current.past).filter(fact => couldCount(fact, current.facts))
  return [...Map.groupBy(gone, lineageKey).values()].flatMap(facts => {
    const [founder] = facts.sort(compareFacts)
    if (!founder) return []
    const persons = [input.personId, ...input.personAliases]
    const ids = [
      ...new Set(persons.flatMap(person => facts.map(fact => id('episode', id('fracture', person, fact.id))))),
    ]
    const [own = '', ...aliases] = ids
    return used.has(own)
      ? []
      : [emptyEpisode(input, founder, own, aliases.filter(alias => !used.has(alias)).sort(compareText))]
  })
}

function couldCount(fact: Fact, facts: readonly Fact[]): boolean {
  const date = fact.when?.date
  if (!date || daysOf(date).last < firstAuditDay) return false
  const births = facts.flatMap(one => (one.kind === 'identity' && one.detail.birthDate ? [one.detail.birthDate] : []))
  const ages = births.map(birth => ageOn(daysOf(birth).first, daysOf(date).last))
  return ages.every(age => age === undefined || age >= 50)
}

function emptyEpisode(input: EpisodesInput, founder: Fact, id: string, aliases: readonly string[]): Episode {
  const date: PartialDate | undefined = founder.when?.date
  return {
    id,
    aliases,
    personId: input.personId,
    records: [...input.records].sort(compareText),
    status: 'withdrawn',
    organisations: [...new Set([founder.organisation, ...input.current.facts.map(fact => fact.organisation)])].sort(
      compareText,
    ),
    datasetVersion: 'v3',
    ...(date ? { injuryDate: date } : {}),
    fractures: [],
    answers: {},
    suggestions: {},
    hospital: [],
    gp: [],
    isLinked: false,
    checks: [],
  }
}
