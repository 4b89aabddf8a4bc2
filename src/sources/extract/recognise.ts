import { type Issue, issue } from '../../fls/issue.ts'
import { bindHeader } from '../../mapping/extract-row.ts'
import type { ExtractTables, FileKind } from '../../mapping/extract-tables.ts'
import { parseCall } from '../../mapping/table.ts'
import { cellsOf, delimiterOf, type Encoding, type RowShape } from './rows.ts'
import { plainName, readSpooled, type SpooledFile } from './spool.ts'

/** A file of an extract whose kind is known. `header` is its first line as text; empty for NDJSON. */
export type KnownFile = {
  readonly file: SpooledFile
  readonly kind: FileKind
  readonly shape: RowShape
  readonly encoding: Encoding
  readonly header: string
  /** Time stamp and agreement of an EMIS file name. */
  readonly stamp?: string
  readonly agreement?: string
  readonly issues: readonly Issue[]
}
/** `refused`: not to be read, with the reason. */
export type Recognised = { readonly known: KnownFile } | { readonly refused: Issue }

/** FHIR R4, one resource a line: read by the FHIR tables, not by columns. */
export const fhirLines: FileKind = {
  shape: 'fhir',
  file: 'ndjson',
  role: 'rows',
  facts: [],
  covers: 'fhir',
  extends: '',
  isRequired: false,
  header: [],
  columns: [fhirColumn('id', 'rowId', true), fhirColumn('action', 'action', false)],
}

function fhirColumn(column: string, to: string, isRequired: boolean): FileKind['columns'][number] {
  return { row: `fhir.${column}`, column, names: new Set([column]), isRequired, reader: parseCall('text'), to }
}

/** What a file is: by its name without path, ids, stamp and extension, else by its header (gp-extracts.md 2). */
export async function recognise(file: SpooledFile, tables: ExtractTables): Promise<Recognised> {
  const where = plainName(file.name)
  const { encoding, firstLine } = await look(file)
  const name = nameParts(file.name)
  if (firstLine.startsWith('{')) return recogniseLines(file, firstLine, encoding, tables)
  // The whole file would be its own header, and its cells be told as names of columns.
  if (firstLine.includes('\r'))
    return { refused: issue('file-not-recognised', where, { hint: 'its lines end in CR alone' }) }
  const delimiter = delimiterOf(firstLine)
  const header = cellsOf(firstLine, delimiter)?.map(cell => cell.trim()) ?? []
  const kind = byName(name.table, header, tables) ?? byHeader(header, tables)
  if (!kind) return { refused: issue('file-not-recognised', where) }
  const shape = tables.shapes.find(one => one.name === kind.shape)
  const missing = missingColumns(header, kind)
  if (missing.length > 0 && kind.role !== 'unused')
    return { refused: issue('column-missing', `${where}, ${missing.join(', ')}`) }
  const issues = [
    ...(encoding !== 'utf-8' && shape?.windows1252 !== 'expected' ? [issue('encoding-not-utf8', where)] : []),
    ...(shape?.listsUnknownColumns ? unknownColumns(header, kind, where) : []),
  ]
  return {
    known: { file, kind, shape: { kind: 'csv', delimiter }, encoding, header: firstLine, ...name.envelope, issues },
  }
}

function recogniseLines(file: SpooledFile, line: string, encoding: Encoding, tables: ExtractTables): Recognised {
  const keys = keysOf(line)
  const kind = keys.includes('resourceType')
    ? fhirLines
    : tables.shapes
        .flatMap(shape => [...shape.files.values()])
        .find(one => one.role === 'entries' && keys.includes('entry'))
  if (!kind) return { refused: issue('file-not-recognised', plainName(file.name)) }
  return { known: { file, kind, shape: { kind: 'ndjson' }, encoding, header: '', issues: [] } }
}

function keysOf(line: string): readonly string[] {
  try {
    const value: unknown = JSON.parse(line)
    return typeof value === 'object' && value !== null ? Object.keys(value) : []
  } catch {
    return []
  }
}

/** `52_CareRecord_Observation_20240902220000_<GUID>.csv` → its table, stamp and agreement; other names → themselves. */
function nameParts(name: string): { table: string; envelope: { stamp?: string; agreement?: string } } {
  const plain = name.replace(/^.*[\\/]/, '').replace(/(\.(csv|txt|tsv|ndjson|jsonl|gpg|dat))+$/i, '')
  const emis = /^(?:[\d-]+_)?([A-Za-z]+_[A-Za-z]+?)_(\d{14})(?:_\{?([0-9A-Fa-f-]{36})\}?)?$/.exec(plain)
  if (!emis?.[1] || !emis[2]) return { table: plain, envelope: {} }
  return { table: emis[1], envelope: { stamp: emis[2], ...(emis[3] ? { agreement: emis[3].toUpperCase() } : {}) } }
}

