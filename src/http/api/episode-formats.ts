import { Readable } from 'node:stream'
import { stringify } from 'csv-stringify'
import { ByteWriter, parquetWriteRows } from 'hyparquet-writer'
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

/** Rows as bytes of the format, one part at a time: at most one Parquet row group (10,000 rows) is held. Equal rows give equal bytes. */
export function writeRows(format: EpisodeFormat, rows: AsyncIterable<EpisodeRow>): AsyncIterable<Buffer> {
  switch (format) {
    case 'ndjson':
      return ndjson(rows)
    case 'csv':
      return csv(rows)
    case 'parquet':
      return parquet(rows)
  }
}

async function* ndjson(rows: AsyncIterable<EpisodeRow>): AsyncGenerator<Buffer> {
  for await (const row of rows) yield Buffer.from(`${JSON.stringify(namedCells(row))}\n`)
}

/** RFC 4180 with a header row; a text that a spreadsheet would run as a formula gets a leading apostrophe (trust.md row 18). */
async function* csv(rows: AsyncIterable<EpisodeRow>): AsyncGenerator<Buffer> {
  const writer = stringify({ record_delimiter: '\r\n' })
  const safe = async function* () {
    yield names
    for await (const row of rows) yield row.map(cellText)
  }
  for await (const part of Readable.from(safe()).pipe(writer)) yield Buffer.from(part)
}

function cellText(cell: Cell): string {
  if (cell === null) return ''
  if (typeof cell !== 'string') return String(cell)
  return /^[=+\-@\t\r\0]/.test(cell) ? `'${cell}` : cell
}

function namedCells(row: EpisodeRow): Record<string, Cell> {
  return Object.fromEntries(names.map((name, index) => [name, row[index] ?? null]))
}

async function* parquet(rows: AsyncIterable<EpisodeRow>): AsyncGenerator<Buffer> {
  const parts: Buffer[] = []
  let wake = (): void => {}
  let drained = (): void => {}
  let isAbandoned = false
  const writer = new ByteWriter()
  const take = (): void => {
    if (writer.index === 0) return
    parts.push(Buffer.from(writer.getBuffer()))
    writer.index = 0
    wake()
  }
  // After each row group the writer waits here until the reader has taken what is there.
  const flushing = Object.assign(writer, {
    flush: async () => {
      take()
      await new Promise<void>(resolve => {
        drained = resolve
      })
      if (isAbandoned) throw new Error('the reader has gone')
    },
  })
  let outcome: { failure?: unknown } | undefined
  const named = async function* () {
    for await (const row of rows) yield namedCells(row)
  }
  const done = writeParquet(flushing, named()).then(
    () => {
      take()
      outcome = {}
      wake()
    },
    failure => {
      outcome = { failure }
      wake()
    },
  )
  try {
    while (true) {
      const part = parts.shift()
      if (part) yield part
      else if (outcome) break
      else {
        const woken = new Promise<void>(resolve => {
          wake = resolve
        })
        drained()
        await woken
      }
    }
  } finally {
    isAbandoned = true
    drained()
  }
  await done
  if (outcome && 'failure' in outcome) throw outcome.failure
}

async function writeParquet(writer: ByteWriter, rows: AsyncIterable<Record<string, Cell>>): Promise<void> {
  const columns = episodeColumns.map(({ name, type }) => ({ name, type: parquetTypes[type], nullable: true }))
  await parquetWriteRows({ writer, rows, columns, rowGroupSize: rowsPerGroup, createdBy: 'fls-db' })
}
