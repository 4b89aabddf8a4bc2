import type { ScopeFilter } from '../access/scope.ts'
import type { RecordKey } from '../fls/fact.ts'
import type { FactDocument, PersonDocument } from './documents.ts'
import type { Store } from './store.ts'

/**
 * One assignment made by linkage, for audit and evaluation (decisions.md 11): a patient statement, or a fracture fact. `path`: the row id, the
 * `Type/id` or the place in the message, without the place inside it.
 */
export type LinkLine = {
  readonly inboxId: string
  readonly sender: string
  readonly localPatientId: string | null
  readonly controlId: string
  readonly path: string
  readonly personId: string
  readonly fractureId: string | null
  readonly episodeId: string | null
  readonly personProbability: number
  readonly fractureProbability: number | null
  readonly decidedBy: string
}

const batch = 200
type Placed = { fractureId: string; episodeId: string | null; probability: number; decidedBy: string }

/** Every assignment in scope, person by person; holds one batch of persons at a time. */
export async function* linkLines(
  store: Pick<Store, 'persons' | 'facts'>,
  scope: ScopeFilter,
): AsyncGenerator<LinkLine> {
  const cursor = store.persons
    .find(scope, { projection: { 'members.explanation': 0, 'fractures.facts.explanation': 0 } })
    .sort({ _id: 1 })
    .batchSize(batch)
  let group: PersonDocument[] = []
  for await (const person of cursor) {
    group.push(person)
    if (group.length < batch) continue
    yield* await linesOf(store, group)
    group = []
  }
  yield* await linesOf(store, group)
}

async function linesOf(store: Pick<Store, 'facts'>, persons: readonly PersonDocument[]): Promise<LinkLine[]> {
  const records = persons.flatMap(person => person.members.map(member => member.record))
  const facts = await store.facts
    .find(
      { record: { $in: records }, status: { $ne: 'retracted' }, kind: { $in: ['identity', 'diagnosis'] } },
      { projection: { record: 1, kind: 1, concept: 1, source: 1, 'detail.localNumber': 1 } },
    )
    .toArray()
  const byRecord = Map.groupBy(facts, fact => fact.record)
  return persons.flatMap(person => {
    const placed = placesOf(person)
    return person.members.flatMap(member =>
      (byRecord.get(member.record) ?? [])
        .filter(fact => fact.kind === 'identity' || fact.concept?.set === 'fracture-site')
        .toSorted((a, b) => (a._id < b._id ? -1 : 1))
        .map(fact => lineOf(person, member, fact, placed.get(fact._id))),
    )
  })
}

function placesOf(person: PersonDocument): ReadonlyMap<string, Placed> {
  return new Map(
    person.fractures.flatMap(({ fractureId, episodeId, facts, earlier }) => {
      const standing = new Map<string, Placed>(
        facts.map(({ factId, probability, decidedBy }) => [
          factId,
          { fractureId, episodeId: episodeId ?? null, probability, decidedBy },
        ]),
      )
      // A replaced statement stands where its newest version does.
      const replaced = (earlier ?? []).flatMap(({ factId, became }): [string, Placed][] => {
        const heir = standing.get(became)
        return heir ? [[factId, heir]] : []
      })
      return [...standing, ...replaced]
    }),
  )
}

function lineOf(
  person: PersonDocument,
  member: PersonDocument['members'][number],
  fact: FactDocument,
  placed: Placed | undefined,
): LinkLine {
  const { inboxId, sender, controlId, path } = fact.source
  return {
    inboxId,
    sender,
    localPatientId: localNumberOf(fact.record),
    controlId,
    path: path.split('#', 1)[0] ?? path,
    personId: person._id,
    fractureId: placed?.fractureId ?? null,
    episodeId: placed?.episodeId ?? null,
    personProbability: member.probability,
    fractureProbability: placed?.probability ?? null,
    decidedBy: placed?.decidedBy ?? member.decidedBy,
  }
}

/** The sender's own patient number from a record key; null when the record has none (known by NHS number or message only). */
export function localNumberOf(record: RecordKey): string | null {
  const [authority = '', kind = '', ...rest] = record.split('|')
  if (kind === 'nhs' || /^[0-9a-f]{64}$/.test(authority)) return null
  return kind === 'gp' || kind === 'fls' ? rest.join('|') : [kind, ...rest].join('|')
}
