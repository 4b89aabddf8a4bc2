import { stringify } from 'csv-stringify'
import type { Response } from 'express'
import { describeIssue, type Issue } from '../../fls/issue.ts'
import { writePart } from '../../http/streaming.ts'
import { codeKeysOf, readExtract } from '../../mapping/extract.ts'
import { chunkMeta } from '../../mapping/extract-chunk.ts'
import type { RowOutcome } from '../../mapping/extract-outcome.ts'
import type { JobDocument } from '../../store/jobs.ts'
import type { InboxEntry } from '../arrival.ts'
import { operationOutcome } from '../fhir/operation-outcome.ts'
import type { ExtractDeps } from './deps.ts'
import { cellsOf, decode } from './rows.ts'

/**
 * Writes every rejected row with the sender's own columns, then `file`, `row`, `column`, `problem`, `fix`, `code`. Read again from the inbox, so
 * nothing about rejects is stored. Files with different columns share one table: the union of their columns in order of first sight.
 * Cells that would run as a formula in a spreadsheet are escaped. Returns the number of lines.
 */
export async function writeRejects(deps: ExtractDeps, job: JobDocument, response: Response): Promise<number> {
  const columns = columnsOf(job, deps.dryRuns.get(job._id))
  const table = stringify({
    header: true,
    columns: [...columns, ...rejectColumns],
    escape_formulas: true,
    record_delimiter: 'windows',
  })
  const written = pump(table, response)
  let lines = 0
  for await (const { row, entry } of rejectedRows(deps, job)) {
    for (const line of linesOf(row, entry)) {
      table.write(line)
      lines++
    }
  }
  table.end()
  await written
  return lines
}

/** One OperationOutcome a rejected row: file, row and resource stand before the place within. */
export async function* rejectOutcomes(deps: ExtractDeps, job: JobDocument): AsyncGenerator<object> {
  for await (const { row, entry } of rejectedRows(deps, job)) {
    const file = String(entry.meta?.['fileName'] ?? '')
    const where = [file, ...(row.rowId ? [row.rowId] : [])].join(', ')
    yield operationOutcome(blockingOf(row).map(found => ({ ...found, where: `${where}, ${found.where}` })))
  }
}

async function* rejectedRows(
  deps: ExtractDeps,
  job: JobDocument,
): AsyncGenerator<{ readonly row: RowOutcome; readonly entry: InboxEntry }> {
  for await (const entry of entriesOf(deps, job)) {
    const reading = readExtract(entry, deps.tables, await deps.codebook(codeKeysOf(entry, deps.tables)))
    for (const row of reading.rowOutcomes) if (row.outcome === 'rejected') yield { row, entry }
  }
}

/** Why a row was rejected. */
function blockingOf({ issues }: RowOutcome): readonly Issue[] {
  const blocking = issues.filter(found => found.severity === 'error')
  return blocking.length > 0 ? blocking : issues
}

async function pump(table: AsyncIterable<Buffer | string>, response: Response): Promise<void> {
  for await (const part of table) await writePart(response, part)
  response.end()
}

async function* entriesOf(deps: ExtractDeps, job: JobDocument): AsyncGenerator<InboxEntry> {
  const kept = deps.dryRuns.get(job._id)
  if (job.isDryRun) {
    yield* kept ?? []
    return
  }
  for (const { inboxId } of job.chunks) {
    const entry = await deps.entryOf(inboxId)
    if (entry) yield entry
  }
}

function columnsOf(job: JobDocument, dryRun: readonly InboxEntry[] | undefined): readonly string[] {
  const headers = job.isDryRun
    ? (dryRun ?? []).map(entry => String(entry.meta?.['header'] ?? ''))
    : job.chunks.map(chunk => chunk.header)
  const names = [...new Set(headers)].flatMap(header =>
    header ? (cellsOf(header, delimiterIn(header)) ?? []) : ['line'],
  )
  return [...new Set(names.map(name => name.trim()))]
}

function delimiterIn(header: string): string {
  return ['\t', '|', ';'].find(one => header.includes(one) && !header.includes(',')) ?? ','
}

function* linesOf(row: RowOutcome, entry: InboxEntry): Generator<Record<string, string>> {
  const meta = chunkMeta.safeParse(entry.meta)
  if (!meta.success) return
  const { delimiter, header, encoding, fileName } = meta.data
  const text = decode(row.raw.bytes, encoding).replace(/\r?\n$/, '')
  const names = delimiter ? (cellsOf(header, delimiter) ?? []) : ['line']
  const values = delimiter ? (cellsOf(text, delimiter) ?? [text]) : [text]
  const cells = Object.fromEntries(names.map((name, index) => [name.trim(), values[index] ?? '']))
  for (const found of blockingOf(row)) yield { ...cells, ...rejectOf(found, fileName, row.number) }
}

const rejectColumns = ['file', 'row', 'column', 'problem', 'fix', 'code'] as const

/** The one place where an issue becomes cells of `rejects.csv`; they stand behind the sender's own columns. */
export function rejectOf(
  found: Issue,
  file: string,
  row: number,
): Readonly<Record<(typeof rejectColumns)[number], string>> {
  const { text: problem, fix, code } = describeIssue(found)
  const column = /^row \d+, (.+)$/.exec(found.where)?.[1] ?? ''
  return { file, row: String(row), column, problem, fix, code }
}
