import { randomUUID } from 'node:crypto'
import type { NextFunction, Request, RequestHandler, Response } from 'express'
import { rateLimit as expressRateLimit, ipKeyGenerator } from 'express-rate-limit'
import helmet from 'helmet'
import type { Principal } from '../access/principal.ts'
import { issue } from '../fls/issue.ts'
import { Refusal } from './refusal.ts'

/** Calls a minute: per signed-in caller, per address for callers without a token. `refused`: answers 401 to one address, before its next token is looked at. */
export type RateLimits = { readonly signedIn: number; readonly anonymous: number; readonly refused: number }
const defaults: RateLimits = { signedIn: 60_000, anonymous: 3_000, refused: 300 }

/** Takes over the caller's X-Request-ID when it is a plain word of up to 100 characters, else makes one; mirrors it on every answer. */
export const requestId: RequestHandler = (request, response, next) => {
  const sent = request.get('X-Request-ID')
  const id = sent !== undefined && /^[\x21-\x7e]{1,100}$/.test(sent) ? sent : randomUUID()
  response.locals['requestId'] = id
  response.set('X-Request-ID', id)
  next()
}

/** Headers by hand-written policy: scripts, styles and images of our own only, no frames, nothing inline. HSTS only behind https. */
export function securityHeaders(baseUrl: string): RequestHandler {
  return helmet({
    contentSecurityPolicy: {
      useDefaults: false,
      directives: {
        defaultSrc: ["'none'"],
        scriptSrc: ["'self'"],
        styleSrc: ["'self'"],
        imgSrc: ["'self'", 'data:'],
        fontSrc: ["'self'"],
        connectSrc: ["'self'"],
        formAction: ["'self'"],
        baseUri: ["'none'"],
        frameAncestors: ["'none'"],
      },
    },
    strictTransportSecurity: baseUrl.startsWith('https:') ? { maxAge: 31_536_000, includeSubDomains: false } : false,
    crossOriginEmbedderPolicy: false,
    xPoweredBy: false,
  })
}

/** One caller cannot use up the service: fixed window of a minute per token subject, else per address. Answers 429 with Retry-After. */
export function rateLimit(limits: Partial<RateLimits>): RequestHandler {
  const { signedIn, anonymous } = { ...defaults, ...limits }
  return expressRateLimit({
    windowMs: 60_000,
    limit: (_request, response) => (principalOf(response.locals) ? signedIn : anonymous),
    keyGenerator: (request, response) => {
      const principal = principalOf(response.locals)
      return principal ? `subject:${principal.subject}` : `address:${ipKeyGenerator(request.ip ?? '')}`
    },
    ...quiet,
  })
}

/**
 * Guessing tokens, or flooding with bad ones, costs nobody else: an address with too many 401 in a minute waits. Behind a proxy that nobody said
 * to trust all callers share one address, and one of them would shut out the others: there nothing is counted.
 */
export function limitRefused(limits: Partial<RateLimits>, isProxyTrusted: boolean): RequestHandler {
  return expressRateLimit({
    windowMs: 60_000,
    limit: limits.refused ?? defaults.refused,
    keyGenerator: request => ipKeyGenerator(request.ip ?? ''),
    skip: request => !isProxyTrusted && request.get('x-forwarded-for') !== undefined,
    skipSuccessfulRequests: true,
    requestWasSuccessful: (_request, response) => response.statusCode !== 401,
    ...quiet,
  })
}

const quiet = {
  standardHeaders: false,
  legacyHeaders: false,
  validate: false,
  handler: (_request: Request, _response: Response, next: NextFunction) =>
    next(new Refusal(429, [issue('too-many-requests', '')], { 'Retry-After': '60' })),
} as const

function principalOf(locals: Readonly<Record<string, unknown>>): Principal | undefined {
  return locals['principal'] as Principal | undefined
}
