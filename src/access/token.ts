import { createRemoteJWKSet, errors, type JWTVerifyGetKey, jwtVerify } from 'jose'
import { principalFromClaims } from './claims.ts'
import type { Principal } from './principal.ts'
import { rememberedTokens } from './remembered-tokens.ts'

/** Asymmetric only: a shared secret or `none` can never be talked into the check (RFC 8725 section 3.1). */
export const tokenAlgorithms = ['RS256', 'RS384', 'PS256', 'ES256', 'ES384'] as const

export type TokenRules = {
  /** Exact `iss`. */
  readonly issuer: string
  /** Exact `aud`, one of possibly several in the token. */
  readonly audience: string
  /** Where the keys come from: fixed by configuration, never by the token's header. */
  readonly keys: JWTVerifyGetKey
  readonly algorithms?: readonly (typeof tokenAlgorithms)[number][]
  /** Oldest `iat` accepted, seconds. */
  readonly maxAgeSeconds?: number
  /** Header `typ` required, e.g. `at+jwt` (RFC 9068), so that an identity token is never taken for an access token. */
  readonly tokenType?: string
  readonly clock?: () => Date
}

/** Who calls, from the Authorization header. Undefined = no, expired, foreign or malformed token; the reason is not told. */
export type Authenticate = (authorization: string | undefined) => Promise<Principal | undefined>

/** The identity provider's keys cannot be had, so nobody can be told apart: the answer is 503, not 401. */
export class IdentityProviderUnavailable extends Error {
  readonly code = 'identity-provider-unavailable'
}

/**
 * Checks the bearer access token (signature, algorithm, issuer, audience, expiry, age; 5 s clock tolerance) and turns its claims into a
 * Principal through `claimsTable`. A token found good is remembered for a minute at most, and never beyond its own end: a key the provider
 * withdraws counts for that much longer.
 */
export function createAuthenticate(rules: TokenRules): Authenticate {
  const { issuer, audience, keys, algorithms = tokenAlgorithms, maxAgeSeconds = 3_600, tokenType, clock } = rules
  const known = rememberedTokens()
  return async authorization => {
    const token = bearerToken(authorization)
    if (token === undefined) return undefined
    const now = clock?.() ?? new Date()
    const found = known.get(token, now)
    if (found) return found
    try {
      const { payload } = await jwtVerify(token, keys, {
        issuer,
        audience,
        algorithms: [...algorithms],
        maxTokenAge: maxAgeSeconds,
        clockTolerance: 5,
        requiredClaims: ['exp', 'iat', 'sub'],
        ...(tokenType ? { typ: tokenType } : {}),
        currentDate: now,
      })
      const principal = principalFromClaims(payload)
      const { exp = 0, iat = 0 } = payload
      if (principal) known.add(token, principal, { now, end: new Date(Math.min(exp, iat + maxAgeSeconds) * 1_000) })
      return principal
    } catch (cause) {
      if (isTheTokensFault(cause)) return undefined
      throw new IdentityProviderUnavailable('the keys of the identity provider cannot be read', { cause })
    }
  }
}

/** Keys of the configured provider: one fixed address, 5 s time-out, at most one fetch per 30 s for unknown key ids; kept 12 h through an outage. */
export function remoteKeys(jwksUrl: string): JWTVerifyGetKey {
  return createRemoteJWKSet(new URL(jwksUrl), {
    timeoutDuration: 5_000,
    cooldownDuration: 30_000,
    cacheMaxAge: 12 * 3_600_000,
  })
}

function bearerToken(authorization: string | undefined): string | undefined {
  if (authorization === undefined || authorization.length > 16_384) return undefined
  return /^Bearer ([A-Za-z0-9_-]+\.[A-Za-z0-9_-]+\.[A-Za-z0-9_-]+)$/i.exec(authorization)?.[1]
}

function isTheTokensFault(cause: unknown): boolean {
  if (cause instanceof errors.JWKSTimeout || cause instanceof errors.JWKSInvalid) return false
  // jose reports a failed key fetch (non-200, not JSON) with the bare class; every fault of a token has a subclass of its own.
  if (cause instanceof errors.JOSEError) return cause.constructor !== errors.JOSEError
  return cause instanceof TypeError && !/fetch/.test(cause.message)
}
