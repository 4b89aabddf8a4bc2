import { limits } from '../../config.ts'
import type { Issue, IssueCode } from '../../fls/issue.ts'
import { issue } from '../../fls/issue.ts'
import { isObject, type JsonObject, type JsonValue, type NumberLiterals } from './json.ts'

/** A body that is JSON; `issues` hold what FHIR's JSON rules refuse in it. */
export type StrictJson = {
  readonly value: JsonValue
  readonly literals: NumberLiterals
  /** Start and end, in characters of the text, of every object that names a `resourceType`. */
  readonly ranges: WeakMap<object, readonly [number, number]>
}
export type StrictReading = { readonly read?: StrictJson; readonly issues: readonly Issue[] }

const refusedKeys: ReadonlySet<string> = new Set(['__proto__', 'constructor', 'prototype'])
const mostIssues = 200
const number = /-?(?:0|[1-9]\d*)(?:\.\d+)?(?:[eE][+-]?\d+)?/y
const elementName = /^[A-Za-z_][A-Za-z0-9_]{0,63}$/
const escapes: Readonly<Record<string, string>> = {
  '"': '"',
  '\\': '\\',
  '/': '/',
  b: '\b',
  f: '\f',
  n: '\n',
  r: '\r',
  t: '\t',
}

const utf8 = new TextDecoder('utf-8', { fatal: true })

/** Bytes to text: UTF-8 without faults, a leading byte order mark removed; `undefined` when it is not UTF-8. */
export function decodeUtf8(bytes: Uint8Array): string | undefined {
  try {
    return utf8.decode(bytes)
  } catch {
    return undefined
  }
}

/**
 * Reads a body under FHIR's JSON rules (R4 json.html and fhir.md 1.2): no duplicate keys, no prototype keys, no empty objects, arrays or texts,
 * null only inside a primitive array beside its `_sibling`, at most 64 levels. One pass; all findings, at most 200.
 * A body that is no JSON, or too deep, has one issue and no value. Issues: `json-*`, `element-empty`.
 */
export function readStrictJson(text: string, maxDepth: number = limits.jsonDepth): StrictReading {
  const reader = new StrictReader(text, maxDepth)
  try {
    const read = reader.readAll()
    return { read, issues: reader.found(read.value) }
  } catch (error) {
    if (!(error instanceof Unreadable)) throw error
    return { issues: [issue(error.code, error.where || 'body')] }
  }
}

class Unreadable extends Error {
  readonly code: IssueCode
  readonly where: string
  constructor(code: IssueCode, where: string) {
    super(code)
    this.code = code
    this.where = where
  }
}

/** The state of one pass over one body. */
class StrictReader {
  readonly #text: string
  readonly #maxDepth: number
  readonly #path: (string | number)[] = []
  readonly #findings: { code: IssueCode; path: string }[] = []
  readonly #literals: NumberLiterals = new WeakMap()
  readonly #ranges = new WeakMap<object, readonly [number, number]>()
  #at = 0

  constructor(text: string, maxDepth: number) {
    this.#text = text
    this.#maxDepth = maxDepth
  }

