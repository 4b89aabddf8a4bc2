import type { Certainty, Coding, ConceptRef, Laterality } from '../fls/fact.ts'
import type { IssueCode } from '../fls/issue.ts'
import type { CodeRow } from './code-row.ts'
import type { SiteTree } from './site-tree.ts'

/** All shipped tables in memory; made once by `loadTerminology`, never changed. */
export type Terminology = {
  /** SHA-256 (hex) over every table file. */
  readonly hash: string
  readonly rows: readonly CodeRow[]
  /** Rows by `<system>\u0000<normalised code>`; a code may stand in several sets. */
  readonly byCode: ReadonlyMap<string, readonly CodeRow[]>
  /** Upper-case alias → short system name. */
  readonly systems: ReadonlyMap<string, string>
  /** Prefixes of codes worth reporting when unknown, by system; absent = all. */
  readonly reported: ReadonlyMap<string, readonly string[]>
  readonly sites: SiteTree
  /** Read v2 four-byte prefix → site group. */
  readonly readPrefixes: ReadonlyMap<string, string>
  /** `drug.*` concept → CL-TXREC code; absent = no option. */
  readonly drugOptions: ReadonlyMap<string, string>
}

/**
 * What codings of one entry mean. No `concept`: nobody knows them, they are kept as sent. `codings`: as sent, the one that decided first.
 * Never an exception, never decided by a display text.
 */
export type Translation = {
  readonly concept?: ConceptRef
  readonly laterality?: Laterality
  readonly certainty?: Certainty
  readonly codings: readonly Coding[]
  readonly row?: CodeRow
  /** `equivalent`; `narrower`: our concept is narrower than the code (residual categories, M80 region 5). */
  readonly equivalence?: 'equivalent' | 'wider' | 'narrower'
  readonly issues: readonly IssueCode[]
}
