import { type Issue, issue } from '../../fls/issue.ts'
import { type JsonObject, objectsAt, textAt } from '../fhir/json.ts'
import { type Form, type FormItem, valueIn } from './form.ts'

/** One item of a response in its place. `start`…`end`: its stretch in document order, for "nearest occurrence". */
export type ResponseNode = {
  readonly form: FormItem
  readonly json: JsonObject
  readonly path: string
  readonly parent?: ResponseNode
  /** Which answer of the parent question it hangs under. */
  readonly parentAnswer?: number
  readonly start: number
  end: number
  readonly children: ResponseNode[]
  readonly answers: readonly JsonObject[]
}
export type ResponseTree = {
  readonly roots: readonly ResponseNode[]
  readonly byLinkId: ReadonlyMap<string, ResponseNode[]>
  readonly issues: readonly Issue[]
}

type Growth = {
  readonly form: Form
  readonly byLinkId: Map<string, ResponseNode[]>
  readonly issues: Issue[]
  at: number
}

/**
 * Lays a response over its form (SDC validation, rows 3, 4, 5, 14): unknown, misplaced, unordered and wrongly repeated items are issues and
 * take no further part; what can be placed is checked on.
 */
export function placeItems(response: JsonObject, form: Form): ResponseTree {
  const growth: Growth = { form, byLinkId: new Map(), issues: [], at: 0 }
  const roots = place(objectsAt(response, 'item'), form.item, 'QuestionnaireResponse', undefined, undefined, growth)
  return { roots, byLinkId: growth.byLinkId, issues: growth.issues }
}

function place(
  sources: readonly JsonObject[],
  allowed: readonly FormItem[],
  path: string,
  parent: ResponseNode | undefined,
  parentAnswer: number | undefined,
  growth: Growth,
): ResponseNode[] {
  const known = new Map(allowed.map(item => [item.linkId, item]))
  const placed: ResponseNode[] = []
  const seen = new Set<string>()
  let last = -1
  sources.forEach((json, index) => {
    const where = `${path}.item[${index}]`
    const linkId = textAt(json, 'linkId') ?? ''
    const form = known.get(linkId)
    if (!form) {
      growth.issues.push(strayItem(linkId, where, growth.form))
      return
    }
    if (form.order < last) growth.issues.push(about(form, 'item-order', where))
    last = Math.max(last, form.order)
    if (seen.has(linkId) && !(form.type === 'group' && form.repeats)) {
      growth.issues.push(about(form, 'item-repeated', where))
      return
    }
    seen.add(linkId)
    placed.push(grow(form, json, where, parent, parentAnswer, growth))
  })
  return placed
}

function grow(
  form: FormItem,
  json: JsonObject,
  path: string,
  parent: ResponseNode | undefined,
  parentAnswer: number | undefined,
  growth: Growth,
): ResponseNode {
  const isQuestion = form.type !== 'group' && form.type !== 'display'
  const answers = objectsAt(json, 'answer')
  const node: ResponseNode = {
    form,
    json,
    path,
    start: growth.at++,
    end: 0,
    children: [],
    answers: isQuestion ? answers : [],
    ...(parent ? { parent } : {}),
    ...(parentAnswer === undefined ? {} : { parentAnswer }),
  }
  const others = growth.byLinkId.get(form.linkId)
  if (others) others.push(node)
  else growth.byLinkId.set(form.linkId, [node])
  if (!isQuestion && answers.length > 0) growth.issues.push(about(form, 'answer-not-allowed', `${path}.answer`))
  const inner = objectsAt(json, 'item')
  if (form.type === 'group') node.children.push(...place(inner, form.item, path, node, undefined, growth))
  else if (inner.length > 0)
    growth.issues.push(about(form, 'item-misplaced', `${path}.item`, 'items of a question stand inside its answer'))
  if (isQuestion) {
    answers.forEach((answer, index) => {
      node.children.push(
        ...place(objectsAt(answer, 'item'), form.item, `${path}.answer[${index}]`, node, index, growth),
      )
    })
  }
  node.end = growth.at
  return node
}

function strayItem(linkId: string, where: string, form: Form): Issue {
  const elsewhere = form.byLinkId.get(linkId)
  return elsewhere ? about(elsewhere, 'item-misplaced', where) : issue('item-unknown', where)
}

/** An issue about a question of the form: its linkId is the form's, never a text of the response. */
export function about(
  form: FormItem,
  code: Issue['code'],
  where: string,
  hint?: string,
  severity?: Issue['severity'],
): Issue {
  return issue(code, where, {
    item: form.linkId,
    ...(hint ? { hint } : {}),
    ...(severity ? { severity } : {}),
  })
}

/** Answers that say something: a value, or a reason for its absence. */
export function valuedAnswers(node: ResponseNode): readonly JsonObject[] {
  return node.answers.filter(
    answer => valueIn(answer) !== undefined || objectsAt(answer, 'extension').length > 0 || hasSibling(answer),
  )
}

function hasSibling(answer: JsonObject): boolean {
  return Object.keys(answer).some(name => /^_value[A-Z]/.test(name))
}

/** A question with a value, or a group with such a question somewhere below. */
export function hasAnswer(node: ResponseNode): boolean {
  return valuedAnswers(node).length > 0 || node.children.some(hasAnswer)
}
