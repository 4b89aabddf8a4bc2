import type { EntryReading } from './read.ts'
import type { MappingRow } from './table.ts'

/** Ids of rows that gave no value in any of these readings: rows nobody has shown to work. Rows switched off (`never`) do not count. */
export function unexercisedRows(rows: readonly MappingRow[], readings: readonly EntryReading[]): readonly string[] {
  const used = new Set(readings.flatMap(reading => [...(reading.rows ?? [])]))
  return rows.filter(row => !used.has(row.row) && !row.when.some(call => call.name === 'never')).map(row => row.row)
}
