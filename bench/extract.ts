import { readFile } from 'node:fs/promises'
import { parse } from 'csv-parse/sync'
import type { OdsCode } from '../src/fls/fact.ts'
import type { Delivery } from '../synthetic/delivery.ts'
import { sendExtract } from '../test/set-up/deliver.ts'
import { eventually, quiet, type RunningService } from '../test/set-up/running.ts'
import { type Bench, type Figure, figure, type Measure } from './figure.ts'
import { largeExtract } from './large-extract.ts'
import { openService, pauseWorkers } from './running.ts'
import { deliveries } from './traffic.ts'

type GpExtract = Extract<Delivery, { door: 'extract' }>
type Counted = { in: number; kept: number; rejected: number; held: number }

/** One extract of an average practice a year; larger ones would measure the sender's memory. */
const largestExtract = 250_000

/**
 * extract: GP rows kept a second, 100,000 of them (`--messages N`) in bulk extracts one after the other, through `POST /api/extracts` until the
 * receipt is counted, workers paused; `about.peakMiB`: the intake process's largest resident size. extractSmall: the same for every extract
 * of a synthetic year, four uploads at a time. extractLinked: the small ones from then until linked. Limit: cutting the files into cells.
 */
export const extract: Measure = async bench => [...(await bulk(bench)), ...(await small(bench))]

async function bulk(bench: Bench): Promise<Figure[]> {
  const service = await openService(bench, 'extract')
  try {
    await pauseWorkers(service, 3_600_000)
    const practices = openPractices(service)
    const sizes = Array.from({ length: Math.ceil(bench.rows / largestExtract) }, (_, index) =>
      Math.min(largestExtract, bench.rows - index * largestExtract),
    )
    let limit = 0
    let seconds = 0
    const peakMiB = peakOf(service)
    for (const [index, size] of sizes.entries()) {
      const practice = practices[index % practices.length]
      if (!practice) throw new Error('the demo has no practice')
      const one = { ...largeExtract(practice, 'bench', size), controlId: `large-${index}` }
      if (index === 0) limit = cellsRate([one])
      const begun = performance.now()
      await send(service, one)
      await receipts(service)
      seconds += (performance.now() - begun) / 1_000
      bench.say(`extract: ${index + 1} of ${sizes.length} in, ${seconds.toFixed(1)} s`)
    }
    const { kept, ...counted } = await receipts(service)
    const about = { extracts: sizes.length, peakMiB: await peakMiB(), rows: counted.in }
    return [figure('extract', kept / seconds, 'rows/s', limit, about)]
  } finally {
    await service.stop()
  }
}

async function small(bench: Bench): Promise<Figure[]> {
  const service = await openService(bench, 'extract')
  try {
    const open = new Set(openPractices(service))
    const extracts = [...deliveries(Math.min(1_000, Math.ceil(bench.messages / 20)))].filter(
      (delivery): delivery is GpExtract => delivery.door === 'extract' && open.has(delivery.practice),
    )
    const limit = cellsRate(extracts)
    await pauseWorkers(service)
    const begun = performance.now()
    await inLanes(extracts, 4, one => send(service, one))
    const counted = await receipts(service)
    const seconds = (performance.now() - begun) / 1_000
    bench.say(`extractSmall: ${counted.kept} of ${counted.in} rows kept in ${seconds.toFixed(1)} s`)
    const reading = performance.now()
    await service.mongo.db(service.database).collection<{ _id: string }>('control').deleteOne({ _id: 'workers' })
    await quiet(service, 600)
    const readSeconds = (performance.now() - reading) / 1_000
    const about = { extracts: extracts.length, rows: counted.in, rejected: counted.rejected, held: counted.held }
    return [
      figure('extractSmall', counted.kept / seconds, 'rows/s', limit, about),
      figure('extractLinked', counted.kept / readSeconds, 'rows/s', limit, about),
    ]
  } finally {
    await service.stop()
  }
}

function openPractices(service: RunningService): OdsCode[] {
  return service.demo.practices.flatMap(practice => (practice.optedIn ? [practice.ods as OdsCode] : []))
}

async function send(service: RunningService, one: GpExtract): Promise<void> {
  const answer = await sendExtract(service, one)
  if (answer.status !== 202) throw new Error(`an extract was refused: ${answer.status} ${answer.text.slice(0, 400)}`)
}

/** The kernel's own high-water mark of the intake process, in MiB. */
function peakOf({ process }: RunningService): () => Promise<number> {
  return async () => {
    const status = await readFile(`/proc/${process.pid}/status`, 'utf8').catch(() => '')
    return Math.round(Number(/VmHWM:\s+(\d+) kB/.exec(status)?.[1] ?? 0) / 1_024)
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