function byName(table: string, header: readonly string[], tables: ExtractTables): FileKind | undefined {
  const wanted = table.toLowerCase()
  const named = tables.shapes
    .flatMap(shape => [...shape.files.values()])
    .filter(kind => kind.role !== 'entries' && kind.columns.length + (kind.role === 'unused' ? 1 : 0) > 0)
  const kind = named.find(one => one.file.toLowerCase() === wanted)
  // The entries of the neutral file are no file names of their own.
  if (
    !kind ||
    tables.shapes.some(
      shape => shape.name === kind.shape && [...shape.files.values()].some(one => one.role === 'entries'),
    )
  )
    return undefined
  return kind.role === 'unused' || missingColumns(header, kind).length === 0 || byHeader(header, tables) === undefined
    ? kind
    : undefined
}

/** The kind whose signature columns are all there; the longest signature wins. */
function byHeader(header: readonly string[], tables: ExtractTables): FileKind | undefined {
  const names = new Set(header.map(name => name.toLowerCase()))
  const fitting = tables.shapes
    .flatMap(shape => [...shape.files.values()])
    .filter(kind => kind.header.length > 0 && kind.header.every(name => isThere(name, names, kind)))
  const bestLength = Math.max(0, ...fitting.map(kind => kind.header.length))
  return fitting.find(kind => kind.header.length === bestLength)
}

function isThere(name: string, names: ReadonlySet<string>, kind: FileKind): boolean {
  if (names.has(name)) return true
  return kind.columns.some(column => column.names.has(name) && [...column.names].some(other => names.has(other)))
}

function missingColumns(header: readonly string[], kind: FileKind): readonly string[] {
  const found = new Set(bindHeader(header, kind).columns.map(bound => bound.column.column))
  return [
    ...new Set(
      kind.columns.filter(column => column.isRequired && !found.has(column.column)).map(column => column.column),
    ),
  ]
}

function unknownColumns(header: readonly string[], kind: FileKind, where: string): readonly Issue[] {
  const known = new Set(kind.columns.flatMap(column => [...column.names]))
  return header
    .filter(name => name !== '' && !name.toLowerCase().startsWith('x-') && !known.has(name.toLowerCase()))
    .slice(0, 50)
    .map(name => {
      const near = nearest(
        name,
        kind.columns.map(column => column.column),
      )
      return issue('column-unknown', `${where}, ${plainName(name)}`, near ? { hint: `nearest: ${near}` } : {})
    })
}

function nearest(name: string, columns: readonly string[]): string | undefined {
  const scored = columns.map(column => ({ column, distance: distance(name.toLowerCase(), column.toLowerCase()) }))
  const [best] = scored.sort((a, b) => a.distance - b.distance)
  return best && best.distance <= Math.max(2, name.length / 3) ? best.column : undefined
}

/** Levenshtein. */
function distance(a: string, b: string): number {
  let previous = Array.from({ length: b.length + 1 }, (_, index) => index)
  for (let i = 1; i <= a.length; i++) {
    const row = [i]
    for (let j = 1; j <= b.length; j++) {
      const change = (previous[j - 1] ?? 0) + (a[i - 1] === b[j - 1] ? 0 : 1)
      row.push(Math.min((previous[j] ?? 0) + 1, (row[j - 1] ?? 0) + 1, change))
    }
    previous = row
  }
  return previous[b.length] ?? 0
}

/** First line and encoding: UTF-8 when every byte of the file fits, else Windows-1252. */
async function look(file: SpooledFile): Promise<{ encoding: Encoding; firstLine: string }> {
  const decoder = new TextDecoder('utf-8', { fatal: true })
  let encoding: Encoding = 'utf-8'
  let head = Buffer.alloc(0)
  for await (const piece of readSpooled(file)) {
    if (!Buffer.isBuffer(piece)) continue
    if (head.length < 64 * 1024) head = Buffer.concat([head, piece.subarray(0, 64 * 1024)])
    if (encoding === 'utf-8') encoding = fits(decoder, piece, true)
  }
  if (encoding === 'utf-8') encoding = fits(decoder, Buffer.alloc(0), false)
  const line = head.toString(encoding === 'utf-8' ? 'utf8' : 'latin1').split(/\r?\n/, 1)[0] ?? ''
  return { encoding, firstLine: line.replace(/^\ufeff|^ï»¿/, '').trim() }
}

function fits(decoder: TextDecoder, piece: Buffer, stream: boolean): Encoding {
  try {
    decoder.decode(piece, { stream })
    return 'utf-8'
  } catch {
    return 'windows-1252'
  }
}
