import { Counter, collectDefaultMetrics, Gauge, Histogram, Registry } from 'prom-client'

/** Prometheus metrics of this process, prefix `flsdb_`. Labels are route keys, codes and kinds, never ids. */
export type Metrics = {
  readonly registry: Registry
  readonly httpCall: (route: string, status: number, seconds: number) => void
  readonly counter: (name: string, help: string, labels?: readonly string[]) => Counter
  readonly gauge: (name: string, help: string, collect?: () => Promise<number> | number) => Gauge
}

/** One registry per process (or per test): nothing is registered globally. */
export function createMetrics(options: { readonly isWithProcess?: boolean } = {}): Metrics {
  const registry = new Registry()
  if (options.isWithProcess) collectDefaultMetrics({ register: registry, prefix: 'flsdb_' })
  const calls = new Counter({
    name: 'flsdb_http_requests_total',
    help: 'HTTP calls answered',
    labelNames: ['route', 'status'],
    registers: [registry],
  })
  const seconds = new Histogram({
    name: 'flsdb_http_request_seconds',
    help: 'Time from request to end of answer, seconds',
    labelNames: ['route'],
    buckets: [0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 10],
    registers: [registry],
  })
  return {
    registry,
    httpCall: (route, status, took) => {
      calls.inc({ route, status: String(status) })
      seconds.observe({ route }, took)
    },
    counter: (name, help, labels = []) =>
      new Counter({ name: `flsdb_${name}`, help, labelNames: [...labels], registers: [registry] }),
    gauge: (name, help, collect) =>
      new Gauge({
        name: `flsdb_${name}`,
        help,
        registers: [registry],
        ...(collect
          ? {
              async collect() {
                this.set(await collect())
              },
            }
          : {}),
      }),
  }
}
