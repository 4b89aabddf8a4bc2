import { policy, type RouteKey } from '../access/policy.ts'
import type { Route } from './route.ts'

export type Method = 'GET' | 'POST' | 'PUT' | 'DELETE'
export type MountedRoute = Route & { readonly method: Method; readonly path: string }

/** The wiring of routes is broken: the service does not start. */
export class RouteTableBroken extends Error {
  readonly code = 'route-table-broken'
}

/**
 * Checks the routes against the policy and orders them so that the order of registration never matters: a literal segment goes before a
 * parameter (`/fhir/Questionnaire/:id` before `/fhir/:type/:id`). Throws when a route has no policy row or stands twice.
 */
export function routeTable(routes: readonly Route[]): readonly MountedRoute[] {
  const seen = new Set<string>()
  for (const { key } of routes) {
    if (!Object.hasOwn(policy, key)) throw new RouteTableBroken(`no policy for route: ${key}`)
    if (seen.has(key)) throw new RouteTableBroken(`route stands twice: ${key}`)
    seen.add(key)
  }
  return routes.map(route => ({ ...route, ...splitKey(route.key) })).toSorted((a, b) => bySpecificity(a.path, b.path))
}

/** Policy rows no route serves: the house test and the start-up line name them. */
export function unservedKeys(routes: readonly Route[]): readonly RouteKey[] {
  const served = new Set<string>(routes.map(route => route.key))
  return Object.keys(policy).filter((key): key is RouteKey => !served.has(key))
}

export function splitKey(key: RouteKey): { method: Method; path: string } {
  const [method = '', path = ''] = key.split(' ')
  if (method !== 'GET' && method !== 'POST' && method !== 'PUT' && method !== 'DELETE')
    throw new RouteTableBroken(`unknown method: ${key}`)
  return { method, path }
}

function bySpecificity(a: string, b: string): number {
  const left = a.split('/')
  const right = b.split('/')
  for (let index = 0; index < Math.max(left.length, right.length); index++) {
    const difference = rank(left[index]) - rank(right[index])
    if (difference !== 0) return difference
  }
  return a < b ? -1 : a > b ? 1 : 0
}

function rank(segment: string | undefined): number {
  if (segment === undefined) return 2
  return segment.startsWith(':') ? 1 : 0
}
