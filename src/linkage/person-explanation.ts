import type { RecordKey } from '../fls/fact.ts'
import { comparableRecord } from './facet.ts'
import type { Explanation, RecordEvidence } from './linkage.ts'
import type { PersonModel } from './models.ts'
import { nobodyShare, type PairScore, posterior, reasonsOf, scoreRecords } from './score.ts'

export type Rival = { readonly candidate: string; readonly totalBits: number }

/** The stored reason of a decision about two records (linkage.md 2.5). Without `probability` it is the posterior over rivals and nobody. */
export function explainPair(given: {
  record: RecordKey
  candidate: RecordKey
  score: PairScore
  rivals: readonly Rival[]
  model: PersonModel
  decision: Explanation['decision']
  decidedBy: Explanation['decidedBy']
  guards?: readonly string[]
  probability?: number
}): Explanation {
  const { score, model } = given
  const rivals = [...given.rivals].sort(
    (left, right) => right.totalBits - left.totalBits || (left.candidate < right.candidate ? -1 : 1),
  )
  const rivalBits = rivals.map(rival => rival.totalBits)
  const probability = given.probability ?? posterior(score.totalBits, rivalBits)
  const second = rivals[0]
  return {
    kind: 'person',
    model: model.name,
    record: given.record,
    candidate: given.candidate,
    priorBits: model.priorBits,
    ...reasonsOf(score, model),
    guards: [...new Set([...score.guards, ...(given.guards ?? [])])],
    totalBits: score.totalBits,
    probability,
    ...(second
      ? { runnerUp: { ...second, probability: posterior(second.totalBits, [score.totalBits, ...rivalBits.slice(1)]) } }
      : {}),
    nobody: nobodyShare([score.totalBits, ...rivalBits]),
    decision: given.decision,
    matchGrade: gradeOf(probability),
    decidedBy: given.decidedBy,
  }
}

/** FHIR `match-grade`: certain from .999, probable from .9, possible from .2 (linkage.md 2.5). */
export function gradeOf(probability: number): NonNullable<Explanation['matchGrade']> {
  return probability >= 0.999
    ? 'certain'
    : probability >= 0.9
      ? 'probable'
      : probability >= 0.2
        ? 'possible'
        : 'certainly-not'
}

/**
 * How a described patient compares with candidates, best first, for `Patient/$match`: every candidate competes with the others and nobody.
 * Candidates that are one person compete with each other here; group them by person before reading the probabilities as exclusive.
 */
export function explainCandidates(
  described: RecordEvidence,
  candidates: readonly RecordEvidence[],
  model: PersonModel,
): Explanation[] {
  const record = comparableRecord(described)
  const scored = candidates.map(candidate => ({
    candidate: candidate.record,
    score: scoreRecords(record, comparableRecord(candidate), model),
  }))
  const explained = scored.map(({ candidate, score }) => {
    const rivals = scored
      .filter(other => other.candidate !== candidate)
      .map(other => ({ candidate: other.candidate, totalBits: other.score.totalBits }))
    const probability = posterior(
      score.totalBits,
      rivals.map(rival => rival.totalBits),
    )
    const decision =
      probability < model.thresholds.reviewProbability
        ? 'new'
        : probability >= model.thresholds.autoProbability && score.guards.length === 0
          ? 'link'
          : 'review'
    return explainPair({ record: described.record, candidate, score, rivals, model, decision, decidedBy: 'model' })
  })
  return explained.sort(
    (left, right) => right.totalBits - left.totalBits || (left.candidate < right.candidate ? -1 : 1),
  )
}
