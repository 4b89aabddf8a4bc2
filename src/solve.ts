import { type Current, currentFacts } from './fls/current.ts'
import { earlierVersions } from './fls/earlier-versions.ts'
import type { Episode } from './fls/episode.ts'
import type { Fact, FactOf, RecordKey } from './fls/fact.ts'
import { withMovedVisits } from './fls/moved-visits.ts'
import { compareFacts } from './fls/order.ts'
import { type EpisodesInput, personFractures, solveEpisodes } from './fls/solve.ts'
import { blockingKeys } from './linkage/blocking.ts'
import { solveFractures } from './linkage/fractures.ts'
import type { Explanation, PersonAssertion, PersonSolution, RecordEvidence } from './linkage/linkage.ts'
import type { FractureModel, PersonModel } from './linkage/models.ts'
import { pairIsNear, solvePersons } from './linkage/persons.ts'
import type { ReadingTables } from './mapping/read.ts'
import type { Registers } from './registers.ts'
import type { PersonDocument, PersonFracture, RecordDocument, ReviewDocument } from './store/documents.ts'
import type { Finder } from './store/neighbours.ts'
import { joinOutcomes, type Outcome } from './store/outcome.ts'

export type LinkageModels = { readonly person: PersonModel; readonly fracture: FractureModel }
export type SolveContext = {
  readonly tables: ReadingTables
  readonly models: LinkageModels
  readonly registers: Registers
  readonly id: (kind: string, ...parts: readonly string[]) => string
}

/** How the store finds records that may be one person. */
export function finderFor(models: LinkageModels): Finder {
  return { evidenceOf, blockingKeys, isNear: (a, b) => pairIsNear(a, b, models.person) }
}

/** What a record's facts say of its patient; undefined when they say nothing. Facets distinct, in canonical order. */
export function evidenceOf(record: RecordKey, facts: readonly Fact[]): RecordEvidence | undefined {
  const identities = facts
    .filter((fact): fact is FactOf['identity'] => fact.kind === 'identity' && fact.status !== 'retracted')
    .sort(compareFacts)
  const first = identities[0]
  if (!first) return undefined
  const facets = [...new Map(identities.map(fact => [JSON.stringify(fact.detail), fact.detail])).values()]
  const death = facts
    .filter(fact => fact.kind === 'death' && fact.status !== 'retracted')
    .sort(compareFacts)
    .find(fact => fact.when)?.when?.date
  return { record, organisation: first.organisation, side: first.side, facets, ...(death ? { deathDate: death } : {}) }
}

/**
 * Persons, fractures and episodes of one closure of neighbours: a pure function of the facts, the assertions among them, the registers,
 * the tables and the model. Same facts in any order give the same documents, so undoing a merge is taking its assertion away.
 */
export function solveComponent(
  documents: readonly RecordDocument[],
  facts: readonly Fact[],
  context: SolveContext,
): Outcome {
  const { isSealed, standing } = context.registers
  const open = withMovedVisits(facts.filter(fact => !isSealed(fact)))
  const byRecord = Map.groupBy(open, fact => fact.record)
  const current = new Map(
    [...byRecord].map(([record, own]) => {
      const { facts: spoken, isAbsent } = standing(own)
      return [record, currentFacts(spoken, { isAbsent })] as const
    }),
  )
  const records = documents.flatMap(({ _id }) => {
    // A record with nothing that stands any more is nobody's evidence, unless something of it was withdrawn and must be seen to be.
    const own = current.get(_id)
    const evidence =
      own && own.facts.length + own.past.length > 0 ? evidenceOf(_id, byRecord.get(_id) ?? []) : undefined
    return evidence ? [evidence] : []
  })
  const assertions = [...current.values()].flatMap(own => own.facts.flatMap(personAssertion))
  const parts = exactComponents(records, assertions, context.models).map(component =>
    solvePart(component, assertions, current, context),
  )
  return joinOutcomes(parts)
}

function solvePart(
  component: readonly RecordEvidence[],
  assertions: readonly PersonAssertion[],
  current: ReadonlyMap<RecordKey, Current>,
  context: SolveContext,
): Outcome {
  const own = new Set(component.map(evidence => evidence.record))
  const solution = solvePersons(
    component,
    assertions.filter(one => own.has(one.a) && own.has(one.b)),
    context.models.person,
  )
  const solved = solution.persons.map(person => solvePerson(person, component, current, context))
  const personOf = new Map(
    solved.flatMap(one => one.person.members.map(member => [member.record, one.person] as const)),
  )
  const reviews = solution.reviews.map(({ a, b, explanation }) => {
    const both = [personOf.get(a), personOf.get(b)].filter(person => person !== undefined)
    return review('person', a, b, both, explanation, context)
  })
  return {
    persons: solved.map(one => one.person),
    episodes: solved.flatMap(one => one.episodes),
    reviews: [...reviews, ...solved.flatMap(one => one.reviews)],
  }
}

type SolvedPerson = { person: Outcome['persons'][number]; episodes: Outcome['episodes']; reviews: Outcome['reviews'] }

