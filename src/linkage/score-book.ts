import { compareCores } from './compare.ts'
import { type Belongings, belongingsOf } from './compare-belongings.ts'
import { type ComparableRecord, type Facet, fullest } from './facet.ts'
import type { Part } from './linkage.ts'
import type { PersonModel } from './models.ts'
import { type Edges, pairKey } from './person-edges.ts'
import { type PairScore, scoreFrom, scoreRecords } from './score.ts'

/** A person in the making: records in canonical order. `order` is made of theirs, so equal sets are equal hubs. */
export type Hub = {
  readonly order: string
  readonly records: readonly ComparableRecord[]
  readonly belongings: Belongings
  /** What all its records say of name, birth date and sex, without what is only part of something else they say. */
  readonly cores: readonly Facet[]
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
  const contextOf = (one: Hub, two: Hub) => {
    const keys = hasAssertions ? keysBetween(one, two) : []
    const isSuperseded = keys.some(key => edges.superseded.has(key))
    return { isSuperseded, adjustments: hintsAmong(keys, edges, model), guardsOff }
  }
  const recordScoreOf = rememberPairs<ComparableRecord, PairScore>((one, two) =>
    scoreRecords(one, two, model, contextOf(hubOf([one]), hubOf([two]))),
  )
  const scoreOf = rememberPairs<Hub, PairScore>((left, right) =>
    scoreFrom(
      compareCores(left.cores, right.cores, model),
      left.belongings,
      right.belongings,
      model,
      contextOf(left, right),
    ),
  )
  const speaksAgainst = (left: ComparableRecord, right: ComparableRecord) =>
    recordScoreOf(left, right).totalBits - model.priorBits <= model.thresholds.contradictionBits
  return {
    model,
    edges,
    recordScoreOf,
    scoreOf,
    areApart: (one, two) => edges.apart.size > 0 && keysBetween(one, two).some(key => edges.apart.has(key)),
    contradicts: rememberPairs<Hub, boolean>(
      (one, two) =>
        one.records.length + two.records.length > 2 &&
        one.records.some(left => two.records.some(right => speaksAgainst(left, right))),
    ),
  }
}

function keysBetween(one: Hub, two: Hub): string[] {
  return one.records.flatMap(left => two.records.map(right => pairKey(left, right)))
}

/** Computes each unordered pair once, always in canonical order. */
function rememberPairs<Thing extends { readonly order: string }, Value>(
  make: (left: Thing, right: Thing) => Value,
): (one: Thing, two: Thing) => Value {
  const known = new Map<Thing, Map<Thing, Value>>()
  return (one, two) => {
    const [left, right] = one.order <= two.order ? [one, two] : [two, one]
    const row = known.get(left) ?? new Map<Thing, Value>()
    known.set(left, row)
    const found = row.get(right)
    if (found !== undefined) return found
    const value = make(left, right)
    row.set(right, value)
    return value
  }
}

function hintsAmong(keys: readonly string[], edges: Edges, model: PersonModel): Part[] {
  return keys.some(key => edges.hints.has(key))
    ? [{ field: 'replaced-by', level: 'other authority', bits: model.adjustments['replaced-by'] }]
    : []
}
