import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { readTable, type TableLine, TablesRefused } from '../terminology/table-file.ts'
import { cellReaders } from './extract-readers.ts'
import { type RowFactKind, rowFactKinds } from './extract-row.ts'
import { type Call, parseCall } from './table.ts'
import type { MappingTables } from './tables.ts'

/** `entries`: one file of all entries, column `entry` decides. `unused`: known, kept by nobody. */
export const fileRoles = [
  'manifest',
  'organisation',
  'agreement',
  'coding',
  'patient',
  'rows',
  'entries',
  'unused',
] as const
export type FileRole = (typeof fileRoles)[number]

/** One column of one file: what it is called and which cell of the neutral row it fills. */
export type ColumnRow = {
  readonly row: string
  readonly column: string
  /** Lower case, with the column's own name. */
  readonly names: ReadonlySet<string>
  readonly isRequired: boolean
  readonly reader: Call
  readonly to: string
}

export type FileKind = {
  readonly shape: string
  readonly file: string
  readonly role: FileRole
  /** What a row of it says, in this order. */
  readonly facts: readonly RowFactKind[]
  /** Name under which rows of this kind are identified and covered by a full extract; empty when it has none. */
  readonly covers: string
  /** The kind of row this one adds to. */
  readonly extends: string
  readonly isRequired: boolean
  /** Columns, lower case, that recognise the file when its name does not. */
  readonly header: readonly string[]
  readonly columns: readonly ColumnRow[]
}

/** One shape of extract: a folder of `mappings/gp-extract/`. The settings of `shape.json` say how its envelope works. */
export type Shape = {
  readonly name: string
  readonly title: string
  readonly precedence: number
  readonly windows1252: 'note' | 'expected'
  /** Unknown columns are named to the sender; supplier files have hundreds nobody needs. */
  readonly listsUnknownColumns: boolean
  readonly files: ReadonlyMap<string, FileKind>
}

export type ConceptKind = {
  readonly concept: string
  readonly kind: string
  readonly date: string
  readonly row: string
}
export type ConceptRange = {
  readonly concept: string
  readonly least: number
  readonly most: number
  /** Lower case spellings; UCUM first. */
  readonly units: ReadonlySet<string>
  readonly unit: string
  readonly factor: number
}

/** Everything the reading of GP extracts needs; loaded and checked once at start. `mapping.hash` covers these tables too. */
export type ExtractTables = {
  readonly mapping: MappingTables
  readonly shapes: readonly Shape[]
  /** List name → lower-case word → our word. */
  readonly words: ReadonlyMap<string, ReadonlyMap<string, string>>
  readonly kinds: readonly ConceptKind[]
  readonly ranges: readonly ConceptRange[]
  /** Free text may be kept for these practices (by agreement): nobody yet. */
  readonly textAgreed: ReadonlySet<string>
}

/**
 * Reads `mappings/gp-extract/`: a folder per shape (`files.csv`, `columns.csv`, `shape.json`) and `concepts/`. Throws one `TablesRefused`
 * with every fault by file and row: unknown readers, roles, fact kinds, lists, doubled row ids.
 */
export function loadExtractTables(directory: string, mapping: MappingTables): ExtractTables {
  const faults: string[] = []
  const lines = (path: string, columns: readonly string[]): readonly TableLine[] =>
    readTable(readFileSync(join(directory, path)), `mappings/gp-extract/${path}`, columns, faults)
  const words = wordLists(lines('concepts/words.csv', ['list', 'word', 'value', 'note']))
  const kinds = lines('concepts/kinds.csv', ['concept', 'kind', 'date', 'note'])
  const ranges = lines('concepts/ranges.csv', ['concept', 'least', 'most', 'units', 'unit', 'factor', 'note'])
  const shapes = shapeFolders(directory).map(name => {
    const settings = readFileSync(join(directory, name, 'shape.json'))
    const files = lines(`${name}/files.csv`, [
      'file',
      'role',
      'facts',
      'covers',
      'extends',
      'isRequired',
      'header',
      'note',
    ])
    const columns = lines(`${name}/columns.csv`, [
      'row',
      'file',
      'column',
      'aliases',
      'isRequired',
      'reader',
      'to',
      'note',
    ])
    return readShape(name, settings, files, columns, words, faults)
  })
  if (faults.length > 0) throw new TablesRefused(faults)
  return {
    mapping,
    shapes: shapes.sort((a, b) => a.precedence - b.precedence),
    words,
    kinds: kinds.map(line => ({ ...pick(line, 'concept', 'kind', 'date'), row: line.cell('concept') || 'other' })),
    ranges: ranges.map(readRange),
    textAgreed: new Set(),
  }
}

