import { type Place, placesOf, type Scorer, type Sorting, totalScore, without } from './fracture-search.ts'
import { type Injury, scoreFields } from './injury-score.ts'
import type { Explanation, Part } from './linkage.ts'
import type { FractureModel } from './models.ts'
import type { Statement } from './statements.ts'

type Weighed = { readonly place: Place; readonly bits: number }

/**
 * Why a statement stands where it stands: every other place it could have, all other statements left where they are. Bits are relative to
 * opening a new event (0); parts add up to the total; `probability` is the share of its place among all places.
 */
export function explainPlace(
  statement: Statement,
  sorting: Sorting,
  score: Scorer,
  model: FractureModel,
  isDecided: boolean,
): Explanation {
  const rest = without(sorting, statement)
  const places = placesOf(statement, rest)
  const reference = places.find(place => place.kind === 'new')
  const base = reference ? totalScore(reference.sorting, score) : 0
  const weighed = places.map(
    (place): Weighed => ({ place, bits: (totalScore(place.sorting, score) - base) / Math.LN2 }),
  )
  const own = weighed.find(({ place }) => isSameSorting(place.sorting, sorting)) ?? weighed[weighed.length - 1]
  const rivals = weighed.filter(other => other !== own).sort((left, right) => right.bits - left.bits)
  const ownBits = own?.bits ?? 0
  const most = Math.max(...weighed.map(({ bits }) => bits))
  const total = weighed.reduce((sum, { bits }) => sum + 2 ** (bits - most), 0)
  const probability = 2 ** (ownBits - most) / total
  // Which of two fractures of one injury a record without a side belongs to is no question for a person.
  const alike = weighed.filter(
    ({ place }) => place.kind === 'event' && own?.place.kind === 'event' && isSameInjury(place, own.place, statement),
  )
  const settled = statement.side ? probability : alike.reduce((sum, { bits }) => sum + 2 ** (bits - most), 0) / total
  const parts = own && own.place.kind !== 'new' ? partsOf(statement, own.place, rest, score) : []
  const [second] = rivals
  return {
    kind: 'event',
    model: model.name,
    record: statement.fact.id,
    candidate: own ? nameOf(own.place, statement) : 'new',
    parts,
    adjustments: [],
    guards: [...(isDecided ? ['human'] : []), ...(statement.isAfterDeath ? ['after-death'] : [])],
    totalBits: parts.reduce((sum, part) => sum + part.bits, 0),
    probability,
    ...(second
      ? {
          runnerUp: {
            candidate: nameOf(second.place, statement),
            totalBits: second.bits,
            probability: 2 ** (second.bits - most) / total,
          },
        }
      : {}),
    rivals: rivals.slice(0, 5).map(({ place, bits }) => ({ candidate: nameOf(place, statement), totalBits: bits })),
    decision:
      Math.max(probability, settled) < model.thresholds.linkProbability
        ? 'review'
        : own?.place.kind === 'event'
          ? 'link'
          : 'new',
    decidedBy: isDecided ? 'human' : 'model',
  }
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
