import type { Certainty, Laterality } from '../fls/fact.ts'
import { isConceptId, isLoinc } from './check-digits.ts'
import type { CodeRow } from './code-row.ts'
import type { SiteTree } from './site-tree.ts'
import type { TableLine } from './table-file.ts'

/**
 * One line of a `codes.csv`. `multiple(a+b)` becomes the narrowest site that contains them all and keeps its list as a specificity token,
 * so that a code of several bones is never counted as one of them.
 */
export function readCodeRow(line: TableLine, set: string, sites: SiteTree): CodeRow {
  const tokens = line
    .cell('specificity')
    .split(';')
    .filter(token => token !== '')
  const { concept, multiple } = resolveMultiple(line.cell('concept'), sites)
  const laterality = sideOf(line.cell('laterality'))
  const certainty = certaintyOf(set, line.cell('kind'), tokens)
  return {
    set,
    system: line.cell('system'),
    code: line.cell('code'),
    display: line.cell('display'),
    concept,
    ...(laterality ? { laterality } : {}),
    ...(certainty ? { certainty } : {}),
    kind: kindOf(line.cell('kind')) ?? 'include',
    specificity: multiple ? [...tokens, multiple] : tokens,
    source: line.cell('source'),
    tier: line.cell('tier') === 'wide' ? 'wide' : 'core',
    at: line.at,
  }
}

const codeShapes: Readonly<Record<string, (code: string) => boolean>> = {
  snomed: isConceptId,
  dmd: isConceptId,
  loinc: isLoinc,
  'icd-10': code => /^[A-Z]\d{2}(\.\d)?$/.test(code),
  'opcs-4': code => /^[A-Z]\d{2}(\.\d)?$/.test(code),
  'read-v2': code => /^[A-Za-z0-9.]{5}([A-Za-z0-9]{2})?$/.test(code),
  ctv3: code => /^[A-Za-z0-9.]{5}$/.test(code),
  bnf: code => /^[0-9A-Z]{4,15}$/.test(code),
  atc: code => /^[A-Z]\d{2}([A-Z]([A-Z](\d{2})?)?)?$/.test(code),
}

/** Faults of a row with file, row and column. */
export function checkCodeRow(
  row: CodeRow,
  known: { readonly systems: ReadonlySet<string>; readonly sites: SiteTree },
): readonly string[] {
  const faults: string[] = []
  const isAdministrative = row.set === 'admin'
  if (!isAdministrative && !known.systems.has(row.system)) faults.push(`${row.at}, system: not in systems.csv`)
  if (!isAdministrative && codeShapes[row.system]?.(row.code) === false)
    faults.push(`${row.at}, code: wrong shape or check digit`)
  if (row.code === '' || row.concept === '') faults.push(`${row.at}: code and concept must not be empty`)
  const site = siteOf(row)
  if (site !== undefined && !known.sites.sites.includes(site)) faults.push(`${row.at}, concept: no such site`)
  return faults
}

function siteOf(row: CodeRow): string | undefined {
  return row.set === 'fracture-site' || row.set === 'body-site' ? row.concept : undefined
}

function resolveMultiple(concept: string, sites: SiteTree): { concept: string; multiple?: string } {
  const match = /^(proc:)?(multiple\((.+)\))$/.exec(concept)
  if (!match) return { concept }
  const [, prefix = '', multiple = '', list = ''] = match
  const members = list
    .split('+')
    .map(site => (sites.sites.includes(site) ? site : (sites.groupOf(site)?.members.at(-1) ?? site)))
  const wholes = members.map(site => {
    const group = sites.groupOf(site)
    return group && list.split('+').includes(group.id)
      ? (group.members.find(member => member.endsWith('.unspecified')) ?? site)
      : site
  })
  return { concept: `${prefix}${sites.commonOf(wholes)}`, multiple }
}

function sideOf(text: string): Laterality | undefined {
  return text === 'left' || text === 'right' || text === 'bilateral' ? text : undefined
}

function kindOf(text: string): CodeRow['kind'] | undefined {
  return text === 'include' || text === 'exclude' || text === 'history' ? text : undefined
}

/** Only context values of SNOMED CT carry a certainty. */
function certaintyOf(set: string, kind: string, tokens: readonly string[]): Certainty | undefined {
  if (set !== 'laterality') return undefined
  if (tokens.includes('suspected')) return 'suspected'
  return kind === 'exclude' ? 'refuted' : undefined
}
