import { comparableRecord, type Facet } from './facet.ts'
import type { RecordEvidence } from './linkage.ts'
import { soundexOf } from './soundex.ts'

/**
 * The blocking keys K0–K6 of a record (linkage.md 2.3) as texts, the union over its demographic versions, sorted and distinct.
 * Two records that share no key are never compared. Missing and placeholder parts make no key. Patient data: hash before storing.
 * `K1` birth date + sound of either name · `K2` birth date + postcode · `K3` postcode + sound of either name ·
 * `K4` unordered name pair + birth year · `K5` unordered sounds + month and day · `K6` authority + local number.
 */
export function blockingKeys(evidence: RecordEvidence): string[] {
  const keys = new Set<string>()
  for (const facet of comparableRecord(evidence).facets) for (const key of keysOf(facet)) keys.add(key)
  return [...keys].sort()
}

function* keysOf(facet: Facet): Generator<string> {
  const surnames = distinct(facet.surnames.flatMap(name => [name.whole, ...name.parts]))
  const forenames = facet.forenames.slice(0, 1)
  const sounds = soundsOf([...surnames, ...forenames])
  const birth = canonicalBirthDate(facet.birthDate)
  if (facet.nhsNumber) yield `K0|${facet.nhsNumber}`
  if (facet.localNumber) yield `K6|${facet.localNumber}`
  if (birth) for (const sound of sounds) yield `K1|${birth}|${sound}`
  if (birth && facet.postcode) yield `K2|${birth}|${facet.postcode}`
  if (facet.postcode) for (const sound of sounds) yield `K3|${facet.postcode}|${sound}`
  const forename = forenames[0]
  if (!facet.birthDate || !forename) return
  const year = facet.birthDate.slice(0, 4)
  for (const surname of surnames) {
    yield `K4|${pairOf(surname, forename)}|${year}`
    const [one, two] = [soundexOf(surname), soundexOf(forename)]
    if (birth && one && two) yield `K5|${pairOf(one, two)}|${birth.slice(4)}`
  }
}

/** `YYYYMMDD` with day and month in ascending order when both could be a month: a swapped date makes the same key. */
export function canonicalBirthDate(date: string | undefined): string | undefined {
  if (date?.length !== 10) return undefined
  const [year = '', month = '', day = ''] = date.split('-')
  return Number(day) <= 12 && day < month ? `${year}${day}${month}` : `${year}${month}${day}`
}

function soundsOf(names: readonly string[]): string[] {
  return distinct(names.filter(name => name.length > 1).flatMap(name => soundexOf(name) ?? []))
}

function pairOf(one: string, two: string): string {
  return one < two ? `${one}+${two}` : `${two}+${one}`
}

function distinct<T>(values: readonly T[]): T[] {
  return [...new Set(values)]
}
