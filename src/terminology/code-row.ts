import type { Certainty, Laterality } from '../fls/fact.ts'

/** Our short names of code systems (terminology/systems.csv gives every alias). */
export const systemNames = ['snomed', 'ctv3', 'read-v2', 'icd-10', 'opcs-4', 'dmd', 'loinc', 'bnf', 'atc'] as const
export type SystemName = (typeof systemNames)[number]

/** One row of `terminology/<set>/codes.csv`, or of a feed's `codes.csv` (then `system` is the sender's own text). */
export type CodeRow = {
  readonly set: string
  readonly system: string
  readonly code: string
  readonly display: string
  /** Our concept, e.g. `hip.neck`, `drug.denosumab`, `dxa.tscore.hip`. */
  readonly concept: string
  readonly laterality?: Laterality
  readonly certainty?: Certainty
  readonly kind: 'include' | 'exclude' | 'history'
  readonly specificity: readonly string[]
  readonly source: string
  /** `core`: the table a clinician reads; `wide`: review on first hit. */
  readonly tier: 'core' | 'wide'
  /** File and line, for error messages. */
  readonly at: string
}
