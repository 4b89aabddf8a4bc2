import express, {
  type ErrorRequestHandler,
  type Express,
  type Request,
  type RequestHandler,
  type Response,
} from 'express'
import { policy } from '../access/policy.ts'
import type { Principal } from '../access/principal.ts'
import type { Authenticate } from '../access/token.ts'
import { issue } from '../fls/issue.ts'
import type { AccessLine, AccessLog } from '../store/access-log.ts'
import type { PrimaryWatch } from '../store/primary-watch.ts'
import { openCallLine } from './call-line.ts'
import { answerOf, sendAnswer } from './errors.ts'
import { holdAnswer } from './held-response.ts'
import { proxyTo } from './idp-proxy.ts'
import type { Logger } from './logger.ts'
import type { Metrics } from './metrics.ts'
import { limitRefused, type RateLimits, rateLimit, requestId, securityHeaders } from './middleware.ts'
import { Refusal } from './refusal.ts'
import type { AccessNote, Route } from './route.ts'
import { type MountedRoute, routeTable } from './route-table.ts'

export type AppOptions = {
  readonly routes: readonly Route[]
  readonly authenticate: Authenticate
  readonly accessLog: Pick<AccessLog, 'append'>
  readonly logger: Logger
  readonly metrics: Metrics
  /** Public address; decides whether HSTS is sent. */
  readonly baseUrl: string
  readonly clock?: () => Date
  readonly rateLimits?: Partial<RateLimits>
  /** Addresses or subnets whose X-Forwarded-For is believed; without any, the connection itself says who calls. */
  readonly trustedProxies?: readonly string[]
  /** Refuses calls at once, those under way as well, while the database has no primary; nobody is left to wait for a time-out. */
  readonly primary?: PrimaryWatch
  /** Address of the demo identity provider; absent in production. */
  readonly idpProxyTarget?: string
}

/** Stands for nobody on `anyone` routes and in the log lines of callers without a token. */
const nobody = { subject: 'anyone', role: 'anyone', organisations: [] } as const

/**
 * The HTTP application: identifies the caller, asks the policy, limits, logs every access before its answer leaves, and turns whatever is
 * thrown into one error shape. Handlers only read and answer. A route without a policy row, or twice, throws here.
 */
export function createApp(options: AppOptions): Express {
  const app = express()
  const table = routeTable(options.routes)
  const limiter = rateLimit(options.rateLimits ?? {})
  const trustedProxies = [...(options.trustedProxies ?? [])]
  app.set('trust proxy', trustedProxies)
  app.disable('x-powered-by')
  app.disable('etag')
  app.set('query parser', 'simple')
  app.set('case sensitive routing', true)
  app.use(requestId)
  app.use(securityHeaders(options.baseUrl))
  if (options.idpProxyTarget) app.use('/idp', limiter, proxyTo(options.idpProxyTarget))
  app.use(measure(options))
  app.use(limitRefused(options.rateLimits ?? {}, trustedProxies.length > 0))
  app.use(identify(options))
  app.use(limiter)
  for (const route of table) {
    const path = route.path
    const run = serve(route, options)
    if (route.method === 'GET') app.get(path, run)
    else if (route.method === 'POST') app.post(path, run)
    else if (route.method === 'PUT') app.put(path, run)
    else app.delete(path, run)
  }
  for (const [path, methods] of methodsByPath(table)) app.all(path, methodNotOffered(methods))
  app.use(() => {
    throw new Refusal(404, [issue('not-found', 'address')])
  })
  app.use(answerErrors(options))
  return app
}

type Locals = { requestId: string; routeKey?: string; principal?: Principal; isLogged?: boolean }
const localsOf = (response: Response): Locals => response.locals as Locals

function identify({ authenticate }: AppOptions): RequestHandler {
  return async (request, response, next) => {
    const principal = await authenticate(request.headers.authorization)
    if (principal) localsOf(response).principal = principal
    next()
  }
}