  readAll(): StrictJson {
    this.#skipBlank()
    const value = this.#value(0)
    this.#skipBlank()
    if (this.#at < this.#text.length) throw this.#unreadable('json-invalid')
    return { value, literals: this.#literals, ranges: this.#ranges }
  }

  /** Findings with the root's type in front, as FHIRPath. */
  found(root: JsonValue): Issue[] {
    const type = isObject(root) && typeof root['resourceType'] === 'string' ? root['resourceType'] : ''
    const name = /^[A-Za-z]{1,64}$/.test(type) ? type : ''
    return this.#findings.map(({ code, path }) => issue(code, joinPath(name, path) || 'body'))
  }

  #value(depth: number): JsonValue {
    const sign = this.#text[this.#at]
    if (sign === '{') return this.#object(depth + 1)
    if (sign === '[') return this.#array(depth + 1)
    if (sign === '"') {
      const text = this.#string()
      if (text === '') this.#note('element-empty')
      return text
    }
    if (this.#text.startsWith('true', this.#at)) return this.#word('true', true)
    if (this.#text.startsWith('false', this.#at)) return this.#word('false', false)
    if (this.#text.startsWith('null', this.#at)) return this.#word('null', null)
    throw this.#unreadable('json-invalid')
  }

  #member(holder: object, key: string | number, depth: number): JsonValue {
    const sign = this.#text.charCodeAt(this.#at)
    if (sign !== 45 && (sign < 48 || sign > 57)) return this.#value(depth)
    number.lastIndex = this.#at
    const literal = number.exec(this.#text)?.[0]
    if (literal === undefined) throw this.#unreadable('json-invalid')
    this.#at += literal.length
    const value = Number(literal)
    if (!Number.isFinite(value)) throw this.#unreadable('json-invalid')
    if (String(value) !== literal) {
      const known = this.#literals.get(holder) ?? new Map<string, string>()
      known.set(String(key), literal)
      this.#literals.set(holder, known)
    }
    return value
  }

  #object(depth: number): JsonObject {
    if (depth > this.#maxDepth) throw this.#unreadable('json-too-deep')
    const start = this.#at++
    const members: Record<string, JsonValue> = {}
    this.#skipBlank()
    if (this.#text[this.#at] === '}') this.#note('element-empty')
    else
      do this.#objectMember(members, depth)
      while (this.#continues('}'))
    this.#at++
    this.#checkNulls(members)
    if (typeof members['resourceType'] === 'string') this.#ranges.set(members, [start, this.#at])
    return members
  }

  #objectMember(members: Record<string, JsonValue>, depth: number): void {
    this.#skipBlank()
    if (this.#text[this.#at] !== '"') throw this.#unreadable('json-invalid')
    const key = this.#string()
    this.#skipBlank()
    if (this.#text[this.#at] !== ':') throw this.#unreadable('json-invalid')
    this.#at++
    this.#skipBlank()
    this.#path.push(key)
    const isRefused = refusedKeys.has(key)
    if (isRefused) this.#note('json-key-refused')
    else if (Object.hasOwn(members, key)) this.#note('json-duplicate-key')
    const value = this.#member(members, key, depth)
    if (value === null) this.#note('element-empty')
    if (!isRefused) members[key] = value
    this.#path.pop()
  }

  #array(depth: number): readonly JsonValue[] {
    if (depth > this.#maxDepth) throw this.#unreadable('json-too-deep')
    this.#at++
    const members: JsonValue[] = []
    this.#skipBlank()
    if (this.#text[this.#at] === ']') this.#note('element-empty')
    else
      do {
        this.#skipBlank()
        this.#path.push(members.length)
        members.push(this.#member(members, members.length, depth))
        this.#path.pop()
      } while (this.#continues(']'))
    this.#at++
    return members
  }

  /** A null of an array stands for "no value" or "no extension": its sibling array must have something at that place. */
  #checkNulls(members: Readonly<Record<string, JsonValue>>): void {
    for (const key of Object.keys(members)) {
      const value = members[key]
      if (!Array.isArray(value) || !value.includes(null)) continue
      const sibling = members[key.startsWith('_') ? key.slice(1) : `_${key}`]
      value.forEach((member, index) => {
        const other = Array.isArray(sibling) ? (sibling[index] ?? null) : null
        if (member === null && other === null) this.#note('element-empty', key, index)
      })
    }
  }

  #continues(end: string): boolean {
    this.#skipBlank()
    const sign = this.#text[this.#at]
    if (sign === end) return false
    if (sign !== ',') throw this.#unreadable('json-invalid')
    this.#at++
    return true
  }

  #string(): string {
    const start = ++this.#at
    const end = this.#text.indexOf('"', start)
    const plain = end < 0 ? '\\' : this.#text.slice(start, end)
    if (plain.includes('\\') || hasControlSign(plain)) return this.#escapedString()
    this.#at = end + 1
    if (!plain.isWellFormed()) throw this.#unreadable('json-invalid')
    return plain
  }

  #escapedString(): string {
    let text = ''
    let start = this.#at
    for (;;) {
      const code = this.#text.charCodeAt(this.#at)
      if (code === 34) break
      // Control signs must be escaped; NaN is the end of the text.
      if (code < 32 || Number.isNaN(code)) throw this.#unreadable('json-invalid')
      if (code !== 92) {
        this.#at++
        continue
      }
      text += this.#text.slice(start, this.#at) + this.#escape()
      start = this.#at
    }
    text += this.#text.slice(start, this.#at++)
    // A lone surrogate or NUL cannot be written back as UTF-8 text or kept by the database.
    if (!text.isWellFormed() || text.includes('\u0000')) throw this.#unreadable('json-invalid')
    return text
  }

  #escape(): string {
    const sign = this.#text[this.#at + 1] ?? ''
    const plain = escapes[sign]
    if (plain !== undefined) {
      this.#at += 2
      return plain
    }
    const code = this.#text.slice(this.#at + 2, this.#at + 6)
    if (sign !== 'u' || !/^[0-9A-Fa-f]{4}$/.test(code)) throw this.#unreadable('json-invalid')
    this.#at += 6
    return String.fromCharCode(Number.parseInt(code, 16))
  }

  #word<T>(word: string, value: T): T {
    this.#at += word.length
    return value
  }

  #skipBlank(): void {
    for (;;) {
      const code = this.#text.charCodeAt(this.#at)
      if (code !== 32 && code !== 10 && code !== 13 && code !== 9) return
      this.#at++
    }
  }

  #note(code: IssueCode, ...more: readonly (string | number)[]): void {
    if (this.#findings.length < mostIssues) this.#findings.push({ code, path: pathText([...this.#path, ...more]) })
  }

  #unreadable(code: IssueCode): Unreadable {
    return new Unreadable(code, pathText(this.#path))
  }
}

function hasControlSign(text: string): boolean {
  for (let index = 0; index < text.length; index++) if (text.charCodeAt(index) < 32) return true
  return false
}

/** `name[0].given[1]`; a key that is no element name is shown as `?`, since it could hold anything. */
function pathText(path: readonly (string | number)[]): string {
  return path.reduce<string>((text, step) => {
    if (typeof step === 'number') return `${text}[${step}]`
    return joinPath(text, elementName.test(step) ? step : '?')
  }, '')
}

/** `Patient` and `name[0]` → `Patient.name[0]`; either may be empty. */
export function joinPath(front: string, back: string): string {
  if (front === '' || back === '') return front + back
  return back.startsWith('[') ? front + back : `${front}.${back}`
}
