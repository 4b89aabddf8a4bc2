import type { CodeRow } from '../terminology/code-row.ts'
import { lookUp } from '../terminology/look-up.ts'
import { aliasKey, systemOf } from '../terminology/systems.ts'
import { readTable, type TableLine } from '../terminology/table-file.ts'
import { defaultSets, type Terminology } from '../terminology/terminology.ts'

const columns = ['system', 'code', 'set', 'concept', 'laterality', 'kind', 'display', 'note']

/**
 * A sender's own codes (`codes.csv`). `set` = `standard`: `concept` is `<system>:<code>` of a published system and means what that means;
 * else `concept` is ours. Faults: unknown set, a standard code we do not know, a concept no shipped row has.
 */
export function readLocalCodes(
  bytes: Buffer,
  name: string,
  terminology: Terminology,
  faults: string[],
): readonly CodeRow[] {
  const concepts = new Set(terminology.rows.map(row => `${row.set}\u0000${row.concept}`))
  return readTable(bytes, name, columns, faults, ['laterality', 'kind', 'display', 'note']).flatMap(line => {
    // A row of a starting feed nobody has given a meaning yet.
    if (line.cell('set') === '' && line.cell('concept') === '') return []
    const row = line.cell('set') === 'standard' ? standardRow(line, terminology) : ownRow(line)
    const isKnown =
      row && (line.cell('set') === 'standard' || concepts.has(`${row.set}\u0000${row.concept}`) || isGeneric(row))
    if (!row || !isKnown) faults.push(`${line.at}, concept: not in our tables`)
    return row ? [{ ...row, ...keyOf(line, terminology), ...sideOf(line), at: line.at }] : []
  })
}

/** A site of the tree, a DXA result whose region comes from the examination, or a letter of the FLS: no published code says them. */
function isGeneric(row: CodeRow): boolean {
  if (row.set === 'assessment') return row.concept === 'fls.letter'
  return row.set === 'dxa' && /^dxa\.(tscore|bmd|zscore)(\.[a-z_]+)?$/.test(row.concept)
}

function standardRow(line: TableLine, terminology: Terminology): CodeRow | undefined {
  const [system = '', ...code] = line.cell('concept').split(':')
  return lookUp({ system, code: code.join(':') }, terminology, [...defaultSets, 'body-site', 'laterality']).row
}

function ownRow(line: TableLine): CodeRow {
  const kind = line.cell('kind')
  return {
    set: line.cell('set'),
    system: '',
    code: '',
    display: line.cell('display'),
    concept: line.cell('concept'),
    kind: kind === 'exclude' || kind === 'history' ? kind : 'include',
    specificity: ['local'],
    source: 'feed',
    tier: 'core',
    at: line.at,
  }
}

function keyOf(line: TableLine, terminology: Terminology): { system: string; code: string } {
  const system = line.cell('system')
  return { system: systemOf(system, terminology.systems) ?? aliasKey(system), code: line.cell('code') }
}

function sideOf(line: TableLine): Pick<CodeRow, 'laterality'> {
  const side = line.cell('laterality')
  return side === 'left' || side === 'right' || side === 'bilateral' ? { laterality: side } : {}
}
