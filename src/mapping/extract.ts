import { hash } from 'node:crypto'
import { type Instant, londonDate } from '../fls/dates.ts'
import { type Issue, issue } from '../fls/issue.ts'
import type { InboxEntry } from '../sources/arrival.ts'
import type { RawRow } from '../sources/extract/rows.ts'
import { type BoundRow, boundRows, type ChunkMeta, chunkMeta, rowsOf } from './extract-chunk.ts'
import { type Codebook, type CodebookRow, codebookRow, codeKey } from './extract-codebook.ts'
import { medicationsAsked, medicationsIn, readFhirLine } from './extract-fhir.ts'
import { type ReadRow, type RowOutcome, readStatements } from './extract-outcome.ts'
import { withheld } from './extract-record.ts'
import { type NeutralRow, placeIn, readRow } from './extract-row.ts'
import type { ChunkFrame } from './extract-statement.ts'
import type { ExtractTables, Shape } from './extract-tables.ts'
import type { EntryReading } from './read.ts'
import { tablesFor } from './tables.ts'

export type ExtractReading = EntryReading & {
  readonly rowOutcomes: readonly RowOutcome[]
  readonly codes: readonly CodebookRow[]
}

/** Reads one chunk of an extract: pure, row by row; one bad row never costs another. Entries without a readable note give nothing. */
export function readExtract(entry: InboxEntry, tables: ExtractTables, codebook: Codebook): ExtractReading {
  const nothing = { facts: [], issues: [], rowOutcomes: [], codes: [] }
  const parsed = chunkMeta.safeParse(entry.meta)
  if (!parsed.success) return nothing
  const meta = parsed.data
  const shape = tables.shapes.find(one => one.name === meta.shape)
  if (!shape && meta.shape !== 'fhir') return nothing
  const frame: ChunkFrame = {
    entry,
    practice: entry.practice ?? entry.organisation,
    extractId: meta.extractId,
    rowsOf: meta.hold ? withheld(meta.extractId) : meta.extractId,
    asOf: meta.asOf as Instant,
    receivedOn: londonDate(entry.receivedAt),
    terminology: tablesFor(entry, 'gp-extract', tables.mapping)?.terminology ?? tables.mapping.terminology,
    translations: new Map(),
    tables,
    codebook: shape ? codebook : withMedications(codebook, entry, meta),
    ...(meta.organisationId ? { organisationId: meta.organisationId } : {}),
  }
  const rows = boundRows(entry.bytes, meta, shape?.files.get(meta.file))
  const outcomes = rows.map(row => (shape ? readOne(row, meta, shape, frame) : readLine(row.raw, frame)))
  markRepeats(outcomes)
  const waitsFor = new Set(outcomes.flatMap(one => one.waitsFor ?? []))
  return {
    facts: outcomes.flatMap(one => one.facts),
    issues: [...(meta.hold ? [issue(meta.hold, meta.fileName)] : []), ...outcomes.flatMap(one => one.outcome.issues)],
    rowOutcomes: outcomes.map(one => one.outcome),
    codes: outcomes.flatMap(one => one.code ?? []),
    ...(waitsFor.size > 0 ? { waitsFor: [...waitsFor] } : {}),
  }
}

/** The codebook keys a chunk asks for: load these and no others before reading it. */
export function codeKeysOf(entry: InboxEntry, tables: ExtractTables): readonly string[] {
  const parsed = chunkMeta.safeParse(entry.meta)
  if (!parsed.success) return []
  if (parsed.data.shape === 'fhir')
    return medicationsAsked(rowsOf(entry.bytes, parsed.data), entry.practice ?? entry.organisation)
  const kind = tables.shapes.find(one => one.name === parsed.data.shape)?.files.get(parsed.data.file)
  const asking =
    kind?.columns.filter(column => ['code-id', 'lookup'].includes(column.reader.name) || column.to === 'ctv3') ?? []
  if (asking.length === 0) return []
  const keys = new Set<string>()
  for (const { values, header } of boundRows(entry.bytes, parsed.data, kind, true)) {
    for (const { index, column } of header?.columns ?? []) {
      if (!asking.includes(column)) continue
      const text = values?.[index]?.trim()
      const table = column.to === 'ctv3' ? 'ctv3' : (column.reader.argument.split(':')[0] ?? '')
      if (text) keys.add(codeKey(parsed.data.shape, table, text))
    }
  }
  return [...keys]
}

/** Medications of the same chunk need not be looked up. */
function withMedications(codebook: Codebook, entry: InboxEntry, meta: ChunkMeta): Codebook {
  const own = medicationsIn(rowsOf(entry.bytes, meta), entry.practice ?? entry.organisation)
  return own.length === 0 ? codebook : new Map([...codebook, ...own.map(({ key, ...code }) => [key, code] as const)])
}

