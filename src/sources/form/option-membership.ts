import { isObject, type JsonObject, objectAt, objectsAt, textAt } from '../fhir/json.ts'
import { type FormItem, optionValues, type Value } from './form.ts'

/** Codes of a value set; `contained`: resources inside the Questionnaire; `expand`: our own tables, undefined when they do not know it. */
export type ValueSets = {
  readonly contained: readonly JsonObject[]
  readonly expand: (url: string) => ReadonlySet<string> | undefined
}

/** The form `expand` gives codes in. */
export function codingKey(system: string | undefined, code: string): string {
  return `${system ?? ''}|${code}`
}

/** Coding by system and code, whatever its display or version (row 15); other options by equality. */
export function isInOptions(form: FormItem, { name, value }: Value): boolean {
  return optionValues(form).some(option => {
    if (option.name !== name) return false
    if (!isObject(option.value) || !isObject(value)) return option.value === value
    if (name === 'valueReference') return option.value['reference'] === value['reference']
    return option.value['code'] === value['code'] && option.value['system'] === value['system']
  })
}

/** Row 16: contained value sets first, then our tables; `unresolved` when neither can say. */
export function isInValueSet(url: string, coding: JsonObject, sets: ValueSets): boolean | 'unresolved' {
  const system = textAt(coding, 'system')
  const code = textAt(coding, 'code')
  if (code === undefined) return false
  const inside = url.startsWith('#')
    ? sets.contained.find(one => one['id'] === url.slice(1))
    : sets.contained.find(one => one['resourceType'] === 'ValueSet' && one['url'] === url.split('|')[0])
  if (inside) return isInContained(inside, system, code, sets)
  const known = url.startsWith('#') ? undefined : sets.expand(url)
  return known ? known.has(codingKey(system, code)) : 'unresolved'
}

function isInContained(
  set: JsonObject,
  system: string | undefined,
  code: string,
  sets: ValueSets,
): boolean | 'unresolved' {
  const expansion = objectAt(set, 'expansion')
  if (expansion) return isInExpansion(objectsAt(expansion, 'contains'), system, code)
  const compose = objectAt(set, 'compose')
  const answers = objectsAt(compose, 'include').map(include => isIncluded(include, system, code, sets))
  const isOut = objectsAt(compose, 'exclude').some(exclude => isIncluded(exclude, system, code, sets) === true)
  if (answers.includes(true)) return !isOut
  return answers.includes('unresolved') || answers.length === 0 ? 'unresolved' : false
}

function isInExpansion(contains: readonly JsonObject[], system: string | undefined, code: string): boolean {
  return contains.some(
    one =>
      (one['code'] === code && one['system'] === system && one['abstract'] !== true) ||
      isInExpansion(objectsAt(one, 'contains'), system, code),
  )
}

function isIncluded(
  include: JsonObject,
  system: string | undefined,
  code: string,
  sets: ValueSets,
): boolean | 'unresolved' {
  const own = textAt(include, 'system')
  if (own === undefined || Array.isArray(include['filter']) || Array.isArray(include['valueSet'])) return 'unresolved'
  if (own !== system) return false
  const concepts = objectsAt(include, 'concept')
  if (concepts.length > 0) return concepts.some(concept => concept['code'] === code)
  const codeSystem = sets.contained.find(one => one['resourceType'] === 'CodeSystem' && one['url'] === own)
  if (codeSystem) return hasConcept(objectsAt(codeSystem, 'concept'), code)
  const known = sets.expand(own)
  return known ? known.has(codingKey(system, code)) : 'unresolved'
}

function hasConcept(concepts: readonly JsonObject[], code: string): boolean {
  return concepts.some(concept => concept['code'] === code || hasConcept(objectsAt(concept, 'concept'), code))
}
