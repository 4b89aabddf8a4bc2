import type { Coding, Laterality } from '../fls/fact.ts'
import type { Translation } from '../terminology/terminology.ts'
import { translate } from '../terminology/translate.ts'
import { codeKey } from './extract-codebook.ts'
import type { ChunkFrame, RowReading } from './extract-statement.ts'
import type { ConceptKind, ConceptRange, ExtractTables } from './extract-tables.ts'

/** `waiting`: the supplier's code id is in no code table yet. `refused`: no usable code, the issue is raised. */
export type CodeReading =
  | { readonly kind: 'coded'; readonly translation: Translation; readonly term?: string }
  | { readonly kind: 'named'; readonly term: string }
  | { readonly kind: 'waiting'; readonly key: string }
  | { readonly kind: 'refused' }

/**
 * All codings of a row, as sent, and what they mean together. Raises `code-missing`, `code-system-unknown`, `code-damaged`,
 * `code-id-unresolved`, `code-unknown`, `code-local`, `coding-disagreement`. `place`: the cell issues point at.
 */
export function codeOf(reading: RowReading, sets: readonly string[] = []): CodeReading {
  const id = reading.text('codeId')
  const entry = id === undefined ? undefined : reading.frame.codebook.get(id)
  if (id !== undefined && !entry) {
    reading.add('code-id-unresolved', 'codeId')
    return { kind: 'waiting', key: id }
  }
  const codings = [...(entry?.codings ?? []), ...codingsOf(reading)]
  const term = (reading.text('term') ?? entry?.term)?.slice(0, 255)
  const place = ['codeId', 'code', 'snomed', 'ctv3', 'dmd'].find(cell => reading.cell(cell)) ?? 'code'
  if (codings.length === 0) {
    if (reading.text('code')) reading.add('code-system-unknown', 'code')
    else if (term) return { kind: 'named', term }
    else reading.add('code-missing', place)
    return { kind: 'refused' }
  }
  const translation = translated(codings, term, sets, reading.frame)
  for (const code of translation.issues) reading.add(code, place)
  if (translation.issues.includes('code-damaged')) return { kind: 'refused' }
  return { kind: 'coded', translation, ...(term ? { term } : {}) }
}

function translated(
  codings: readonly Coding[],
  term: string | undefined,
  sets: readonly string[],
  { terminology, translations }: ChunkFrame,
): Translation {
  const key = [...sets, term, ...codings.map(one => `${one.system}|${one.code}|${one.display ?? ''}`)].join('\n')
  const known = translations.get(key)
  if (known) return known
  const named = codings.map(one => (term ? { ...one, display: one.display ?? term } : one))
  const translation = translate(named, terminology, sets)
  translations.set(key, translation)
  return translation
}

function codingsOf(reading: RowReading): readonly Coding[] {
  const found: Coding[] = []
  const add = (system: string | undefined, code: string | undefined): void => {
    if (system && code) found.push({ system, code: mended(system, code) })
  }
  add(reading.text('system'), reading.text('code'))
  add('snomed', reading.text('snomed'))
  const ctv3 = reading.text('ctv3')
  add('ctv3', ctv3)
  if (ctv3 && !reading.text('snomed')) {
    const mapped = reading.frame.codebook.get(codeKey(reading.row.kind.shape, 'ctv3', ctv3))
    if (mapped) found.push(...mapped.codings)
  }
  add('dmd', reading.text('dmd'))
  add(reading.text('originalSystem'), reading.text('originalCode'))
  return found
}

/**
 * What the way through a spreadsheet adds without changing the code: a mark before text, `.0` behind a number, blanks in a Read code. Trailing
 * dots are part of a Read code and are restored; the synonym behind a hyphen goes (terminology.md 1.6). Case stays: it means something.
 */
function mended(system: string, code: string): string {
  const plain = code.replace(/^['’`]/, '')
  if (system === 'snomed' || system === 'dmd') return plain.replace(/^(\d{6,15})\.0+$/, '$1')
  if (system !== 'read-v2' && system !== 'ctv3') return plain
  const read = plain.replace(/\s+/g, '').replace(/^([A-Za-z0-9.]{1,5})-\d{1,2}$/, '$1')
  return /^[A-Za-z0-9]{1,4}\.*$/.test(read) ? read.padEnd(5, '.').slice(0, 5) : read
}

/** What a coded row becomes, decided by its concept alone (gp-extracts.md 2). First row of `kinds.csv` that fits. */
export function kindOfConcept(concept: Translation['concept'], tables: ExtractTables): ConceptKind | undefined {
  return tables.kinds.find(row => {
    if (row.concept === '') return true
    if (!concept) return false
    return row.concept.endsWith('/') ? `${concept.set}/` === row.concept : concept.id.startsWith(row.concept)
  })
}

/** The side a row states and the side its code carries; when they differ neither is used (`side-conflict`). */
export function sideOf(reading: RowReading, fromCode: Laterality | undefined): Laterality | undefined {
  const text = reading.text('laterality')
  const stated = text === 'left' || text === 'right' || text === 'bilateral' ? text : undefined
  if (!stated || !fromCode || stated === fromCode) return stated ?? fromCode
  reading.add('side-conflict', 'laterality')
  return undefined
}

export type Measured = {
  readonly value?: string
  readonly unit?: string
  readonly comparator?: '<' | '<=' | '>' | '>='
}

/**
 * The number of a row in the unit we count in. Raises `value-not-numeric`, `value-out-of-range`, `unit-unknown`; then no value is used.
 * Codes nobody knows keep value and unit as sent.
 */
export function measuredOf(reading: RowReading, concept: Translation['concept']): Measured {
  const text = reading.text('value')
  if (text === undefined || reading.text('isNumeric') === 'no') return {}
  if (!/^[+-]?\d+(?:\.\d+)?$/.test(text)) {
    reading.add('value-not-numeric', 'value')
    return {}
  }
  const unit = reading.text('unit')
  const sign = reading.text('comparator')
  const comparator =
    sign === '<' || sign === '<=' || sign === '>' || sign === '>=' ? ({ comparator: sign } as const) : {}
  const ranges = concept ? reading.frame.tables.ranges.filter(range => concept.id.startsWith(range.concept)) : []
  if (ranges.length === 0) {
    if (concept && !unit) reading.add('unit-unknown', 'value')
    return concept && !unit ? {} : { value: text, ...(unit ? { unit } : {}), ...comparator }
  }
  const range = ranges.find(one => one.units.has(unit?.toLowerCase() ?? '1'))
  if (!range) reading.add('unit-unknown', unit ? 'unit' : 'value')
  else if (Number(text) < range.least || Number(text) > range.most) reading.add('value-out-of-range', 'value')
  else return { value: inOurUnit(text, range), unit: range.unit, ...comparator }
  return {}
}

function inOurUnit(text: string, range: ConceptRange): string {
  return range.factor === 1 ? text.replace(/^\+/, '') : String(Number((Number(text) * range.factor).toFixed(1)))
}
