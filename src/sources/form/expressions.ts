import type { Issue } from '../../fls/issue.ts'
import { issue } from '../../fls/issue.ts'
import { isObject, type JsonObject, type JsonValue, objectAt, textAt } from '../fhir/json.ts'
import { extensions } from './canonical.ts'
import { type Collection, evaluate, truthOf } from './fhirpath.ts'
import { type Expression, parseFhirPath } from './fhirpath-parse.ts'
import { expressionOf, extensionsAt, type Form, type FormItem, valueIn } from './form.ts'
import { about, type ResponseNode } from './response-tree.ts'

/** Expressions of one form on one response: conditions, constraints, calculated values. */
export type Expressions = {
  /** `true` without an expression; undefined when it cannot be evaluated. */
  readonly isEnabled: (form: FormItem, node: ResponseNode | undefined) => boolean | undefined
  readonly checkNode: (node: ResponseNode) => readonly Issue[]
  readonly checkRoot: () => readonly Issue[]
}

/**
 * Rows 21 and 24. What holds is silent, what fails has the severity the form gives it, what cannot be evaluated here is a warning. An empty
 * enableWhenExpression is false. A calculated value that differs is a warning, an error where the item is read-only.
 */
export function expressionsOf(response: JsonObject, form: Form): Expressions {
  const parsed = new Map<string, Expression | undefined>()
  const parse = (text: string): Expression | undefined => {
    if (!parsed.has(text)) parsed.set(text, parseFhirPath(text))
    return parsed.get(text)
  }
  const run = (text: string, context: JsonObject, item: FormItem | undefined): Collection | undefined => {
    const expression = parse(text)
    return expression && evaluate(expression, [context], variables(context, item))
  }
  const variables =
    (context: JsonObject, item: FormItem | undefined) =>
    (name: string): Collection | undefined => {
      if (name === 'resource' || name === 'rootResource') return [response]
      if (name === 'context') return [context]
      if (name === 'questionnaire') return [form.json]
      if (name === 'qitem') return item ? [item.json] : []
      return ownVariable(name, item, response, form, run)
    }
  return {
    isEnabled: (item, node) => {
      const text = expressionOf(item.json, extensions.enableWhenExpression)
      if (text === undefined) return true
      const result = run(text, node?.json ?? response, item)
      return result && truthOf(result)
    },
    checkNode: node => [...constraintIssues(node, run), ...calculatedIssues(node, run)],
    checkRoot: () =>
      constraintsOf(form.json).flatMap(rule =>
        verdict(rule, run(rule.expression, response, undefined), 'QuestionnaireResponse', undefined),
      ),
  }
}

type RunText = (text: string, context: JsonObject, item: FormItem | undefined) => Collection | undefined
/** `name`: what the form says of it to people, else its key. `location`: the items it is about, from where it stands. */
type Constraint = {
  readonly expression: string
  readonly severity: 'error' | 'warning'
  readonly name: string
  readonly location: string | undefined
}

/** Variables of the item, then of its ancestors, then of the form. */
function ownVariable(
  name: string,
  item: FormItem | undefined,
  response: JsonObject,
  form: Form,
  run: RunText,
): Collection | undefined {
  for (let owner = item; ; owner = owner?.parent) {
    for (const extension of extensionsAt(owner?.json ?? form.json, extensions.variable)) {
      const variable = objectAt(extension, 'valueExpression')
      const text = textAt(variable, 'expression')
      if (textAt(variable, 'name') === name && text !== undefined && !text.includes(`%${name}`))
        return run(text, response, owner?.parent)
    }
    if (!owner) return undefined
  }
}

function constraintsOf(json: JsonObject): Constraint[] {
  return [extensions.constraint, extensions.targetConstraint].flatMap(url =>
    extensionsAt(json, url).flatMap(extension => {
      const part = (name: string): JsonObject | undefined => extensionsAt(extension, name)[0]
      const expression =
        textAt(part('expression'), 'valueString') ??
        textAt(objectAt(part('expression'), 'valueExpression'), 'expression')
      const severity = textAt(part('severity'), 'valueCode') === 'warning' ? 'warning' : 'error'
      const name = textAt(part('human'), 'valueString') ?? textAt(part('key'), 'valueId') ?? 'constraint'
      return expression === undefined
        ? []
        : [{ expression, severity, name, location: textAt(part('location'), 'valueString') }]
    }),
  )
}

function constraintIssues(node: ResponseNode, run: RunText): Issue[] {
  return constraintsOf(node.form.json).flatMap(rule =>
    verdict(rule, run(rule.expression, node.json, node.form), node.path, node.form),
  )
}

function verdict(rule: Constraint, result: Collection | undefined, where: string, form: FormItem | undefined): Issue[] {
  const truth = result && truthOf(result)
  // An invariant that yields nothing about absent answers is not broken by them.
  if (truth === true || result?.length === 0) return []
  const severity = truth === undefined ? 'warning' : rule.severity
  const place = rule.location === undefined ? where : `${where}.${rule.location}`
  const hint = truth === undefined ? `not evaluated here: ${rule.name}` : rule.name
  return [
    form ? about(form, 'answer-pattern', place, hint, severity) : issue('answer-pattern', place, { hint, severity }),
  ]
}

function calculatedIssues(node: ResponseNode, run: RunText): Issue[] {
  const text = expressionOf(node.form.json, extensions.calculated)
  if (text === undefined || node.answers.length === 0) return []
  const expected = run(text, node.json, node.form)
  if (!expected) return [about(node.form, 'answer-calculated', node.path, 'not recalculated here', 'warning')]
  const given = node.answers.flatMap(answer => valueIn(answer)?.value ?? [])
  const isEqual = given.length === expected.length && given.every((value, index) => isClose(value, expected[index]))
  return isEqual
    ? []
    : [about(node.form, 'answer-calculated', node.path, undefined, node.form.isReadOnly ? 'error' : 'warning')]
}

/** Members of an object in JSON have no order. */
function inOrder(value: JsonValue | undefined): string {
  return JSON.stringify(value, (_name, one: JsonValue) =>
    isObject(one) ? Object.fromEntries(Object.entries(one).sort(([x], [y]) => (x < y ? -1 : 1))) : one,
  )
}

/** Numbers to nine digits: a client may have rounded its own floating point. */
function isClose(a: JsonValue, b: JsonValue | undefined): boolean {
  if (typeof a === 'number' && typeof b === 'number')
    return Math.abs(a - b) <= 1e-9 * Math.max(1, Math.abs(a), Math.abs(b))
  return inOrder(a) === inOrder(b)
}
