import { parse } from 'csv-parse/sync'

/** One line of a table file. `cell` answers `''` for an empty cell. */
export type TableLine = { readonly at: string; readonly cell: (column: string) => string }

/** Tables shipped with the program or a feed are wrong: the program must not start with them. Lists every fault, never one at a time. */
export class TablesRefused extends Error {
  readonly code = 'tables-refused'
  readonly faults: readonly string[]
  constructor(faults: readonly string[]) {
    super(`${faults.length} fault(s) in the tables:\n${faults.slice(0, 50).join('\n')}`)
    this.faults = faults
  }
}

/**
 * Reads a CSV table with a header. Unknown or missing columns and lines of the wrong length are added to `faults` with file and row (the
 * header is row 1). `optional` columns may be left out.
 */
export function readTable(
  file: Buffer,
  name: string,
  columns: readonly string[],
  faults: string[],
  optional: readonly string[] = [],
): readonly TableLine[] {
  const cells = parseCells(file, name, faults)
  const [header = [], ...body] = cells
  const unknown = header.filter(column => !columns.includes(column))
  const missing = columns.filter(column => !header.includes(column) && !optional.includes(column))
  for (const column of unknown) faults.push(`${name}:1, ${column}: unknown column`)
  for (const column of missing) faults.push(`${name}:1, ${column}: missing column`)
  return body.map((line, index) => {
    const at = `${name}:${index + 2}`
    if (line.length !== header.length) faults.push(`${at}: ${line.length} cells instead of ${header.length}`)
    return { at, cell: (column: string) => line[header.indexOf(column)]?.trim() ?? '' }
  })
}

function parseCells(file: Buffer, name: string, faults: string[]): string[][] {
  try {
    return parse(file, { bom: true, relax_column_count: true, skip_empty_lines: true })
  } catch (error) {
    faults.push(`${name}: ${error instanceof Error ? error.message : 'unreadable'}`)
    return []
  }
}
