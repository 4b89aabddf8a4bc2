import type { OdsCode } from '../fls/fact.ts'
import type { Principal, Role } from './principal.ts'

/** Roles that act for the programme as a whole when their token names no organisation; every other role then sees nothing. */
const programmeWide: ReadonlySet<Role> = new Set(['analyst', 'linkage-reviewer', 'ig-lead', 'programme', 'operator'])

/** A filter the store understands; `{}` = no restriction. Built from the verified token alone, never from the request. */
export type ScopeFilter = Readonly<Record<string, { readonly $in: readonly string[] }>>

/**
 * THE place that turns who asks into what they may see: the tenant filter every query adds. `field` names the organisation field of the
 * collection (`organisations` of episodes, persons and reviews; `organisation` of facts, records and the inbox).
 * A role without organisations that is not programme-wide matches nothing.
 */
export function scopeFilter(principal: Principal, field = 'organisations'): ScopeFilter {
  const tenants = tenantsOf(principal)
  return tenants === 'all' ? {} : { [field]: { $in: tenants } }
}

/** The organisations a principal acts for: practices for a GP supplier, else the token's organisations, `all` for programme-wide roles. */
export function tenantsOf(principal: Principal): readonly OdsCode[] | 'all' {
  if (principal.role === 'gp-supplier') return principal.practices
  if (principal.organisations.length === 0 && programmeWide.has(principal.role)) return 'all'
  return principal.organisations
}

/** True when one of the organisations is the principal's own, or the principal acts for the programme. */
export function isInScope(principal: Principal, organisations: readonly string[]): boolean {
  const tenants = tenantsOf(principal)
  return tenants === 'all' || organisations.some(organisation => tenants.some(tenant => tenant === organisation))
}

/**
 * What a principal may see of the inbox: a hospital client its own feeds, a GP supplier its own uploads, an engineer the
 * feeds of the own organisation, the operator every arrival (metadata only, see policy). Anyone else: nothing.
 */
export function arrivalScope(principal: Principal): ScopeFilter {
  switch (principal.role) {
    case 'hospital':
      return { sender: { $in: principal.feeds }, organisation: { $in: principal.organisations } }
    case 'gp-supplier':
      return { sender: { $in: principal.feeds } }
    case 'engineer':
      return { organisation: { $in: principal.organisations } }
    case 'operator':
      return scopeFilter(principal, 'organisation')
    default:
      return { sender: { $in: [] } }
  }
}
