import { isObject, type JsonObject, type JsonValue, type NumberLiterals } from './json.ts'
import type { Place } from './place.ts'

/** A Reference found in a resource, and where. */
export type FoundReference = { readonly reference: string; readonly place: Place }

/** Every `Reference.reference` of a resource at `where`, contained resources included: those to contained ones (`#x`), or all others. */
export function referencesIn(resource: JsonObject, where: Place, to: '#' | 'others'): FoundReference[] {
  const found: FoundReference[] = []
  const walk = (holder: object, within: Place): void => {
    const isMembers = !Array.isArray(holder)
    for (const [name, content] of Object.entries(holder)) {
      if (typeof content === 'object' && content !== null)
        walk(content, { within, step: isMembers ? name : Number(name) })
      else if (isMembers && name === 'reference' && typeof content === 'string') {
        if (content.startsWith('#') === (to === '#')) found.push({ reference: content, place: { within, step: name } })
      }
    }
  }
  walk(resource, where)
  return found
}

/** Every text that a transaction may have to exchange: references, `urn:` texts anywhere, links of the narrative. */
export function referenceTexts(value: JsonValue, name = ''): string[] {
  if (typeof value === 'string') {
    if (name === 'div') return [...value.matchAll(linkInNarrative)].map(match => match[2] ?? '')
    return isExchangeable(value, name) ? [value] : []
  }
  if (Array.isArray(value)) return value.flatMap((member: JsonValue) => referenceTexts(member, name))
  return isObject(value) ? Object.entries(value).flatMap(([member, content]) => referenceTexts(content, member)) : []
}

const linkInNarrative = /\b(href|src)\s*=\s*["']([^"']+)["']/g

/** `Identifier.value` may well be a urn:uuid, and stays. */
function isExchangeable(text: string, name: string): boolean {
  return name === 'reference' || (name !== 'value' && /^urn:(uuid|oid):/.test(text))
}

/** The resource with references exchanged and everything else, number texts included, as sent. The argument is not changed. */
export function rewriteReferences(
  resource: JsonObject,
  became: ReadonlyMap<string, string>,
  literals: NumberLiterals,
): JsonObject {
  const rewritten = became.size === 0 ? resource : rewrite(resource, '', became, literals)
  return isObject(rewritten) ? rewritten : resource
}

function rewrite(
  value: JsonValue,
  name: string,
  became: ReadonlyMap<string, string>,
  literals: NumberLiterals,
): JsonValue {
  if (typeof value === 'string') {
    if (name === 'div')
      return value.replace(linkInNarrative, (whole, _attribute, link) => whole.replace(link, became.get(link) ?? link))
    return isExchangeable(value, name) ? (became.get(value) ?? value) : value
  }
  if (typeof value !== 'object' || value === null) return value
  const copy = isObject(value)
    ? Object.fromEntries(
        Object.entries(value).map(([member, content]) => [member, rewrite(content, member, became, literals)]),
      )
    : [...value].map(member => rewrite(member, name, became, literals))
  return withLiteralsOf(value, copy, literals)
}

/** Makes a copy remember the number texts of its original. */
export function withLiteralsOf<T extends object>(original: object, copy: T, literals: NumberLiterals): T {
  const known = literals.get(original)
  if (known) literals.set(copy, known)
  return copy
}

/** One reading of number texts over several bodies. */
export function mergedLiterals(all: readonly (NumberLiterals | undefined)[]): NumberLiterals {
  const first: NumberLiterals = new WeakMap()
  return {
    get: holder => first.get(holder) ?? all.map(one => one?.get(holder)).find(found => found !== undefined),
    set(holder, texts) {
      first.set(holder, texts)
      return this
    },
  }
}
