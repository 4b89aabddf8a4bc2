import path from 'node:path'
import type { Current } from '../../src/fls/current.ts'
import { currentFacts } from '../../src/fls/current.ts'
import { addDays, type DayDate, dayFromNumber, dayNumber, type Instant, type PartialDate } from '../../src/fls/dates.ts'
import type { Episode } from '../../src/fls/episode.ts'
import type { Fact, FactId, FactKind, FactOf, InboxId, OdsCode, RecordKey, Revision } from '../../src/fls/fact.ts'
import { type EpisodesInput, solveEpisodes } from '../../src/fls/solve.ts'
import type { FractureSolution } from '../../src/linkage/linkage.ts'
import { loadTerminology } from '../../src/terminology/load-terminology.ts'

/** Facts for worked examples: everything happens to one synthetic patient with 1.09 = 2024-01-01 unless said otherwise. */
export const indexDay = '2024-01-01' as DayDate
export const tables = loadTerminology(path.join(import.meta.dirname, '../../terminology'))
export const hospital = 'RXX' as OdsCode
export const practice = 'P81001' as OdsCode

/** The day so many days from 1.09. */
export function day(offset: number): DayDate {
  return addDays(indexDay, offset)
}

type Given<K extends FactKind> = Partial<Omit<FactOf[K], 'kind' | 'revision'>> & {
  revision?: Partial<Revision>
  inbox?: string
}

let count = 0
/** A fact of the hospital's record, authored on its own day; ids in order of making. */
export function fact<K extends FactKind>(kind: K, given: Given<K>): FactOf[K] {
  const number = String(++count).padStart(6, '0')
  const { revision, inbox, ...rest } = given
  const side = rest.side ?? 'hospital'
  const organisation = side === 'gp' ? practice : hospital
  const made = {
    id: `fact-${number}` as FactId,
    record: (side === 'gp' ? `${practice}|gp|1` : `${hospital}|1`) as RecordKey,
    organisation,
    side,
    status: 'active',
    kind,
    source: {
      inboxId: (inbox ?? `inbox-${number}`) as InboxId,
      path: `field ${number}`,
      row: 'test.row',
      tableHash: 'hash',
      sender: 'test',
      controlId: number,
    },
    ...rest,
    revision: {
      asOf: `${rest.when?.date.slice(0, 10) ?? indexDay}T12:00:00.000Z`.replace(/^(\d{4})T/, '$1-01-01T') as Instant,
      ...revision,
    },
  }
  return made as unknown as FactOf[K]
}

export function at(date: string, kind: NonNullable<Fact['when']>['kind'] = 'event'): NonNullable<Fact['when']> {
  return { date: date as PartialDate, kind }
}

export function concept(
  set: string,
  id: string,
  specificity: readonly string[] = [],
  kind: 'include' | 'exclude' | 'history' = 'include',
) {
  return { set, id, kind, specificity } as const
}

export function broken(site: string, given: Given<'diagnosis'> = {}): FactOf['diagnosis'] {
  return fact('diagnosis', {
    when: at(indexDay, 'attendance'),
    certainty: 'confirmed',
    concept: concept('fracture-site', site),
    detail: { department: 'emergency' },
    ...given,
  })
}

export function patient(given: Given<'identity'> = {}): FactOf['identity'] {
  return fact('identity', {
    ...given,
    detail: {
      nhsNumber: '9990001006' as never,
      birthDate: '1948-05-02' as PartialDate,
      sex: 'female',
      postcode: 'ZZ99 3VZ',
      ...given.detail,
    },
  })
}

export function drug(id: string, offset: number, given: Given<'medication'> = {}): FactOf['medication'] {
  return fact('medication', {
    when: at(day(offset)),
    concept: concept('bone-drug', id),
    ...given,
    detail: { state: 'supplied', ...given.detail },
  })
}

export function answer(
  item: string,
  values: readonly string[],
  given: Given<'answer'> & { on?: string } = {},
): FactOf['answer'] {
  const { on, ...rest } = given
  return fact('answer', {
    side: 'site',
    organisation: hospital,
    record: `${hospital}|1` as RecordKey,
    ...rest,
    revision: { asOf: `${on ?? '2024-02-01'}T12:00:00.000Z` as Instant, ...rest.revision },
    detail: { item, values, response: 'response-1', responseStatus: 'in-progress', ...rest.detail },
  })
}

/** What linkage would say of plain cases: each fracture-site diagnosis is a fracture of its own; equal dates are one injury. */
export function fractureOf(facts: readonly Fact[], more: Partial<FractureSolution> = {}): FractureSolution {
  const [first] = facts
  return {
    members: facts.map(({ id }) => ({ factId: id, probability: 1 })),
    status: 'confirmed',
    site: first?.concept?.id ?? 'unspecified',
    ...(first?.when ? { date: first.when.date, dateFactId: first.id } : {}),
    injury: first?.when ? dayNumber(`${first.when.date}-01-01`.slice(0, 10) as DayDate) : 0,
    supporting: [],
    ...more,
  }
}

export function idOf(kind: string, ...parts: readonly string[]): string {
  return `${kind}(${parts.join('/')})`
}

export function inputOf(
  facts: readonly Fact[],
  fractures?: readonly FractureSolution[],
  current: Current = currentFacts(facts),
): EpisodesInput {
  const diagnoses = current.facts.filter(
    one =>
      one.kind === 'diagnosis' &&
      one.concept?.set === 'fracture-site' &&
      one.concept.kind !== 'history' &&
      one.certainty !== 'refuted',
  )
  return {
    personId: 'person-1',
    personAliases: [],
    records: [...new Set(facts.map(one => one.record))],
    current,
    fractures: { fractures: fractures ?? diagnoses.map(one => fractureOf([one])), reviews: [] },
    registers: {
      hospitalToFls: new Map([[hospital, 'RXX01' as OdsCode]]),
      practiceToFls: new Map([[practice, 'RYY02' as OdsCode]]),
    },
    tables,
    id: idOf,
  }
}

export function solve(facts: readonly Fact[], fractures?: readonly FractureSolution[]): Episode[] {
  return solveEpisodes(inputOf(facts, fractures))
}

/** The one episode of a patient with a hip fracture and these further facts. */
export function hipEpisode(...facts: readonly Fact[]): Episode {
  const [episode] = solve([patient(), broken('hip.neck'), ...facts])
  if (!episode) throw new Error('no episode')
  return episode
}

/** The values that answer an item; several joined by `;`, `-` for no answer. */
export function answered(episode: Episode, item: string): string {
  return episode.answers[item]?.values.join(';') ?? '-'
}

export { dayFromNumber }
