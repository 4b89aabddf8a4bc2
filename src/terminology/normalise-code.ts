import type { Laterality } from '../fls/fact.ts'

/** A code in the form the tables use. `lookups`: exact forms to try, best first. */
export type NormalCode = {
  readonly lookups: readonly string[]
  /** ICD-10 M80/M84: fifth character, the site. */
  readonly fifth?: string
  /** SNOMED post-coordination: attribute id → value id. */
  readonly refinements?: readonly (readonly [attribute: string, value: string])[]
  readonly laterality?: Laterality
  /** Shaped like a code that was rounded, cut or reformatted on the way. */
  readonly isDamaged?: true
  /** Belongs to another system than told (ICD-10-CM under an ICD-10 label): never looked up. */
  readonly isForeign?: true
}

const nothing: NormalCode = { lookups: [] }

/** Brings a code of a known system into table form. Empty `lookups`: not a code of that system. */
export function normaliseCode(system: string, raw: string): NormalCode {
  const code = raw.trim()
  if (code === '') return nothing
  switch (system) {
    case 'snomed':
    case 'dmd':
      return snomed(code)
    case 'icd-10':
      return icd10(code)
    case 'read-v2':
      return read(code, true)
    case 'ctv3':
      return read(code, false)
    case 'opcs-4':
      return opcs4(code)
    case 'loinc':
    case 'bnf':
    case 'atc':
      return { lookups: [code.toUpperCase()] }
    default:
      return { lookups: [code] }
  }
}

/** `71341001 |Femur| : 272741003 |Laterality| = 7771000 |Left|`: the focus and its attribute–value pairs; terms are dropped unread. */
function snomed(text: string): NormalCode {
  const plain = text.replace(/\|[^|]*\|/g, '').replace(/\s+/g, '')
  if (/^\d+(?:[.,]\d+)?E\+?\d+$/i.test(plain)) return { lookups: [], isDamaged: true }
  const [foci = '', ...rest] = plain.replace(/^(===|<<<)/, '').split(':')
  const lookups = foci.split(/[+{}]/).filter(focus => /^\d{6,18}$/.test(focus))
  if (lookups.length === 0) return nothing
  const refinements = [...rest.join(':').matchAll(/(\d{6,18})=\(?(\d{6,18})/g)].map(
    match => [match[1] ?? '', match[2] ?? ''] as const,
  )
  return { lookups, ...(refinements.length > 0 ? { refinements } : {}) }
}

/**
 * WHO ICD-10: dot, blanks, padding (`S72X`, `S720-`, `T08X`), dagger and asterisk suffixes are dropped; the fourth character stays, the fifth is kept
 * for M80/M84. Seven characters are ICD-10-CM, another system, and are never cut down to a WHO code (terminology.md 1.5).
 */
function icd10(text: string): NormalCode {
  const plain = text.toUpperCase().replace(/[\s.]/g, '')
  if (/^\d{4}-\d{2}-\d{2}/.test(text)) return { lookups: [], isDamaged: true }
  if (/^[A-Z]\d[\dAB][\dX]{0,3}[\dX][ABCDGKPRS]$/.test(plain) && plain.length === 7)
    return { lookups: [], isForeign: true }
  const match = /^([A-Z]\d{2})([\dX-])?([\dX-])?[ADX+*†-]*$/.exec(plain)
  if (!match?.[1]) return nothing
  const [, category, fourth = '', fifth = ''] = match
  const isFourth = /\d/.test(fourth)
  return {
    lookups: isFourth ? [`${category}.${fourth}`] : [category],
    ...(/\d/.test(fifth) ? { fifth } : {}),
  }
}

/** Case is kept, trailing dots restored; Read v2 seven-byte forms (code and term) fall back to their five bytes. */
function read(text: string, hasTermCodes: boolean): NormalCode {
  if (!/^[A-Za-z0-9.^-]{1,7}$/.test(text)) return nothing
  const five = text.slice(0, 5).padEnd(5, '.')
  if (text.length <= 5) return { lookups: [five] }
  return hasTermCodes ? { lookups: [text, five] } : { lookups: [five] }
}

/** `W461`, `W46.1`, `w46.1` → `W46.1`; three characters are the category. */
function opcs4(text: string): NormalCode {
  const match = /^([A-Z]\d{2})(?:\.?([\dX-]))?$/.exec(text.toUpperCase().replace(/\s/g, ''))
  if (!match?.[1]) return nothing
  return { lookups: match[2] && /\d/.test(match[2]) ? [`${match[1]}.${match[2]}`, match[1]] : [match[1]] }
}
