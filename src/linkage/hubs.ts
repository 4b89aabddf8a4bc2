import { type CoreComparison, compareCores } from './compare.ts'
import { type Belongings, belongingsOf } from './compare-belongings.ts'
import type { ComparableRecord } from './facet.ts'
import { hasEqualNhs } from './guards.ts'
import type { Part } from './linkage.ts'
import type { PersonModel } from './models.ts'
import { type Edges, pairKey } from './person-edges.ts'
import { type PairScore, posterior, scoreFrom, scoreRecords } from './score.ts'

/** A person in the making: records in canonical order. `id` is made of their orders, so equal sets are equal hubs. */
export type Hub = {
  readonly id: string
  readonly records: readonly ComparableRecord[]
  readonly belongings: Belongings
}

export function hubOf(records: readonly ComparableRecord[]): Hub {
  const sorted = [...records].sort((left, right) => (left.order < right.order ? -1 : 1))
  return { id: sorted.map(record => record.order).join('+'), records: sorted, belongings: belongingsOf(sorted) }
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

export function openScoreBook(model: PersonModel, edges: Edges, guardsOff: readonly string[] = []): ScoreBook {
  const cores = new Map<string, CoreComparison>()
  const scores = new Map<string, PairScore>()
  const recordScores = new Map<string, PairScore>()
  const coreOf = (one: ComparableRecord, two: ComparableRecord) =>
    remember(cores, pairKey(one, two), () => {
      const [left, right] = one.order <= two.order ? [one, two] : [two, one]
      return compareCores(left.facets, right.facets, model)
    })
  const contextOf = (keys: readonly string[]) => ({
    isSuperseded: keys.some(key => edges.superseded.has(key)),
    adjustments: hintsAmong(keys, edges, model),
    guardsOff,
  })
  const recordScoreOf = (one: ComparableRecord, two: ComparableRecord) =>
    remember(recordScores, pairKey(one, two), () => scoreRecords(one, two, model, contextOf([pairKey(one, two)])))
  const pairsOf = (one: Hub, two: Hub) => one.records.flatMap(left => two.records.map(right => [left, right] as const))
  return {
    model,
    edges,
    recordScoreOf,
    areApart: (one, two) => pairsOf(one, two).some(([left, right]) => edges.apart.has(pairKey(left, right))),
    contradicts: (one, two) =>
      one.records.length + two.records.length > 2 &&
      pairsOf(one, two).some(
        ([left, right]) => recordScoreOf(left, right).totalBits - model.priorBits <= model.thresholds.contradictionBits,
      ),
    scoreOf: (one, two) => {
      const [left, right] = one.id <= two.id ? [one, two] : [two, one]
      return remember(scores, `${left.id}|${right.id}`, () => {
        const pairs = pairsOf(left, right)
        const best = pairs.map(([a, b]) => coreOf(a, b)).reduce((most, core) => (core.bits > most.bits ? core : most))
        return scoreFrom(
          best,
          left.belongings,
          right.belongings,
          model,
          contextOf(pairs.map(([a, b]) => pairKey(a, b))),
        )
      })
    },
  }
}

/** Join best first until no pair of hubs may be joined: stars, because a hub is compared as a whole and a contradicting member stops it. */
export function joinHubs(start: readonly Hub[], book: ScoreBook): Hub[] {
  let hubs = [...start]
  for (;;) {
    const pair = bestJoin(hubs, book)
    if (!pair) return hubs
    const [one, two] = pair
    hubs = [...hubs.filter(hub => hub !== one && hub !== two), hubOf([...one.records, ...two.records])].sort(
      (left, right) => (left.id < right.id ? -1 : 1),
    )
  }
}

function bestJoin(hubs: readonly Hub[], book: ScoreBook): readonly [Hub, Hub] | undefined {
  const pairs = hubs.flatMap((one, index) =>
    hubs.slice(index + 1).map(two => ({ one, two, bits: book.scoreOf(one, two).totalBits })),
  )
  const promising = pairs
    .filter(pair => pair.bits >= book.model.autoBits)
    .sort(
      (left, right) => right.bits - left.bits || compareText(left.one.id + left.two.id, right.one.id + right.two.id),
    )
  const found = promising.find(({ one, two }) => mayJoin(one, two, hubs, book))
  return found ? [found.one, found.two] : undefined
}

function mayJoin(one: Hub, two: Hub, hubs: readonly Hub[], book: ScoreBook): boolean {
  if (book.areApart(one, two) || book.scoreOf(one, two).guards.length > 0 || book.contradicts(one, two)) return false
  const { autoProbability } = book.model.thresholds
  return shareOf(one, two, hubs, book) >= autoProbability && shareOf(two, one, hubs, book) >= autoProbability
}

/**
 * Probability that `hub` is `candidate`, among its rivals and nobody. A rival is a hub that cannot well be the candidate's person too;
 * several records of one person do not compete with each other.
 */
export function shareOf(hub: Hub, candidate: Hub, hubs: readonly Hub[], book: ScoreBook): number {
  const rivals = hubs.filter(
    other =>
      other !== hub && other !== candidate && !book.areApart(hub, other) && areTwoPersons(candidate, other, book),
  )
  return posterior(
    book.scoreOf(hub, candidate).totalBits,
    rivals.map(other => book.scoreOf(hub, other).totalBits),
  )
}

/** Evidence against one person: said by a human, a guard, a contradicting member, or fields that together speak against it. */
function areTwoPersons(one: Hub, two: Hub, book: ScoreBook): boolean {
  const { guards, levels, totalBits } = book.scoreOf(one, two)
  if (book.areApart(one, two) || (guards.length > 0 && !hasEqualNhs(levels))) return true
  return totalBits < book.model.priorBits || book.contradicts(one, two)
}

function hintsAmong(keys: readonly string[], edges: Edges, model: PersonModel): Part[] {
  return keys.some(key => edges.hints.has(key))
    ? [{ field: 'replaced-by', level: 'other authority', bits: model.adjustments['replaced-by'] }]
    : []
}

function remember<Value>(known: Map<string, Value>, key: string, make: () => Value): Value {
  const value = known.get(key) ?? make()
  known.set(key, value)
  return value
}

function compareText(left: string, right: string): number {
  return left < right ? -1 : left > right ? 1 : 0
}
