import { type CoreComparison, compareCores, sumBits } from './compare.ts'
import {
  type Belongings,
  belongingBits,
  belongingFields,
  belongingsOf,
  compareBelongings,
  isHousehold,
  type Levels,
} from './compare-belongings.ts'
import type { ComparableRecord } from './facet.ts'
import { guardsFor } from './guards.ts'
import type { Part } from './linkage.ts'
import type { PersonModel } from './models.ts'

/** How two sets of records compare, and what the guards say. `totalBits` = prior + parts + adjustments, as `reasonsOf` lists them. */
export type PairScore = {
  readonly levels: Levels
  readonly core: CoreComparison
  /** Bits for what is known about the pair besides its fields. */
  readonly known: readonly Part[]
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
  const levels = compareBelongings(left, right, core.levels, context.isSuperseded)
  let partBits = sumBits(core.parts)
  for (const field of belongingFields) partBits += belongingBits(field, levels, model)
  let adjustmentBits = sumBits(core.adjustments)
  if (isHousehold(levels)) adjustmentBits += model.adjustments.household
  adjustmentBits += sumBits(context.adjustments)
  return {
    levels,
    core,
    known: context.adjustments,
    guards: guardsFor(levels, context.guardsOff),
    totalBits: model.priorBits + partBits + adjustmentBits,
  }
}

/** Log2 likelihood ratios per field, and adjustments: listed only for the few pairs that are explained. */
export function reasonsOf(
  { levels, core, known }: PairScore,
  model: PersonModel,
): { readonly parts: readonly Part[]; readonly adjustments: readonly Part[] } {
  const belongings = belongingFields.map(field => ({
    field,
    level: levels[field],
    bits: belongingBits(field, levels, model),
  }))
  const household = { field: 'household', level: 'shared address', bits: model.adjustments.household }
  return {
    parts: [...core.parts, ...belongings],
    adjustments: [...core.adjustments, ...(isHousehold(levels) ? [household] : []), ...known],
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
