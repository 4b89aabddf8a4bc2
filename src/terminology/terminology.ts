import type { Certainty, Coding, ConceptRef, Laterality } from '../fls/fact.ts'
import type { IssueCode } from '../fls/issue.ts'
import type { CodeRow } from './code-row.ts'
import type { Range } from './ranges.ts'
import type { SiteTree } from './site-tree.ts'

/** All shipped tables in memory; made once by `loadTerminology`, never changed. */
export type Terminology = {
  /** SHA-256 (hex) over every table file. */
  readonly hash: string
  readonly rows: readonly CodeRow[]
  /** Rows by `codeKey(system, code)`; a code may stand in several sets. */
  readonly byCode: ReadonlyMap<string, readonly CodeRow[]>
  /** Rows that stand for every code they begin, by system, longest first (categories, Read drug chapters, BNF, ATC). */
  readonly prefixes: ReadonlyMap<string, readonly { readonly prefix: string; readonly row: CodeRow }[]>
  /** Alias (form of `aliasKey`) → short system name. */
  readonly systems: ReadonlyMap<string, string>
  readonly systemUris: ReadonlyMap<string, string>
  /** Licence note by short system name, as `systems.csv` words it. */
  readonly licences: ReadonlyMap<string, string>
  /** Beginnings of codes worth reporting when unknown, by system; none listed = all. */
  readonly reported: ReadonlyMap<string, readonly string[]>
  readonly sites: SiteTree
  /** ICD-10 M80/M84 fifth character → site. */
  readonly fifthCharacters: ReadonlyMap<string, string>
  /** `drug.*` concept → CL-TXREC code; absent = no option (terminology.md 2.3). */
  readonly drugOptions: ReadonlyMap<string, string>
  readonly ranges: readonly Range[]
}

/**
 * What codings of one entry mean. No `concept`: nobody knows them, they are kept as sent. `codings`: as sent with short system names, the one
 * that decided first. Never an exception, never decided by a display text.
 */
export type Translation = {
  readonly concept?: ConceptRef
  readonly laterality?: Laterality
  readonly certainty?: Certainty
  readonly codings: readonly Coding[]
  readonly row?: CodeRow
  /** `narrower`: our concept is narrower than the code (residual categories S52.8, S82.8). */
  readonly equivalence?: 'equivalent' | 'narrower'
  readonly issues: readonly IssueCode[]
}

/** The order in which sets are asked when a mapping row names none. */
export const defaultSets = [
  ...([
    'fracture-site',
    'bone-drug',
    'dxa',
    'assessment',
    'osteoporosis',
    'procedure',
    'pathology',
    'optout',
    'admin',
  ] as const),
] as const

/** dm+d codes are SNOMED CT codes and arrive under either name: they share their keys. */
export function codeKey(system: string, code: string): string {
  return `${system === 'dmd' ? 'snomed' : system}\u0000${code}`
}
