import type { OdsCode } from '../fls/fact.ts'
import { type Principal, type Role, roles } from './principal.ts'

/** THE claims table: which claim of the access token says what. The same for every identity provider; map at the provider if it differs. */
export const claimsTable = {
  subject: 'sub',
  role: 'role',
  organisations: 'organisations',
  feeds: 'feeds',
  practices: 'practices',
} as const satisfies Record<keyof Principal, string>

const odsCode = /^[A-Z0-9]{3,12}$/
const feedId = /^[A-Za-z0-9][A-Za-z0-9._-]{0,63}$/

/**
 * Principal from verified claims; undefined when a claim is missing or malformed (fail closed, nothing is guessed).
 * `organisations`, `feeds` and `practices` may be absent (none); when present they are lists of ODS codes and feed ids.
 */
export function principalFromClaims(claims: Readonly<Record<string, unknown>>): Principal | undefined {
  const subject = claims[claimsTable.subject]
  const role = claims[claimsTable.role]
  const organisations = readList(claims[claimsTable.organisations], odsCode)
  const feeds = readList(claims[claimsTable.feeds], feedId)
  const practices = readList(claims[claimsTable.practices], odsCode)
  if (typeof subject !== 'string' || subject === '' || subject.length > 200) return undefined
  if (!isRole(role) || !organisations || !feeds || !practices) return undefined
  return {
    subject,
    role,
    organisations: organisations.map(code => code as OdsCode),
    feeds,
    practices: practices.map(code => code as OdsCode),
  }
}

function isRole(value: unknown): value is Role {
  return typeof value === 'string' && roles.some(role => role === value)
}

function readList(value: unknown, shape: RegExp): readonly string[] | undefined {
  if (value === undefined) return []
  if (!Array.isArray(value) || value.length > 10_000) return undefined
  return value.every(entry => typeof entry === 'string' && shape.test(entry)) ? value : undefined
}
