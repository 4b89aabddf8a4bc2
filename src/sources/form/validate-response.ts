import { type Issue, issue } from '../../fls/issue.ts'
import { type JsonObject, type NumberLiterals, objectsAt, textAt } from '../fhir/json.ts'
import { mostIssues } from '../fhir/validate.ts'
import { type AnswerContext, checkAnswer } from './check-answer.ts'
import { dateRange } from './date-limits.ts'
import { enablementOf, type IsEnabled, isSame, placeOf } from './enablement.ts'
import { type Expressions, expressionsOf } from './expressions.ts'
import { type Form, type FormItem, noLiterals, optionValues, readQuestionnaire, valueIn } from './form.ts'
import { about, hasAnswer, placeItems, type ResponseNode, type ResponseTree, valuedAnswers } from './response-tree.ts'

export type ValidationOptions = {
  /** Numbers as they were sent; without it `maxDecimalPlaces` sees what JavaScript would write. */
  readonly literals?: NumberLiterals
  /** Codes (`system|code`) of a value set or code system we hold. */
  readonly expand?: (url: string) => ReadonlySet<string> | undefined
}

type Run = {
  readonly tree: ResponseTree
  readonly isEnabled: IsEnabled
  readonly expressions: Expressions
  readonly issues: Issue[]
  /** Completed or amended: must conform fully. */
  readonly isFinal: boolean
  readonly answer: AnswerContext
}

const finalStatuses: ReadonlySet<string> = new Set(['completed', 'amended'])

/**
 * Whether a QuestionnaireResponse conforms to its Questionnaire: SDC 4.0 validation, rows 1–25 of fhir.md 2.4, for any form. One issue per
 * finding, at most 200, each with FHIRPath, linkId and rule; never a value. `completed` and `amended` must conform fully; before that
 * required answers and counts are not asked and disabled answers only warn; `entered-in-error` is not judged beyond naming its form.
 */
export function validateResponse(
  response: JsonObject,
  questionnaire: JsonObject,
  options: ValidationOptions = {},
): Issue[] {
  const form = readQuestionnaire(questionnaire)
  const naming = checkQuestionnaire(response, form)
  const status = textAt(response, 'status')
  if (status === 'entered-in-error' || naming.some(found => found.severity === 'error')) return naming
  const tree = placeItems(response, form)
  const expressions = expressionsOf(response, form)
  const run: Run = {
    tree,
    expressions,
    issues: [...naming, ...tree.issues],
    isFinal: finalStatuses.has(status ?? ''),
    isEnabled: enablementOf(tree, (item, place) => expressions.isEnabled(item, place.node)),
    answer: {
      literals: options.literals ?? noLiterals,
      valueSets: { contained: objectsAt(questionnaire, 'contained'), expand: options.expand ?? (() => undefined) },
      patterns: new Map(),
    },
  }
  checkLevel(run, form.item, tree.roots, { path: 'QuestionnaireResponse', isEmpty: false })
  run.issues.push(...expressions.checkRoot())
  return run.issues.slice(0, mostIssues)
}

/** Rows 1 and 2: the form is named by url and version, and in force on the day it was filled in. */
export function checkQuestionnaire(response: JsonObject, form: Form): Issue[] {
  const where = 'QuestionnaireResponse.questionnaire'
  const named = textAt(response, 'questionnaire')
  if (named === undefined) return [issue('element-required', where)]
  const [url, version] = (named.split('#')[0] ?? '').split('|')
  if (url !== form.url || (version !== undefined && version !== form.version))
    return [issue('questionnaire-unknown', where)]
  const status = textAt(form.json, 'status')
  const found: Issue[] = []
  if (status !== 'active')
    found.push(
      issue('questionnaire-not-active', where, {
        hint: status === 'draft' ? 'draft' : status === 'retired' ? 'retired' : 'status unknown',
      }),
    )
  const authored = dateRange(textAt(response, 'authored') ?? '')
  const period = form.json['effectivePeriod']
  const start = dateRange(textAt(period, 'start') ?? '')
  const end = dateRange(textAt(period, 'end') ?? '')
  if (authored && ((start && authored.last < start.first) || (end && authored.first > end.last))) {
    found.push(issue('questionnaire-not-active', where, { hint: 'outside its effective period' }))
  }
  return found
}