function pick<Key extends string>(line: TableLine, ...keys: readonly Key[]): Record<Key, string> {
  return Object.fromEntries(keys.map(key => [key, line.cell(key)])) as Record<Key, string>
}

function shapeFolders(directory: string): readonly string[] {
  return readdirSync(directory, { withFileTypes: true })
    .filter(entry => entry.isDirectory() && entry.name !== 'concepts' && entry.name !== 'samples')
    .map(entry => entry.name)
    .sort()
}

function wordLists(lines: readonly TableLine[]): ReadonlyMap<string, ReadonlyMap<string, string>> {
  const lists = new Map<string, Map<string, string>>()
  for (const line of lines) {
    const list = lists.get(line.cell('list')) ?? new Map<string, string>()
    lists.set(line.cell('list'), list.set(line.cell('word').toLowerCase(), line.cell('value')))
  }
  return lists
}

function readRange(line: TableLine): ConceptRange {
  return {
    concept: line.cell('concept'),
    least: Number(line.cell('least')),
    most: Number(line.cell('most')),
    units: new Set(line.cell('units').toLowerCase().split(' ')),
    unit: line.cell('unit'),
    factor: Number(line.cell('factor')),
  }
}

function readShape(
  name: string,
  settings: Buffer,
  files: readonly TableLine[],
  columns: readonly TableLine[],
  words: ExtractTables['words'],
  faults: string[],
): Shape {
  const parsed: unknown = JSON.parse(settings.toString('utf8'))
  const stated = (key: string): unknown => (parsed && typeof parsed === 'object' ? Reflect.get(parsed, key) : undefined)
  const read = columns.map(line => ({ file: line.cell('file'), column: readColumn(line, words, faults) }))
  const ids = read.map(one => one.column.row)
  for (const id of ids.filter((row, index) => ids.indexOf(row) !== index))
    faults.push(`${name}: row ${id} occurs twice`)
  // The entries of one neutral file share its columns.
  const entries = files.find(line => line.cell('role') === 'entries')?.cell('file')
  const kinds = files.map(line => {
    const own = read.filter(one => one.file === line.cell('file'))
    const shared = own.length === 0 && entries ? read.filter(one => one.file === entries) : own
    return readFile(
      name,
      line,
      shared.map(one => one.column),
      faults,
    )
  })
  return {
    name,
    title: String(stated('title')),
    precedence: Number(stated('precedence')),
    listsUnknownColumns: stated('listsUnknownColumns') === true,
    windows1252: stated('windows1252') === 'expected' ? 'expected' : 'note',
    files: new Map(kinds.map(kind => [kind.file, kind])),
  }
}

function readFile(shape: string, line: TableLine, columns: readonly ColumnRow[], faults: string[]): FileKind {
  const role = fileRoles.find(one => one === line.cell('role'))
  if (!role) faults.push(`${line.at}, role: unknown role`)
  const named = line.cell('facts').split(' ').filter(Boolean)
  const facts = named.flatMap(text => rowFactKinds.find(kind => kind === text) ?? [])
  if (facts.length !== named.length) faults.push(`${line.at}, facts: unknown kind of statement`)
  return {
    shape,
    file: line.cell('file'),
    role: role ?? 'unused',
    facts,
    covers: line.cell('covers'),
    extends: line.cell('extends'),
    isRequired: line.cell('isRequired') === 'yes',
    header: line.cell('header').toLowerCase().split(' ').filter(Boolean),
    columns,
  }
}

function readColumn(line: TableLine, words: ExtractTables['words'], faults: string[]): ColumnRow {
  const reader = parseCall(line.cell('reader'))
  const known = cellReaders.get(reader.name)
  if (!known) faults.push(`${line.at}, reader: unknown reader ${reader.name}`)
  if (known?.takesList && !words.has(reader.argument.split(':')[0] ?? ''))
    faults.push(`${line.at}, reader: unknown list`)
  return {
    row: line.cell('row'),
    column: line.cell('column'),
    names: new Set(
      [line.cell('column'), ...line.cell('aliases').split(' ')].filter(Boolean).map(one => one.toLowerCase()),
    ),
    isRequired: line.cell('isRequired') === 'yes',
    reader,
    to: line.cell('to'),
  }
}