function solvePerson(
  solution: PersonSolution,
  component: readonly RecordEvidence[],
  current: ReadonlyMap<RecordKey, Current>,
  context: SolveContext,
): SolvedPerson {
  const keys = solution.members.map(member => member.record)
  const ids = keys.map(key => context.id('person', key))
  const [personId = '', ...aliases] = ids
  const own: Current = {
    facts: keys.flatMap(key => current.get(key)?.facts ?? []).sort(compareFacts),
    past: keys.flatMap(key => current.get(key)?.past ?? []).sort(compareFacts),
  }
  const fractures = solveFractures(own.facts, context.tables.mapping.terminology.sites, context.models.fracture)
  const input: EpisodesInput = {
    personId,
    personAliases: aliases,
    records: keys,
    current: own,
    fractures,
    registers: context.registers,
    tables: context.tables.mapping.terminology,
    id: context.id,
  }
  const decided = personFractures(input)
  const episodes = solveEpisodes(input, decided)
  const evidence = new Map(component.map(one => [one.record, one]))
  const members = solution.members.flatMap(({ record, probability, explanation }) => {
    const known = evidence.get(record)
    if (!known) return []
    const { organisation, side } = known
    return [
      {
        record,
        organisation,
        side,
        probability,
        decidedBy: explanation?.decidedBy ?? 'model',
        ...(explanation ? { explanation } : {}),
      },
    ]
  })
  const person = {
    _id: personId,
    aliases,
    members,
    organisations: [...new Set(members.map(member => member.organisation))].sort(),
    fractures: fractureDocuments(decided, episodes, earlierVersions(decided, own.past, input.tables.sites)),
  }
  const reviews = fractures.reviews.map(({ factId, explanation }) =>
    review('fracture', factId, explanation.candidate, [person], explanation, context),
  )
  return { person, episodes: episodes.map(({ id, ...rest }) => ({ _id: id, ...rest })), reviews }
}

function fractureDocuments(
  fractures: ReturnType<typeof personFractures>,
  episodes: readonly Episode[],
  earlier: ReturnType<typeof earlierVersions>,
): PersonFracture[] {
  return fractures.map(({ fractureId, aliases, site, status, laterality, date, members, memberFacts }) => {
    const inboxOf = new Map(memberFacts.map(fact => [fact.id, fact.source.inboxId]))
    const versions = earlier.get(fractureId)?.map(({ fact, became }) => ({
      factId: fact.id,
      inboxId: fact.source.inboxId,
      became,
    }))
    const episodeId = episodes.find(episode => episode.fractures.some(one => one.fractureId === fractureId))?.id
    return {
      fractureId,
      aliases: [...aliases],
      site,
      status,
      ...(laterality ? { laterality } : {}),
      ...(date ? { date } : {}),
      ...(episodeId ? { episodeId } : {}),
      facts: members.flatMap(({ factId, probability, explanation }) => {
        const inboxId = inboxOf.get(factId)
        return inboxId
          ? [
              {
                factId,
                inboxId,
                probability,
                decidedBy: explanation?.decidedBy ?? 'model',
                ...(explanation ? { explanation } : {}),
              },
            ]
          : []
      }),
      ...(versions ? { earlier: versions } : {}),
    }
  })
}

function review(
  kind: ReviewDocument['kind'],
  a: string,
  b: string,
  persons: readonly Pick<PersonDocument, '_id' | 'organisations'>[],
  explanation: Explanation,
  context: SolveContext,
) {
  return {
    _id: context.id('review', kind, ...[a, b].sort()),
    kind,
    a,
    b,
    explanation,
    persons: [...new Set(persons.map(person => person._id))].sort(),
    organisations: [...new Set(persons.flatMap(person => person.organisations))].sort(),
  }
}

function personAssertion(fact: Fact): PersonAssertion[] {
  if (fact.kind !== 'assertion') return []
  const { assertion, other } = fact.detail
  if (assertion === 'fracture-same' || assertion === 'fracture-different' || assertion === 'visit-moved') return []
  return [{ kind: assertion, a: fact.record, b: other as RecordKey, factId: fact.id }]
}

/** The closure of what is near or asserted now; the store's closure may hold pairs that no longer are. */
function exactComponents(
  records: readonly RecordEvidence[],
  assertions: readonly PersonAssertion[],
  models: LinkageModels,
): RecordEvidence[][] {
  const asserted = new Set(assertions.flatMap(({ a, b }) => [`${a}\n${b}`, `${b}\n${a}`]))
  const left = new Map(records.map(one => [one.record, one]))
  return records.flatMap(start => {
    if (!left.delete(start.record)) return []
    const part = [start]
    // Who has been found is not compared again: among n that are all near each other n - 1 comparisons do.
    for (const one of part)
      for (const other of left.values())
        if (asserted.has(`${one.record}\n${other.record}`) || pairIsNear(one, other, models.person)) {
          left.delete(other.record)
          part.push(other)
        }
    return [part]
  })
}
