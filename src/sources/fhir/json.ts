/** JSON as read from a sender. */
export type JsonValue = string | number | boolean | null | readonly JsonValue[] | JsonObject
export type JsonObject = { readonly [name: string]: JsonValue }

export function isObject(value: unknown): value is JsonObject {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}

/** The member, when it is an object; `undefined` otherwise. */
export function objectAt(value: unknown, name: string): JsonObject | undefined {
  const member = isObject(value) ? value[name] : undefined
  return isObject(member) ? member : undefined
}

/** The member, when it is a text; `undefined` otherwise. */
export function textAt(value: unknown, name: string): string | undefined {
  const member = isObject(value) ? value[name] : undefined
  return typeof member === 'string' ? member : undefined
}

/** The member as a list; a missing or single member gives none or one. */
export function listAt(value: unknown, name: string): readonly JsonValue[] {
  const member = isObject(value) ? value[name] : undefined
  if (member === undefined || member === null) return []
  return Array.isArray(member) ? member : [member as JsonValue]
}

/** The objects of a list member. */
export function objectsAt(value: unknown, name: string): readonly JsonObject[] {
  return listAt(value, name).filter(isObject)
}

/**
 * Literal texts of numbers that JavaScript would write otherwise (`1.50`, `1e2`, twenty digits), by the object or array that holds them.
 * In FHIR the precision of a decimal is part of its value (R4, "decimal").
 */
export type NumberLiterals = {
  get(holder: object): Map<string, string> | undefined
  set(holder: object, texts: Map<string, string>): unknown
}

/** The number exactly as sent. */
export function literalOf(literals: NumberLiterals, holder: object, name: string | number, value: number): string {
  return literals.get(holder)?.get(String(name)) ?? String(value)
}

/** JSON text with every number as it was sent. `replace` may exchange a text (references); it sees the member name. */
export function writeJson(
  value: JsonValue,
  literals: NumberLiterals,
  replace: (text: string, name: string) => string = text => text,
): string {
  const write = (one: JsonValue, holder: object | undefined, name: string, key: string): string => {
    if (typeof one === 'number') return holder ? literalOf(literals, holder, key, one) : String(one)
    if (typeof one === 'string') return JSON.stringify(replace(one, name))
    if (one === null || typeof one === 'boolean') return String(one)
    if (isList(one)) return `[${one.map((member, index) => write(member, one, name, String(index))).join(',')}]`
    const members = Object.entries(one).filter(([, member]) => member !== undefined)
    return `{${members.map(([member, content]) => `${JSON.stringify(member)}:${write(content, one, member, member)}`).join(',')}}`
  }
  return write(value, undefined, '', '')
}

function isList(value: JsonValue): value is readonly JsonValue[] {
  return Array.isArray(value)
}
