import { readFile } from 'node:fs/promises'
import type { RunningService } from '../test/set-up/running.ts'
import { type Bench, type Figure, figure, type Measure } from './figure.ts'
import { makePatterns, writeCopies } from './prefill.ts'
import { openBenchRiver } from './river.ts'
import { openService } from './running.ts'

/**
 * exportCsv, exportParquet, exportNdjson: rows a second of `/api/episodes` over HTTP as an analyst's client gets them, `--messages` episodes
 * (50,000 unless said otherwise); against reading the same documents from the database and nothing else. `rssGrowthMb`: how much the intake
 * process grew from the first megabyte of the answer to the last: constant memory is a growth that does not follow the rows.
 */
export const exported: Measure = async bench => {
  const rows = bench.messages
  const service = await openService(bench, 'export', { FLSDB_WORKERS: '1' })
  try {
    await fill(bench, service, rows)
    const limit = await readsPerSecond(service)
    const figures: Figure[] = []
    for (const [format, name] of [
      ['csv', 'exportCsv'],
      ['parquet', 'exportParquet'],
      ['ndjson', 'exportNdjson'],
    ] as const) {
      const { rate, about } = await download(service, format)
      bench.say(`${name}: ${Math.round(rate)} rows/s`)
      figures.push(figure(name, rate, 'rows/s', limit, about))
    }
    return figures
  } finally {
    await service.stop()
  }
}

async function fill(bench: Bench, service: RunningService, rows: number): Promise<void> {
  const river = await openBenchRiver(bench.mongodbUri, 'export-patterns')
  try {
    const patterns = await makePatterns(river, 1_500)
    const target = { ...river, store: { ...river.store, db: service.mongo.db(service.database) } }
    const perPattern = patterns.reduce((sum, pattern) => sum + pattern.episodes.length, 0) / patterns.length
    await writeCopies(target, patterns, { from: 0, count: Math.ceil(rows / perPattern) })
  } finally {
    await river.close()
  }
}

async function download(
  service: RunningService,
  format: string,
): Promise<{ rate: number; about: Record<string, number> }> {
  const token = await service.token('analyst')
  const before = await usageOf(service)
  const begun = performance.now()
  const answer = await fetch(`${service.url}/api/episodes?format=${format}`, {
    headers: { authorization: `Bearer ${token}` },
  })
  if (answer.status !== 200 || !answer.body) throw new Error(`episodes: ${answer.status}`)
  let [bytes, most, first] = [0, 0, 0]
  let lines = 0
  for await (const part of answer.body) {
    bytes += part.length
    if (format !== 'parquet') for (const byte of part) if (byte === 10) lines++
    const { rssMb } = await usageOf(service)
    if (first === 0 && bytes > 1_000_000) first = rssMb
    most = Math.max(most, rssMb)
  }
  const seconds = (performance.now() - begun) / 1_000
  const after = await usageOf(service)
  const rows = format === 'parquet' ? await rowCount(service) : lines - (format === 'csv' ? 1 : 0)
  return {
    rate: rows / seconds,
    about: {
      rows,
      bytesPerRow: Math.round(bytes / rows),
      rssMb: most,
      rssGrowthMb: Math.max(0, most - (first || most)),
      intakeMicrosecondsPerRow: Math.round(((after.cpuSeconds - before.cpuSeconds) * 1e6) / rows),
    },
  }
}

async function rowCount({ mongo, database }: RunningService): Promise<number> {
  return mongo
    .db(database)
    .collection('episodes')
    .countDocuments({ status: { $ne: 'withdrawn' } })
}

/** Resident memory and processor time of the intake process, from /proc; zeros where there is none. */
async function usageOf(service: RunningService): Promise<{ rssMb: number; cpuSeconds: number }> {
  const text = (name: string) => readFile(`/proc/${service.process.pid}/${name}`, 'utf8').catch(() => '')
  const [status, stat] = await Promise.all([text('status'), text('stat')])
  const ticks = stat.slice(stat.lastIndexOf(')') + 2).split(' ')
  return {
    rssMb: Math.round(Number(/VmRSS:\s+(\d+)/.exec(status)?.[1] ?? 0) / 1_024),
    cpuSeconds: (Number(ticks[11] ?? 0) + Number(ticks[12] ?? 0)) / 100,
  }
}

async function readsPerSecond({ mongo, database }: RunningService): Promise<number> {
  const begun = performance.now()
  let count = 0
  for await (const document of mongo.db(database).collection('episodes').find({}, { raw: true }).batchSize(500))
    count += document ? 1 : 0
  return (count * 1_000) / (performance.now() - begun)
}
