import { parse } from 'csv-parse/sync'
import type { Delivery } from '../synthetic/delivery.ts'
import { sendExtract } from '../test/set-up/deliver.ts'
import { eventually, quiet, type RunningService } from '../test/set-up/running.ts'
import { figure, type Measure } from './figure.ts'
import { openService, pauseWorkers } from './running.ts'
import { deliveries } from './traffic.ts'

type GpExtract = Extract<Delivery, { door: 'extract' }>
type Counted = { in: number; kept: number; rejected: number; held: number }

/**
 * extract: GP rows kept a second, every extract of opted-in practices of a synthetic year through `POST /api/extracts` until its receipt is
 * counted, four uploads at a time, workers paused; against cutting the same files into cells. extractLinked: the same rows until linked.
 */
export const extract: Measure = async bench => {
  const service = await openService(bench, 'extract')
  try {
    const open = new Set(service.demo.practices.filter(practice => practice.optedIn).map(practice => practice.ods))
    const extracts = [...deliveries(Math.ceil(bench.messages / 20))].filter(
      (delivery): delivery is GpExtract => delivery.door === 'extract' && open.has(delivery.practice),
    )
    const limit = cellsRate(extracts)
    await pauseWorkers(service)
    const begun = performance.now()
    await inLanes(extracts, 4, async one => {
      const answer = await sendExtract(service, one)
      if (answer.status !== 202)
        throw new Error(`an extract was refused: ${answer.status} ${answer.text.slice(0, 400)}`)
    })
    const counted = await receipts(service)
    const seconds = (performance.now() - begun) / 1_000
    bench.say(`extract: ${counted.kept} of ${counted.in} rows kept in ${seconds.toFixed(1)} s`)
    const reading = performance.now()
    await service.mongo.db(service.database).collection<{ _id: string }>('control').deleteOne({ _id: 'workers' })
    await quiet(service, 600)
    const readSeconds = (performance.now() - reading) / 1_000
    const about = { extracts: extracts.length, rows: counted.in, rejected: counted.rejected, held: counted.held }
    return [
      figure('extract', counted.kept / seconds, 'rows/s', limit, about),
      figure('extractLinked', counted.kept / readSeconds, 'rows/s', limit, about),
    ]
  } finally {
    await service.stop()
  }
}

async function receipts(service: RunningService): Promise<Counted> {
  const jobs = service.mongo.db(service.database).collection<{ state: string; receipt?: Counted }>('jobs')
  await eventually(
    'every receipt is counted',
    async () => ((await jobs.countDocuments({ state: { $ne: 'done' } })) === 0 ? true : undefined),
    600,
  )
  const total = { in: 0, kept: 0, rejected: 0, held: 0 }
  for await (const { receipt } of jobs.find()) {
    if (!receipt) continue
    for (const name of ['in', 'kept', 'rejected', 'held'] as const) total[name] += receipt[name]
  }
  return total
}

/** Rows a second when the files are cut into cells and nothing else is done. */
function cellsRate(extracts: readonly GpExtract[]): number {
  const begun = performance.now()
  let rows = 0
  for (const { bytes } of extracts.flatMap(one => one.files)) {
    const cut: string[][] = parse(bytes, { relax_column_count: true, relax_quotes: true })
    rows += cut.length
  }
  return (rows * 1_000) / (performance.now() - begun)
}

async function inLanes<T>(items: readonly T[], lanes: number, work: (item: T) => Promise<void>): Promise<void> {
  let next = 0
  const lane = async (): Promise<void> => {
    for (let item = items[next++]; item !== undefined; item = items[next++]) await work(item)
  }
  await Promise.all(Array.from({ length: lanes }, lane))
}
