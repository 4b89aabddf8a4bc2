import { type IssueCode, issue } from '../../fls/issue.ts'
import { Refusal } from '../../http/refusal.ts'
import { type DateCondition, meetsDate, readDateCondition } from './search-dates.ts'
import type { SearchParameter } from './search-parameters.ts'
import { folded, localReference, type SearchTerms } from './search-terms.ts'
import { parseToken, splitValues } from './token.ts'

/** One parameter as given: texts and numbers only, never operators. Repeated parameters must all hold, of several values one. */
export type SearchCondition =
  | { readonly kind: 'term'; readonly name: string; readonly anyOf: readonly string[]; readonly isNot?: true }
  | { readonly kind: 'text'; readonly name: string; readonly anyOf: readonly string[]; readonly isAnywhere: boolean }
  | { readonly kind: 'date'; readonly name: string; readonly anyOf: DateCondition }
  | { readonly kind: 'missing'; readonly name: string; readonly isMissing: boolean }

/** Reads one parameter of a query. An unsupported modifier and an unreadable value are 400, never ignored (fhir.md 1.1). */
export function readCondition(
  parameter: SearchParameter,
  modifier: string | undefined,
  value: string,
  now: number,
): SearchCondition {
  const { name, type, modifiers } = parameter
  if (modifier === 'missing') {
    if (value !== 'true' && value !== 'false') throw badParameter(`${name}:missing`, 'true or false')
    return { kind: 'missing', name, isMissing: value === 'true' }
  }
  if (modifier !== undefined && !modifiers.some(known => known === modifier))
    throw refused('parameter-not-supported', name, `modifiers: ${['missing', ...modifiers].join(', ')}`)
  const values = splitValues(value)
  if (values.length === 0) throw badParameter(name)
  if (type === 'date') return { kind: 'date', name, anyOf: values.flatMap(one => dateOf(name, one, now)) }
  if (type === 'token' || modifier === 'identifier') {
    const anyOf = values.map(one => tokenIn(name, parameter.isPlain ? one.slice(one.indexOf('|') + 1) : one))
    return { kind: 'term', name, anyOf, ...(modifier === 'not' ? { isNot: true } : {}) }
  }
  const plain = values.map(one => one.replace(/\\([|,$\\])/g, '$1'))
  if (type === 'string' && modifier !== 'exact')
    return { kind: 'text', name, anyOf: plain.map(folded), isAnywhere: modifier === 'contains' }
  if (type === 'string') return { kind: 'term', name, anyOf: plain.map(one => `=${one}`) }
  if (type === 'uri') return { kind: 'term', name, anyOf: plain }
  return { kind: 'term', name, anyOf: plain.map(one => referenceIn(parameter, one)) }
}

/** Whom an id alone means. */
const typeMeant: Readonly<Record<string, string>> = { patient: 'Patient', subject: 'Patient', encounter: 'Encounter' }

/** `Type/id`, an absolute address, or the id alone where one type is meant; a canonical as it is. */
function referenceIn({ name, modifiers }: SearchParameter, value: string): string {
  if (!modifiers.includes('identifier')) return value
  const type = typeMeant[name]
  const isIdAlone = type !== undefined && /^[A-Za-z0-9.-]{1,64}$/.test(value)
  return isIdAlone ? `${type}/${value}` : (localReference(value) ?? value)
}

function tokenIn(name: string, value: string): string {
  const token = parseToken(value)
  if (token === undefined) throw badParameter(name, 'system|value, |value or value')
  return token
}

function dateOf(name: string, value: string, now: number): DateCondition {
  const condition = readDateCondition(value, now)
  if (!condition) throw badParameter(name, 'a prefix (eq ne gt lt ge le sa eb ap) and a date')
  return condition
}

export function badParameter(name: string, hint?: string): Refusal {
  return refused('parameter-invalid', name, hint)
}

function refused(code: IssueCode, name: string, hint?: string): Refusal {
  return new Refusal(400, [issue(code, name, hint ? { hint } : {})])
}

/** Whether terms meet a condition: the search on resources that stand in no collection. */
export function meets(condition: SearchCondition, terms: SearchTerms): boolean {
  const term = Object.hasOwn(terms, condition.name) ? terms[condition.name] : undefined
  if (condition.kind === 'missing') return (term === undefined) === condition.isMissing
  if (condition.kind === 'date') return isRange(term) && meetsDate(condition.anyOf, term)
  const texts = isRange(term) ? [] : (term ?? [])
  if (condition.kind === 'term') return condition.anyOf.some(one => texts.includes(one)) !== (condition.isNot === true)
  const plain = texts.filter(text => !text.startsWith('='))
  return condition.anyOf.some(one =>
    plain.some(text => (condition.isAnywhere ? text.includes(one) : text.startsWith(one))),
  )
}

function isRange(term: SearchTerms[string] | undefined): term is Exclude<SearchTerms[string], readonly string[]> {
  return term !== undefined && !Array.isArray(term)
}
