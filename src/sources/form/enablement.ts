import { isObject, type JsonObject, type JsonValue, textAt } from '../fhir/json.ts'
import { dateRange } from './date-limits.ts'
import { type FormItem, valueIn } from './form.ts'
import { type ResponseNode, type ResponseTree, valuedAnswers } from './response-tree.ts'

/** Where an item stands or would stand: for an absent one its parent and the place in document order. */
export type Place = {
  readonly form: FormItem
  readonly parent?: ResponseNode
  readonly at: number
  readonly node?: ResponseNode
}

/** `unknown`: an expression decides that we cannot evaluate; neither presence nor absence is then a fault. */
export type Enablement = 'enabled' | 'disabled' | 'unknown'
export type IsEnabled = (place: Place) => Enablement

/**
 * Whether items are enabled (SDC validation, rows 6–8): own conditions and every ancestor's. A condition looks at the nearest occurrence of
 * its question: an ancestor, else the last one before, else the first one after, inside the smallest group that holds one. Answers of a
 * disabled question count as absent (fhir.md 6.2). `evaluate`: for enableWhenExpression; undefined = cannot be evaluated.
 */
export function enablementOf(
  tree: ResponseTree,
  evaluate: (form: FormItem, place: Place) => boolean | undefined,
): IsEnabled {
  const known = new Map<FormItem, Map<ResponseNode | undefined, Enablement>>()
  const open = new Set<FormItem>()
  const isEnabled: IsEnabled = place => {
    const own = known.get(place.form) ?? new Map<ResponseNode | undefined, Enablement>()
    known.set(place.form, own)
    const key = place.node ?? place.parent
    const decided = own.get(key)
    if (decided) return decided
    // A circle of conditions decides nothing.
    if (open.has(place.form)) return 'enabled'
    open.add(place.form)
    const result = decide(place)
    open.delete(place.form)
    own.set(key, result)
    return result
  }
  const decide = (place: Place): Enablement => {
    const above = place.parent ? isEnabled(placeOf(place.parent)) : 'enabled'
    if (above !== 'enabled') return above
    const { form } = place
    const expressed = evaluate(form, place)
    if (expressed === false) return 'disabled'
    if (expressed === undefined) return 'unknown'
    if (form.enableWhen.length === 0) return 'enabled'
    const results = form.enableWhen.map(condition => holds(condition, place))
    const isMet = form.enableBehavior === 'any' ? results.includes(true) : results.every(Boolean)
    return isMet ? 'enabled' : 'disabled'
  }
  const holds = (condition: JsonObject, place: Place): boolean => {
    const source = nearest(tree.byLinkId.get(textAt(condition, 'question') ?? '') ?? [], place)
    const counts = source !== undefined && isEnabled(placeOf(source)) !== 'disabled'
    return meets(condition, counts ? valuedAnswers(source) : [])
  }
  return isEnabled
}

export function placeOf(node: ResponseNode): Place {
  return { form: node.form, at: node.start, node, ...(node.parent ? { parent: node.parent } : {}) }
}

function nearest(occurrences: readonly ResponseNode[], place: Place): ResponseNode | undefined {
  for (let scope = place.parent; scope; scope = scope.parent) {
    const group = scope
    const own = occurrences.find(one => one === group)
    if (own) return own
    const inside = occurrences.filter(one => one.start > group.start && one.start < group.end)
    if (inside.length > 0) return closest(inside, place.at)
    // A question of the same repetition that was left out is unanswered, whatever other repetitions say.
    if (group.form.repeats && occurrences.some(one => isBelow(one.form, group.form))) return undefined
  }
  return closest(occurrences, place.at)
}

function isBelow(form: FormItem, group: FormItem): boolean {
  for (let above = form.parent; above; above = above.parent) if (above === group) return true
  return false
}

function closest(occurrences: readonly ResponseNode[], at: number): ResponseNode | undefined {
  return occurrences.findLast(one => one.start < at) ?? occurrences[0]
}

/**
 * One enableWhen condition against answers. `!=` is true when no answer equals, so also when there is none (R4 text). Comparisons hold when
 * at least one answer meets them; unlike types never do.
 */
export function meets(condition: JsonObject, answers: readonly JsonObject[]): boolean {
  const operator = textAt(condition, 'operator')
  const expected = expectedOf(condition)
  if (operator === 'exists') return answers.length > 0 === (condition['answerBoolean'] !== false)
  const values = answers.flatMap(answer => valueIn(answer)?.value ?? [])
  if (expected === undefined) return false
  if (operator === '=') return values.some(value => isSame(value, expected))
  if (operator === '!=') return !values.some(value => isSame(value, expected))
  return values.some(value => {
    const order = compare(value, expected)
    if (order === undefined) return false
    if (operator === '>') return order > 0
    if (operator === '<') return order < 0
    if (operator === '>=') return order >= 0
    return operator === '<=' && order <= 0
  })
}

function expectedOf(condition: JsonObject): JsonValue | undefined {
  const name = Object.keys(condition).find(key => /^answer[A-Z]/.test(key))
  return name === undefined ? undefined : condition[name]
}

/** Codings by system and code (a condition without system asks for the code alone); references by reference; quantities by value and unit. */
export function isSame(value: JsonValue, expected: JsonValue): boolean {
  if (!isObject(value) || !isObject(expected)) return value === expected
  if ('code' in expected && !('value' in expected)) {
    return (
      value['code'] === expected['code'] && (expected['system'] === undefined || value['system'] === expected['system'])
    )
  }
  if ('reference' in expected) return value['reference'] === expected['reference']
  return compare(value, expected) === 0
}

/** Negative, zero or positive; undefined when the two cannot be ordered for certain (other type, other unit, overlapping partial dates). */
export function compare(a: JsonValue, b: JsonValue): number | undefined {
  if (typeof a === 'number' && typeof b === 'number') return a - b
  if (typeof a === 'string' && typeof b === 'string') return compareTexts(a, b)
  if (!isObject(a) || !isObject(b) || typeof a['value'] !== 'number' || typeof b['value'] !== 'number') return undefined
  const isSameUnit =
    (a['code'] ?? a['unit']) === (b['code'] ?? b['unit']) && (a['system'] === b['system'] || a['code'] === undefined)
  return isSameUnit ? a['value'] - b['value'] : undefined
}

function compareTexts(a: string, b: string): number | undefined {
  const [left, right] = [dateRange(a), dateRange(b)]
  if (left && right) {
    if (left.last < right.first) return -1
    if (left.first > right.last) return 1
    return a === b ? 0 : undefined
  }
  if (/^\d\d:\d\d/.test(a) && /^\d\d:\d\d/.test(b)) return a < b ? -1 : a > b ? 1 : 0
  return a === b ? 0 : undefined
}
