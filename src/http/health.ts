import type { Metrics } from './metrics.ts'
import type { Route } from './route.ts'

/** One thing `/ready` asks. `detail`: codes and counts only. */
export type ReadyCheck = {
  readonly name: string
  readonly run: () => Promise<{ readonly isReady: boolean; readonly detail?: string }>
}

const checkTimeoutMs = 3_000

/** `/health`: the process answers. `/ready`: every check passes (database writable, indexes there, backlog under its limit), else 503 with the names. */
export function healthRoutes(deps: { readonly checks: readonly ReadyCheck[]; readonly metrics: Metrics }): Route[] {
  return [
    {
      key: 'GET /health',
      summary: 'Alive.',
      touchesPatientData: false,
      handle: async ({ response }) => {
        response.set('Cache-Control', 'no-store').json({ status: 'alive' })
      },
    },
    {
      key: 'GET /ready',
      summary: 'Ready to keep what is sent.',
      touchesPatientData: false,
      handle: async ({ response }) => {
        const results = await Promise.all(deps.checks.map(run))
        const isReady = results.every(result => result.isReady)
        response
          .status(isReady ? 200 : 503)
          .set('Cache-Control', 'no-store')
          .json({ status: isReady ? 'ready' : 'not-ready', checks: results })
      },
    },
    {
      key: 'GET /metrics',
      summary: 'Prometheus metrics.',
      touchesPatientData: false,
      handle: async ({ response }) => {
        response.set('Content-Type', deps.metrics.registry.contentType).send(await deps.metrics.registry.metrics())
      },
    },
  ]
}

async function run({ name, run: ask }: ReadyCheck): Promise<{ name: string; isReady: boolean; detail?: string }> {
  let timer: NodeJS.Timeout | undefined
  const late = new Promise<{ isReady: boolean; detail: string }>(resolve => {
    timer = setTimeout(() => resolve({ isReady: false, detail: 'timed out' }), checkTimeoutMs)
  })
  try {
    return { name, ...(await Promise.race([ask(), late])) }
  } catch {
    // Not ready is the answer; the reason belongs to the component's own log line.
    return { name, isReady: false, detail: 'failed' }
  } finally {
    clearTimeout(timer)
  }
}
