import { hasEqualNhs } from './guards.ts'
import { openQueue, type Queue } from './queue.ts'
import { posterior } from './score.ts'
import { type Hub, joinOf, type ScoreBook } from './score-book.ts'

type Pair = { readonly one: Hub; readonly two: Hub; readonly bits: number }
/** Why a pair may not join now: of `hub` and `candidate`, these rivals leave too small a share. Holds until one of them changes. */
type Refusal = Pair & { readonly hub: Hub; readonly candidate: Hub; readonly rivals: ReadonlySet<Hub> }
/** A rival this many bits below what it competes with changes no probability we state. */
const negligibleBits = 30

/** Join best first until no pair of hubs may be joined: stars, because a hub is compared as a whole and a contradicting member stops it. */
export function joinHubs(start: readonly Hub[], book: ScoreBook): Hub[] {
  let hubs = [...start]
  const open = openQueue(bestFirst)
  hubs.forEach((one, index) => {
    putPromising(open, one, hubs.slice(index + 1), book)
  })
  const alive = new Set(hubs)
  let refused: Refusal[] = []
  for (let pair = open.take(); pair; pair = open.take()) {
    const { one, two } = pair
    if (!alive.has(one) || !alive.has(two)) continue
    const refusal = refusalOf(pair, hubs, book)
    if (refusal) {
      refused.push(refusal)
      continue
    }
    const joined = joinOf(one, two)
    alive.delete(one)
    alive.delete(two)
    const others = hubs.filter(hub => alive.has(hub))
    alive.add(joined)
    hubs = [...others, joined].sort((left, right) => compareText(left.order, right.order))
    putPromising(open, joined, others, book)
    refused = refused.filter(known => {
      if (!alive.has(known.one) || !alive.has(known.two)) return false
      const stands = !isTouched(known, pair, joined, book)
      if (!stands) open.put(known)
      return stands
    })
  }
  return hubs
}

/** Puts in the pairs heavy enough to join that nothing bars for good. */
function putPromising(open: Queue<Pair>, one: Hub, others: readonly Hub[], book: ScoreBook): void {
  for (const two of others) {
    const { totalBits: bits, guards } = book.scoreOf(one, two)
    if (bits < book.model.autoBits || guards.length > 0 || book.areApart(one, two) || book.contradicts(one, two))
      continue
    open.put(one.order < two.order ? { one, two, bits } : { one: two, two: one, bits })
  }
}

function bestFirst(left: Pair, right: Pair): number {
  return (
    right.bits - left.bits ||
    compareText(left.one.order, right.one.order) ||
    compareText(left.two.order, right.two.order)
  )
}

/** Undefined when each of the two is the other's beyond doubt, among all hubs there are. */
function refusalOf(pair: Pair, hubs: readonly Hub[], book: ScoreBook): Refusal | undefined {
  const { one, two, bits } = pair
  for (const [hub, candidate] of [
    [one, two],
    [two, one],
  ] as const) {
    const rivals = rivalsOf(hub, candidate, hubs, book)
    if (shareAmong(hub, candidate, rivals, book) < book.model.thresholds.autoProbability)
      return { one, two, bits, hub, candidate, rivals: new Set(rivals) }
  }
  return undefined
}

/** Whether joining the two of `pair` may have changed the share of what was refused: one of them was a rival, or what they became is. */
function isTouched({ hub, candidate, rivals }: Refusal, pair: Pair, joined: Hub, book: ScoreBook): boolean {
  return rivals.has(pair.one) || rivals.has(pair.two) || rivalsOf(hub, candidate, [joined], book).length > 0
}

/** Probability that `hub` is `candidate`, among its rivals and nobody. */
export function shareOf(hub: Hub, candidate: Hub, hubs: readonly Hub[], book: ScoreBook): number {
  return shareAmong(hub, candidate, rivalsOf(hub, candidate, hubs, book), book)
}

function shareAmong(hub: Hub, candidate: Hub, rivals: readonly Hub[], book: ScoreBook): number {
  return posterior(
    book.scoreOf(hub, candidate).totalBits,
    rivals.map(rival => book.scoreOf(hub, rival).totalBits),
  )
}

/** Hubs that cannot well be the candidate's person too; several records of one person do not compete with each other. */
function rivalsOf(hub: Hub, candidate: Hub, hubs: readonly Hub[], book: ScoreBook): Hub[] {
  const least = Math.max(0, book.scoreOf(hub, candidate).totalBits) - negligibleBits
  return hubs.filter(
    other =>
      other !== hub &&
      other !== candidate &&
      book.scoreOf(hub, other).totalBits >= least &&
      !book.areApart(hub, other) &&
      areTwoPersons(candidate, other, book),
  )
}

/** Evidence against one person: said by a human, a guard, a contradicting member, or fields that together speak against it. */
function areTwoPersons(one: Hub, two: Hub, book: ScoreBook): boolean {
  const { guards, levels, totalBits } = book.scoreOf(one, two)
  if (book.areApart(one, two) || (guards.length > 0 && !hasEqualNhs(levels))) return true
  return totalBits < book.model.priorBits || book.contradicts(one, two)
}

function compareText(left: string, right: string): number {
  return left < right ? -1 : left > right ? 1 : 0
}