function readOne(
  { raw, values, header, problems = [] }: BoundRow,
  meta: ChunkMeta,
  shape: Shape,
  frame: ChunkFrame,
): ReadRow {
  const where = `row ${raw.number}`
  const refuse = (issues: readonly Issue[]): ReadRow => ({
    outcome: {
      number: raw.number,
      outcome: 'rejected',
      isDelete: false,
      file: meta.file,
      rowId: '',
      raw,
      issues,
    },
    facts: [],
    order: raw.number,
  })
  const file = shape.files.get(meta.file)
  if (!file) return refuse([issue('file-not-recognised', where)])
  const told = problems.map(({ code, column, hint }) =>
    issue(code, placeIn(raw.number, { column }), hint ? { hint } : {}),
  )
  if (!values || !header) return refuse(told)
  const bound = readRow(values, header, file, raw.number, frame)
  const first = { ...bound, issues: [...told, ...bound.issues] }
  const kind = file.role === 'entries' ? shape.files.get(first.cells.get('entry')?.text.toLowerCase() ?? '') : file
  if (!kind) return refuse([issue('word-not-allowed', placeIn(raw.number, first.cells.get('entry')))])
  if (kind.role === 'manifest') return readManifestRow({ ...first, kind }, raw)
  if (kind.role === 'coding') return readCode({ ...first, kind }, raw)
  return readStatements(withRowId({ ...first, kind }, values), raw, frame)
}

function readLine(raw: RawRow, frame: ChunkFrame): ReadRow {
  const line = readFhirLine(raw, frame.entry, frame, frame.tables.mapping)
  return {
    outcome: {
      number: raw.number,
      outcome: line.isRefused ? 'rejected' : line.waitsFor ? 'held' : 'kept',
      isDelete: line.isDelete ?? false,
      // Patients are counted apart from what is said about them; a delete is looked for under its name.
      file: line.rowId.startsWith('Patient/') && !line.isDelete ? 'patient' : 'fhir',
      rowId: line.rowId,
      ...(line.record ? { record: line.record } : {}),
      raw,
      issues: line.issues,
    },
    facts: line.facts,
    order: raw.number,
    ...(line.code ? { code: line.code } : {}),
    ...(line.waitsFor ? { waitsFor: line.waitsFor } : {}),
  }
}

function readCode(row: NeutralRow, raw: RawRow): ReadRow {
  const code = codebookRow(row)
  const issues = code ? row.issues : [issue('row-id-missing', `row ${row.number}`)]
  const outcome = code ? ('kept' as const) : ('rejected' as const)
  return {
    outcome: { number: row.number, outcome, isDelete: false, file: row.kind.file, rowId: code?.key ?? '', raw, issues },
    facts: [],
    order: raw.number,
    ...(code ? { code } : {}),
  }
}

/** The declaration was read by the door; here it only counts as a row. */
function readManifestRow(row: NeutralRow, raw: RawRow): ReadRow {
  const outcome = {
    number: row.number,
    outcome: 'kept' as const,
    isDelete: false,
    file: 'manifest',
    rowId: '',
    raw,
    issues: [],
  }
  return { outcome, facts: [], order: row.number }
}

/** Of one row id twice in a chunk the one processed last is used (2.4, `row-id-repeated`). */
function markRepeats(rows: ReadRow[]): void {
  const last = new Map<string, ReadRow>()
  for (const row of rows) {
    if (!row.outcome.rowId || row.facts.length === 0) continue
    const key = `${row.outcome.file}\n${row.outcome.rowId}`
    const before = last.get(key)
    const loser = before && before.order > row.order ? row : before
    last.set(key, loser === row && before ? before : row)
    if (!loser) continue
    loser.facts = []
    loser.outcome = {
      ...loser.outcome,
      outcome: 'rejected',
      issues: [...loser.outcome.issues, issue('row-id-repeated', `row ${loser.outcome.number}`)],
    }
  }
}

/** A row without an id of its own (Admin_PatientHistory) is known by its content, less the order of processing. */
function withRowId(row: NeutralRow, values: readonly string[]): NeutralRow {
  if (row.cells.has('rowId') || row.kind.columns.some(column => column.to === 'rowId')) return row
  const order = row.cells.get('order')?.text
  const text = values
    .map(value => value.trim())
    .filter(value => value !== order)
    .join('\u0000')
  const cell = { text: contentHash(text), column: '', row: 'content' }
  return { ...row, cells: new Map([...row.cells, ['rowId', cell]]) }
}

function contentHash(text: string): string {
  return hash('sha256', text, 'hex').slice(0, 32)
}
