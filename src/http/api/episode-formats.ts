import { stringify } from 'csv-stringify/sync'
import { ByteWriter, ParquetWriter, schemaFromColumnData } from 'hyparquet-writer'
import { type Cell, type ColumnType, episodeColumns } from './episode-columns.ts'

export const episodeFormats = ['ndjson', 'csv', 'parquet'] as const
export type EpisodeFormat = (typeof episodeFormats)[number]
export type EpisodeRow = readonly Cell[]

export const mediaTypes = {
  ndjson: 'application/x-ndjson',
  csv: 'text/csv; charset=utf-8',
  parquet: 'application/vnd.apache.parquet',
} as const satisfies Record<EpisodeFormat, string>

const names = episodeColumns.map(column => column.name)
const parquetTypes = {
  text: 'STRING',
  integer: 'INT32',
  decimal: 'DOUBLE',
  boolean: 'BOOLEAN',
} as const satisfies Record<ColumnType, string>
const rowsPerGroup = 10_000

/**
 * Groups of rows as bytes of the format, one part a group, for Parquet one a row group: at most 10,000 rows and one group are held.
 * Equal rows give equal bytes, however they are grouped.
 */
export function writeRows(format: EpisodeFormat, groups: AsyncIterable<readonly EpisodeRow[]>): AsyncIterable<Buffer> {
  switch (format) {
    case 'ndjson':
      return ndjson(groups)
    case 'csv':
      return csv(groups)
    case 'parquet':
      return parquet(groups)
  }
}

async function* ndjson(groups: AsyncIterable<readonly EpisodeRow[]>): AsyncGenerator<Buffer> {
  for await (const rows of groups)
    if (rows.length > 0) yield Buffer.from(rows.map(row => `${JSON.stringify(namedCells(row))}\n`).join(''))
}

/** RFC 4180 with a header row; a text that a spreadsheet would run as a formula gets a leading apostrophe (trust.md row 18). */
async function* csv(groups: AsyncIterable<readonly EpisodeRow[]>): AsyncGenerator<Buffer> {
  const text = (rows: readonly (readonly string[])[]) => Buffer.from(stringify([...rows], { record_delimiter: '\r\n' }))
  yield text([names])
  for await (const rows of groups) if (rows.length > 0) yield text(rows.map(row => row.map(cellText)))
}

function cellText(cell: Cell): string {
  if (cell === null) return ''
  if (typeof cell !== 'string') return String(cell)
  return /^[=+\-@\t\r\0]/.test(cell) ? `'${cell}` : cell
}

function namedCells(row: EpisodeRow): Record<string, Cell> {
  const named: Record<string, Cell> = {}
  names.forEach((name, index) => {
    named[name] = row[index] ?? null
  })
  return named
}

/** One row group of 10,000 rows at a time: its columns are gathered, written, and what was written is taken before the next. */
async function* parquet(groups: AsyncIterable<readonly EpisodeRow[]>): AsyncGenerator<Buffer> {
  const bytes = new ByteWriter()
  const writer = new ParquetWriter({ writer: bytes, schema: parquetSchema(), createdBy: 'fls-db' })
  const taken = (): Buffer => {
    const part = Buffer.from(bytes.getBuffer())
    bytes.index = 0
    return part
  }
  let columns = emptyColumns()
  const written = (): Buffer => {
    writer.write({ columnData: columns, rowGroupSize: rowsPerGroup })
    columns = emptyColumns()
    return taken()
  }
  for await (const rows of groups) {
    for (const row of rows) {
      columns.forEach((column, index) => {
        column.data.push(row[index] ?? null)
      })
      if (columns[0]?.data.length === rowsPerGroup) yield written()
    }
  }
  if (columns[0]?.data.length) yield written()
  writer.finish()
  yield taken()
}

type Column = { name: string; type: (typeof parquetTypes)[ColumnType]; nullable: true; data: Cell[] }

function emptyColumns(): Column[] {
  return episodeColumns.map(({ name, type }) => ({ name, type: parquetTypes[type], nullable: true, data: [] }))
}

function parquetSchema(): ReturnType<typeof schemaFromColumnData> {
  return schemaFromColumnData({ columnData: emptyColumns() })
}
