import { isObject, type JsonObject, type JsonValue, type NumberLiterals } from './json.ts'

/** A Reference found in a resource, with its FHIRPath relative to the resource. */
export type FoundReference = { readonly reference: string; readonly path: string }

/** Every `Reference.reference` of a resource; contained resources included, fragments (`#x`) left out. */
export function referencesIn(value: JsonValue, path = ''): FoundReference[] {
  if (Array.isArray(value))
    return value.flatMap((member: JsonValue, index: number) => referencesIn(member, `${path}[${index}]`))
  if (!isObject(value)) return []
  return Object.entries(value).flatMap(([name, content]) => {
    const at = path === '' ? name : `${path}.${name}`
    if (name !== 'reference' || typeof content !== 'string') return referencesIn(content, at)
    return content.startsWith('#') ? [] : [{ reference: content, path: at }]
  })
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
