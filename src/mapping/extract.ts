import { createHash } from 'node:crypto'
import { z } from 'zod'
import type { Instant } from '../fls/dates.ts'
import type { Fact } from '../fls/fact.ts'
import { type Issue, issue } from '../fls/issue.ts'
import type { InboxEntry } from '../sources/arrival.ts'
import { cellsOf, decode, type RawRow, RowCutter, type RowShape } from '../sources/extract/rows.ts'
import { codedOf, extensionOf, issueOf, referralOf } from './extract-clinical.ts'
import { type Codebook, type CodebookRow, codebookRow, codeKey } from './extract-codebook.ts'
import { readFhirLine } from './extract-fhir.ts'
import { addressRow, deathOf, identityOf, registrationOf } from './extract-patient.ts'
import { type BoundHeader, bindHeader, type NeutralRow, type RowFactKind, readRow } from './extract-row.ts'
import { type ChunkFrame, RowReading, rowRecord, type Statement } from './extract-statement.ts'
import type { ExtractTables, FileKind, Shape } from './extract-tables.ts'
import type { EntryReading } from './read.ts'

export type { Codebook } from './extract-codebook.ts'

/** What the door notes beside a chunk: enough to read its rows again for ever. `hold`: kept, but without effect until a person decides. */
export const chunkMeta = z.object({
  shape: z.string(),
  file: z.string(),
  fileName: z.string(),
  encoding: z.enum(['utf-8', 'windows-1252']),
  /** Absent: NDJSON. */
  delimiter: z.string().length(1).optional(),
  /** The header line as text; empty for NDJSON. */
  header: z.string(),
  /** Number of the row before the first of this chunk; the header is row 1. */
  rowsBefore: z.number().int(),
  extractId: z.string(),
  mode: z.enum(['full', 'delta']),
  asOf: z.string(),
  organisationId: z.string().optional(),
  hold: z.enum(['sharing-disabled', 'mode-disagrees']).optional(),
})
export type ChunkMeta = z.infer<typeof chunkMeta>

/** What became of one row. `record` and `rowId` are patient data: for counting, never for logs. */
export type RowOutcome = {
  readonly number: number
  readonly outcome: 'kept' | 'rejected' | 'held'
  readonly isDelete: boolean
  readonly file: string
  readonly rowId: string
  readonly record?: string
  readonly raw: RawRow
  readonly issues: readonly Issue[]
}
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
    asOf: meta.asOf as Instant,
    tables,
    codebook,
    ...(meta.organisationId ? { organisationId: meta.organisationId } : {}),
  }
  const outcomes: ReadRow[] = []
  for (const raw of rowsOf(entry.bytes, meta))
    outcomes.push(shape ? readOne(raw, meta, shape, frame) : readLine(raw, frame))
  markRepeats(outcomes)
  if (meta.hold)
    return {
      ...nothing,
      issues: [issue(meta.hold, meta.fileName)],
      rowOutcomes: outcomes.map(one => held(one.outcome)),
    }
  const waitsFor = new Set(outcomes.flatMap(one => one.waitsFor ?? []))
  return {
    facts: outcomes.flatMap(one => one.facts),
    issues: outcomes.flatMap(one => one.outcome.issues),
    rowOutcomes: outcomes.map(one => one.outcome),
    codes: outcomes.flatMap(one => one.code ?? []),
    ...(waitsFor.size > 0 ? { waitsFor: [...waitsFor] } : {}),
  }
}

/** The codebook keys a chunk asks for: load these and no others before reading it. */
export function codeKeysOf(entry: InboxEntry, tables: ExtractTables): readonly string[] {
  const parsed = chunkMeta.safeParse(entry.meta)
  if (!parsed.success) return []
  const kind = tables.shapes.find(one => one.name === parsed.data.shape)?.files.get(parsed.data.file)
  const asking =
    kind?.columns.filter(column => ['code-id', 'lookup'].includes(column.reader.name) || column.to === 'ctv3') ?? []
  if (asking.length === 0) return []
  const keys = new Set<string>()
  for (const raw of rowsOf(entry.bytes, parsed.data)) {
    const { values, header } = bound(raw, parsed.data, kind)
    for (const { index, column } of header?.columns ?? []) {
      const text = values?.[index]?.trim()
      const table = column.to === 'ctv3' ? 'ctv3' : (column.reader.argument.split(':')[0] ?? '')
      if (text && asking.includes(column)) keys.add(codeKey(parsed.data.shape, table, text))
    }
  }
  return [...keys]
}

