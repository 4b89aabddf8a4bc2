import { compareCores } from './compare.ts'
import { type ComparableRecord, comparableRecord } from './facet.ts'
import { hasEqualNhs } from './guards.ts'
import { joinHubs } from './hubs.ts'
import type { Explanation, PersonAssertion, PersonsSolution, RecordEvidence } from './linkage.ts'
import type { PersonModel } from './models.ts'
import { type Join, pairKey, readEdges } from './person-edges.ts'
import { explainPair, gradeOf } from './person-explanation.ts'
import { hubExplanation, personOf } from './person-members.ts'
import { scoreRecords } from './score.ts'
import { type Hub, hubOf, joinOf, openScoreBook, type ScoreBook } from './score-book.ts'

type Review = PersonsSolution['reviews'][number]
const reviewsPerHub = 3

/**
 * The persons of one component: a pure function of its records, the assertions about them and the model. Any order and any repetition
 * of the inputs gives the same result; leaving an assertion out gives what would have been without it.
 * A person's members stand in canonical order (hash of the record key), the founder first. A record in doubt stands alone and is listed
 * under `reviews`. `guardsOff` switches guards off by name, to measure what each costs.
 */
export function solvePersons(
  records: readonly RecordEvidence[],
  assertions: readonly PersonAssertion[],
  model: PersonModel,
  guardsOff: readonly string[] = [],
): PersonsSolution {
  const distinct = new Map(records.map(evidence => [evidence.record, comparableRecord(evidence)]))
  const sorted = [...distinct.values()].sort((left, right) => (left.order < right.order ? -1 : 1))
  const edges = readEdges(sorted, assertions, model)
  const book = openScoreBook(model, edges, guardsOff)
  const reviews = new Map<string, Review>()
  const { hubs: joined, refused } = applyJoins(sorted, edges.joins, book)
  const hubs = joinHubs(joined, book)
  for (const { a, b, guard } of [...edges.parked, ...refused])
    addReview(reviews, a, b, pairExplanation(a, b, book, [guard]))
  for (const record of sorted)
    if (isOverlay(record, model)) addReview(reviews, record, record, overlayExplanation(record, model))
  for (const review of doubtfulPairs(hubs, book)) addReview(reviews, review.a, review.b, review.explanation)
  return {
    persons: hubs.map(hub => personOf(hub, hubs, book)),
    reviews: [...reviews].sort(([left], [right]) => (left < right ? -1 : 1)).map(([, review]) => review),
  }
}

/**
 * Whether two records belong into one component: above the review threshold, or one NHS number.
 * The store searches components with it; assertions join records besides. Symmetrical.
 */
export function pairIsNear(a: RecordEvidence, b: RecordEvidence, model: PersonModel): boolean {
  const score = scoreRecords(comparableRecord(a), comparableRecord(b), model)
  return score.totalBits >= model.reviewBits || hasEqualNhs(score.levels)
}

/** Puts together what a human or a source joined, unless a human said "not the same" about any pair of the two groups. */
function applyJoins(
  records: readonly ComparableRecord[],
  joins: readonly Join[],
  book: ScoreBook,
): { hubs: Hub[]; refused: { a: ComparableRecord; b: ComparableRecord; guard: string }[] } {
  const hubOfRecord = new Map(records.map(record => [record, hubOf([record])]))
  const refused: { a: ComparableRecord; b: ComparableRecord; guard: string }[] = []
  for (const { a, b } of joins) {
    const [one, two] = [hubOfRecord.get(a), hubOfRecord.get(b)]
    if (!one || !two || one === two) continue
    if (book.areApart(one, two)) {
      refused.push({ a, b, guard: 'human' })
      continue
    }
    const hub = joinOf(one, two)
    for (const record of hub.records) hubOfRecord.set(record, hub)
  }
  return {
    hubs: [...new Set(hubOfRecord.values())].sort((left, right) => (left.order < right.order ? -1 : 1)),
    refused,
  }
}

