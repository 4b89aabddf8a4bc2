import type { FhirAnswer } from './call.ts'
import type { JsonObject, JsonValue } from './json.ts'
import { operationOutcome } from './operation-outcome.ts'
import { mergedLiterals } from './rewrite.ts'
import type { AskedSearch } from './search-query.ts'
import { jsonOf } from './served.ts'

/** What a search found: one page of answers, each with the address of its resource. */
export type Found = {
  readonly matches: readonly FoundResource[]
  readonly total: number
  /** The id the next page starts behind. */
  readonly nextAfter?: string
  /** Resources that come along (`_include`). */
  readonly included?: readonly FoundResource[]
}
export type FoundResource = { readonly fullUrl: string; readonly answer: FhirAnswer }

/** The searchset Bundle: `self` states what took effect, parameters that did not stand in an outcome entry. `address`: of the type. */
export function searchset(address: string, asked: AskedSearch, found: Found): FhirAnswer {
  const link: JsonValue[] = [{ relation: 'self', url: withQuery(address, asked.applied) }]
  if (found.nextAfter !== undefined)
    link.push({ relation: 'next', url: withQuery(address, asked.pages.after(found.nextAfter)) })
  const all = [...found.matches, ...(found.included ?? [])]
  const entry = [
    ...found.matches.map(one => entryOf(one, 'match')),
    ...(found.included ?? []).map(one => entryOf(one, 'include')),
    ...(asked.ignored.length > 0
      ? [{ resource: jsonOf(operationOutcome(asked.ignored)), search: { mode: 'outcome' } }]
      : []),
  ]
  return {
    status: 200,
    resource: {
      resourceType: 'Bundle',
      type: 'searchset',
      ...(asked.hasTotal ? { total: found.total } : {}),
      link,
      ...(entry.length > 0 && !asked.isCountOnly ? { entry } : {}),
    },
    literals: mergedLiterals(all.map(({ answer }) => answer.literals)),
  }
}

function entryOf({ fullUrl, answer }: FoundResource, mode: 'match' | 'include'): JsonObject {
  return { fullUrl, resource: answer.resource ?? {}, search: { mode } }
}

function withQuery(address: string, query: URLSearchParams): string {
  return query.size > 0 ? `${address}?${query}` : address
}
