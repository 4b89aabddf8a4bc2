/**
 * Regular expressions that cannot run away: the pattern becomes a state machine that reads each character once (Thompson 1968), so a value of
 * n characters costs at most n × states steps. Understood: literals, `.`, classes, `\d \w \s` and their opposites, groups, `|`, `? * + {m,n}`,
 * `^ $` at the ends, escapes. Back-references and look-around have no such machine: `undefined`, and the caller says it cannot evaluate.
 */
export type Pattern = { readonly matches: (text: string) => boolean }

const mostStates = 4_000
const longestPattern = 1_000

type Test = (code: number) => boolean
type Node =
  | { readonly kind: 'one'; readonly test: Test }
  | { readonly kind: 'all'; readonly parts: readonly Node[] }
  | { readonly kind: 'any'; readonly parts: readonly Node[] }
  | { readonly kind: 'repeat'; readonly part: Node; readonly min: number; readonly max: number }
type State = { test?: Test; next: number[] }

class NotLinear extends Error {}

/** The whole value must match (R4, extension `regex`). */
export function compilePattern(source: string): Pattern | undefined {
  if (source.length > longestPattern) return undefined
  try {
    const states: State[] = []
    const accept = push(states, {})
    const start = build(new PatternReader(source).read(), accept, states)
    return { matches: text => run(states, start, accept, text) }
  } catch (error) {
    if (error instanceof NotLinear) return undefined
    throw error
  }
}

function run(states: readonly State[], start: number, accept: number, text: string): boolean {
  let current = closure(states, [start])
  for (const sign of text) {
    const code = sign.codePointAt(0) ?? 0
    const next: number[] = []
    for (const index of current) {
      const state = states[index]
      if (state?.test?.(code)) next.push(...state.next)
    }
    if (next.length === 0) return false
    current = closure(states, next)
  }
  return current.has(accept)
}

function closure(states: readonly State[], from: readonly number[]): Set<number> {
  const reached = new Set<number>()
  const open = [...from]
  for (let index = open.pop(); index !== undefined; index = open.pop()) {
    if (reached.has(index)) continue
    reached.add(index)
    const state = states[index]
    if (state && !state.test) open.push(...state.next)
  }
  return reached
}

function push(states: State[], state: Partial<State>): number {
  if (states.length >= mostStates) throw new NotLinear()
  return states.push({ next: [], ...state }) - 1
}

/** States that read `node` and go on at `then`; returns where they begin. */
function build(node: Node, then: number, states: State[]): number {
  switch (node.kind) {
    case 'one':
      return push(states, { test: node.test, next: [then] })
    case 'all':
      return node.parts.reduceRight((next, part) => build(part, next, states), then)
    case 'any':
      return push(states, { next: node.parts.map(part => build(part, then, states)) })
    case 'repeat':
      return buildRepeat(node, then, states)
  }
}

function buildRepeat(node: Extract<Node, { kind: 'repeat' }>, then: number, states: State[]): number {
  let at = then
  if (node.max === Number.POSITIVE_INFINITY) {
    const loop = push(states, { next: [then] })
    states[loop]?.next.push(build(node.part, loop, states))
    at = loop
  } else {
    for (let count = node.min; count < node.max; count++)
      at = push(states, { next: [then, build(node.part, at, states)] })
  }
  for (let count = 0; count < node.min; count++) {
    const before = build(node.part, at, states)
    // A part that reads nothing adds no state, so nothing else would end `((){9999}){9999}`.
    if (before === at) break
    at = before
  }
  return at
}

const isDigit: Test = code => code >= 48 && code <= 57
const isWord: Test = code => isDigit(code) || (code >= 65 && code <= 90) || (code >= 97 && code <= 122) || code === 95
const isBlank: Test = code => /\s/.test(String.fromCodePoint(code))
const classes: Readonly<Record<string, Test>> = {
  d: isDigit,
  w: isWord,
  s: isBlank,
  D: code => !isDigit(code),
  W: code => !isWord(code),
  S: code => !isBlank(code),
}
const signs: Readonly<Record<string, string>> = { n: '\n', r: '\r', t: '\t', f: '\f', v: '\v', 0: '\0' }

class PatternReader {
  readonly #signs: readonly string[]
  #at = 0
  constructor(source: string) {
    this.#signs = [...source]
  }