/** Rows of a chunk with their numbers in the file. */
export function rowsOf(bytes: Buffer, meta: Pick<ChunkMeta, 'delimiter' | 'rowsBefore'>): readonly RawRow[] {
  const shape: RowShape = meta.delimiter ? { kind: 'csv', delimiter: meta.delimiter } : { kind: 'ndjson' }
  const cutter = new RowCutter(shape, meta.rowsBefore)
  return [...cutter.push(bytes), ...cutter.end()]
}

type ReadRow = { outcome: RowOutcome; facts: readonly Fact[]; waitsFor?: string; code?: CodebookRow; order: number }

function readOne(raw: RawRow, meta: ChunkMeta, shape: Shape, frame: ChunkFrame): ReadRow {
  const where = `row ${raw.number}`
  const refuse = (found: Issue): ReadRow => ({
    outcome: {
      number: raw.number,
      outcome: 'rejected',
      isDelete: false,
      file: meta.file,
      rowId: '',
      raw,
      issues: [found],
    },
    facts: [],
    order: raw.number,
  })
  const file = shape.files.get(meta.file)
  if (!file) return refuse(issue('file-not-recognised', where))
  const { values, header } = bound(raw, meta, file)
  if (!values || !header) return refuse(issue('quoting-broken', where))
  const env = { tables: frame.tables, codebook: frame.codebook }
  const first = readRow(values, header, file, raw.number, env)
  const kind = file.role === 'entries' ? shape.files.get(first.cells.get('entry')?.text.toLowerCase() ?? '') : file
  if (!kind) return refuse(issue('word-not-allowed', first.cells.get('entry')?.where ?? where))
  if (kind.role === 'manifest') return readManifestRow({ ...first, kind }, raw)
  if (kind.role === 'coding') return readCode({ ...first, kind }, raw)
  return readStatements(withRowId({ ...first, kind }, values), raw, frame)
}

