import { type Issue, issue } from '../../fls/issue.ts'
import { type JsonObject, objectsAt, textAt } from '../fhir/json.ts'
import { extensions } from './canonical.ts'
import { extensionOf, type Form, type FormItem, readQuestionnaire } from './form.ts'
import { compilePattern } from './pattern.ts'

/**
 * Faults of a form that would make its responses ambiguous (fhir.md 2.4, rows 8–10; R4 invariants que-2, que-3, que-12 as they are meant).
 * Errors: repeated linkId, a condition on no question, two conditions without enableBehavior, `exists` without answerBoolean, options beside a
 * value set, a group without items. Warnings: `!=` without `exists`, a pattern that is not evaluated here.
 */
export function lintQuestionnaire(json: JsonObject): Issue[] {
  const form = readQuestionnaire(json)
  const found: Issue[] = []
  if (!form.url) found.push(issue('element-required', 'Questionnaire.url'))
  const seen = new Set<string>()
  const walk = (items: readonly FormItem[], path: string): void => {
    items.forEach((item, index) => {
      const where = `${path}.item[${index}]`
      if (item.linkId === '') found.push(issue('element-required', `${where}.linkId`))
      else if (seen.has(item.linkId)) found.push(issue('item-repeated', where, { item: item.linkId }))
      seen.add(item.linkId)
      found.push(...lintItem(item, where, form))
      walk(item.item, where)
    })
  }
  walk(form.item, 'Questionnaire')
  return found
}

function lintItem(item: FormItem, where: string, form: Form): Issue[] {
  const { linkId } = item
  const about = (code: Issue['code'], at: string, hint: string, severity?: Issue['severity']): Issue =>
    issue(code, at, { item: linkId, hint, ...(severity ? { severity } : {}) })
  const found: Issue[] = []
  if (item.enableWhen.length > 1 && item.enableBehavior === undefined) {
    found.push(about('element-required', `${where}.enableBehavior`, 'two or more conditions'))
  }
  const hasExists = item.enableWhen.some(condition => textAt(condition, 'operator') === 'exists')
  item.enableWhen.forEach((condition, index) => {
    const at = `${where}.enableWhen[${index}]`
    const operator = textAt(condition, 'operator')
    if (!form.byLinkId.has(textAt(condition, 'question') ?? ''))
      found.push(about('item-unknown', `${at}.question`, 'no such question'))
    if (operator === 'exists' && typeof condition['answerBoolean'] !== 'boolean')
      found.push(about('answer-type', at, 'exists asks for answerBoolean'))
    if (operator === '!=' && !hasExists)
      found.push(about('structure-invalid', at, '!= also holds when unanswered; add exists', 'warning'))
  })
  if (item.options.length > 0 && item.valueSet)
    found.push(about('structure-invalid', where, 'options beside a value set'))
  if (item.type === 'group' && objectsAt(item.json, 'item').length === 0)
    found.push(about('structure-invalid', where, 'a group without items', 'warning'))
  const pattern = textAt(extensionOf(item.json, extensions.regex), 'valueString')
  if (pattern !== undefined && !compilePattern(pattern))
    found.push(about('answer-pattern', where, 'this pattern is not evaluated here', 'warning'))
  return found
}