  read(): Node {
    const node = this.#either(0)
    if (this.#at < this.#signs.length) throw new NotLinear()
    return node
  }

  #either(depth: number): Node {
    if (depth > 50) throw new NotLinear()
    const parts = [this.#sequence(depth)]
    while (this.#take('|')) parts.push(this.#sequence(depth))
    return parts.length === 1 && parts[0] ? parts[0] : { kind: 'any', parts }
  }

  #sequence(depth: number): Node {
    const parts: Node[] = []
    for (;;) {
      const sign = this.#signs[this.#at]
      if (sign === undefined || sign === '|' || sign === ')') return { kind: 'all', parts }
      // The whole value is matched anyway, so anchors at the ends say nothing new; elsewhere they can never hold.
      if (sign === '^' && parts.length === 0) this.#at++
      else if (sign === '$' && this.#endsHere()) this.#at++
      else parts.push(this.#quantified(this.#atom(depth)))
    }
  }

  #endsHere(): boolean {
    const next = this.#signs[this.#at + 1]
    return next === undefined || next === '|' || next === ')'
  }

  #atom(depth: number): Node {
    const sign = this.#signs[this.#at++]
    if (sign === '(') return this.#group(depth)
    if (sign === '[') return { kind: 'one', test: this.#class() }
    if (sign === '.') return { kind: 'one', test: code => code !== 10 && code !== 13 }
    if (sign === '\\') return { kind: 'one', test: this.#escape() }
    if (sign === undefined || '*+?{}^$'.includes(sign)) throw new NotLinear()
    return { kind: 'one', test: equals(sign) }
  }

  #group(depth: number): Node {
    if (this.#take('?')) {
      if (this.#take('<')) {
        if (this.#signs[this.#at] === '=' || this.#signs[this.#at] === '!') throw new NotLinear()
        while (this.#signs[this.#at] !== undefined && !this.#take('>')) this.#at++
      } else if (!this.#take(':')) throw new NotLinear()
    }
    const inner = this.#either(depth + 1)
    if (!this.#take(')')) throw new NotLinear()
    return inner
  }

  #quantified(part: Node): Node {
    let node = part
    for (;;) {
      const range = this.#range()
      if (!range) return node
      this.#take('?')
      node = { kind: 'repeat', part: node, ...range }
    }
  }

  #range(): { min: number; max: number } | undefined {
    if (this.#take('*')) return { min: 0, max: Number.POSITIVE_INFINITY }
    if (this.#take('+')) return { min: 1, max: Number.POSITIVE_INFINITY }
    if (this.#take('?')) return { min: 0, max: 1 }
    if (this.#signs[this.#at] !== '{') return undefined
    const found = /^\{(\d{1,4})(,(\d{0,4}))?\}/.exec(this.#signs.slice(this.#at, this.#at + 12).join(''))
    if (!found) throw new NotLinear()
    this.#at += found[0].length
    const min = Number(found[1])
    const max = found[2] === undefined ? min : found[3] ? Number(found[3]) : Number.POSITIVE_INFINITY
    if (max < min) throw new NotLinear()
    return { min, max }
  }

  #class(): Test {
    const isNegated = this.#take('^')
    const tests: Test[] = []
    while (!this.#take(']')) {
      const low = this.#member()
      if (typeof low !== 'string' || this.#signs[this.#at] !== '-' || this.#signs[this.#at + 1] === ']') {
        tests.push(typeof low === 'string' ? equals(low) : low)
        continue
      }
      this.#at++
      const high = this.#member()
      if (typeof high !== 'string') throw new NotLinear()
      const [from, to] = [low.codePointAt(0) ?? 0, high.codePointAt(0) ?? 0]
      tests.push(code => code >= from && code <= to)
    }
    return code => tests.some(test => test(code)) !== isNegated
  }

  #member(): string | Test {
    const sign = this.#signs[this.#at++]
    if (sign === undefined) throw new NotLinear()
    if (sign !== '\\') return sign
    const name = this.#signs[this.#at]
    if (name !== undefined && classes[name]) return this.#escape()
    return this.#escapedSign()
  }

  #escape(): Test {
    const name = this.#signs[this.#at] ?? ''
    const known = classes[name]
    if (known) {
      this.#at++
      return known
    }
    return equals(this.#escapedSign())
  }

  #escapedSign(): string {
    const sign = this.#signs[this.#at++]
    if (sign === undefined || /[1-9bBkpP]/.test(sign)) throw new NotLinear()
    if (sign === 'x' || sign === 'u') {
      const length = sign === 'x' ? 2 : 4
      const code = this.#signs.slice(this.#at, this.#at + length).join('')
      if (!/^[0-9A-Fa-f]+$/.test(code) || code.length !== length) throw new NotLinear()
      this.#at += length
      return String.fromCharCode(Number.parseInt(code, 16))
    }
    return signs[sign] ?? sign
  }

  #take(sign: string): boolean {
    if (this.#signs[this.#at] !== sign) return false
    this.#at++
    return true
  }
}

function equals(sign: string): Test {
  const wanted = sign.codePointAt(0)
  return code => code === wanted
}
