import { hasEqualNhs } from './guards.ts'
import { posterior } from './score.ts'
import { type Hub, hubOf, type ScoreBook } from './score-book.ts'

type Pair = { readonly one: Hub; readonly two: Hub; readonly bits: number }
/** A rival this many bits below what it competes with changes no probability we state. */
const negligibleBits = 30

/** Join best first until no pair of hubs may be joined: stars, because a hub is compared as a whole and a contradicting member stops it. */
export function joinHubs(start: readonly Hub[], book: ScoreBook): Hub[] {
  let hubs = [...start]
  let pairs = hubs.flatMap((one, index) => promising(one, hubs.slice(index + 1), book)).sort(bestFirst)
  for (;;) {
    const found = pairs.find(({ one, two }) => mayJoin(one, two, hubs, book))
    if (!found) return hubs
    const { one, two } = found
    const joined = hubOf([...one.records, ...two.records])
    const others = hubs.filter(hub => hub !== one && hub !== two)
    const untouched = pairs.filter(pair => ![pair.one, pair.two].some(hub => hub === one || hub === two))
    hubs = [...others, joined].sort((left, right) => compareText(left.order, right.order))
    pairs = [...untouched, ...promising(joined, others, book)].sort(bestFirst)
  }
}

function promising(one: Hub, others: readonly Hub[], book: ScoreBook): Pair[] {
  return others
    .map(two => ({
      ...(one.order < two.order ? { one, two } : { one: two, two: one }),
      bits: book.scoreOf(one, two).totalBits,
    }))
    .filter(pair => pair.bits >= book.model.autoBits)
}

function bestFirst(left: Pair, right: Pair): number {
  return (
    right.bits - left.bits ||
    compareText(left.one.order, right.one.order) ||
    compareText(left.two.order, right.two.order)
  )
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
  const own = book.scoreOf(hub, candidate).totalBits
  const least = Math.max(0, own) - negligibleBits
  const rivals: number[] = []
  for (const other of hubs) {
    if (other === hub || other === candidate) continue
    const bits = book.scoreOf(hub, other).totalBits
    if (bits >= least && !book.areApart(hub, other) && areTwoPersons(candidate, other, book)) rivals.push(bits)
  }
  return posterior(own, rivals)
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
