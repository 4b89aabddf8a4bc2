import { createHash } from 'node:crypto'
import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import type { CodeRow } from './code-row.ts'
import type { Range } from './ranges.ts'
import { checkCodeRow, readCodeRow } from './read-code-row.ts'
import { makeSiteTree, type SiteGroup, type SiteTree } from './site-tree.ts'
import { aliasKey } from './systems.ts'
import { readTable, type TableLine, TablesRefused } from './table-file.ts'
import { codeKey, type Terminology } from './terminology.ts'

/**
 * Reads and checks every table of `terminology/` once at start. Throws one `TablesRefused` that lists every fault with file, row and column:
 * unknown columns, check digits, code shapes, unknown sites, kinds and systems, codes that mean two things within a set.
 */
export function loadTerminology(directory: string): Terminology {
  const faults: string[] = []
  const hash = createHash('sha256')
  const lines = (path: string, columns: readonly string[]): readonly TableLine[] => {
    const file = readFileSync(join(directory, path))
    hash.update(`${path}\u0000`).update(file)
    return readTable(file, `terminology/${path}`, columns, faults)
  }
  const sites = readSites(join(directory, 'fracture-site/sites.json'), text => hash.update(text))
  const systems = lines('systems.csv', ['system', 'title', 'uri', 'reported', 'licence'])
  const aliases = lines('system-aliases.csv', ['alias', 'system', 'seen'])
  const fifths = lines('fracture-site/m80-m84.csv', ['character', 'site', 'region'])
  const options = lines('bone-drug/options.csv', ['concept', 'option'])
  const ranges = lines('ranges.csv', ['concept', 'unit', 'min', 'max', 'otherUnit', 'becomes', 'source'])
  const known = { systems: new Set(systems.map(line => line.cell('system'))), sites }
  const rows = codeSets(directory).flatMap(set => {
    const read = lines(`${set}/codes.csv`, codeColumns).map(line => readCodeRow(line, set, sites))
    for (const row of read) faults.push(...checkCodeRow(row, known))
    return read
  })
  faults.push(...doubleMeanings(rows), ...unknownAliases(aliases, known.systems))
  if (faults.length > 0) throw new TablesRefused(faults)
  return {
    hash: hash.digest('hex'),
    rows,
    ...indexRows(rows),
    systems: new Map(aliases.map(line => [aliasKey(line.cell('alias')), line.cell('system')])),
    systemUris: new Map(systems.map(line => [line.cell('system'), line.cell('uri')])),
    licences: new Map(systems.map(line => [line.cell('system'), line.cell('licence')])),
    reported: new Map(
      systems
        .filter(line => line.cell('reported'))
        .map(line => [line.cell('system'), line.cell('reported').split(';')]),
    ),
    sites,
    fifthCharacters: new Map(fifths.map(line => [line.cell('character'), line.cell('site')])),
    ranges: ranges.map(readRange),
    drugOptions: new Map(options.map(line => [line.cell('concept'), line.cell('option')])),
  }
}

/** The shipped tables with a feed's own codes laid over them; a feed's row for the same code wins. */
export function extendTerminology(base: Terminology, own: readonly CodeRow[]): Terminology {
  if (own.length === 0) return base
  const added = indexRows(own)
  const byCode = new Map([...base.byCode, ...added.byCode])
  return { ...base, rows: [...base.rows, ...own], byCode }
}

export const codeColumns: readonly string[] = [
  ...['system', 'code', 'display', 'concept', 'laterality', 'kind', 'specificity', 'tier', 'source', 'status'],
]

const prefixSystems: ReadonlySet<string> = new Set(['bnf', 'atc'])
const prefixTokens: ReadonlySet<string> = new Set(['match_prefix', 'category'])

function indexRows(rows: readonly CodeRow[]): Pick<Terminology, 'byCode' | 'prefixes'> {
  const byCode = new Map<string, CodeRow[]>()
  const prefixes = new Map<string, { prefix: string; row: CodeRow }[]>()
  for (const row of rows) {
    const key = codeKey(row.system, row.code)
    byCode.set(key, [...(byCode.get(key) ?? []), row])
    if (!prefixSystems.has(row.system) && !row.specificity.some(token => prefixTokens.has(token))) continue
    const prefix = row.system === 'read-v2' ? row.code.replace(/\.+$/, '') : row.code
    prefixes.set(row.system, [...(prefixes.get(row.system) ?? []), { prefix, row }])
  }
  for (const list of prefixes.values()) list.sort((a, b) => b.prefix.length - a.prefix.length)
  return { byCode, prefixes }
}

function readRange(line: TableLine): Range {
  const [concept, unit, otherUnit, becomes] = ['concept', 'unit', 'otherUnit', 'becomes'].map(line.cell)
  const text = { concept: concept ?? '', unit: unit ?? '', otherUnit: otherUnit ?? '', becomes: becomes ?? '' }
  return { ...text, min: Number(line.cell('min')), max: Number(line.cell('max')) }
}

function codeSets(directory: string): readonly string[] {
  return readdirSync(directory, { withFileTypes: true })
    .filter(entry => entry.isDirectory() && readdirSync(join(directory, entry.name)).includes('codes.csv'))
    .map(entry => entry.name)
    .sort()
}

function readSites(path: string, heard: (text: string) => void): SiteTree {
  const text = readFileSync(path, 'utf8')
  heard(text)
  const parsed: { groups: readonly SiteGroup[] } = JSON.parse(text)
  return makeSiteTree(parsed.groups)
}

function doubleMeanings(rows: readonly CodeRow[]): readonly string[] {
  const first = new Map<string, CodeRow>()
  const faults: string[] = []
  for (const row of rows) {
    const key = `${row.set}\u0000${row.system}\u0000${row.code}`
    const earlier = first.get(key)
    if (!earlier) first.set(key, row)
    else if (earlier.concept !== row.concept || earlier.kind !== row.kind) {
      faults.push(`${row.at}, code: means another concept or kind than at ${earlier.at}`)
    }
  }
  return faults
}

function unknownAliases(aliases: readonly TableLine[], systems: ReadonlySet<string>): readonly string[] {
  return aliases.flatMap(line => (systems.has(line.cell('system')) ? [] : [`${line.at}, system: not in systems.csv`]))
}
