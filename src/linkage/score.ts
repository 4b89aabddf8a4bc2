import { type CoreComparison, compareCores, sumBits } from './compare.ts'
import { type Belongings, belongingsOf, compareBelongings, type Levels } from './compare-belongings.ts'
import type { ComparableRecord } from './facet.ts'
import { guardsFor } from './guards.ts'
import type { Part } from './linkage.ts'
import type { PersonModel } from './models.ts'

/** How two sets of records compare: log2 likelihood ratios per field, and what the guards say. `totalBits` = prior + parts + adjustments. */
export type PairScore = {
  readonly levels: Levels
  readonly parts: readonly Part[]
  readonly adjustments: readonly Part[]
  readonly guards: readonly string[]
  readonly totalBits: number
}
/** What is known about a pair besides its fields. */
export type PairContext = {
  readonly isSuperseded: boolean
  readonly adjustments: readonly Part[]
  readonly guardsOff?: readonly string[]
}

const noContext: PairContext = { isSuperseded: false, adjustments: [] }

/** The score of two records (Fellegi-Sunter, bits). Symmetrical: it always reads the pair in canonical order. */
export function scoreRecords(
  one: ComparableRecord,
  two: ComparableRecord,
  model: PersonModel,
  context = noContext,
): PairScore {
  const [left, right] = one.order <= two.order ? [one, two] : [two, one]
  return scoreFrom(
    compareCores(left.cores, right.cores, model),
    belongingsOf([left]),
    belongingsOf([right]),
    model,
    context,
  )
}

/** The score from the best core comparison and what both sides hold together. */
export function scoreFrom(
  core: CoreComparison,
  left: Belongings,
  right: Belongings,
  model: PersonModel,
  context: PairContext,
): PairScore {
  const rest = compareBelongings(left, right, core.levels, model, context.isSuperseded)
  const parts = [...core.parts, ...rest.parts]
  const adjustments = [...core.adjustments, ...rest.adjustments, ...context.adjustments]
  return {
    levels: rest.levels,
    parts,
    adjustments,
    guards: guardsFor(rest.levels, context.guardsOff),
    totalBits: model.priorBits + sumBits(parts) + sumBits(adjustments),
  }
}

/** Share of `candidate` among itself, its rivals and nobody (weight 1): 2^W / (1 + sum of 2^W). */
export function posterior(candidateBits: number, rivalBits: readonly number[]): number {
  const most = Math.max(0, candidateBits, ...rivalBits)
  let sum = 2 ** -most + 2 ** (candidateBits - most)
  for (const bits of rivalBits) sum += 2 ** (bits - most)
  return 2 ** (candidateBits - most) / sum
}

/** Share of nobody among all candidates. */
export function nobodyShare(candidateBits: readonly number[]): number {
  const most = Math.max(0, ...candidateBits)
  let sum = 2 ** -most
  for (const bits of candidateBits) sum += 2 ** (bits - most)
  return 2 ** -most / sum
}
