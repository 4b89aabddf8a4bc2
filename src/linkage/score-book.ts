import { rememberCores } from './compare.ts'
import { type Belongings, belongingsOf } from './compare-belongings.ts'
import { type ComparableRecord, type Facet, fullest } from './facet.ts'
import type { Part } from './linkage.ts'
import type { PersonModel } from './models.ts'
import { type Edges, pairKey } from './person-edges.ts'
import { type PairScore, scoreFrom } from './score.ts'

/** A person in the making: records in canonical order. `order` is made of theirs, so equal sets are equal hubs. */
export type Hub = {
  readonly order: string
  readonly records: readonly ComparableRecord[]
  readonly belongings: Belongings
  /** What all its records say of name, birth date and sex, without what is only part of something else they say. */
  readonly cores: readonly Facet[]
  /** The two hubs it was joined from, if it was: what holds between any of their records holds for it. */
  readonly joined?: readonly [Hub, Hub]
}

export function joinOf(one: Hub, two: Hub): Hub {
  return { ...hubOf([...one.records, ...two.records]), joined: [one, two] }
}

export function hubOf(records: readonly ComparableRecord[]): Hub {
  const sorted = [...records].sort((left, right) => (left.order < right.order ? -1 : 1))
  return {
    order: sorted.map(record => record.order).join('+'),
    records: sorted,
    belongings: belongingsOf(sorted),
    cores: fullest(sorted.flatMap(record => record.cores)),
  }
}

/** Scores of hubs and records of one component, each computed once. */
export type ScoreBook = {
  readonly model: PersonModel
  readonly edges: Edges
  readonly scoreOf: (one: Hub, two: Hub) => PairScore
  readonly recordScoreOf: (one: ComparableRecord, two: ComparableRecord) => PairScore
  readonly areApart: (one: Hub, two: Hub) => boolean
  readonly contradicts: (one: Hub, two: Hub) => boolean
}

/** An empty book for one component. */
export function openScoreBook(model: PersonModel, edges: Edges, guardsOff: readonly string[] = []): ScoreBook {
  const hasAssertions = edges.superseded.size + edges.apart.size + edges.hints.size > 0
  const noAssertions = { isSuperseded: false, adjustments: [], guardsOff }
  const contextOf = (one: Hub, two: Hub) => {
    const keys = keysBetween(one, two)
    const isSuperseded = keys.some(key => edges.superseded.has(key))
    return { isSuperseded, adjustments: hintsAmong(keys, edges, model), guardsOff }
  }
  const compareCores = rememberCores(model)
  const recordScoreOf = rememberPairs<ComparableRecord, PairScore>((left, right) =>
    scoreFrom(
      compareCores(left.cores, right.cores),
      belongingsOf([left]),
      belongingsOf([right]),
      model,
      hasAssertions ? contextOf(hubOf([left]), hubOf([right])) : noAssertions,
    ),
  )
  const scoreOf = rememberPairs<Hub, PairScore>((left, right) => {
    const [one, two] = [left.records[0], right.records[0]]
    if (one && two && left.records.length + right.records.length === 2) return recordScoreOf(one, two)
    const context = hasAssertions ? contextOf(left, right) : noAssertions
    return scoreFrom(compareCores(left.cores, right.cores), left.belongings, right.belongings, model, context)
  })
  const speaksAgainst = (left: ComparableRecord, right: ComparableRecord) =>
    recordScoreOf(left, right).totalBits - model.priorBits <= model.thresholds.contradictionBits
  // Asked of the hubs it was joined from, which mostly have answered before: else every join would ask all its records again.
  const anySpeaksAgainst: (one: Hub, two: Hub) => boolean = rememberPairs<Hub, boolean>((one, two) => {
    if (one.joined) return one.joined.some(part => anySpeaksAgainst(part, two))
    if (two.joined) return two.joined.some(part => anySpeaksAgainst(one, part))
    return one.records.some(left => two.records.some(right => speaksAgainst(left, right)))
  })
  return {
    model,
    edges,
    recordScoreOf,
    scoreOf,
    areApart: (one, two) => edges.apart.size > 0 && keysBetween(one, two).some(key => edges.apart.has(key)),
    contradicts: (one, two) => one.records.length + two.records.length > 2 && anySpeaksAgainst(one, two),
  }
}

function keysBetween(one: Hub, two: Hub): string[] {
  return one.records.flatMap(left => two.records.map(right => pairKey(left, right)))
}

/** Computes each unordered pair once, always in canonical order. */
function rememberPairs<Thing extends { readonly order: string }, Value>(
  make: (left: Thing, right: Thing) => Value,
): (one: Thing, two: Thing) => Value {
  const places = new Map<Thing, number>()
  const placeOf = (thing: Thing): number => {
    const known = places.get(thing)
    if (known !== undefined) return known
    places.set(thing, places.size)
    return places.size - 1
  }
  const rows: (Value | undefined)[][] = []
  return (one, two) => {
    const [first, second] = [placeOf(one), placeOf(two)]
    const [low, high] = first < second ? [first, second] : [second, first]
    const known = rows[high]?.[low]
    if (known !== undefined) return known
    const value = one.order <= two.order ? make(one, two) : make(two, one)
    const row = rows[high] ?? []
    rows[high] = row
    row[low] = value
    return value
  }
}

function hintsAmong(keys: readonly string[], edges: Edges, model: PersonModel): Part[] {
  return keys.some(key => edges.hints.has(key))
    ? [{ field: 'replaced-by', level: 'other authority', bits: model.adjustments['replaced-by'] }]
    : []
}
