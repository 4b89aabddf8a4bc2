import type { OdsCode } from '../fls/fact.ts'

export const roles = [
  'hospital',
  'gp-supplier',
  'analyst',
  'nurse',
  'lead',
  'linkage-reviewer',
  'ig-lead',
  'programme',
  'engineer',
  'operator',
] as const
export type Role = (typeof roles)[number]

/** Who is asking: from the verified token, through the claims table, nothing else. */
export type Principal = {
  readonly subject: string
  readonly role: Role
  /** Organisations this principal acts for; empty for programme-wide roles. */
  readonly organisations: readonly OdsCode[]
  /** Feeds a machine client may speak for. */
  readonly feeds: readonly string[]
  /** Practices a GP supplier may submit for. */
  readonly practices: readonly OdsCode[]
}
