import { type Injury, type InjuryScore, totalOf } from './injury-score.ts'
import type { Statement } from './statements.ts'

/** A way to sort all statements of a person into injuries and their fractures. */
export type Sorting = readonly Injury[]
export type Scorer = (injury: Injury) => InjuryScore
/** The places one statement can have beside the others. */
export type Place = {
  readonly kind: 'event' | 'simultaneous' | 'new'
  readonly sorting: Sorting
  readonly injury: Injury
  readonly fracture: readonly Statement[]
}

const mostMoves = 300
const least = 1e-9

/** Remembers the score of each injury met. */
export function rememberScores(score: Scorer): Scorer {
  const byKey = new Map<string, InjuryScore>()
  const byIdentity = new WeakMap<Injury, InjuryScore>()
  return injury => {
    const seen = byIdentity.get(injury)
    if (seen) return seen
    const key = injury.map(fracture => fracture.map(statement => statement.order).join()).join(';')
    const value = byKey.get(key) ?? score(injury)
    byKey.set(key, value)
    byIdentity.set(injury, value)
    return value
  }
}

/**
 * The sorting with the best total likelihood that greedy placing and local moves find: place each statement in canonical order, then move one,
 * join two fractures or injuries, or split one, taking the best move while any helps. Given the statements in canonical order the result is unique.
 */
export function bestSorting(statements: readonly Statement[], score: Scorer): Sorting {
  let sorting: Sorting = []
  for (const statement of statements)
    sorting =
      best(
        placesOf(statement, sorting).map(place => place.sorting),
        score,
      ) ?? sorting
  for (let move = 0; move < mostMoves; move++) {
    const next = best(neighboursOf(sorting), score)
    if (!next || totalScore(next, score) <= totalScore(sorting, score) + least) return sorting
    sorting = next
  }
  return sorting
}

export function totalScore(sorting: Sorting, score: Scorer): number {
  return sorting.reduce((sum, injury) => sum + totalOf(score(injury)), 0)
}

/** Every place for a statement beside the others: in a fracture, as a further fracture of an injury, or as a new injury. */
export function placesOf(statement: Statement, others: Sorting): Place[] {
  const places: Place[] = []
  others.forEach(injury => {
    injury.forEach(fracture => {
      const joined = inOrder([...fracture, statement])
      places.push(
        placeIn(
          others,
          injury,
          injury.map(one => (one === fracture ? joined : one)),
          joined,
          'event',
        ),
      )
    })
    places.push(placeIn(others, injury, [...injury, [statement]], [statement], 'simultaneous'))
  })
  places.push({
    kind: 'new',
    sorting: arranged([...others, [[statement]]]),
    injury: [[statement]],
    fracture: [statement],
  })
  return places
}

export function without(sorting: Sorting, statement: Statement): Sorting {
  const rest = sorting.map(injury =>
    injury.some(fracture => fracture.includes(statement))
      ? injury.map(fracture => fracture.filter(one => one !== statement)).filter(fracture => fracture.length > 0)
      : injury,
  )
  return arranged(rest.filter(injury => injury.length > 0))
}

function placeIn(
  sorting: Sorting,
  old: Injury,
  changed: Injury,
  fracture: readonly Statement[],
  kind: Place['kind'],
): Place {
  const injury = inOrderOfFirst(changed)
  return { kind, sorting: arranged(sorting.map(one => (one === old ? injury : one))), injury, fracture }
}

function neighboursOf(sorting: Sorting): Sorting[] {
  const moved = sorting.flatMap(injury =>
    injury.flatMap(fracture =>
      fracture.flatMap(statement => placesOf(statement, without(sorting, statement)).map(place => place.sorting)),
    ),
  )
  return [...moved, ...joins(sorting), ...splits(sorting)]
}

function joins(sorting: Sorting): Sorting[] {
  const fractures = sorting.flatMap(injury => injury.map(fracture => ({ injury, fracture })))
  const ofFractures = fractures.flatMap((one, index) =>
    fractures.slice(index + 1).map(two => joinFractures(sorting, one, two)),
  )
  const ofInjuries = sorting.flatMap((one, index) =>
    sorting
      .slice(index + 1)
      .map(two =>
        arranged([...sorting.filter(injury => injury !== one && injury !== two), inOrderOfFirst([...one, ...two])]),
      ),
  )
  return [...ofFractures, ...ofInjuries]
}

type Located = { readonly injury: Injury; readonly fracture: readonly Statement[] }

function joinFractures(sorting: Sorting, one: Located, two: Located): Sorting {
  const joined = inOrder([...one.fracture, ...two.fracture])
  const changed = sorting.map(injury =>
    injury.flatMap(fracture => (fracture === one.fracture ? [joined] : fracture === two.fracture ? [] : [fracture])),
  )
  return arranged(changed.filter(injury => injury.length > 0).map(inOrderOfFirst))
}

function splits(sorting: Sorting): Sorting[] {
  return sorting.flatMap(injury => {
    const others = sorting.filter(one => one !== injury)
    const apart =
      injury.length > 1
        ? injury.map(fracture => arranged([...others, injury.filter(one => one !== fracture), [fracture]]))
        : []
    const cut = injury.flatMap(fracture =>
      fracture.slice(1).map((_, index) => {
        const [head, tail] = [fracture.slice(0, index + 1), fracture.slice(index + 1)]
        return arranged([...others, inOrderOfFirst(injury.map(one => (one === fracture ? head : one))), [tail]])
      }),
    )
    return [...apart, ...cut]
  })
}

function best(sortings: readonly Sorting[], score: Scorer): Sorting | undefined {
  let found: { sorting: Sorting; total: number } | undefined
  for (const sorting of sortings) {
    const total = totalScore(sorting, score)
    if (!found || total > found.total + least) found = { sorting, total }
  }
  return found?.sorting
}

function inOrder(statements: readonly Statement[]): readonly Statement[] {
  return [...statements].sort((left, right) => left.order - right.order)
}

function inOrderOfFirst(injury: Injury): Injury {
  return [...injury].sort((left, right) => (left[0]?.order ?? 0) - (right[0]?.order ?? 0))
}

function arranged(sorting: Sorting): Sorting {
  return [...sorting].sort((left, right) => (left[0]?.[0]?.order ?? 0) - (right[0]?.[0]?.order ?? 0))
}
