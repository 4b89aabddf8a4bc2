import type { Explanation } from '../linkage/linkage.ts'
import type { DayDate, PartialDate } from './dates.ts'
import type { FactId, InboxId, Laterality, OdsCode, RecordKey, Side } from './fact.ts'
import type { Issue } from './issue.ts'

/** Who answered and from which field of which message: item → fact → inbox entry + path → mapping row → table version. */
export type Origin = {
  readonly factId: FactId
  readonly inboxId: InboxId
  readonly path: string
  readonly row: string
  readonly tableHash: string
  readonly side: Side
  readonly organisation: OdsCode
  /** The rule of items.ts that made the value of the fact(s), e.g. `dxa.lowest-hip-spine`. */
  readonly rule: string
}

/** `values`: codes of the item's list, or one text for dates (`2024-03-05`) and decimals (`-2.7`, places kept). Never empty: no answer = no entry. */
export type EpisodeAnswer = {
  readonly values: readonly string[]
  readonly origins: readonly Origin[]
  /** Other values somebody gave or that facts implied, best first; kept, never shown as the answer. */
  readonly losing: readonly { readonly values: readonly string[]; readonly origins: readonly Origin[] }[]
}

export type EpisodeStatus = 'candidate' | 'identified' | 'submitted' | 'excluded' | 'withdrawn'

export type EpisodeFracture = {
  readonly fractureId: string
  readonly aliases: readonly string[]
  readonly site: string
  readonly laterality?: Laterality
  readonly date?: PartialDate
  readonly status: 'confirmed' | 'provisional' | 'candidate'
  readonly facts: readonly {
    readonly factId: FactId
    readonly probability: number
    readonly explanation?: Explanation
  }[]
}

/** One line of what a side contributed, for the two-sided view; codes and dates only. */
export type SideEntry = {
  readonly factId: FactId
  readonly kind: string
  readonly organisation: OdsCode
  readonly concept?: string
  readonly coding?: { readonly system: string; readonly code: string; readonly display?: string }
  readonly when?: PartialDate
  readonly recorded?: PartialDate
  readonly value?: string
  readonly unit?: string
  /** Of an issue of a drug: the last day it counts, grace included (supply.ts). */
  readonly suppliedTo?: DayDate
  readonly inboxId: InboxId
  readonly path: string
}

/** One injury of one person as the audit counts it: a pure function of the person's facts, the decisions and the tables. */
export type Episode = {
  readonly id: string
  readonly aliases: readonly string[]
  readonly personId: string
  readonly records: readonly RecordKey[]
  readonly status: EpisodeStatus
  readonly excluded?: 'under-50' | 'site-excluded' | 'not-a-fracture' | 'before-audit'
  /** Every organisation that contributed a record: the tenant filter. */
  readonly organisations: readonly OdsCode[]
  readonly reportingFls?: OdsCode
  readonly datasetVersion: 'v3'
  /** 1.09 when known to the day; else absent and the answer is absent too. */
  readonly diagnosedOn?: DayDate
  /** Best known date at its own precision. */
  readonly injuryDate?: PartialDate
  readonly ageAtDiagnosis?: number
  readonly fractures: readonly EpisodeFracture[]
  /** By question number, `1.01` … `7.09` and `deathDate`. */
  readonly answers: Readonly<Record<string, EpisodeAnswer>>
  /** Suggestions for 5.02–5.09, never answers. */
  readonly suggestions: Readonly<Record<string, EpisodeAnswer>>
  readonly hospital: readonly SideEntry[]
  readonly gp: readonly SideEntry[]
  readonly isLinked: boolean
  readonly checks: readonly Issue[]
}
