import { createReadStream } from 'node:fs'
import { createInterface } from 'node:readline'
import type { TruthLine } from './delivery.ts'
import { evaluate, type LinkLine } from './evaluate.ts'

/** `node synthetic/evaluate-files.ts truth.ndjson links.ndjson`: prints the evaluation as JSON. */
const [truthFile, linksFile] = process.argv.slice(2)
if (!truthFile || !linksFile) {
  process.stderr.write('usage: node synthetic/evaluate-files.ts TRUTH.ndjson LINKS.ndjson\n')
  process.exitCode = 2
} else {
  const truth = await readLines<TruthLine>(truthFile)
  const links = await readLines<LinkLine>(linksFile)
  process.stdout.write(`${JSON.stringify(evaluate(truth, links), undefined, 2)}\n`)
}

/** Lines of our own two outputs; a line that is no JSON ends the run with its number. */
async function readLines<T>(path: string): Promise<T[]> {
  const lines: T[] = []
  for await (const line of createInterface({ input: createReadStream(path), crlfDelay: Number.POSITIVE_INFINITY })) {
    if (line.trim() !== '') lines.push(JSON.parse(line))
  }
  return lines
}