/** One level of the form and what stands there. `isEmpty`: of a group without any answer, whose questions are then not asked. */
type Level = { readonly holder?: ResponseNode; readonly path: string; readonly isEmpty: boolean }

function checkLevel(run: Run, items: readonly FormItem[], nodes: readonly ResponseNode[], level: Level): void {
  const byForm = Map.groupBy(nodes, node => node.form)
  let at = (level.holder?.start ?? -1) + 1
  for (const form of items) {
    const own = byForm.get(form) ?? []
    for (const node of own) checkNode(run, node)
    at = own.at(-1)?.end ?? at
    if (run.isFinal) checkCounts(run, form, own, level, at)
  }
}

function checkNode(run: Run, node: ResponseNode): void {
  const { form, path, json } = node
  const enabled = run.isEnabled(placeOf(node))
  if (enabled === 'disabled' && node.answers.length > 0) {
    run.issues.push(about(form, 'item-disabled', path, undefined, run.isFinal ? 'error' : 'warning'))
  }
  const text = json['text']
  if (typeof text === 'string' && form.text !== undefined && text !== form.text)
    run.issues.push(about(form, 'answer-text-differs', `${path}.text`))
  node.answers.forEach((answer, index) => {
    run.issues.push(...checkAnswer(form, answer, `${path}.answer[${index}]`, run.answer))
  })
  if (form.isReadOnly && form.isHidden && valuedAnswers(node).length > 0)
    run.issues.push(about(form, 'answer-read-only', path))
  run.issues.push(...exclusiveIssues(node), ...run.expressions.checkNode(node))
  if (form.type === 'group') {
    checkLevel(run, form.item, node.children, { holder: node, path, isEmpty: !hasAnswer(node) })
    return
  }
  node.answers.forEach((_answer, index) => {
    const inside = node.children.filter(child => child.parentAnswer === index)
    if (form.item.length > 0)
      checkLevel(run, form.item, inside, { holder: node, path: `${path}.answer[${index}]`, isEmpty: false })
  })
}

/** Rows 11 and 12. What is disabled, or may be, is not asked for; what stands in a group left empty is not either. */
function checkCounts(run: Run, form: FormItem, own: readonly ResponseNode[], level: Level, at: number): void {
  const [first] = own
  const place = first ? placeOf(first) : { form, at, ...(level.holder ? { parent: level.holder } : {}) }
  if (form.type === 'display' || run.isEnabled(place) !== 'enabled') return
  const isGroup = form.type === 'group'
  const count = isGroup ? own.filter(hasAnswer).length : own.reduce((sum, node) => sum + valuedAnswers(node).length, 0)
  const where = first?.path ?? level.path
  const most = form.maxOccurs ?? (form.repeats ? Number.POSITIVE_INFINITY : 1)
  if (count === 0 && form.isRequired && !level.isEmpty) run.issues.push(about(form, 'item-required', where))
  if (count > most) run.issues.push(about(form, 'item-too-many', where))
  if (count > 0 && count < (form.minOccurs ?? 0)) run.issues.push(about(form, 'item-too-few', where))
}

/** Row 17: an option marked exclusive stands alone. */
function exclusiveIssues(node: ResponseNode): Issue[] {
  const { form } = node
  if (node.answers.length < 2) return []
  const values = optionValues(form)
  const exclusive = form.options.flatMap((option, index) => {
    const marked = objectsAt(option, 'extension').some(
      one => String(one['url']).endsWith('/questionnaire-optionExclusive') && one['valueBoolean'] === true,
    )
    const value = values[index]
    return marked && value ? [value.value] : []
  })
  if (exclusive.length === 0) return []
  const isBroken = node.answers.some(answer => {
    const value = valueIn(answer)
    return value !== undefined && exclusive.some(option => isSame(value.value, option))
  })
  return isBroken ? [about(form, 'answer-exclusive', `${node.path}.answer`)] : []
}
