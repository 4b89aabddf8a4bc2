import { isObject, type JsonObject, type JsonValue } from '../fhir/json.ts'
import { compare, isSame } from './enablement.ts'
import type { Expression } from './fhirpath-parse.ts'
import { compilePattern } from './pattern.ts'

export type Collection = readonly JsonValue[]
export type Scope = {
  readonly focus: Collection
  readonly variables: (name: string) => Collection | undefined
  readonly budget: { steps: number }
}

/** The expression uses something not understood here, or a value it cannot work on. Caught by `evaluate`. */
class NotEvaluable extends Error {}

/** Undefined when it cannot be evaluated here; an empty collection is an answer. At most 200,000 steps. */
export function evaluate(
  expression: Expression,
  focus: Collection,
  variables: Scope['variables'],
): Collection | undefined {
  try {
    return walk(expression, { focus, variables, budget: { steps: 200_000 } })
  } catch (error) {
    if (error instanceof NotEvaluable) return undefined
    throw error
  }
}

/** FHIRPath's reading of a condition: empty is false; one item that is no boolean is true. Undefined for several. */
export function truthOf(result: Collection): boolean | undefined {
  if (result.length === 0) return false
  if (result.length > 1) return undefined
  return typeof result[0] === 'boolean' ? result[0] : true
}

function walk(expression: Expression, scope: Scope): Collection {
  if (--scope.budget.steps < 0) throw new NotEvaluable()
  switch (expression.kind) {
    case 'literal':
      return [expression.value]
    case 'empty':
      return []
    case 'this':
      return scope.focus
    case 'variable':
      return known(scope.variables(expression.name))
    case 'name':
      return scope.focus.flatMap(one => membersOf(one, expression.name, scope))
    case 'path':
      return walk(expression.step, { ...scope, focus: walk(expression.from, scope) })
    case 'index': {
      const [at] = walk(expression.at, scope)
      const member = typeof at === 'number' ? walk(expression.from, scope)[at] : undefined
      return member === undefined ? [] : [member]
    }
    case 'unary':
      return walk(expression.of, scope).map(value => -numeric(value))
    case 'call':
      return call(expression.name, expression.given, scope)
    case 'binary':
      return operate(expression, scope)
  }
}

function known<T>(value: T | undefined): T {
  if (value === undefined) throw new NotEvaluable()
  return value
}

/** Elements by name; `value` is any value[x]; the type's own name at the root is the root itself. */
function membersOf(from: JsonValue, name: string, scope: Scope): Collection {
  if (!isObject(from)) return []
  if (--scope.budget.steps < 0) throw new NotEvaluable()
  if (from['resourceType'] === name) return [from]
  const key = Object.hasOwn(from, name)
    ? name
    : Object.keys(from).find(one => one.startsWith(name) && /^[A-Z]/.test(one.slice(name.length)) && name === 'value')
  const member = key === undefined ? undefined : from[key]
  if (member === undefined || member === null) return []
  return Array.isArray(member) ? member : [member as JsonValue]
}

function numeric(value: JsonValue | undefined): number {
  if (typeof value !== 'number') throw new NotEvaluable()
  return value
}

function bool(expression: Expression | undefined, scope: Scope): boolean | undefined {
  const result = expression ? walk(expression, scope) : []
  return result.length === 0 ? undefined : known(truthOf(result))
}

type Operation = Extract<Expression, { kind: 'binary' }>

