import type { Instant } from '../fls/dates.ts'
import type { OdsCode } from '../fls/fact.ts'
import type { Issue } from '../fls/issue.ts'
import type { Terminology } from '../terminology/terminology.ts'
import type { ValueType } from './attributes.ts'
import type { Context, Found, SourceDocument } from './document.ts'
import type { FeedSource } from './feed.ts'

/** A feed's own words: value table name → upper-case word as sent → our word. */
export type ValueTables = ReadonlyMap<string, ReadonlyMap<string, string>>

/** All a reader may know. Pure: the only clock is when the entry was received. */
export type ReadEnv = {
  readonly document: SourceDocument
  readonly context: Context
  readonly feed: FeedSource
  readonly organisation: OdsCode
  /** Enrolled sender (feed id): part of the key of a patient known by NHS number only. */
  readonly sender: string
  readonly terminology: Terminology
  readonly values: ValueTables
  /** Column `lookup` of the row. */
  readonly lookup: readonly string[]
  readonly receivedAt: Instant
  /** 999 numbers are read as NHS numbers (demo and test only). */
  readonly acceptTestNumbers: boolean
}

/** `isNull`: the sender deleted the value. `where`: the place that decided, when not the first found. No value and no issue: nothing was said. */
export type Outcome = {
  readonly value?: unknown
  readonly isNull?: true
  readonly where?: string
  readonly issues?: readonly Issue[]
}

/**
 * A typed reader. `gives` must equal what the attribute takes. `found` is never empty, except for readers with `needsFound: false`
 * (constants). Bad data is an issue in the outcome, never an exception.
 */
export type Reader = {
  readonly gives: ValueType
  readonly argument?: 'required' | 'optional'
  readonly needsFound?: false
  readonly read: (found: readonly Found[], env: ReadEnv, argument: string) => Outcome
}

/** A condition on a row. `isStatic`: depends on the document type alone, decided when the table is compiled. */
export type Condition =
  | { readonly isStatic: true; readonly holds: (type: string, argument: string) => boolean }
  | {
      readonly isStatic: false
      readonly holds: (context: Context, argument: string, env: Omit<ReadEnv, 'lookup'>) => boolean
    }

export const nothing: Outcome = {}
