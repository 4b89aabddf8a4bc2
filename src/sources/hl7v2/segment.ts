import { type Delimiters, isHeaderName } from './delimiters.ts'
import { countUnknownEscapes, unescapeText } from './escapes.ts'

/**
 * What a place in a message holds. `absent`: not sent, leave what is known alone; `empty`: the place exists and holds nothing, treated the
 * same unless a rule says otherwise; `null`: `""`, delete what is known; `value`: text, unescaped, never trimmed.
 */
export type Value = { readonly state: 'absent' | 'empty' | 'null' | 'value'; readonly text: string }

const absent: Value = { state: 'absent', text: '' }
const empty: Value = { state: 'empty', text: '' }
const nothing: Value = { state: 'null', text: '' }

/** One repetition of a field. Components and sub-components count from 1. */
export type Repetition = {
  /** Ordinal within the field, from 1. */
  readonly index: number
  /** The whole repetition, unescaped, separators of components left in. */
  readonly text: string
  value(component: number, subcomponent?: number): Value
  component(component: number, subcomponent?: number): string
}

/**
 * One segment, cut into fields when first touched. Fields, repetitions, components and sub-components count from 1; in MSH, BHS and FHS
 * field 1 is the separator itself and field 2 the encoding characters, both returned untouched.
 */
export class Segment {
  /** As sent, `PID`; not necessarily three characters. */
  readonly name: string
  /** Ordinal among the segments of the same name in this message, from 1. */
  readonly index: number
  /** Place in `Message.all`, from 0. */
  readonly position: number
  /** The segment as sent, without its terminator. */
  readonly text: string
  readonly #delimiters: Delimiters
  #fields: string[] | undefined

  constructor(name: string, index: number, position: number, text: string, delimiters: Delimiters) {
    this.name = name
    this.index = index
    this.position = position
    this.text = text
    this.#delimiters = delimiters
  }

  /** Highest field number present. */
  get fieldCount(): number {
    return this.#cut().length - 1
  }

  /** The whole field, all repetitions, unescaped. */
  field(number: number): Value {
    const raw = this.raw(number)
    return this.#isVerbatim(number) ? (raw ? { state: 'value', text: raw } : empty) : this.#valueOf(raw)
  }

  /** The field exactly as sent, escapes and separators included; undefined when absent. */
  raw(number: number): string | undefined {
    return number < 1 ? undefined : this.#cut()[number]
  }

  /** All repetitions of a field; none when it is absent or empty. A null field is one null repetition. */
  repetitions(number: number): readonly Repetition[] {
    const raw = this.raw(number)
    if (raw === undefined || raw === '') return []
    const parts = this.#isVerbatim(number) ? [raw] : raw.split(this.#delimiters.repetition)
    return parts.map((part, at) => ({
      index: at + 1,
      text: this.#valueOf(part).text,
      value: (component: number, subcomponent?: number) => this.#within(part, component, subcomponent),
      component: (component: number, subcomponent?: number) => this.#within(part, component, subcomponent).text,
    }))
  }

  /** A component; the whole component with its sub-components when `subcomponent` is not given. Every part of a null repetition is null. */
  value(number: number, repetition = 1, component = 1, subcomponent?: number): Value {
    const raw = this.raw(number)
    if (raw === undefined) return absent
    if (this.#isVerbatim(number)) return repetition === 1 && component === 1 ? this.field(number) : absent
    const part = pieceOf(raw, this.#delimiters.repetition, repetition)
    return part === undefined ? absent : this.#within(part, component, subcomponent)
  }

  /** Text of `value()`: `''` when absent, empty or null. */
  component(number: number, repetition = 1, component = 1, subcomponent?: number): string {
    return this.value(number, repetition, component, subcomponent).text
  }

  /** Escape sequences of this segment that nobody knows. */
  countUnknownEscapes(): number {
    let unknown = 0
    for (const [number, raw] of this.#cut().entries()) {
      if (!this.#isVerbatim(number)) unknown += countUnknownEscapes(raw, this.#delimiters)
    }
    return unknown
  }

  #within(part: string, component: number, subcomponent: number | undefined): Value {
    if (part === '""') return nothing
    const piece = pieceOf(part, this.#delimiters.component, component)
    if (piece === undefined || subcomponent === undefined) return this.#valueOf(piece)
    if (piece === '""') return nothing
    return this.#valueOf(pieceOf(piece, this.#delimiters.subcomponent, subcomponent))
  }

  #valueOf(raw: string | undefined): Value {
    if (raw === undefined) return absent
    if (raw === '') return empty
    if (raw === '""') return nothing
    return { state: 'value', text: unescapeText(raw, this.#delimiters) }
  }

  #isVerbatim(number: number): boolean {
    return number <= 2 && isHeaderName(this.name)
  }

  #cut(): string[] {
    if (this.#fields) return this.#fields
    const fields = this.text.split(this.#delimiters.field)
    if (isHeaderName(this.name)) fields.splice(1, 0, this.#delimiters.field)
    this.#fields = fields
    return fields
  }
}

/** The n-th piece, from 1. Without a separator the text is its own only piece. */
function pieceOf(text: string, separator: string | undefined, number: number): string | undefined {
  if (separator === undefined) return number === 1 ? text : undefined
  let start = 0
  for (let passed = 1; passed < number; passed++) {
    const found = text.indexOf(separator, start)
    if (found < 0) return undefined
    start = found + separator.length
  }
  const end = text.indexOf(separator, start)
  return end < 0 ? (start === 0 ? text : text.slice(start)) : text.slice(start, end)
}