function readLine(raw: RawRow, frame: ChunkFrame): ReadRow {
  const line = readFhirLine(raw, frame.entry, frame, frame.tables.mapping)
  return {
    outcome: {
      number: raw.number,
      outcome: line.isRefused ? 'rejected' : 'kept',
      isDelete: false,
      // Patients are counted apart from what is said about them.
      file: line.rowId.startsWith('Patient/') ? 'patient' : 'fhir',
      rowId: line.rowId,
      ...(line.record ? { record: line.record } : {}),
      raw,
      issues: line.issues,
    },
    facts: line.facts,
    order: raw.number,
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

const readers: Readonly<Record<Exclude<RowFactKind, 'coding'>, (reading: RowReading) => Statement>> = {
  identity: identityOf,
  registration: registrationOf,
  death: deathOf,
  address: addressRow,
  coded: codedOf,
  issue: issueOf,
  referral: referralOf,
  problem: reading => extensionOf(reading, 'problem'),
  'referral-extension': reading => extensionOf(reading, 'referral-extension'),
  course: reading => extensionOf(reading, 'course'),
}

function readStatements(row: NeutralRow, raw: RawRow, frame: ChunkFrame): ReadRow {
  const issues = [...row.issues]
  const first = new RowReading(row, frame, row.kind.facts[0] ?? 'coded', issues)
  const refusal = refusalOf(first)
  let facts: readonly Fact[] = []
  let isRefused = refusal !== undefined
  let waitsFor: string | undefined
  if (refusal === 'retract') facts = [tombstone(first)]
  if (refusal === undefined) {
    for (const kind of row.kind.facts) {
      if (kind === 'coding') continue
      const reading = new RowReading(row, frame, kind, issues)
      const said = readers[kind](reading)
      facts = [...facts, ...said.facts]
      waitsFor ??= said.waitsFor
      if (said.isRefused) {
        isRefused = true
        // The row as it stands now cannot be used; an older version of it must not live on.
        if (said.facts.length === 0 && first.rowId) facts = [...facts, tombstone(first)]
        break
      }
    }
  }
  const { number } = row
  const order = Number(row.cells.get('order')?.text ?? number)
  return {
    outcome: {
      number,
      outcome: isRefused ? 'rejected' : waitsFor ? 'held' : 'kept',
      isDelete: first.isDelete,
      file: row.kind.covers,
      rowId: first.rowId,
      ...(first.text('patientId') ? { record: first.record } : {}),
      raw,
      issues: distinct(issues),
    },
    facts,
    order,
    ...(waitsFor ? { waitsFor } : {}),
  }
}

/** Checks that come before any reading of content (2.4). `silent`: no fact; `retract`: what was held of this row goes. */
function refusalOf(reading: RowReading): 'silent' | 'retract' | undefined {
  const { practice, organisationId } = reading.frame
  if (!reading.rowId) {
    reading.add('row-id-missing', 'rowId')
    return 'silent'
  }
  const bound = reading.text('organisationId')
  const visible = reading.text('practice')
  if ((bound && organisationId && bound !== organisationId) || (visible && visible !== practice)) {
    reading.add('practice-disagrees', bound ? 'organisationId' : 'practice')
    return 'silent'
  }
  if (reading.isDelete) return undefined
  if (!reading.text('patientId')) {
    reading.add('patient-id-missing', 'patientId')
    return 'silent'
  }
  const at = reading.text('registeredAt')
  if (at && at !== practice && reading.row.kind.facts[0] !== 'registration') {
    reading.add('practice-disagrees', 'registeredAt')
    return 'silent'
  }
  if (reading.row.kind.role === 'rows' && reading.is('confidential')) {
    reading.add('confidential-row', 'confidential')
    return 'retract'
  }
  const by = reading.text('recordedBy')
  if (by && by !== practice) reading.add('recorded-elsewhere', 'recordedBy')
  if (reading.text('text') && !reading.frame.tables.textAgreed.has(practice)) reading.add('text-not-accepted', 'text')
  return undefined
}

function tombstone(reading: RowReading): Fact {
  const { record, ...common } = reading.frameOf('rowId')
  const at = reading.text('patientId')
    ? record
    : rowRecord(reading.frame.practice, reading.row.kind.covers, reading.rowId)
  return { ...common, record: at, status: 'retracted', kind: 'observation' }
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

function held(outcome: RowOutcome): RowOutcome {
  return { ...outcome, outcome: 'held' }
}

function distinct(issues: readonly Issue[]): readonly Issue[] {
  return [...new Map(issues.map(found => [`${found.code} ${found.where}`, found])).values()]
}

/** A row without an id of its own (Admin_PatientHistory) is known by its content, less the order of processing. */
function withRowId(row: NeutralRow, values: readonly string[]): NeutralRow {
  if (row.cells.has('rowId') || row.kind.columns.some(column => column.to === 'rowId')) return row
  const order = row.cells.get('order')?.text
  const text = values
    .map(value => value.trim())
    .filter(value => value !== order)
    .join('\u0000')
  const cell = { text: contentHash(text), where: `row ${row.number}`, row: 'content' }
  return { ...row, cells: new Map([...row.cells, ['rowId', cell]]) }
}

function contentHash(text: string): string {
  return createHash('sha256').update(text).digest('hex').slice(0, 32)
}

const headers = new WeakMap<FileKind, Map<string, BoundHeader>>()

function headerOf(names: readonly string[], kind: FileKind): BoundHeader {
  const known = headers.get(kind) ?? new Map<string, BoundHeader>()
  headers.set(kind, known)
  const key = names.join('\u0000')
  const found = known.get(key) ?? bindHeader(names, kind)
  if (known.size < 100) known.set(key, found)
  return found
}

/** The cells of a row beside the header they stand under; no `values` when the row is broken. */
function bound(
  raw: RawRow,
  meta: ChunkMeta,
  kind: FileKind | undefined,
): { values?: readonly string[]; header?: BoundHeader } {
  if (!kind) return {}
  const text = decode(raw.bytes, meta.encoding)
  if (!meta.delimiter) return boundJson(text, kind)
  const names = cellsOf(meta.header, meta.delimiter) ?? []
  const values = cellsOf(text, meta.delimiter)
  // A delimiter at the end of every line makes one empty cell more.
  const isLonger = values && values.length > names.length && values.slice(names.length).every(value => value === '')
  if (!values || (values.length !== names.length && !isLonger)) return {}
  return { values, header: headerOf(names, kind) }
}

function boundJson(text: string, kind: FileKind): { values?: readonly string[]; header?: BoundHeader } {
  try {
    const object: unknown = JSON.parse(text)
    if (typeof object !== 'object' || object === null || Array.isArray(object)) return {}
    const entries = Object.entries(object).filter(([, value]) => ['string', 'number', 'boolean'].includes(typeof value))
    return {
      values: entries.map(([, value]) => String(value)),
      header: headerOf(
        entries.map(([key]) => key),
        kind,
      ),
    }
  } catch (cause) {
    if (cause instanceof SyntaxError) return {}
    throw cause
  }
}
