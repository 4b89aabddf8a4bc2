import type { Issue } from '../fls/issue.ts'

/** What the first page shows. Built by the server; the page only lays it out. */
export type HomeView = {
  readonly profile: string
  readonly baseUrl: string
  readonly mllp?: { readonly host: string; readonly port: number }
  readonly mongod?: string
  readonly counts: readonly { readonly label: string; readonly value: number }[]
  /** Demo only: never set in production. */
  readonly demoFile?: string
  readonly sample?: SampleEpisode
  readonly guides: readonly string[]
}

/** One linked episode of the synthetic world: both sides and the reasons. Fields, levels and weights; no names, no numbers. */
export type SampleEpisode = {
  readonly id: string
  readonly status: string
  readonly sites: readonly string[]
  readonly injuryDate?: string
  readonly ageAtDiagnosis?: number
  readonly hospital: readonly SampleEntry[]
  readonly gp: readonly SampleEntry[]
  readonly reasons: readonly SampleReason[]
  readonly checks: readonly Issue[]
}
export type SampleEntry = {
  readonly what: string
  readonly code: string
  readonly date: string
  readonly organisation: string
  readonly path: string
}
export type SampleReason = {
  readonly kind: 'person' | 'event'
  readonly decidedBy: string
  readonly probability: number
  readonly totalBits: number
  readonly parts: readonly { readonly field: string; readonly level: string; readonly bits: number }[]
}
