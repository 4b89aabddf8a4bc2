import type { PartialDate } from '../fls/dates.ts'
import type { Fact, FactId, Identity, Laterality, OdsCode, RecordKey, Side } from '../fls/fact.ts'

/** What person linkage knows of one record: every demographic version seen, in canonical order. */
export type RecordEvidence = {
  readonly record: RecordKey
  readonly organisation: OdsCode
  readonly side: Side
  readonly facets: readonly Identity[]
  /** Earliest verified death date seen, if any. */
  readonly deathDate?: PartialDate
}

/** Said about two records by a source (A40) or a human; `retracted` ones are left out by the caller. */
export type PersonAssertion = {
  readonly kind: 'replaced-by' | 'superseded-nhs' | 'same-patient' | 'not-same-patient'
  readonly a: RecordKey
  readonly b: RecordKey
  readonly factId: FactId
}

export type Part = { readonly field: string; readonly level: string; readonly bits: number; readonly tfBits?: number }

/** The stored reason of one decision (linkage.md 2.5): names fields, levels and bits, never values; parts and prior add up to the total. */
export type Explanation = {
  readonly kind: 'person' | 'event'
  readonly model: string
  readonly record: string
  readonly candidate: string
  readonly priorBits?: number
  readonly parts: readonly Part[]
  readonly adjustments: readonly Part[]
  readonly guards: readonly string[]
  readonly totalBits: number
  readonly probability: number
  readonly calibrated?: number
  readonly runnerUp?: { readonly candidate: string; readonly totalBits: number; readonly probability: number }
  readonly rivals?: readonly { readonly candidate: string; readonly totalBits: number }[]
  readonly nobody?: number
  readonly decision: 'link' | 'review' | 'new'
  readonly matchGrade?: 'certain' | 'probable' | 'possible' | 'certainly-not'
  readonly decidedBy: 'model' | 'human' | 'source'
}

/** One person of a solved component. Members in canonical order: the first is the founder. */
export type PersonSolution = {
  readonly members: readonly {
    readonly record: RecordKey
    readonly probability: number
    readonly explanation?: Explanation
  }[]
}
export type PersonsSolution = {
  readonly persons: readonly PersonSolution[]
  /** Pairs a human should look at: `a` and `b` are records standing in different persons (or the same, when an assertion is doubted). */
  readonly reviews: readonly { readonly a: RecordKey; readonly b: RecordKey; readonly explanation: Explanation }[]
}

export type FractureStatus = 'confirmed' | 'provisional' | 'candidate' | 'old'

/** One broken site of one person: what fracture linkage decides. Founder = smallest fact in canonical order. */
export type FractureSolution = {
  readonly members: readonly {
    readonly factId: FactId
    readonly probability: number
    readonly explanation?: Explanation
  }[]
  readonly status: FractureStatus
  /** Leaf of the site tree with the best posterior, as specific as the evidence. */
  readonly site: string
  readonly laterality?: Laterality
  /** Earliest acute date, else GP onset; precision as stated. Undefined when nothing dates it. */
  readonly date?: PartialDate
  readonly dateFactId?: FactId
  /** Fractures of one injury share the injury number (0, 1, …): they share an episode. */
  readonly injury: number
  /** Evidence that supports but never founds: procedures, radiology text. */
  readonly supporting: readonly FactId[]
}
export type FracturesSolution = {
  readonly fractures: readonly FractureSolution[]
  readonly reviews: readonly { readonly factId: FactId; readonly explanation: Explanation }[]
}

/** Facts already folded to what is current (src/fls/current.ts). */
export type CurrentFacts = readonly Fact[]
