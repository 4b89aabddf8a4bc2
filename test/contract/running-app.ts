import { randomBytes } from 'node:crypto'
import { createLocalJWKSet, exportJWK, generateKeyPair, type JWTPayload, SignJWT } from 'jose'
import { keysOf } from '../../src/access/keys.ts'
import { policy, type RouteKey } from '../../src/access/policy.ts'
import type { Role } from '../../src/access/principal.ts'
import { type Authenticate, createAuthenticate } from '../../src/access/token.ts'
import type { InboxId } from '../../src/fls/fact.ts'
import { accessLogRoutes } from '../../src/http/api/access-log.ts'
import { deadLetterRoutes } from '../../src/http/api/dead-letters.ts'
import { episodeRoutes } from '../../src/http/api/episodes.ts'
import { linkRoutes } from '../../src/http/api/links.ts'
import { messageRoutes } from '../../src/http/api/messages.ts'
import { registerRoutes } from '../../src/http/api/registers.ts'
import { createApp } from '../../src/http/app.ts'
import { healthRoutes } from '../../src/http/health.ts'
import { type Listening, listen } from '../../src/http/listen.ts'
import { createLogger } from '../../src/http/logger.ts'
import { createMetrics } from '../../src/http/metrics.ts'
import type { Route } from '../../src/http/route.ts'
import type { Accept } from '../../src/sources/arrival.ts'
import { type AccessLog, openAccessLog } from '../../src/store/access-log.ts'
import { openDeadLetters } from '../../src/store/dead-letters.ts'
import { openInbox, readInboxEntry } from '../../src/store/inbox.ts'
import { applyRegisterEntry, practiceGate } from '../../src/store/registers.ts'
import { ensureIndexes, openStore, type Store } from '../../src/store/store.ts'

export const issuer = 'https://sign-in.test/idp'
export const audience = 'https://fls-db.test'
export const keys = keysOf(Buffer.alloc(32, 1), Buffer.alloc(32, 2))

/** A signing key of this run, and the check that trusts it. */
export async function signer(): Promise<{
  sign: (claims: JWTPayload, header?: Record<string, string>) => Promise<string>
  authenticate: Authenticate
}> {
  const { privateKey, publicKey } = await generateKeyPair('ES256')
  const jwks = { keys: [{ ...(await exportJWK(publicKey)), kid: 'k1', alg: 'ES256' }] }
  return {
    sign: (claims, header = {}) =>
      new SignJWT(claims).setProtectedHeader({ alg: 'ES256', typ: 'at+jwt', kid: 'k1', ...header }).sign(privateKey),
    authenticate: createAuthenticate({
      issuer,
      audience,
      keys: createLocalJWKSet(jwks),
      tokenType: 'at+jwt',
      maxAgeSeconds: 600,
    }),
  }
}

export function claimsFor(role: Role, more: Record<string, unknown> = {}): JWTPayload {
  const now = Math.floor(Date.now() / 1_000)
  return {
    iss: issuer,
    aud: audience,
    sub: `${role}-test`,
    iat: now,
    exp: now + 300,
    role,
    organisations: [],
    feeds: [],
    practices: [],
    ...more,
  }
}

export type Service = {
  readonly url: string
  readonly store: Store
  readonly accept: Accept
  readonly accessLog: AccessLog
  readonly lines: string[]
  readonly tokenFor: (role: Role, more?: Record<string, unknown>) => Promise<string>
  readonly call: (
    role: Role | 'stranger',
    path: string,
    init?: RequestInit & { claims?: Record<string, unknown> },
  ) => Promise<Response>
  readonly close: () => Promise<void>
}

export type ServiceOptions = {
  readonly routes?: readonly Route[]
  /** Further routes, over the database of this service. */
  readonly routesOver?: (store: Store) => readonly Route[]
  readonly clock?: () => Date
  /** Fills every policy row no given route serves with one that answers 204. */
  readonly isWithStandIns?: boolean
  readonly accessLog?: Partial<AccessLog>
  readonly rateLimits?: { signedIn?: number; anonymous?: number; refused?: number }
  readonly trustedProxies?: readonly string[]
}

/** The HTTP application on a real socket over a real database of its own; register entries are applied at once, as a worker would. */
export async function startService(options: ServiceOptions = {}): Promise<Service> {
  const uri = process.env['FLSDB_TEST_MONGODB']
  if (!uri) throw new Error('FLSDB_TEST_MONGODB is not set')
  const store = await openStore(uri, `t_${randomBytes(8).toString('hex')}`)
  await ensureIndexes(store)
  const clock = options.clock ?? (() => new Date())
  const accept = openInbox({ store, gate: practiceGate(store.db), clock })
  const accessLog = { ...openAccessLog(store.db), ...options.accessLog }
  const whenApplied = async (inboxId: InboxId): Promise<boolean> => {
    const entry = await readInboxEntry(store, inboxId)
    if (entry?.protocol === 'register')
      await applyRegisterEntry(store.db, entry, number => keys.id('nhs-number', number))
    return entry !== undefined
  }
  const metrics = createMetrics()
  const own: Route[] = [
    ...registerRoutes({ store, accept, hasMapping: name => name === 'rxx01-pas', whenApplied, clock }),
    ...episodeRoutes({ store, keys, clock }),
    ...linkRoutes({ store, keys, accept, whenApplied }),
    ...messageRoutes({ store, keys }),
    ...deadLetterRoutes({ deadLetters: openDeadLetters(store.db) }),
    ...accessLogRoutes({ accessLog }),
    ...healthRoutes({ checks: [], metrics }),
    ...(options.routes ?? []),
    ...(options.routesOver?.(store) ?? []),
  ]
  const routes = options.isWithStandIns ? [...own, ...standIns(own)] : own
  const lines: string[] = []
  const { sign, authenticate } = await signer()
  const app = createApp({
    routes,
    authenticate,
    accessLog,
    metrics,
    clock,
    baseUrl: audience,
    logger: createLogger({ destination: { write: line => void lines.push(line) } }),
    ...(options.rateLimits ? { rateLimits: options.rateLimits } : {}),
    ...(options.trustedProxies ? { trustedProxies: options.trustedProxies } : {}),
  })
  const server: Listening = await listen(app, { host: '127.0.0.1', port: 0, shutdownMs: 200 })
  const url = `http://127.0.0.1:${server.port}`
  const tokenFor = (role: Role, more: Record<string, unknown> = {}) => sign(claimsFor(role, more))
  return {
    url,
    store,
    accept,
    accessLog,
    lines,
    tokenFor,
    call: async (role, path, { claims, ...init } = {}) => {
      const headers = new Headers(init.headers)
      if (role !== 'stranger') headers.set('Authorization', `Bearer ${await tokenFor(role, claims)}`)
      return fetch(`${url}${path}`, { ...init, headers })
    },
    close: async () => {
      await server.close()
      await store.db.dropDatabase()
      await store.close()
    },
  }
}

function standIns(own: readonly Route[]): Route[] {
  const served = new Set<string>(own.map(route => route.key))
  return Object.keys(policy)
    .filter((key): key is RouteKey => !served.has(key))
    .map(key => ({
      key,
      summary: 'Stand-in.',
      touchesPatientData: false,
      handle: async ({ response }) => {
        response.status(204).set('X-Route', encodeURIComponent(key)).end()
      },
    }))
}

export function json(body: unknown): { headers: Record<string, string>; body: string } {
  return { headers: { 'Content-Type': 'application/json' }, body: JSON.stringify(body) }
}
