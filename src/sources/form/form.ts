import { isObject, type JsonObject, listAt, type NumberLiterals, objectAt, objectsAt, textAt } from '../fhir/json.ts'
import { extensions } from './canonical.ts'

/** One question, group or display of any Questionnaire, with what a response is checked against. */
export type FormItem = {
  readonly linkId: string
  readonly type: string
  readonly text?: string
  readonly isRequired: boolean
  readonly repeats: boolean
  readonly isReadOnly: boolean
  readonly isHidden: boolean
  readonly maxLength?: number
  readonly minLength?: number
  readonly maxDecimalPlaces?: number
  readonly minOccurs?: number
  readonly maxOccurs?: number
  readonly options: readonly JsonObject[]
  readonly valueSet?: string
  readonly enableWhen: readonly JsonObject[]
  readonly enableBehavior?: string
  readonly item: readonly FormItem[]
  readonly parent?: FormItem
  /** Place in form order among all items. */
  readonly order: number
  readonly json: JsonObject
}

export type Form = {
  readonly json: JsonObject
  readonly url?: string
  readonly version?: string
  readonly item: readonly FormItem[]
  readonly byLinkId: ReadonlyMap<string, FormItem>
}

/** Reads a Questionnaire; total: what is malformed is left out here and named by `lintQuestionnaire`. */
export function readQuestionnaire(json: JsonObject): Form {
  const byLinkId = new Map<string, FormItem>()
  let order = 0
  const read = (source: JsonObject, parent: FormItem | undefined): FormItem => {
    const children: FormItem[] = []
    const item: FormItem = { ...plainItem(source), order: order++, item: children, ...(parent ? { parent } : {}) }
    if (!byLinkId.has(item.linkId)) byLinkId.set(item.linkId, item)
    for (const child of objectsAt(source, 'item')) children.push(read(child, item))
    return item
  }
  const item = objectsAt(json, 'item').map(one => read(one, undefined))
  const url = textAt(json, 'url')
  const version = textAt(json, 'version')
  return { json, item, byLinkId, ...(url ? { url } : {}), ...(version ? { version } : {}) }
}

function plainItem(source: JsonObject): Omit<FormItem, 'order' | 'item' | 'parent'> {
  const text = textAt(source, 'text')
  const valueSet = textAt(source, 'answerValueSet')
  const enableBehavior = textAt(source, 'enableBehavior')
  return {
    linkId: textAt(source, 'linkId') ?? '',
    type: textAt(source, 'type') ?? '',
    isRequired: source['required'] === true,
    repeats: source['repeats'] === true,
    isReadOnly: source['readOnly'] === true,
    isHidden: extensionOf(source, extensions.hidden)?.['valueBoolean'] === true,
    options: objectsAt(source, 'answerOption'),
    enableWhen: objectsAt(source, 'enableWhen'),
    json: source,
    ...(text === undefined ? {} : { text }),
    ...(valueSet ? { valueSet } : {}),
    ...(enableBehavior ? { enableBehavior } : {}),
    ...number('maxLength', source['maxLength']),
    ...number('minLength', integerOf(source, extensions.minLength)),
    ...number('maxDecimalPlaces', integerOf(source, extensions.maxDecimalPlaces)),
    ...number('minOccurs', integerOf(source, extensions.minOccurs)),
    ...number('maxOccurs', integerOf(source, extensions.maxOccurs)),
  }
}

function number<K extends string>(name: K, value: unknown): Partial<Record<K, number>> {
  return typeof value === 'number' ? ({ [name]: value } as Record<K, number>) : {}
}

function integerOf(source: JsonObject, url: string): unknown {
  return extensionOf(source, url)?.['valueInteger']
}

export function extensionOf(source: JsonObject, url: string): JsonObject | undefined {
  return extensionsAt(source, url)[0]
}

export function extensionsAt(source: JsonObject, url: string): readonly JsonObject[] {
  return objectsAt(source, 'extension').filter(extension => extension['url'] === url)
}

/** The expression text of an extension that holds one; empty, and so not to be evaluated, in another language than FHIRPath. */
export function expressionOf(source: JsonObject, url: string): string | undefined {
  const held = extensionOf(source, url)
  const expression = objectAt(held, 'valueExpression')
  const language = textAt(expression, 'language')
  if (language !== undefined && language !== 'text/fhirpath') return ''
  return textAt(expression, 'expression') ?? textAt(held, 'valueString')
}

/** A value[x] member: its name and content; undefined when there is none. Two of them: `isDouble`. */
export type Value = { readonly name: string; readonly value: JsonObject[string]; readonly isDouble: boolean }
export function valueIn(holder: JsonObject): Value | undefined {
  const names = Object.keys(holder).filter(name => /^value[A-Z]/.test(name))
  const [name] = names
  const value = name === undefined ? undefined : holder[name]
  return name === undefined || value === undefined ? undefined : { name, value, isDouble: names.length > 1 }
}

export const noLiterals: NumberLiterals = new WeakMap()

/** Option values, as pairs of member name and content. */
export function optionValues(item: FormItem): readonly Value[] {
  return item.options.flatMap(option => valueIn(option) ?? [])
}

export function isJsonObject(value: unknown): value is JsonObject {
  return isObject(value)
}

export function listOf(value: unknown, name: string): readonly unknown[] {
  return listAt(value, name)
}
