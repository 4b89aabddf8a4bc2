import { createHash } from 'node:crypto'
import type { PartialDate } from '../fls/dates.ts'
import type { Identity, RecordKey } from '../fls/fact.ts'
import type { RecordEvidence } from './linkage.ts'
import { type ComparableName, comparableForenames, comparableSurname } from './person-name.ts'

/** One demographic version of a record, ready to compare. What is missing or a placeholder is absent. Patient data. */
export type Facet = {
  readonly nhsNumber?: string
  readonly isNhsVerified?: boolean
  readonly isNhsUnverified?: boolean
  readonly invalidNhsNumber?: string
  /** The current family name first, then earlier ones. */
  readonly surnames: readonly ComparableName[]
  readonly forenames: readonly string[]
  readonly birthDate?: PartialDate
  readonly sex?: 'male' | 'female'
  readonly postcode?: string
  readonly isCareHome: boolean
  readonly gpPractice?: string
  readonly localNumber?: string
  readonly authority?: string
  readonly isExactOnly: boolean
}

/** A record ready to compare. `order` is a hash of its key: the canonical order and the breaker of ties. */
export type ComparableRecord = {
  readonly key: RecordKey
  readonly order: string
  readonly facets: readonly Facet[]
  /** The facets by which names, birth date and sex are compared: without those that say only part of what another one says. */
  readonly cores: readonly Facet[]
  readonly deathDate?: PartialDate
}

const usualPlaceholders: readonly string[] = ['1899-12-30', '1899-12-31', '1900-01-01', '1900-01-02', '1901-01-01']
const pseudoPractices = new Set(['V81997', 'V81998', 'V81999', 'X99999', '000000'])
const prepared = new WeakMap<RecordEvidence, ComparableRecord>()

/** Normalises every demographic version once; the same evidence object gives the same result. */
export function comparableRecord(evidence: RecordEvidence): ComparableRecord {
  const known = prepared.get(evidence)
  if (known) return known
  const distinct = new Map<string, Facet>()
  for (const identity of evidence.facets) {
    const facet = facetOf(identity)
    distinct.set(JSON.stringify(facet), facet)
  }
  const facets = [...distinct].sort(([left], [right]) => (left < right ? -1 : 1)).map(([, facet]) => facet)
  const record: ComparableRecord = {
    key: evidence.record,
    order: createHash('sha256').update(evidence.record).digest('hex'),
    facets,
    cores: fullest(facets),
    ...(evidence.deathDate ? { deathDate: evidence.deathDate } : {}),
  }
  prepared.set(evidence, record)
  return record
}

/**
 * Without the facets that say of name, birth date and sex only part of what another says. An address row or a message without a birth date
 * would else be the best match of anybody: where nothing is said, nothing contradicts.
 */
export function fullest(facets: readonly Facet[]): readonly Facet[] {
  const distinct = new Map<string, Facet>()
  for (const facet of facets) {
    const { core } = textsOf(facet)
    if (!distinct.has(core)) distinct.set(core, facet)
  }
  const all = [...distinct.values()]
  return all.filter(one => !all.some(other => other !== one && saysNoMore(one, other)))
}

/** What a facet says of name, birth date and sex as one text: facets of equal text compare alike with every other facet. */
export function coreText(facet: Facet): string {
  return textsOf(facet).core
}

type Texts = { readonly core: string; readonly surnames: string; readonly forenames: string }
const texts = new WeakMap<Facet, Texts>()

function textsOf(facet: Facet): Texts {
  const known = texts.get(facet)
  if (known) return known
  const { surnames, forenames, birthDate, sex, isExactOnly } = facet
  const made = {
    core: JSON.stringify([surnames, forenames, birthDate, sex, isExactOnly]),
    surnames: JSON.stringify(surnames),
    forenames: JSON.stringify(forenames),
  }
  texts.set(facet, made)
  return made
}

/** Field by field the same as the other, or nothing. */
function saysNoMore(one: Facet, other: Facet): boolean {
  return (
    one.isExactOnly === other.isExactOnly &&
    (one.sex === undefined || one.sex === other.sex) &&
    (one.birthDate === undefined || other.birthDate?.startsWith(one.birthDate) === true) &&
    (one.forenames.length === 0 || textsOf(one).forenames === textsOf(other).forenames) &&
    (one.surnames.length === 0 || textsOf(one).surnames === textsOf(other).surnames)
  )
}

/** One demographic version with names folded, placeholder dates, ZZ99 postcodes and pseudo practices taken out. */
export function facetOf(identity: Identity): Facet {
  const surnames = [identity.familyName, ...(identity.previousFamilyNames ?? [])].flatMap(
    name => comparableSurname(name) ?? [],
  )
  const birthDate = plausibleBirthDate(identity.birthDate)
  const postcode = comparablePostcode(identity.postcode)
  const practice = identity.gpPractice?.trim().toUpperCase()
  const { localNumber, sex } = identity
  return {
    ...(identity.nhsNumber ? { nhsNumber: identity.nhsNumber } : {}),
    ...(identity.nhsNumberStatus === '01' ? { isNhsVerified: true } : {}),
    ...(identity.nhsNumberStatus && identity.nhsNumberStatus !== '01' ? { isNhsUnverified: true } : {}),
    ...(identity.invalidNhsNumber ? { invalidNhsNumber: identity.invalidNhsNumber } : {}),
    surnames,
    forenames: comparableForenames(identity.givenNames),
    ...(birthDate ? { birthDate } : {}),
    ...(sex === 'male' || sex === 'female' ? { sex } : {}),
    ...(postcode ? { postcode } : {}),
    isCareHome: identity.careHomeResident === true,
    ...(practice && !pseudoPractices.has(practice) ? { gpPractice: practice } : {}),
    ...(localNumber
      ? { localNumber: `${localNumber.authority}|${localNumber.number}`, authority: localNumber.authority }
      : {}),
    isExactOnly: identity.isExactMatchOnly === true,
  }
}

/** Upper case without spaces; undefined for ZZ99 (no fixed abode, abroad, unknown) and for what has no UK shape. */
export function comparablePostcode(text: string | undefined): string | undefined {
  const compact = text?.toUpperCase().replace(/[^A-Z0-9]/g, '')
  if (!compact || !/^[A-Z]{1,2}\d[A-Z\d]?\d[A-Z]{2}$/.test(compact) || compact.startsWith('ZZ99')) return undefined
  return compact
}

function plausibleBirthDate(date: PartialDate | undefined): PartialDate | undefined {
  if (!date || usualPlaceholders.includes(date)) return undefined
  // A year before 1900 is a default of an old system; nobody living was born then.
  return date < '1900' || date === '1900' || date === '1900-01' ? undefined : date
}
