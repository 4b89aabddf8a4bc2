import { mkdtemp, rm } from 'node:fs/promises'
import { availableParallelism, loadavg, tmpdir } from 'node:os'
import path from 'node:path'
import { parseArgs } from 'node:util'
import { startEmbedded } from '../src/store/embedded.ts'
import { supplyMongod } from '../src/store/mongod-supply.ts'
import { ack } from './ack.ts'
import { blocks } from './blocks.ts'
import { exported } from './export.ts'
import { extract } from './extract.ts'
import { fairness } from './fairness.ts'
import { fhirAck } from './fhir-ack.ts'
import type { Measure } from './figure.ts'
import { growth } from './growth.ts'
import { lag } from './lag.ts'
import { linked } from './linked.ts'
import { parse } from './parse.ts'
import { replay } from './replay.ts'

/**
 * `npm run bench [-- --only NAME[,NAME]] [--messages N] [--seconds S]`: one JSON line per figure on stdout, progress on stderr.
 * Against a mongod of its own in a temporary folder, or the replica set at FLSDB_BENCH_MONGODB.
 */
const benchmarks: Readonly<Record<string, Measure>> = {
  parse,
  ack,
  fairness,
  fhirAck,
  linked,
  extract,
  replay,
  export: exported,
  lag,
  growth,
  blocks,
}
/** Figures measured together. */
const groups: Readonly<Record<string, string>> = {
  extractSmall: 'extract',
  extractLinked: 'extract',
  parseAdt: 'parse',
  parseOru: 'parse',
  ack32: 'ack',
  ack1: 'ack',
  ackLatency: 'ack',
  exportCsv: 'export',
  exportParquet: 'export',
  exportNdjson: 'export',
}

const { values } = parseArgs({
  options: {
    only: { type: 'string', default: Object.keys(benchmarks).join(',') },
    messages: { type: 'string' },
    seconds: { type: 'string', default: '5' },
  },
})
const wanted = [...new Set(values.only.split(',').map(name => groups[name] ?? name))]
const unknown = wanted.filter(name => !benchmarks[name])
if (unknown.length > 0) {
  process.stderr.write(`no such benchmark: ${unknown.join(', ')}. There are: ${Object.keys(benchmarks).join(', ')}\n`)
  process.exit(1)
}
const say = (line: string) => void process.stderr.write(`${line}\n`)
const database = wanted.some(name => name !== 'parse') ? await openDatabase() : undefined
try {
  for (const name of wanted) {
    const figures = await benchmarks[name]?.({
      mongodbUri: database?.uri ?? '',
      messages: Number(values.messages ?? 20_000),
      rows: Number(values.messages ?? 100_000),
      seconds: Number(values.seconds),
      say,
    })
    // A busy machine measures itself: the load stands beside every figure.
    const load = Math.round((loadavg()[0] ?? 0) * 10) / 10
    for (const one of figures ?? [])
      process.stdout.write(
        `${JSON.stringify({ ...one, about: { ...one.about, load, cores: availableParallelism() } })}\n`,
      )
  }
} finally {
  await database?.stop()
}

async function openDatabase(): Promise<{ uri: string; stop: () => Promise<void> }> {
  const given = process.env['FLSDB_BENCH_MONGODB']
  if (given) return { uri: given, stop: async () => undefined }
  const cacheFolder = path.join(import.meta.dirname, '..', '.cache', 'mongod')
  const mongod = await supplyMongod({ cacheFolder, tell: say })
  const folder = await mkdtemp(path.join(tmpdir(), 'flsdb-bench-'))
  const embedded = await startEmbedded(mongod, folder)
  return {
    uri: embedded.uri,
    stop: async () => {
      await embedded.stop()
      await rm(folder, { recursive: true, force: true })
    },
  }
}