function serve(route: MountedRoute, options: AppOptions): RequestHandler {
  const allowed = policy[route.key]
  return async (request, response) => {
    const locals = localsOf(response)
    locals.routeKey = route.key
    const { principal } = locals
    if (allowed !== 'anyone') checkRole(allowed, principal)
    if (allowed === 'anyone' && principal === undefined) {
      return route.handle({ request, response, principal: stranger, requestId: locals.requestId, log: () => {} })
    }
    let log: AccessNote = () => {}
    if (route.touchesPatientData) {
      locals.isLogged = true
      const line = openCallLine(options.accessLog, (about, status) => lineOf(response, options, about, status))
      holdAnswer(response, line.settle, cause => refuseUnlogged(request, response, options, cause))
      log = line.note
    }
    const call = { request, response, principal: principal ?? stranger, requestId: locals.requestId, log }
    const handle = async () => route.handle(call)
    if (allowed === 'anyone' || !options.primary) await handle()
    else await options.primary.unlessAway(handle)
  }
}

/** The type of a call always has a principal; on `anyone` routes without a token it is this one, which is in nobody's scope. */
const stranger: Principal = { subject: 'anyone', role: 'hospital', organisations: [], feeds: [], practices: [] }

function checkRole(allowed: readonly string[], principal: Principal | undefined): void {
  if (!principal)
    throw new Refusal(401, [issue('unauthenticated', 'Authorization')], { 'WWW-Authenticate': 'Bearer realm="fls-db"' })
  if (!allowed.includes(principal.role)) throw new Refusal(403, [issue('forbidden', 'address')])
}

function lineOf(
  response: Response,
  { clock }: AppOptions,
  about: Parameters<AccessNote>[0] = {},
  status = response.statusCode,
): AccessLine {
  const { principal, routeKey, requestId } = localsOf(response)
  const { subject, role, organisations } = principal ?? nobody
  return {
    at: clock?.() ?? new Date(),
    subject,
    role,
    organisations,
    action: routeKey ?? 'unknown',
    status,
    requestId,
    ...about,
  }
}

function refuseUnlogged(request: Request, response: Response, options: AppOptions, cause: unknown): void {
  options.logger.failure(localsOf(response).requestId, cause)
  if (response.headersSent) {
    response.destroy()
    return
  }
  for (const name of response.getHeaderNames())
    if (/^(content-|etag|location|last-modified)/.test(name)) response.removeHeader(name)
  sendAnswer(response, request.path, {
    status: 503,
    issues: [issue('audit-unavailable', '')],
    headers: { 'Retry-After': '5' },
  })
}

/** Refused calls are logged too: 401, 403 and 404 (which includes "not yours"). */
function answerErrors(options: AppOptions): ErrorRequestHandler {
  return async (error, request, response, _next) => {
    const answer = answerOf(error, options.logger)
    if (response.headersSent) {
      response.destroy()
      return
    }
    response.status(answer.status)
    const isRefusal = answer.status === 401 || answer.status === 403 || answer.status === 404
    if (isRefusal && !localsOf(response).isLogged) {
      try {
        await options.accessLog.append(lineOf(response, options))
      } catch (cause) {
        refuseUnlogged(request, response, options, cause)
        return
      }
    }
    sendAnswer(response, request.path, answer)
  }
}

function measure({ metrics, logger }: AppOptions): RequestHandler {
  return (_request, response, next) => {
    const started = performance.now()
    response.once('close', () => {
      const { routeKey = 'unknown', requestId, principal } = localsOf(response)
      const milliseconds = performance.now() - started
      metrics.httpCall(routeKey, response.statusCode, milliseconds / 1_000)
      logger.call({
        requestId,
        route: routeKey,
        status: response.statusCode,
        milliseconds,
        role: principal?.role ?? 'anyone',
      })
    })
    next()
  }
}

function methodsByPath(table: readonly MountedRoute[]): ReadonlyMap<string, readonly string[]> {
  const methods = new Map<string, string[]>()
  for (const { path, method } of table) methods.set(path, [...(methods.get(path) ?? []), method])
  return methods
}

function methodNotOffered(methods: readonly string[]): RequestHandler {
  return () => {
    throw new Refusal(405, [issue('interaction-not-supported', 'address')], { Allow: methods.join(', ') })
  }
}
