import { type Place, placesOf, type Scorer, type Sorting, totalScore, without } from './fracture-search.ts'
import { type Injury, scoreFields } from './injury-score.ts'
import type { Explanation, Part } from './linkage.ts'
import type { FractureModel } from './models.ts'
import type { Statement } from './statements.ts'

type Weighed = { readonly place: Place; readonly bits: number; readonly share: number }
/** Every place a statement could have, all other statements left where they are, and the one it has. */
export type Weighing = {
  readonly statement: Statement
  readonly rest: Sorting
  readonly places: readonly Weighed[]
  readonly own: Weighed
}

/** Weighs the places of a statement: bits relative to opening a new event (0), shares that sum to 1. */
export function weighPlaces(statement: Statement, sorting: Sorting, score: Scorer): Weighing {
  const rest = without(sorting, statement)
  const totals = placesOf(statement, rest).map(place => ({ place, total: totalScore(place.sorting, score) }))
  const base = totals.find(({ place }) => place.kind === 'new')?.total ?? 0
  const most = Math.max(...totals.map(({ total }) => total))
  const sum = totals.reduce((shares, { total }) => shares + Math.exp(total - most), 0)
  const places = totals.map(({ place, total }): Weighed => {
    return { place, bits: (total - base) / Math.LN2, share: Math.exp(total - most) / sum }
  })
  const alone: Weighed = {
    place: { kind: 'new', sorting, injury: [[statement]], fracture: [statement] },
    bits: 0,
    share: 1,
  }
  return { statement, rest, places, own: places.find(({ place }) => isSameSorting(place.sorting, sorting)) ?? alone }
}

/** Why a statement stands where it stands. Parts add up to the total; `probability` is the share of its place among all places. */
export function explainPlace(weighing: Weighing, score: Scorer, model: FractureModel, isDecided: boolean): Explanation {
  return explain(weighing, weighing.own, score, model, isDecided)
}

/**
 * The same for a place in doubt, as a question about two facts: a statement standing alone is explained against the best event it did not join.
 * `candidate` is a fact id, or `new` when there is no other event.
 */
export function explainDoubt(weighing: Weighing, score: Scorer, model: FractureModel, isDecided: boolean): Explanation {
  const others = weighing.places
    .filter(({ place }) => place.kind === 'event')
    .sort((left, right) => right.bits - left.bits)
  const asked = weighing.own.place.kind === 'event' ? weighing.own : (others[0] ?? weighing.own)
  return { ...explain(weighing, asked, score, model, isDecided), decision: 'review' }
}

function explain(
  weighing: Weighing,
  told: Weighed,
  score: Scorer,
  model: FractureModel,
  isDecided: boolean,
): Explanation {
  const { statement, places, rest } = weighing
  const rivals = places
    .filter(other => other !== told)
    .sort((left, right) => right.bits - left.bits)
    .map(({ place, bits, share }) => ({ candidate: nameOf(place, statement), totalBits: bits, probability: share }))
  const parts = told.place.kind === 'new' ? [] : partsOf(statement, told.place, rest, score)
  return {
    kind: 'event',
    model: model.name,
    record: statement.fact.id,
    candidate: nameOf(told.place, statement),
    parts,
    adjustments: [],
    guards: [...(isDecided ? ['human'] : []), ...(statement.isAfterDeath ? ['after-death'] : [])],
    totalBits: parts.reduce((sum, part) => sum + part.bits, 0),
    probability: told.share,
    ...(rivals[0] ? { runnerUp: rivals[0] } : {}),
    rivals: rivals.slice(0, 5).map(({ candidate, totalBits }) => ({ candidate, totalBits })),
    decision: isDoubtful(weighing, model) ? 'review' : told.place.kind === 'event' ? 'link' : 'new',
    decidedBy: isDecided ? 'human' : 'model',
  }
}

/** Below the link threshold. Which of two fractures of one injury a record without a side belongs to is no question for a person. */
function isDoubtful({ statement, places, own }: Weighing, model: FractureModel): boolean {
  const isAlike = ({ place }: Weighed) =>
    place.kind === 'event' && own.place.kind === 'event' && isSameInjury(place, own.place, statement)
  const shares = statement.side ? [own] : places.filter(place => place === own || isAlike(place))
  return shares.reduce((sum, { share }) => sum + share, 0) < model.thresholds.linkProbability
}

/** The other facts of the place, by the first of them: `new`, `simultaneous:<fact>` or `<fact>`. */
function nameOf(place: Place, statement: Statement): string {
  const anchor = place.fracture.find(one => one !== statement) ?? place.injury.flat().find(one => one !== statement)
  if (place.kind === 'new' || !anchor) return 'new'
  return place.kind === 'simultaneous' ? `simultaneous:${anchor.fact.id}` : anchor.fact.id
}

function partsOf(statement: Statement, place: Place, rest: Sorting, score: Scorer): Part[] {
  const before = rest.find(injury => injury.flat().some(one => place.injury.flat().includes(one)))
  const [joined, alone] = [score(place.injury), score([[statement]])]
  const without = before ? score(before) : undefined
  return scoreFields.map(field => ({
    field,
    level: levelOf(field, statement, place, before),
    bits: (joined[field] - (without?.[field] ?? 0) - alone[field]) / Math.LN2,
  }))
}

function levelOf(
  field: (typeof scoreFields)[number],
  statement: Statement,
  place: Place,
  before: Injury | undefined,
): string {
  const others = place.fracture.filter(one => one !== statement)
  if (field === 'owed') return `${statement.department} record`
  if (field === 'date') return `${statement.dateKind}, ${relativeDay(statement, before?.flat() ?? [])}`
  if (field === 'site')
    return others.some(one => one.site === statement.site)
      ? 'same'
      : place.kind === 'simultaneous'
        ? 'further fracture'
        : 'other code'
  if (field === 'side') return sideLevel(statement, others)
  return field === 'events' ? 'no new event needed' : 'rules'
}

function relativeDay(statement: Statement, others: readonly Statement[]): string {
  if (statement.first !== statement.last) return 'coarse date'
  const earliest = Math.min(...others.map(one => one.first))
  const days = statement.first - earliest
  return days === 0 ? 'same day' : `${Math.abs(days)} days ${days > 0 ? 'later' : 'earlier'}`
}

function sideLevel(statement: Statement, others: readonly Statement[]): string {
  const stated = others.filter(one => one.side)
  if (!statement.side || stated.length === 0) return 'not stated'
  return stated.every(one => one.side === statement.side)
    ? 'same'
    : stated.some(one => one.side === statement.side)
      ? 'mixed'
      : 'other side'
}

function isSameInjury(one: Place, two: Place, statement: Statement): boolean {
  const others = (place: Place) =>
    place.injury
      .flat()
      .filter(other => other !== statement)
      .map(other => other.order)
  return others(one).sort().join() === others(two).sort().join()
}

function isSameSorting(one: Sorting, two: Sorting): boolean {
  return keyOf(one) === keyOf(two)
}

function keyOf(sorting: Sorting): string {
  return sorting
    .map(injury => injury.map(fracture => fracture.map(statement => statement.order).join()).join(';'))
    .join('|')
}
