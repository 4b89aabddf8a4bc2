import type { RecordKey } from '../fls/fact.ts'
import type { ComparableRecord } from './facet.ts'
import { shareOf } from './hubs.ts'
import type { Explanation, PersonSolution } from './linkage.ts'
import { pairKey } from './person-edges.ts'
import { explainPair } from './person-explanation.ts'
import { nobodyShare, posterior } from './score.ts'
import { type Hub, hubOf, type ScoreBook } from './score-book.ts'

/** The members of a finished hub with how well each fits the rest of its person; a hub of one says how sure it is nobody else. */
export function personOf(hub: Hub, hubs: readonly Hub[], book: ScoreBook): PersonSolution {
  if (hub.records.length === 1) return { members: hub.records.map(record => aloneMember(record, hub, hubs, book)) }
  const others = hubs.filter(other => other !== hub)
  return { members: hub.records.map(record => joinedMember(record, hub, others, book)) }
}

function aloneMember(
  record: ComparableRecord,
  hub: Hub,
  hubs: readonly Hub[],
  book: ScoreBook,
): PersonSolution['members'][number] {
  const others = hubs.filter(other => other !== hub && !book.areApart(hub, other))
  const weights = others
    .map(other => ({ other, bits: book.scoreOf(hub, other).totalBits }))
    .sort((left, right) => right.bits - left.bits || (left.other.order < right.other.order ? -1 : 1))
  const probability = nobodyShare(weights.map(weight => weight.bits))
  const best = weights[0]
  if (!best || best.bits < book.model.reviewBits) return { record: record.key, probability }
  const explanation = hubExplanation(record, hub, best.other.records[0] ?? record, best.other, hubs, book, [])
  return { record: record.key, probability, explanation }
}

/** How well a member fits the rest of its person, against all other persons and nobody. */
function joinedMember(
  record: ComparableRecord,
  hub: Hub,
  others: readonly Hub[],
  book: ScoreBook,
): PersonSolution['members'][number] {
  const rest = hubOf(hub.records.filter(other => other !== record))
  const alone = hubOf([record])
  const by = decidedBy(record, rest, book)
  const scored = book.scoreOf(alone, rest)
  const hint =
    by === 'source'
      ? [{ field: 'replaced-by', level: 'same authority', bits: book.model.adjustments['replaced-by'] }]
      : []
  const score = {
    ...scored,
    known: [...scored.known, ...hint],
    totalBits: scored.totalBits + (hint[0]?.bits ?? 0),
  }
  const rivals = others
    .filter(other => !book.areApart(alone, other))
    .map(other => ({ candidate: other.records[0]?.key ?? '', totalBits: book.scoreOf(alone, other).totalBits }))
  const explanation = explainPair({
    record: record.key,
    candidate: rest.records[0]?.key ?? ('' as RecordKey),
    score,
    rivals,
    model: book.model,
    decision: 'link',
    decidedBy: by,
    guards: by === 'human' ? ['human'] : [],
    probability:
      by === 'human'
        ? 1
        : by === 'source'
          ? posterior(score.totalBits, [])
          : shareOf(alone, rest, [...others, alone, rest], book),
  })
  return { record: record.key, probability: explanation.probability, explanation }
}

function decidedBy(record: ComparableRecord, rest: Hub, book: ScoreBook): Explanation['decidedBy'] {
  if (book.edges.joins.length === 0) return 'model'
  const keys = new Set(rest.records.map(other => pairKey(record, other)))
  const joins = book.edges.joins.filter(join => keys.has(pairKey(join.a, join.b)))
  if (joins.some(join => join.by === 'human')) return 'human'
  return joins.length > 0 ? 'source' : 'model'
}

/** Why two hubs were not joined, seen from the first. */
export function hubExplanation(
  a: ComparableRecord,
  one: Hub,
  b: ComparableRecord,
  two: Hub,
  hubs: readonly Hub[],
  book: ScoreBook,
  more: readonly string[],
): Explanation {
  const others = hubs.filter(hub => hub !== one && hub !== two && !book.areApart(one, hub))
  const score = book.scoreOf(one, two)
  const rivals = others.map(hub => ({
    candidate: hub.records[0]?.key ?? '',
    totalBits: book.scoreOf(one, hub).totalBits,
  }))
  return explainPair({
    record: a.key,
    candidate: b.key,
    score,
    rivals,
    probability: shareOf(one, two, hubs, book),
    model: book.model,
    decision: 'review',
    decidedBy: 'model',
    guards: more,
  })
}