function doubtfulPairs(
  hubs: readonly Hub[],
  book: ScoreBook,
): { a: ComparableRecord; b: ComparableRecord; explanation: Explanation }[] {
  const pairs = hubs.flatMap((one, index) =>
    hubs.slice(index + 1).map(two => ({ one, two, score: book.scoreOf(one, two) })),
  )
  const doubtful = pairs
    .filter(
      ({ one, two, score }) =>
        !book.areApart(one, two) && (score.totalBits >= book.model.reviewBits || hasEqualNhs(score.levels)),
    )
    .sort(
      (left, right) =>
        right.score.totalBits - left.score.totalBits ||
        (left.one.order + left.two.order < right.one.order + right.two.order ? -1 : 1),
    )
  const taken = new Map<Hub, number>()
  return doubtful.flatMap(({ one, two, score }) => {
    const counts = [taken.get(one) ?? 0, taken.get(two) ?? 0]
    // With many namesakes the best few are enough to decide; an equal NHS number is always shown.
    if (Math.min(...counts) >= reviewsPerHub && !hasEqualNhs(score.levels)) return []
    taken.set(one, (counts[0] ?? 0) + 1).set(two, (counts[1] ?? 0) + 1)
    const [a, b] = nearestRecords(one, two, book)
    const more = book.contradicts(one, two) ? ['member-contradicts'] : []
    return [{ a, b, explanation: hubExplanation(a, one, b, two, hubs, book, more) }]
  })
}

function nearestRecords(one: Hub, two: Hub, book: ScoreBook): [ComparableRecord, ComparableRecord] {
  const pairs = one.records.flatMap(left =>
    two.records.map(right => ({ left, right, bits: book.recordScoreOf(left, right).totalBits })),
  )
  const best = pairs.reduce((most, pair) => (pair.bits > most.bits ? pair : most))
  return [best.left, best.right]
}

function pairExplanation(
  a: ComparableRecord,
  b: ComparableRecord,
  book: ScoreBook,
  more: readonly string[],
): Explanation {
  const score = book.recordScoreOf(a, b)
  return explainPair({
    record: a.key,
    candidate: b.key,
    score,
    rivals: [],
    model: book.model,
    decision: 'review',
    decidedBy: 'model',
    guards: more,
  })
}

/** One number, two people: two demographic versions of a record that agree in nothing that stays with a person. */
function isOverlay(record: ComparableRecord, model: PersonModel): boolean {
  return worstFacetPair(record, model).bits <= model.thresholds.contradictionBits - 2
}

function worstFacetPair(record: ComparableRecord, model: PersonModel): ReturnType<typeof compareCores> {
  const pairs = record.facets.flatMap((one, index) =>
    record.facets.slice(index + 1).map(two => compareCores([one], [two], model)),
  )
  return pairs.reduce((worst, pair) => (pair.bits < worst.bits ? pair : worst), {
    levels: { surname: 'missing', forename: 'missing', middleName: 'missing', birthDate: 'missing', sex: 'missing' },
    parts: [],
    adjustments: [],
    bits: 0,
  })
}

function overlayExplanation(record: ComparableRecord, model: PersonModel): Explanation {
  const { parts, adjustments, bits } = worstFacetPair(record, model)
  const totalBits = model.priorBits + bits
  const probability = 2 ** totalBits / (1 + 2 ** totalBits)
  return {
    kind: 'person',
    model: model.name,
    record: record.key,
    candidate: record.key,
    priorBits: model.priorBits,
    parts,
    adjustments,
    guards: ['overlay'],
    totalBits,
    probability,
    decision: 'review',
    matchGrade: gradeOf(probability),
    decidedBy: 'model',
  }
}

function addReview(
  reviews: Map<string, Review>,
  a: ComparableRecord,
  b: ComparableRecord,
  explanation: Explanation,
): void {
  const [first, second] = a.order <= b.order ? [a, b] : [b, a]
  const key = pairKey(first, second)
  if (!reviews.has(key)) reviews.set(key, { a: first.key, b: second.key, explanation })
}
