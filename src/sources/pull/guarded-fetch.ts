import { randomUUID } from 'node:crypto'
import { setTimeout as pause } from 'node:timers/promises'

/** Why a pull was broken off; `where` is the address without its query, which may hold anything. */
export class PullRefused extends Error {
  readonly code: PullFault
  readonly where: string
  constructor(code: PullFault, address: string, more = '') {
    const where = bare(address)
    super(`${sentences[code]} (${where}${more ? `, ${more}` : ''})`)
    this.code = code
    this.where = where
  }
}

const sentences = {
  'origin-not-allowed': 'The source names an address on a host that is not registered for it; nothing was sent there',
  'not-https': 'Addresses of a source must be https, except on this host itself',
  'too-large': 'The answer is larger than the limit; nothing of it was used',
  'too-slow': 'The source did not answer in time',
  'too-many-redirects': 'The source redirects without end',
  'refused-by-source': 'The source refuses',
  'no-token': 'The token endpoint gave no token; check the client id, the key and what the supplier knows of it',
  'source-resting': 'The source failed too often; it is left alone for a while',
  'wrong-type': 'The source answers in another format than the Bulk Data guide says',
  'manifest-broken': 'The manifest cannot be used',
} as const
export type PullFault = keyof typeof sentences
/** Faults of what was named: asking again brings the same. */
export const lastingFaults = [
  'origin-not-allowed',
  'not-https',
  'too-large',
  'too-many-redirects',
  'refused-by-source',
  'wrong-type',
  'manifest-broken',
] as const satisfies readonly PullFault[]
export type LastingFault = (typeof lastingFaults)[number]

export type Guard = {
  /** Origins (`https://host[:port]`) registered for this source; nothing is ever sent to another. */
  readonly origins: readonly string[]
  /** A token for the source; `isAgain`: the last one was refused. Absent: none is sent. */
  readonly token?: (isAgain: boolean) => Promise<string>
  /** Most bytes of one answer, decompressed. */
  readonly mostBytes: number
  /** For the head of an answer, and for each pause inside its body. Milliseconds. */
  readonly timeoutMs: number
  readonly attempts?: number
  /** Longest time to wait when asked to. Milliseconds. */
  readonly longestPauseMs?: number
}

/** An answer whose body is read under the guard. */
export type GuardedAnswer = {
  readonly status: number
  readonly headers: Headers
  /** Of a 200, in pieces as they come; throws `too-large` or `too-slow`. */
  readonly body: () => AsyncGenerator<Uint8Array>
}
export type GuardedFetch = (
  address: string,
  init?: {
    readonly method?: 'GET' | 'DELETE'
    readonly headers?: Readonly<Record<string, string>>
    readonly isWithToken?: boolean
  },
) => Promise<GuardedAnswer>

const mostRedirects = 3
const mostFailures = 5
const restMs = 60_000

/**
 * The only way out to a pulled source but for its token endpoint (fhir.md 4.1). Every hop is held against the registered origins, whether the
 * address came from a redirect, a manifest or a status; redirects are followed here, never by fetch. Time, size and attempts are bounded; 429,
 * 503 and broken connections are tried again with Retry-After or a growing pause with jitter; one 401 brings a new token, once; five failures in
 * a row rest the source a minute.
 */
export function guardedFetch(guard: Guard): GuardedFetch {
  const { attempts = 5, longestPauseMs = 60_000 } = guard
  let failures = 0
  let restsUntil = 0
  return async (address, init = {}) => {
    if (Date.now() < restsUntil) throw new PullRefused('source-resting', address)
    let isAgain = false
    for (let attempt = 1; ; attempt++) {
      checkOrigin(address, guard)
      const token = init.isWithToken ? await tokenFor(guard, address, isAgain) : undefined
      const answer = await followed(address, init, guard, token)
      if (answer?.status === 401 && init.isWithToken && !isAgain) {
        isAgain = true
        continue
      }
      const isPassing = answer === undefined || answer.status === 429 || answer.status >= 500
      if (!isPassing) {
        failures = 0
        return answer
      }
      failures++
      if (failures >= mostFailures) restsUntil = Date.now() + restMs
      // What is not a GET is never sent twice.
      const isLast = attempt >= attempts || (init.method ?? 'GET') !== 'GET'
      if (isLast || failures >= mostFailures)
        throw answer
          ? new PullRefused('refused-by-source', address, `status ${answer.status}`)
          : new PullRefused('too-slow', address)
      await pause(pauseFor(answer, attempt, longestPauseMs))
    }
  }
}