function operate({ operator, left, right }: Operation, scope: Scope): Collection {
  if (operator === 'and' || operator === 'or' || operator === 'xor' || operator === 'implies') {
    const result = logic(operator, bool(left, scope), bool(right, scope))
    return result === undefined ? [] : [result]
  }
  const a = walk(left, scope)
  const b = walk(right, scope)
  if (operator === '|') return distinct([...a, ...b])
  if (operator === '&') return [`${a.length === 0 ? '' : text(a[0])}${b.length === 0 ? '' : text(b[0])}`]
  if (operator === 'in') return a.length === 0 ? [] : [b.some(one => equal(one, known(a[0])))]
  if (operator === 'contains') return b.length === 0 ? [] : [a.some(one => equal(one, known(b[0])))]
  if (a.length === 0 || b.length === 0) return []
  if (operator === '=' || operator === '~') return [same(a, b)]
  if (operator === '!=' || operator === '!~') return [!same(a, b)]
  if (a.length > 1 || b.length > 1) throw new NotEvaluable()
  return ['<', '<=', '>', '>='].includes(operator)
    ? ordered(operator, known(a[0]), known(b[0]))
    : arithmetic(operator, known(a[0]), known(b[0]))
}

/** Three-valued logic; undefined is FHIRPath's empty. */
function logic(operator: string, a: boolean | undefined, b: boolean | undefined): boolean | undefined {
  if (operator === 'implies') return logic('or', a === undefined ? undefined : !a, b)
  if (operator === 'and')
    return a === false || b === false ? false : a === undefined || b === undefined ? undefined : true
  if (operator === 'or') return a === true || b === true ? true : a === undefined || b === undefined ? undefined : false
  return a === undefined || b === undefined ? undefined : a !== b
}

function ordered(operator: string, a: JsonValue, b: JsonValue): Collection {
  const order =
    typeof a === 'string' && typeof b === 'string' && !/^\d{4}/.test(a) ? (a < b ? -1 : a > b ? 1 : 0) : compare(a, b)
  if (order === undefined) return []
  return [operator === '<' ? order < 0 : operator === '<=' ? order <= 0 : operator === '>' ? order > 0 : order >= 0]
}

function arithmetic(operator: string, a: JsonValue, b: JsonValue): Collection {
  if (operator === '+' && typeof a === 'string' && typeof b === 'string') return [a + b]
  const [x, y] = [numeric(a), numeric(b)]
  if ((operator === '/' || operator === 'div' || operator === 'mod') && y === 0) return []
  switch (operator) {
    case '+':
      return [rounded(x + y)]
    case '-':
      return [rounded(x - y)]
    case '*':
      return [rounded(x * y)]
    case '/':
      return [rounded(x / y)]
    case 'div':
      return [Math.trunc(x / y)]
    case 'mod':
      return [rounded(x % y)]
    default:
      throw new NotEvaluable()
  }
}

/** Decimals have at least eight places in FHIRPath; binary noise beyond twelve digits is none of the author's. */
function rounded(value: number): number {
  return Number(value.toPrecision(12))
}

function same(a: Collection, b: Collection): boolean {
  return a.length === b.length && a.every((one, index) => equal(one, known(b[index])))
}

function equal(a: JsonValue, b: JsonValue): boolean {
  return isObject(a) && isObject(b) ? isSame(a, b) && isSame(b, a) : a === b
}

function distinct(values: Collection): Collection {
  return values.filter((one, index) => values.findIndex(other => equal(one, other)) === index)
}

function text(value: JsonValue | undefined): string {
  if (typeof value === 'string' || typeof value === 'number' || typeof value === 'boolean') return String(value)
  throw new NotEvaluable()
}

type PathFunction = (focus: Collection, given: readonly Expression[], scope: Scope) => Collection
const onEach = (given: readonly Expression[], scope: Scope) => (one: JsonValue) =>
  walk(known(given[0]), { ...scope, focus: [one] })
const onText =
  (change: (value: string, other: string) => JsonValue): PathFunction =>
  (focus, given, scope) => {
    if (focus.length === 0) return []
    const [other] = given[0] ? walk(given[0], scope) : ['']
    return other === undefined ? [] : [change(text(focus[0]), text(other))]
  }
const isTrue = (result: Collection): boolean => truthOf(result) === true

