import { issue } from '../../fls/issue.ts'
import { Refusal } from '../../http/refusal.ts'
import { isObject, type JsonObject, type JsonValue, objectAt, objectsAt, textAt } from '../fhir/json.ts'
import { extensions } from './canonical.ts'
import { evaluate } from './fhirpath.ts'
import { parseFhirPath } from './fhirpath-parse.ts'
import { extensionOf, extensionsAt, type FormItem, readQuestionnaire } from './form.ts'

/**
 * Template-based extraction (SDC 4.0): the resources a form's templates make of a response, as a transaction Bundle. A template stands in
 * `Questionnaire.contained` and is named on the form or on a question; on a question it is made once for each of its items in the response, and
 * not at all without one. `templateExtractContext` repeats or leaves out an element, `templateExtractValue` fills it; an element left without
 * content is left out. An expression that cannot be evaluated here is 422.
 */
export function extractByTemplates(response: JsonObject, questionnaire: JsonObject): JsonObject {
  const form = readQuestionnaire(questionnaire)
  const own = extensionsAt(questionnaire, extensions.templateExtract).map(one => ({
    template: one,
    contexts: [response],
  }))
  const ofItems = [...form.byLinkId.values()].flatMap((item: FormItem) =>
    extensionsAt(item.json, extensions.templateExtract).map(one => ({
      template: one,
      contexts: itemsOf(response, item.linkId),
    })),
  )
  const entry = [...own, ...ofItems].flatMap(({ template, contexts }) => {
    const found = templateNamed(template, questionnaire)
    return contexts.flatMap(context => fill(found, context, response)).filter(isObject)
  })
  return {
    resourceType: 'Bundle',
    type: 'transaction',
    ...(entry.length > 0
      ? {
          entry: entry.map(resource => ({
            resource,
            request: { method: 'POST', url: textAt(resource, 'resourceType') ?? '' },
          })),
        }
      : {}),
  }
}

/** The contained resource a templateExtract names, without the id it has there. */
function templateNamed(extension: JsonObject, questionnaire: JsonObject): JsonObject {
  const named = textAt(objectAt(extensionOf(extension, 'template'), 'valueReference'), 'reference') ?? ''
  const found = objectsAt(questionnaire, 'contained').find(one => named === `#${textAt(one, 'id') ?? ''}`)
  if (!found) throw new Refusal(422, [issue('reference-unresolved', 'Questionnaire.contained')])
  const { id: _id, ...template } = found
  return template
}

function itemsOf(holder: JsonObject, linkId: string): readonly JsonObject[] {
  return objectsAt(holder, 'item').flatMap(item => [
    ...(item['linkId'] === linkId ? [item] : []),
    ...itemsOf(item, linkId),
    ...objectsAt(item, 'answer').flatMap(answer => itemsOf(answer, linkId)),
  ])
}

/** An element for each value of its context; its own value when it has an expression for one. */
function fill(element: JsonObject, context: JsonValue, response: JsonObject): readonly JsonValue[] {
  const stated = textAt(extensionOf(element, extensions.templateExtractContext), 'valueString')
  const contexts = stated === undefined ? [context] : results(stated, context, response)
  return contexts.flatMap(one => {
    const value = textAt(extensionOf(element, extensions.templateExtractValue), 'valueString')
    if (value !== undefined) return results(value, one, response)
    const made = members(element, one, response)
    return Object.keys(made).length > 0 ? [made] : []
  })
}

function members(element: JsonObject, context: JsonValue, response: JsonObject): JsonObject {
  const made: Record<string, JsonValue> = {}
  for (const [name, value] of Object.entries(element)) {
    if (name === 'extension') {
      const rest = objectsAt(element, 'extension').filter(one => !isOfTemplate(one))
      if (rest.length > 0) made[name] = rest
    } else if (isObject(value) && name.startsWith('_')) {
      const [first] = fill(value, context, response)
      const isExpression = extensionOf(value, extensions.templateExtractValue) !== undefined
      if (first !== undefined) made[isExpression ? name.slice(1) : name] = first
      else if (isExpression) delete made[name.slice(1)]
    } else if (isObject(value)) {
      const [first] = fill(value, context, response)
      if (first !== undefined) made[name] = first
    } else if (Array.isArray(value)) {
      const all = value.flatMap((one: JsonValue) => (isObject(one) ? fill(one, context, response) : [one]))
      if (all.length > 0) made[name] = all
    } else made[name] = value
  }
  return made
}

function isOfTemplate({ url }: JsonObject): boolean {
  return url === extensions.templateExtractContext || url === extensions.templateExtractValue
}

function results(text: string, context: JsonValue, response: JsonObject): readonly JsonValue[] {
  const expression = parseFhirPath(text)
  const found =
    expression &&
    evaluate(expression, [context], name =>
      name === 'resource' || name === 'rootResource' ? [response] : name === 'context' ? [context] : undefined,
    )
  if (!found)
    throw new Refusal(422, [issue('answer-pattern', 'Questionnaire.contained', { hint: 'expression of a template' })])
  return found
}
