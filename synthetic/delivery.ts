import type { Instant } from '../src/fls/dates.ts'
import type { OdsCode } from '../src/fls/fact.ts'
import type { Moment } from './moments.ts'

/** What a sender pushes through one door, exactly as it goes over the wire. `at`: when it was sent. */
export type Delivery =
  | {
      readonly door: 'mllp'
      readonly feed: string
      readonly controlId: string
      readonly type: string
      readonly bytes: Buffer
      readonly at: Instant
    }
  | {
      readonly door: 'fhir'
      readonly feed: string
      readonly controlId: string
      readonly type: string
      readonly path: string
      readonly bytes: Buffer
      readonly at: Instant
    }
  | {
      readonly door: 'extract'
      readonly feed: string
      readonly practice: OdsCode
      /** The extract id. */
      readonly controlId: string
      readonly type: 'emis' | 'tpp' | 'neutral'
      readonly mode: 'full' | 'delta'
      readonly files: readonly { readonly name: string; readonly bytes: Buffer }[]
      readonly at: Instant
    }

/**
 * What is true of one statement: whose it is and which fracture it speaks of. Keys as in `/api/links?format=ndjson`: `sender`, `controlId`,
 * `path` (`PID`, `DG1[2]`; `Type/identifier`; row id). Never sent through a door.
 */
export type TruthLine = {
  readonly sender: string
  readonly controlId: string
  readonly path: string
  readonly kind: 'patient' | 'fracture'
  /** `authority|number` of the record the statement was filed under; a wrong record when the number was borrowed by overlay. */
  readonly record: string
  readonly personId: string
  readonly trueNhsNumber: string
  readonly fractureId?: string
  readonly injuryId?: string
  readonly site?: string
  /** True day of the injury. */
  readonly injuryDate?: string
  /** Evidence of an old fracture: belongs to no injury of this world. */
  readonly isHistory?: true
}

export type Sent = { readonly delivery: Delivery; readonly truth: readonly TruthLine[] }
/** A message that is due at a moment; its bytes are made only when it is sent. `isSettled`: neither delayed nor repeated any more. */
export type Parcel = { readonly at: Moment; readonly make: () => Sent; readonly isSettled?: true }
