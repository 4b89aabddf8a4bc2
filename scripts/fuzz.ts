import { parseArgs } from 'node:util'
import { setFlagsFromString } from 'node:v8'
import { runInNewContext } from 'node:vm'
import { isMainThread, parentPort, Worker, workerData } from 'node:worker_threads'
import { type CaseResult, runCase } from '../test/fuzz/campaign.ts'

/**
 * `npm run fuzz -- --seconds N --seed S`: mutated HL7 v2 streams through framer, batch, parser, acknowledgement and reading, as many as the time allows. One JSON
 * line: cases, what went through, the slowest case, growth of the heap. Exit code 1 on a broken promise, an exception, a case longer than
 * 10 s or a heap that grew by more than 32 MiB; the line names the seed of the case: `--case SEED` runs it alone.
 */
type Tally = {
  cases: number
  frames: number
  messages: number
  facts: number
  mebibytes: number
  slowestMs: number
  slowestCase: string
}
type Told = { readonly kind: 'begun'; readonly seed: string } | { readonly kind: 'ended'; readonly result: object }

const hangMs = 10_000
const mostGrowthMiB = 32

if (isMainThread) watch()
else campaign(workerData)

function watch(): void {
  const { values } = parseArgs({
    options: {
      seconds: { type: 'string', default: '60' },
      seed: { type: 'string', default: 'flsdb' },
      case: { type: 'string' },
    },
  })
  const worker = new Worker(new URL(import.meta.url), { workerData: { ...values, seconds: Number(values.seconds) } })
  let running = 'tables'
  const end = (result: object, code: number) => {
    console.log(JSON.stringify({ seed: values.seed, ...result }))
    process.exit(code)
  }
  let alarm = setTimeout(() => undefined, 60_000)
  worker.on('message', (told: Told) => {
    clearTimeout(alarm)
    if (told.kind === 'ended') end(told.result, 'broken' in told.result ? 1 : 0)
    else {
      running = told.seed
      alarm = setTimeout(() => end({ broken: `hangs for ${hangMs} ms`, case: running }, 1), hangMs)
    }
  })
  worker.on('error', error => end({ broken: error.message, case: running }, 1))
}

function campaign({ seconds, seed, case: only }: { seconds: number; seed: string; case?: string }): void {
  setFlagsFromString('--expose-gc')
  const collect: () => void = runInNewContext('gc')
  const heapMiB = () => {
    collect()
    return process.memoryUsage().heapUsed / 1_048_576
  }
  const tally: Tally = { cases: 0, frames: 0, messages: 0, facts: 0, mebibytes: 0, slowestMs: 0, slowestCase: '' }
  const until = performance.now() + seconds * 1000
  let settledMiB = 0
  while (only ? tally.cases === 0 : performance.now() < until) {
    const own = only ?? `${seed}/${tally.cases}`
    parentPort?.postMessage({ kind: 'begun', seed: own } satisfies Told)
    const began = performance.now()
    try {
      add(tally, runCase(own), performance.now() - began, own)
    } catch (error) {
      const broken =
        error instanceof Error ? `${error.message} ${error.stack?.split('\n')[1]?.trim() ?? ''}` : 'an exception'
      parentPort?.postMessage({ kind: 'ended', result: { ...rounded(tally), broken, case: own } } satisfies Told)
      return
    }
    // What is compiled and remembered once is there by then.
    if (tally.cases === 200) settledMiB = heapMiB()
  }
  const growthMiB = settledMiB === 0 ? 0 : Math.round(heapMiB() - settledMiB)
  const result = { ...rounded(tally), growthMiB, ...(growthMiB > mostGrowthMiB ? { broken: 'the heap grows' } : {}) }
  parentPort?.postMessage({ kind: 'ended', result } satisfies Told)
}

function add(tally: Tally, { frames, messages, facts, bytes }: CaseResult, ms: number, seed: string): void {
  tally.cases += 1
  tally.frames += frames
  tally.messages += messages
  tally.facts += facts
  tally.mebibytes += bytes / 1_048_576
  if (ms <= tally.slowestMs) return
  tally.slowestMs = ms
  tally.slowestCase = seed
}

function rounded(tally: Tally): Tally {
  return { ...tally, mebibytes: Math.round(tally.mebibytes), slowestMs: Math.round(tally.slowestMs) }
}
