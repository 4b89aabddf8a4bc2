import type { Coding } from '../fls/fact.ts'
import type { NeutralRow } from './extract-row.ts'

/** What a supplier's own code id stands for. `term` alone for word lists (TPP SRMapping). */
export type CodebookEntry = { readonly codings: readonly Coding[]; readonly term?: string }

/** The dictionary of supplier code ids as one reading sees it: a plain look-up by `<shape>|<table>|<id>`. */
export type Codebook = ReadonlyMap<string, CodebookEntry>

export const emptyCodebook: Codebook = new Map()

export function codeKey(shape: string, table: string, id: string): string {
  return `${shape}|${table}|${id.trim()}`
}

/** Which table of the codebook a coding file feeds. */
const tableOfFile: Readonly<Record<string, string>> = {
  Coding_ClinicalCode: 'clinical',
  Coding_DrugCode: 'drug',
  SRMapping: 'mapping',
  SRConfiguredListOption: 'option',
  SRCtv3ToSnomed: 'ctv3',
}

export type CodebookRow = CodebookEntry & { readonly key: string }

/** One row of a coding table as a codebook entry; undefined without an id or without anything it stands for. */
export function codebookRow(row: NeutralRow): CodebookRow | undefined {
  const id = row.cells.get('codeId')?.text
  const table = tableOfFile[row.kind.file]
  if (!id || !table) return undefined
  const term = row.cells.get('term')?.text
  const read = row.cells.get('read2')?.text
  const codings: Coding[] = [
    ...coding('snomed', row.cells.get('snomed')?.text, term),
    ...coding('dmd', row.cells.get('dmd')?.text, term),
    ...coding(read && isLocalEmisCode(read) ? 'local' : 'read-v2', read, term),
  ]
  if (codings.length === 0 && !term) return undefined
  return { key: codeKey(row.kind.shape, table, id), codings, ...(term ? { term } : {}) }
}

function coding(system: string, code: string | undefined, display: string | undefined): Coding[] {
  return code && code !== '0' && code !== '-1' ? [{ system, code, ...(display ? { display } : {}) }] : []
}

/** EMIS local codes keep their whole text (gp-extracts.md 1.2). */
export function isLocalEmisCode(code: string): boolean {
  return /^\^?(EMIS|ESCT|FUNDHC|JHCC|RAFME)/.test(code) || /(KC60|SHHAPT)$/.test(code)
}