/** Milliseconds to wait: what was asked for, else growing, with jitter so that many do not come back at once. */
export function pauseFor(answer: Pick<GuardedAnswer, 'headers'> | undefined, attempt: number, longest: number): number {
  const asked = retryAfterMs(answer?.headers.get('retry-after') ?? null)
  return Math.min(longest, asked ?? 250 * 2 ** attempt * (0.5 + Math.random()))
}

export function retryAfterMs(text: string | null): number | undefined {
  if (text === null) return undefined
  const seconds = Number(text)
  const until = Date.parse(text)
  if (Number.isFinite(seconds) && seconds >= 0) return 1_000 * seconds
  return Number.isNaN(until) ? undefined : Math.max(0, until - Date.now())
}

async function tokenFor({ token }: Guard, address: string, isAgain: boolean): Promise<string | undefined> {
  try {
    return await token?.(isAgain)
  } catch {
    throw new PullRefused('no-token', address)
  }
}

/** Undefined when nobody answered. */
async function followed(
  address: string,
  init: NonNullable<Parameters<GuardedFetch>[1]>,
  guard: Guard,
  token: string | undefined,
): Promise<GuardedAnswer | undefined> {
  let at = address
  for (let hop = 0; hop <= mostRedirects; hop++) {
    checkOrigin(at, guard)
    const stop = new AbortController()
    const timer = setTimeout(() => stop.abort(), guard.timeoutMs)
    try {
      const answer = await fetch(at, {
        method: init.method ?? 'GET',
        headers: {
          'x-request-id': randomUUID(),
          ...init.headers,
          ...(token ? { authorization: `Bearer ${token}` } : {}),
        },
        redirect: 'manual',
        signal: stop.signal,
      })
      const target = answer.status >= 300 && answer.status < 400 ? answer.headers.get('location') : null
      // Only the body of a 200 is ever read; any other would hold its connection for nothing.
      if (answer.status !== 200) await answer.body?.cancel()
      if (target === null)
        return { status: answer.status, headers: answer.headers, body: () => pieces(answer, at, guard, stop) }
      at = new URL(target, at).href
    } catch (cause) {
      if (cause instanceof PullRefused) throw cause
      return undefined
    } finally {
      clearTimeout(timer)
    }
  }
  throw new PullRefused('too-many-redirects', address)
}

function checkOrigin(address: string, { origins }: Guard): void {
  const url = URL.canParse(address) ? new URL(address) : undefined
  if (!url || !origins.includes(url.origin) || url.username || url.password)
    throw new PullRefused('origin-not-allowed', address)
  const isHere = ['127.0.0.1', '[::1]', 'localhost'].includes(url.hostname)
  if (url.protocol !== 'https:' && !(url.protocol === 'http:' && isHere)) throw new PullRefused('not-https', address)
}

async function* pieces(
  answer: Response,
  address: string,
  guard: Guard,
  stop: AbortController,
): AsyncGenerator<Uint8Array> {
  let bytes = 0
  let timer: NodeJS.Timeout | undefined
  const watch = (): void => {
    clearTimeout(timer)
    timer = setTimeout(() => stop.abort(), guard.timeoutMs)
  }
  try {
    watch()
    for await (const piece of answer.body ?? []) {
      watch()
      bytes += piece.byteLength
      if (bytes > guard.mostBytes) throw new PullRefused('too-large', address)
      yield piece
    }
  } catch (cause) {
    if (cause instanceof PullRefused) throw cause
    throw new PullRefused('too-slow', address)
  } finally {
    clearTimeout(timer)
    stop.abort()
  }
}

function bare(address: string): string {
  if (!URL.canParse(address)) return 'an address that is none'
  const { origin, pathname } = new URL(address)
  return `${origin}${pathname}`.slice(0, 200)
}