const isText = (one: JsonValue): boolean => typeof one === 'string'
const isDated = (one: JsonValue): boolean => typeof one === 'string' && /^\d{4}(-|$)/.test(one)
/** JSON tells types apart by their shape; those it does not are not evaluated. */
const typeTests: Readonly<Record<string, (one: JsonValue) => boolean>> = {
  boolean: one => typeof one === 'boolean',
  integer: one => Number.isInteger(one),
  decimal: one => typeof one === 'number',
  string: isText,
  code: isText,
  uri: isText,
  date: isDated,
  dateTime: isDated,
  Coding: one => isObject(one) && ('code' in one || 'display' in one || 'system' in one) && !('value' in one),
  Quantity: one => isObject(one) && 'value' in one && !('type' in one),
  Reference: one => isObject(one) && 'reference' in one,
}

const toTexts: PathFunction = focus => focus.map(text)

const functions: Readonly<Record<string, PathFunction>> = {
  all: (focus, given, scope) => [focus.every(one => isTrue(onEach(given, scope)(one)))],
  allTrue: focus => [focus.every(one => one === true)],
  anyTrue: focus => [focus.some(one => one === true)],
  abs: focus => focus.map(one => Math.abs(numeric(one))),
  ceiling: focus => focus.map(one => Math.ceil(numeric(one))),
  contains: onText((value, other) => value.includes(other)),
  count: focus => [focus.length],
  distinct: focus => distinct(focus),
  empty: focus => [focus.length === 0],
  endsWith: onText((value, other) => value.endsWith(other)),
  exists: (focus, given, scope) => [given[0] ? focus.some(one => isTrue(onEach(given, scope)(one))) : focus.length > 0],
  first: focus => focus.slice(0, 1),
  floor: focus => focus.map(one => Math.floor(numeric(one))),
  hasValue: focus => [focus.length === 1 && !isObject(focus[0])],
  iif: (_focus, given, scope) =>
    bool(given[0], scope) ? walk(known(given[1]), scope) : given[2] ? walk(given[2], scope) : [],
  last: focus => focus.slice(-1),
  length: focus => focus.map(one => [...text(one)].length),
  lower: onText(value => value.toLowerCase()),
  matches: onText((value, other) => known(compilePattern(`(?:.|\\s)*(?:${other})(?:.|\\s)*`)).matches(value)),
  not: focus => focus.slice(0, 1).map(one => one !== true),
  ofType: (focus, given) => {
    const [type] = given
    const isOf = type?.kind === 'name' ? typeTests[type.name] : undefined
    return focus.filter(known(isOf))
  },
  round: (focus, given, scope) =>
    focus.map(one => Number(numeric(one).toFixed(given[0] ? numeric(walk(given[0], scope)[0]) : 0))),
  select: (focus, given, scope) => focus.flatMap(onEach(given, scope)),
  skip: (focus, given, scope) => focus.slice(numeric(walk(known(given[0]), scope)[0])),
  startsWith: onText((value, other) => value.startsWith(other)),
  sum: focus => [rounded(focus.reduce<number>((sum, one) => sum + numeric(one), 0))],
  tail: focus => focus.slice(1),
  take: (focus, given, scope) => focus.slice(0, numeric(walk(known(given[0]), scope)[0])),
  toDecimal: focus => focus.flatMap(toNumber),
  toInteger: focus => focus.flatMap(toNumber).filter(Number.isInteger),
  toString: toTexts,
  trim: onText(value => value.trim()),
  upper: onText(value => value.toUpperCase()),
  where: (focus, given, scope) => focus.filter(one => isTrue(onEach(given, scope)(one))),
  repeat: repeated,
}

function toNumber(value: JsonValue): number[] {
  const number = typeof value === 'boolean' ? Number(value) : Number(text(value))
  return Number.isFinite(number) ? [number] : []
}

function repeated(focus: Collection, given: readonly Expression[], scope: Scope): Collection {
  const found: JsonObject[] = []
  let level = focus
  while (level.length > 0) {
    level = level.flatMap(onEach(given, scope)).filter(isObject)
    found.push(...level.filter(isObject))
  }
  return found
}

function call(name: string, given: readonly Expression[], scope: Scope): Collection {
  const own = Object.hasOwn(functions, name) ? functions[name] : undefined
  return known(own)(scope.focus, given, scope)
}
