import { type Issue, issue } from '../../fls/issue.ts'
import { Refusal } from '../../http/refusal.ts'
import type { FhirCall } from './call.ts'
import type { Hmac } from './identity.ts'
import { type PageMarks, pageMarks } from './page-mark.ts'
import { preferences } from './prefer.ts'
import { badParameter, readCondition, type SearchCondition } from './search-conditions.ts'
import { type DateCondition, readDateCondition } from './search-dates.ts'
import type { SearchParameter } from './search-parameters.ts'
import { splitValues } from './token.ts'

/** A whole search as asked. */
export type AskedSearch = {
  readonly ids?: readonly string[]
  readonly conditions: readonly SearchCondition[]
  readonly lastUpdated: readonly DateCondition[]
  /** 0 when only the number is asked. */
  readonly count: number
  readonly isCountOnly: boolean
  readonly hasTotal: boolean
  /** Parameters whose targets come along (`_include`), by name. */
  readonly includes: readonly string[]
  /** Only resources after this id. */
  readonly after?: string
  /** Parameters that took effect, for the `self` link. */
  readonly applied: URLSearchParams
  readonly pages: PageMarks
  /** Parameters that did not, as warnings. */
  readonly ignored: readonly Issue[]
}

/** What one type can be asked. */
export type SearchOffer = {
  readonly parameters: readonly SearchParameter[]
  /** Parameters `_include` follows. */
  readonly includes?: readonly string[]
}

const usualCount = 50
const mostCount = 200
/** Values of all parameters together, and characters of one: each is compared with every candidate. */
const mostValues = 1_000
const longestValue = 1_000
/** Taken in and left out of `self`: how the answer is written. */
const unnamed: ReadonlySet<string> = new Set(['_format', '_pretty', '_page'])
const shaping: ReadonlySet<string> = new Set(['_count', '_elements', '_include', '_summary', '_total', ...unnamed])

/**
 * Reads a query. Unknown parameters are ignored, left out of `self` and told; with `Prefer: handling=strict` they are 400. What is known
 * but cannot be done (a modifier, a value, an `_include`) is always 400, and so are over 1,000 values and values over 1,000 characters.
 */
export function askedSearch(call: FhirCall, offer: SearchOffer, hmac: Hmac, now: Date): AskedSearch {
  refuseEndless(call.query)
  const isStrict = preferences(call.headers['prefer']).handling === 'strict'
  const applied = new URLSearchParams()
  const ignored: Issue[] = []
  const conditions: SearchCondition[] = []
  const lastUpdated: DateCondition[] = []
  const ids: (readonly string[])[] = []
  const includes: string[] = []
  for (const [name, value] of call.query) {
    const [plain = '', modifier] = name.split(':', 2)
    const parameter = offer.parameters.find(one => one.name === plain)
    if (parameter) conditions.push(readCondition(parameter, modifier, value, now.getTime()))
    else if (plain === '_id' || plain === '_lastUpdated') {
      if (modifier !== undefined) throw notSupported(plain, 'no modifiers')
      if (plain === '_id') ids.push(splitValues(value))
      else lastUpdated.push(...updatedOf(value, now.getTime()))
    } else if (name === '_include') includes.push(includeOf(call.type, value, offer.includes ?? []))
    else if (isChain(plain, offer)) throw notSupported(plain, 'no chains')
    else if (!shaping.has(name)) {
      ignored.push(unknown(name, isStrict))
      continue
    }
    if (!unnamed.has(name)) applied.append(name, value)
  }
  const isCountOnly = call.query.get('_summary') === 'count' || call.query.get('_count') === '0'
  const pages = pageMarks(call, applied, hmac)
  return {
    conditions,
    lastUpdated,
    includes: [...new Set(includes)],
    applied,
    pages,
    ignored,
    isCountOnly,
    hasTotal: totalOf(call.query.get('_total')),
    count: isCountOnly ? 0 : countOf(call.query.get('_count')),
    ...(ids.length > 0 ? { ids: ids.reduce((some, others) => some.filter(id => others.includes(id))) } : {}),
    ...(pages.asked === undefined ? {} : { after: pages.asked }),
  }
}

/** `patient.identifier`: passed over it would answer with everybody's. */
function isChain(name: string, { parameters }: SearchOffer): boolean {
  const [first] = name.split('.', 1)
  return name.includes('.') && parameters.some(one => one.name === first)
}

function refuseEndless(query: URLSearchParams): void {
  let count = 0
  for (const value of query.values()) {
    const values = value.split(',')
    count += values.length
    if (count > mostValues || values.some(one => one.length > longestValue))
      throw badParameter('query', `at most ${mostValues} values of ${longestValue} characters`)
  }
}

function updatedOf(value: string, now: number): DateCondition[] {
  const anyOf = splitValues(value).map(one => readDateCondition(one, now))
  const read = anyOf.filter(one => one !== undefined)
  if (read.length === 0 || read.length < anyOf.length) throw badParameter('_lastUpdated')
  return [read.flat()]
}

function includeOf(type: string, value: string, offered: readonly string[]): string {
  const [source, name = ''] = value.split(':')
  if (source !== type || !offered.includes(name)) throw notSupported('_include', offered.join(', '))
  return name
}

function unknown(name: string, isStrict: boolean): Issue {
  const where = /^[\w.:-]{1,64}$/.test(name) ? name : 'parameter'
  if (isStrict) throw notSupported(where)
  return issue('parameter-not-supported', where, { severity: 'warning' })
}

function notSupported(where: string, hint?: string): Refusal {
  return new Refusal(400, [issue('parameter-not-supported', where, hint ? { hint } : {})])
}

function countOf(text: string | null): number {
  if (text === null) return usualCount
  if (!/^\d{1,9}$/.test(text)) throw badParameter('_count')
  return Math.min(Number(text), mostCount)
}

function totalOf(text: string | null): boolean {
  if (text !== null && text !== 'none' && text !== 'estimate' && text !== 'accurate') throw badParameter('_total')
  return text !== 'none'
}
