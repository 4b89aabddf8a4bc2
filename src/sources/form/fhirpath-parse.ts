/** The part of FHIRPath (N1) that audit forms use; anything else is `undefined` and the caller says it cannot evaluate. */
export type Expression =
  | { readonly kind: 'literal'; readonly value: string | number | boolean }
  | { readonly kind: 'empty' }
  | { readonly kind: 'name'; readonly name: string }
  | { readonly kind: 'variable'; readonly name: string }
  | { readonly kind: 'this' }
  | { readonly kind: 'path'; readonly from: Expression; readonly step: Expression }
  | { readonly kind: 'call'; readonly name: string; readonly given: readonly Expression[] }
  | { readonly kind: 'index'; readonly from: Expression; readonly at: Expression }
  | { readonly kind: 'unary'; readonly operator: string; readonly of: Expression }
  | { readonly kind: 'binary'; readonly operator: string; readonly left: Expression; readonly right: Expression }

class Unreadable extends Error {}

/** Weakest first (FHIRPath, operator precedence). */
const levels: readonly (readonly string[])[] = [
  ['implies'],
  ['or', 'xor'],
  ['and'],
  ['in', 'contains'],
  ['=', '~', '!=', '!~'],
  ['<=', '<', '>', '>='],
  ['|'],
  ['+', '-', '&'],
  ['*', '/', 'div', 'mod'],
]
const token =
  /\s*(?:(?<date>@\d{4}(?:-\d{2}(?:-\d{2}(?:T[\d:.]*(?:Z|[+-]\d{2}:\d{2})?)?)?)?)|(?<number>\d+(?:\.\d+)?)|(?<text>'(?:[^'\\]|\\.)*')|(?<variable>%(?:[A-Za-z_][\w-]*|`[^`]+`))|(?<this>\$this)|(?<name>[A-Za-z_]\w*|`[^`]+`)|(?<sign><=|>=|!=|!~|[().,[\]{}=~<>|+\-*/&]))/y

type Token = { readonly kind: string; readonly text: string }

/** Undefined when the text is no expression of the part understood here, or longer than 4,000 characters. */
export function parseFhirPath(text: string): Expression | undefined {
  if (text.length > 4_000) return undefined
  try {
    return new ExpressionReader(tokensOf(text)).read()
  } catch (error) {
    if (error instanceof Unreadable) return undefined
    throw error
  }
}

function tokensOf(text: string): Token[] {
  const tokens: Token[] = []
  const trimmed = text.trimEnd()
  token.lastIndex = 0
  while (token.lastIndex < trimmed.length) {
    const groups = token.exec(trimmed)?.groups
    const [kind, found] = Object.entries(groups ?? {}).find(([, value]) => value !== undefined) ?? []
    if (kind === undefined || found === undefined) throw new Unreadable()
    tokens.push({ kind, text: found })
  }
  return tokens
}

class ExpressionReader {
  readonly #tokens: readonly Token[]
  #at = 0
  #depth = 0
  constructor(tokens: readonly Token[]) {
    this.#tokens = tokens
  }

  read(): Expression {
    const expression = this.#level(0)
    if (this.#at < this.#tokens.length) throw new Unreadable()
    return expression
  }

  #level(index: number): Expression {
    const operators = levels[index]
    if (!operators) return this.#unary()
    if (++this.#depth > 2_000) throw new Unreadable()
    let left = this.#level(index + 1)
    for (;;) {
      const next = this.#tokens[this.#at]
      if (!next || (next.kind !== 'sign' && next.kind !== 'name') || !operators.includes(next.text)) break
      this.#at++
      left = { kind: 'binary', operator: next.text, left, right: this.#level(index + 1) }
    }
    this.#depth--
    return left
  }

  #unary(): Expression {
    if (this.#take('-')) return { kind: 'unary', operator: '-', of: this.#unary() }
    if (this.#take('+')) return this.#unary()
    let from = this.#term()
    for (;;) {
      if (this.#take('.')) from = { kind: 'path', from, step: this.#step() }
      else if (this.#take('[')) {
        from = { kind: 'index', from, at: this.#level(0) }
        this.#expect(']')
      } else return from
    }
  }

  #term(): Expression {
    if (this.#take('(')) {
      const inner = this.#level(0)
      this.#expect(')')
      return inner
    }
    if (this.#take('{')) {
      this.#expect('}')
      return { kind: 'empty' }
    }
    const next = this.#tokens[this.#at]
    if (!next) throw new Unreadable()
    switch (next.kind) {
      case 'number':
        return this.#literal(Number(next.text))
      case 'text':
        return this.#literal(unescaped(next.text.slice(1, -1)))
      case 'date':
        return this.#literal(next.text.slice(1))
      case 'variable':
        this.#at++
        return { kind: 'variable', name: next.text.slice(1).replaceAll('`', '') }
      case 'this':
        this.#at++
        return { kind: 'this' }
      default:
        return this.#step()
    }
  }

  #step(): Expression {
    const next = this.#tokens[this.#at++]
    if (next?.kind !== 'name') throw new Unreadable()
    if (next.text === 'true' || next.text === 'false') return { kind: 'literal', value: next.text === 'true' }
    const name = next.text.replaceAll('`', '')
    if (!this.#take('(')) return { kind: 'name', name }
    const given: Expression[] = []
    if (!this.#take(')')) {
      do given.push(this.#level(0))
      while (this.#take(','))
      this.#expect(')')
    }
    return { kind: 'call', name, given }
  }

  #literal(value: string | number): Expression {
    this.#at++
    return { kind: 'literal', value }
  }

  #take(sign: string): boolean {
    const next = this.#tokens[this.#at]
    if (next?.kind !== 'sign' || next.text !== sign) return false
    this.#at++
    return true
  }

  #expect(sign: string): void {
    if (!this.#take(sign)) throw new Unreadable()
  }
}

const escapes: Readonly<Record<string, string>> = { n: '\n', r: '\r', t: '\t', f: '\f' }
function unescaped(text: string): string {
  return text.replace(/\\(u[0-9A-Fa-f]{4}|.)/g, (_all, sign: string) =>
    sign.length === 5 ? String.fromCharCode(Number.parseInt(sign.slice(1), 16)) : (escapes[sign] ?? sign),
  )
}
