import type { DateRange } from '../form/date-limits.ts'
import { dateRange } from '../form/date-limits.ts'
import { isObject, type JsonObject, type JsonValue, listAt, objectsAt, textAt } from './json.ts'
import { afterAll, beforeAll } from './search-dates.ts'
import type { SearchParameter } from './search-parameters.ts'
import { tokenOf } from './token.ts'

/**
 * What a resource is found by, by parameter: tokens (`system|code` and `*|code`), references (`Type/id`, and the identifier as a token), texts
 * folded and, after `=`, as they stand; dates as the range they may mean, in milliseconds. A parameter without value is left out. Patient data.
 */
export type SearchTerms = { readonly [parameter: string]: readonly string[] | DateRange }

/** Pure: the same resource and resolved references give the same terms. */
export function searchTermsOf(
  resource: JsonObject,
  parameters: readonly SearchParameter[],
  resolve: (reference: string) => string = text => text,
): SearchTerms {
  const terms: Record<string, readonly string[] | DateRange> = {}
  for (const { name, type, paths } of parameters) {
    const values = paths.flatMap(path => valuesAt(resource, path.split('.')))
    if (type === 'date') {
      const range = rangeOf(values)
      if (range) terms[name] = range
      continue
    }
    const texts = [...new Set(values.flatMap(value => termsBy[type](value, resolve)))]
    const only = name === 'patient' ? texts.filter(isOfPatient) : texts
    if (only.length > 0) terms[name] = only
  }
  return terms
}

/** `patient` finds patients only, whatever else a subject may be. */
function isOfPatient(term: string): boolean {
  return term.includes('|') || term.startsWith('Patient/')
}

function valuesAt(value: JsonValue, steps: readonly string[]): readonly JsonValue[] {
  const [step, ...rest] = steps
  if (step === undefined) return [value]
  return listAt(value, step).flatMap(member => valuesAt(member, rest))
}

type Resolve = (reference: string) => string
const termsBy: Readonly<
  Record<Exclude<SearchParameter['type'], 'date'>, (value: JsonValue, resolve: Resolve) => readonly string[]>
> = {
  token: tokensOf,
  reference: (value, resolve) => (typeof value === 'string' ? canonicalTerms(value) : referenceTerms(value, resolve)),
  uri: value => (typeof value === 'string' ? canonicalTerms(value) : []),
  string: value => (typeof value === 'string' && value !== '' ? [folded(value), `=${value}`] : []),
}

/** Identifier, CodeableConcept, Coding, code, boolean. */
function tokensOf(value: JsonValue): readonly string[] {
  if (typeof value === 'boolean') return pair('', String(value))
  if (typeof value === 'string') return pair('', value)
  const codings = objectsAt(value, 'coding')
  if (codings.length > 0) return codings.flatMap(tokensOf)
  const code = textAt(value, 'code') ?? textAt(value, 'value')
  return code === undefined ? [] : pair(textAt(value, 'system') ?? '', code)
}

function pair(system: string, value: string): readonly string[] {
  const token = tokenOf(system, value)
  return [token, `*${token.slice(system.length)}`]
}

function referenceTerms(reference: JsonValue, resolve: Resolve): readonly string[] {
  if (!isObject(reference)) return []
  const literal = localReference(resolve(textAt(reference, 'reference') ?? ''))
  const identifier = isObject(reference['identifier']) ? tokensOf(reference['identifier']) : []
  return [...(literal === undefined ? [] : [literal]), ...identifier]
}

/** `Type/id`, whatever address stands before it and version behind it; undefined for anything else. */
export function localReference(text: string): string | undefined {
  return /(?:^|\/)([A-Z][A-Za-z]+\/[A-Za-z0-9.-]{1,64})(?:\/_history\/[^/]+)?$/.exec(text)?.[1]
}

/** A canonical as it stands, and without its version. */
function canonicalTerms(text: string): readonly string[] {
  return [...new Set([text, text.replace(/\|.*$/, '')])]
}

/** Lower case without accents: what a text is compared in. */
export function folded(text: string): string {
  return text.normalize('NFD').replace(/\p{M}/gu, '').toLowerCase().trim()
}

/** From the earliest to the latest moment any of the values may mean. */
function rangeOf(values: readonly JsonValue[]): DateRange | undefined {
  const ranges = values.flatMap(value => (typeof value === 'string' ? (dateRange(value) ?? []) : periodRange(value)))
  const [first] = ranges
  return first && ranges.reduce((a, b) => ({ first: Math.min(a.first, b.first), last: Math.max(a.last, b.last) }))
}

/** An open end of a period is open. */
function periodRange(value: JsonValue): readonly DateRange[] {
  const start = dateRange(textAt(value, 'start') ?? '')
  const end = dateRange(textAt(value, 'end') ?? '')
  return start || end ? [{ first: start?.first ?? beforeAll, last: end?.last ?? afterAll }] : []
}
