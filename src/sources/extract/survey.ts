import { type Codebook, emptyCodebook } from '../../mapping/extract-codebook.ts'
import { type BoundHeader, bindHeader, type NeutralRow, readRow } from '../../mapping/extract-row.ts'
import type { ExtractTables, FileKind } from '../../mapping/extract-tables.ts'
import type { KnownFile } from './recognise.ts'
import { cellsOf, decode, RowCutter } from './rows.ts'
import { RowSketch } from './sketch.ts'
import { readSpooled } from './spool.ts'

/** One line of a manifest: what the sender declares. Dates as read from the file. */
export type ManifestRow = {
  readonly fileName?: string
  readonly isDelta?: boolean
  readonly practice?: string
  readonly extractId?: string
  readonly mode?: string
  readonly from?: string
  readonly to?: string
}

/** What one look over all files tells before anything is kept: counts, samples, declarations. */
export type Survey = {
  readonly manifest: readonly ManifestRow[]
  /** Organisation id → ODS code, from the supplier's organisation table. */
  readonly organisations: ReadonlyMap<string, string>
  /** Organisation ids of the patient rows, at most a few. */
  readonly patientOrganisations: ReadonlySet<string>
  readonly isSharingDisabled: boolean
  /** By kind of row: rows that stand, with a sample of them, and rows flagged as deleted. */
  readonly rows: ReadonlyMap<string, { readonly standing: RowSketch; deletes: number }>
}

const told = new Set([
  ...['entry', 'rowId', 'patientId', 'action', 'organisationId', 'ods', 'disabled', 'removed', 'fileName', 'isDelta'],
  ...['practice', 'extractId', 'mode', 'from', 'to', 'order'],
])

export async function survey(files: readonly KnownFile[], tables: ExtractTables): Promise<Survey> {
  const found = {
    manifest: [] as ManifestRow[],
    organisations: new Map<string, string>(),
    patientOrganisations: new Set<string>(),
    isSharingDisabled: false,
    rows: new Map<string, { standing: RowSketch; deletes: number }>(),
  }
  const disabled = new Map<string, boolean>()
  for (const file of files) {
    if (file.kind.role === 'unused') continue
    if (file.kind.covers) countsOf(found.rows, file.kind.covers)
    if (file.kind.role === 'entries')
      for (const kind of entryKinds(file.kind, tables)) countsOf(found.rows, kind.covers)
    for await (const { row, content } of surveyRows(file, tables)) {
      const cell = (name: string): string | undefined => row.cells.get(name)?.text
      if (row.kind.role === 'manifest') found.manifest.push(manifestRow(row))
      else if (row.kind.role === 'organisation')
        found.organisations.set(cell('organisationId') ?? '', cell('ods') ?? '')
      else if (row.kind.role === 'agreement') disabled.set(cell('organisationId') ?? '', cell('disabled') === 'yes')
      else if (row.kind.covers) {
        const counts = countsOf(found.rows, row.kind.covers)
        if (cell('action') === 'delete') counts.deletes++
        else counts.standing.add(cell('rowId') ?? content(), content)
        const organisation = cell('organisationId')
        if (row.kind.role === 'patient' && organisation && found.patientOrganisations.size < 100)
          found.patientOrganisations.add(organisation)
      }
    }
  }
  return { ...found, isSharingDisabled: isDisabled(disabled, found) }
}

/** Disabled for the practice of the patients; when that is not known, for anybody. */
function isDisabled(
  disabled: ReadonlyMap<string, boolean>,
  found: { patientOrganisations: ReadonlySet<string> },
): boolean {
  const own = [...disabled].filter(
    ([id]) => found.patientOrganisations.size === 0 || found.patientOrganisations.has(id),
  )
  return own.some(([, isOff]) => isOff)
}

function countsOf(rows: Map<string, { standing: RowSketch; deletes: number }>, covers: string) {
  const counts = rows.get(covers) ?? { standing: new RowSketch(), deletes: 0 }
  rows.set(covers, counts)
  return counts
}

function entryKinds(file: FileKind, tables: ExtractTables): readonly FileKind[] {
  const shape = tables.shapes.find(one => one.name === file.shape)
  return [...(shape?.files.values() ?? [])].filter(kind => kind.covers !== '')
}

function manifestRow(row: NeutralRow): ManifestRow {
  const cell = (name: string) => row.cells.get(name)?.text
  const stated = {
    fileName: cell('fileName'),
    practice: cell('practice'),
    extractId: cell('extractId'),
    mode: cell('mode'),
    from: cell('from'),
    to: cell('to'),
  }
  const delta = cell('isDelta')
  return {
    ...Object.fromEntries(Object.entries(stated).filter(([, value]) => value !== undefined)),
    ...(delta === undefined ? {} : { isDelta: /^(y|yes|true|1)$/i.test(delta) }),
  }
}

/** Rows of a file read only as far as the survey needs. Broken rows are left to the reading, which tells the sender. */
async function* surveyRows(
  file: KnownFile,
  tables: ExtractTables,
): AsyncGenerator<{ row: NeutralRow; content: () => string }> {
  const { kind, shape } = file
  const narrow = { ...kind, columns: kind.columns.filter(column => told.has(column.to)) }
  const env = { tables, codebook: emptyCodebook satisfies Codebook }
  const delimiter = shape.kind === 'csv' ? shape.delimiter : undefined
  const names = delimiter ? (cellsOf(file.header, delimiter) ?? []) : []
  const header = bindHeader(names, narrow)
  const order = header.columns.find(bound => bound.column.to === 'order')?.index
  for await (const raw of rawRows(file)) {
    const text = decode(raw.bytes, file.encoding)
    const line = delimiter ? csvLine(text, delimiter, header) : jsonLine(text, narrow)
    if (!line) continue
    const first = readRow(line.values, line.header, narrow, raw.number, env)
    const entry = first.cells.get('entry')?.text.toLowerCase()
    const own =
      kind.role === 'entries' ? tables.shapes.find(one => one.name === kind.shape)?.files.get(entry ?? '') : kind
    const content = (): string => line.values.filter((_, index) => index !== order).join('\u0000')
    if (own) yield { row: { ...first, kind: own }, content }
  }
}

function csvLine(text: string, delimiter: string, header: BoundHeader) {
  const values = cellsOf(text, delimiter)
  return values && values.length >= header.length ? { values, header } : undefined
}

function jsonLine(text: string, kind: FileKind): { values: readonly string[]; header: BoundHeader } | undefined {
  try {
    const object: unknown = JSON.parse(text)
    if (typeof object !== 'object' || object === null) return undefined
    const entries: [string, unknown][] =
      kind.shape === 'fhir' && Reflect.get(object, 'resourceType') === 'Bundle'
        ? [['action', 'delete']]
        : Object.entries(object).filter(([, value]) => typeof value !== 'object')
    return {
      values: entries.map(([, value]) => String(value)),
      header: bindHeader(
        entries.map(([key]) => key),
        kind,
      ),
    }
  } catch {
    return undefined
  }
}

/** The rows of a file after its header, in order. */
export async function* rawRows(file: KnownFile) {
  const cutter = new RowCutter(file.shape)
  const isHeader = (number: number): boolean => file.shape.kind === 'csv' && number === 1
  for await (const piece of readSpooled(file.file)) {
    if (!Buffer.isBuffer(piece)) continue
    for (const row of cutter.push(piece)) if (!isHeader(row.number)) yield row
  }
  for (const row of cutter.end()) if (!isHeader(row.number)) yield row
}
