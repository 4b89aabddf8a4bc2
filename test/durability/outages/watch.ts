import { randomUUID } from 'node:crypto'
import { setTimeout as pause } from 'node:timers/promises'
import type { Ledger } from '../ledger.ts'
import { probePrefix } from '../stream.ts'

/** What the service said of itself during one outage. All milliseconds; `undefined`: did not happen while it was watched. */
export type Watched = {
  /** From the start of the outage to the first `/ready` that was not 200. */
  readonly notReadyAfterMs: number | undefined
  /** Promises given during the outage, those of the first second aside: their writes were done before. */
  readonly promisesMeanwhile: number
  /** Status of writes over HTTP during the outage, and the longest wait for one. */
  readonly refusals: Readonly<Record<string, number>>
  readonly slowestRefusalMs: number
  /** Every 503 named when to come back. */
  readonly isRetryAfterTold: boolean
  /** From the end of the outage to the next promise, and to the first `/ready` that was 200. */
  readonly promisesAgainAfterMs: number | undefined
  readonly readyAgainAfterMs: number | undefined
}

export type WatchOptions = {
  readonly url: string
  readonly token: () => Promise<string>
  readonly ledger: Ledger
  readonly begin: () => Promise<void> | void
  readonly lastMs: number
  readonly end: () => Promise<void> | void
}

const lookMs = 200
const settleMs = 1_000
const recoverWithinMs = 60_000

/** Begins an outage, asks `/ready` and writes over HTTP while it lasts, ends it, and waits for the service to come back by itself. */
export async function watchOutage({ url, token, ledger, begin, lastMs, end }: WatchOptions): Promise<Watched> {
  await begin()
  const began = performance.now()
  const refusals: Record<string, number> = {}
  let [slowestRefusalMs, isRetryAfterTold] = [0, true]
  let notReadyAfterMs: number | undefined
  let isOver = false
  const ready = (async () => {
    while (!isOver && notReadyAfterMs === undefined) {
      if ((await statusOf(`${url}/ready`)) !== 200) notReadyAfterMs = Math.round(performance.now() - began)
      else await pause(lookMs)
    }
  })()
  const writing = (async () => {
    await pause(settleMs)
    while (!isOver) {
      const asked = performance.now()
      const answer = await write(url, await token())
      if (isOver) return
      refusals[answer.status] = (refusals[answer.status] ?? 0) + 1
      slowestRefusalMs = Math.max(slowestRefusalMs, Math.round(performance.now() - asked))
      if (answer.status === '503' && !answer.retryAfter) isRetryAfterTold = false
      await pause(lookMs)
    }
  })()
  await pause(settleMs)
  const promisesBefore = ledger.promises
  await pause(lastMs - settleMs)
  const promisesMeanwhile = ledger.promises - promisesBefore
  isOver = true
  await end()
  const ended = performance.now()
  const [promisesAgainAfterMs, readyAgainAfterMs] = await Promise.all([
    ledger.morePromises(1, recoverWithinMs).then(
      () => Math.round(performance.now() - ended),
      () => undefined,
    ),
    readyAgain(url, ended),
  ])
  await Promise.all([ready, writing])
  return {
    ...{ notReadyAfterMs, promisesMeanwhile, refusals, slowestRefusalMs, isRetryAfterTold },
    ...{ promisesAgainAfterMs, readyAgainAfterMs },
  }
}

async function readyAgain(url: string, since: number): Promise<number | undefined> {
  while (performance.now() - since < recoverWithinMs) {
    if ((await statusOf(`${url}/ready`)) === 200) return Math.round(performance.now() - since)
    await pause(lookMs)
  }
  return undefined
}

async function statusOf(url: string): Promise<number | undefined> {
  return fetch(url, { signal: AbortSignal.timeout(5_000) }).then(
    answer => answer.status,
    () => undefined,
  )
}

/** A Patient that is new each time, under a name the ledger's verdict leaves aside; the status, or `none` when no answer came within 20 s. */
async function write(url: string, token: string): Promise<{ status: string; retryAfter: boolean }> {
  const body = { resourceType: 'Patient', name: [{ family: 'Outage', given: [String(Math.random())] }] }
  return fetch(`${url}/fhir/Patient`, {
    method: 'POST',
    headers: {
      authorization: `Bearer ${token}`,
      'content-type': 'application/fhir+json',
      'x-request-id': `${probePrefix}${randomUUID()}`,
    },
    body: JSON.stringify(body),
    signal: AbortSignal.timeout(20_000),
  }).then(
    answer => ({ status: String(answer.status), retryAfter: answer.headers.has('retry-after') }),
    () => ({ status: 'none', retryAfter: false }),
  )
}
