import { type Issue, issue } from '../fls/issue.ts'
import type { Codebook } from './extract-codebook.ts'
import { type CellReader, cellReaders } from './extract-readers.ts'
import type { ColumnRow, ExtractTables, FileKind } from './extract-tables.ts'

/** What one row can say. `problem`, `referral-extension` and `course` add to other rows and are no facts of their own. */
export const rowFactKinds = [
  ...(['identity', 'registration', 'death', 'address', 'coded', 'issue', 'referral'] as const),
  ...(['problem', 'referral-extension', 'course', 'coding'] as const),
]
export type RowFactKind = (typeof rowFactKinds)[number]

/** A value in neutral form with the column it came from, in the sender's words, and the row of our table that read it. */
export type Cell = { readonly text: string; readonly column: string; readonly row: string }

/** One row after its supplier's tables: cells by the names of the neutral contract (gp-extracts.md 2.3), whoever sent it. */
export type NeutralRow = {
  readonly kind: FileKind
  readonly number: number
  readonly cells: ReadonlyMap<string, Cell>
  readonly issues: readonly Issue[]
}

/** `row 12, EffectiveDate`: where a finding stands, in the sender's terms. */
export function placeIn(number: number, cell: Pick<Cell, 'column'> | undefined): string {
  return cell?.column ? `row ${number}, ${cell.column}` : `row ${number}`
}

/** Columns of a file found in a header: position, the sender's spelling, what it fills. */
export type BoundColumn = {
  readonly index: number
  readonly name: string
  readonly column: ColumnRow
  readonly reader: CellReader
}
export type BoundHeader = {
  readonly columns: readonly BoundColumn[]
  readonly positions: ReadonlyMap<string, number>
  readonly length: number
}

/** Finds the columns of a file kind in a header by name or alias, without regard to case or order. */
export function bindHeader(header: readonly string[], kind: FileKind): BoundHeader {
  // Of a column that is there twice the first counts.
  const positions = new Map(header.map((name, index) => [name.trim().toLowerCase(), index] as const).reverse())
  const columns = kind.columns.flatMap(column => {
    const found = [...column.names].find(name => positions.has(name))
    const index = found === undefined ? undefined : positions.get(found)
    const reader = cellReaders.get(column.reader.name)
    return index === undefined || !reader ? [] : [{ index, name: header[index]?.trim() ?? '', column, reader }]
  })
  for (const bound of columns) for (const name of bound.column.names) positions.set(name, bound.index)
  return { columns, positions, length: header.length }
}

export type RowEnv = { readonly tables: ExtractTables; readonly codebook: Codebook }

/** Reads the cells of one row into neutral form. A cell that cannot be read costs that cell and raises an issue. */
export function readRow(
  values: readonly string[],
  header: BoundHeader,
  kind: FileKind,
  number: number,
  env: RowEnv,
): NeutralRow {
  const cells = new Map<string, Cell>()
  const issues: Issue[] = []
  const other = (name: string): string => values[header.positions.get(name.toLowerCase()) ?? -1]?.trim() ?? ''
  const { tables, codebook } = env
  for (const { index, name, column, reader } of header.columns) {
    const text = values[index]?.trim() ?? ''
    if (text === '') continue
    const read = reader.read(text, { argument: column.reader.argument, other, shape: kind.shape, tables, codebook })
    if (read.issues) for (const code of read.issues) issues.push(issue(code, `row ${number}, ${name}`))
    if (read.text === undefined || read.text === '') continue
    const before = cells.get(column.to)
    if (!before) cells.set(column.to, { text: read.text, column: name, row: column.row })
    else if (reader.joins) cells.set(column.to, { ...before, text: `${before.text}${reader.joins}${read.text}` })
  }
  return { kind, number, cells, issues }
}
