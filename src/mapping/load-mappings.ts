import { createHash } from 'node:crypto'
import { existsSync, readdirSync, readFileSync } from 'node:fs'
import { join, relative, sep } from 'node:path'
import type { CodeRow } from '../terminology/code-row.ts'
import { extendTerminology } from '../terminology/load-terminology.ts'
import { readTable, TablesRefused } from '../terminology/table-file.ts'
import type { Terminology } from '../terminology/terminology.ts'
import { checkRows } from './check-rows.ts'
import { loadExtractTables } from './extract-tables.ts'
import { type FeedSource, feedShape } from './feed.ts'
import { readLocalCodes } from './local-codes.ts'
import type { ValueTables } from './reader.ts'
import { type MappingRow, type OnUnknown, parseCall, parseFrom } from './table.ts'
import type { FeedTables, MappingTables } from './tables.ts'

const columns = ['row', 'each', 'fact', 'when', 'from', 'reader', 'lookup', 'to', 'onUnknown', 'igRow', 'note']
const valueColumns = ['table', 'from', 'to', 'note']

/**
 * Reads and checks every folder of `mappings/` once at start. Throws one `TablesRefused` that lists every fault with file, row and column:
 * unknown conditions, readers, attributes, lookups, types that do not fit, rows of no fact, words outside a closed list.
 * `acceptTestNumbers` (default true): 999 numbers are read as NHS numbers; production passes false.
 */
export function loadMappings(
  directory: string,
  terminology: Terminology,
  settings: { readonly acceptTestNumbers?: boolean } = {},
): MappingTables {
  const faults: string[] = []
  const hash = createHash('sha256').update(terminology.hash)
  const folders = readdirSync(directory, { withFileTypes: true })
    .filter(entry => entry.isDirectory() && existsSync(join(directory, entry.name, 'source.json')))
    .map(entry => readFolder(join(directory, entry.name), entry.name, terminology, faults, bytes => hash.update(bytes)))
  const kinds = new Map(
    folders.filter(folder => folder.name === folder.source.kind).map(folder => [folder.name, folder]),
  )
  const feeds = folders.map(folder => layOver(kinds.get(folder.source.kind), folder, terminology))
  for (const feed of feeds) faults.push(...checkRows(feed))
  if (faults.length > 0) throw new TablesRefused([...new Set(faults)])
  const tables: MappingTables = {
    hash: hash.digest('hex').slice(0, 16),
    terminology,
    feeds: new Map(feeds.map(feed => [feed.name, feed])),
    acceptTestNumbers: settings.acceptTestNumbers ?? true,
  }
  const extracts = join(directory, 'gp-extract')
  return existsSync(extracts) ? { ...tables, extracts: loadExtractTables(extracts, tables) } : tables
}

/** A folder as it stands, before the defaults are laid under it. */
type Folder = {
  readonly name: string
  readonly source: FeedSource
  readonly rows: readonly MappingRow[]
  readonly values: ValueTables
  readonly codes: readonly CodeRow[]
}

function readFolder(
  path: string,
  name: string,
  terminology: Terminology,
  faults: string[],
  heard: (bytes: Buffer) => void,
): Folder {
  const read = (file: string): Buffer => {
    const bytes = readFileSync(join(path, file))
    heard(bytes)
    return bytes
  }
  const source = readSource(read('source.json'), name, faults)
  const rows: MappingRow[] = []
  const values = new Map<string, Map<string, string>>()
  const codes: CodeRow[] = []
  for (const file of tableFiles(path)) {
    const at = `mappings/${name}/${file}`
    if (file.includes('/')) read(file)
    else if (file.endsWith('values.csv')) readValues(read(file), at, values, faults)
    else if (file.endsWith('codes.csv')) codes.push(...readLocalCodes(read(file), at, terminology, faults))
    else rows.push(...readRows(read(file), at, faults))
  }
  return { name, source, rows, values, codes }
}

/**
 * CSV files of a folder and its sub-folders, samples left out, in order of name. Files of sub-folders are a protocol's own tables (columns of
 * an extract), read by the protocol; they count into the hash.
 */
function tableFiles(path: string): readonly string[] {
  return readdirSync(path, { withFileTypes: true, recursive: true })
    .filter(entry => entry.isFile() && entry.name.endsWith('.csv'))
    .map(entry => relative(path, join(entry.parentPath, entry.name)).split(sep).join('/'))
    .filter(file => !file.split('/').includes('samples'))
    .sort()
}

function readSource(bytes: Buffer, name: string, faults: string[]): FeedSource {
  const parsed = feedShape.safeParse(parseJson(bytes))
  if (parsed.success) return parsed.data
  for (const found of parsed.error.issues)
    faults.push(`mappings/${name}/source.json, ${found.path.join('.')}: ${found.message}`)
  return { kind: 'hl7v2' }
}

function parseJson(bytes: Buffer): unknown {
  try {
    return JSON.parse(bytes.toString('utf8'))
  } catch {
    return undefined
  }
}

function readRows(bytes: Buffer, name: string, faults: string[]): readonly MappingRow[] {
  return readTable(bytes, name, columns, faults, ['igRow', 'note', 'onUnknown', 'lookup', 'when']).map(line => ({
    row: line.cell('row'),
    each: line.cell('each'),
    fact: line.cell('fact'),
    when: line
      .cell('when')
      .split(/\s+/)
      .filter(call => call !== '')
      .map(parseCall),
    from: parseFrom(line.cell('from')),
    reader: line.cell('reader') === '' ? undefined : parseCall(line.cell('reader')),
    lookup: line
      .cell('lookup')
      .split(/\s+/)
      .filter(set => set !== ''),
    to: line.cell('to'),
    onUnknown: onUnknown(line.cell('onUnknown'), line.at, faults),
    igRow: line.cell('igRow'),
    note: line.cell('note'),
    at: line.at,
  }))
}

function onUnknown(text: string, at: string, faults: string[]): OnUnknown {
  if (text === '') return 'keep'
  if (text === 'issue' || text === 'skip' || text === 'keep' || text === 'quiet') return text
  faults.push(`${at}, onUnknown: keep, quiet, issue or skip`)
  return 'keep'
}

function readValues(bytes: Buffer, name: string, values: Map<string, Map<string, string>>, faults: string[]): void {
  for (const line of readTable(bytes, name, valueColumns, faults, ['note'])) {
    // A row of a starting feed nobody has given a meaning yet.
    if (line.cell('to') === '') continue
    const table = values.get(line.cell('table')) ?? new Map<string, string>()
    const word = line.cell('from').toUpperCase()
    if (table.has(word)) faults.push(`${line.at}, from: stands twice in ${line.cell('table')}`)
    table.set(word, line.cell('to'))
    values.set(line.cell('table'), table)
  }
}

/** The feed's rows replace the defaults of the same id, in their place; new rows come after. */
function layOver(defaults: Folder | undefined, own: Folder, terminology: Terminology): FeedTables {
  const below = defaults && defaults !== own ? defaults : undefined
  const replaced = new Map(own.rows.map(row => [row.row, row]))
  const known = new Set(below?.rows.map(row => row.row))
  const kept = (below?.rows ?? []).map(row => replaced.get(row.row) ?? row)
  const values = new Map(below?.values)
  for (const [table, words] of own.values) values.set(table, new Map([...(values.get(table) ?? []), ...words]))
  return {
    name: own.name,
    source: { ...below?.source, ...own.source },
    rows: [...kept, ...own.rows.filter(row => !known.has(row.row))],
    values,
    terminology: extendTerminology(terminology, [...(below?.codes ?? []), ...own.codes]),
    plans: new Map(),
  }
}
