import { parsePartialDate } from '../../fls/dates.ts'
import type { Issue } from '../../fls/issue.ts'
import {
  isObject,
  type JsonObject,
  type JsonValue,
  literalOf,
  type NumberLiterals,
  objectAt,
  textAt,
} from '../fhir/json.ts'
import { isFhirDate } from '../fhir/primitives.ts'
import { extensions } from './canonical.ts'
import { dateRange, isAbove, isBelow } from './date-limits.ts'
import { compare } from './enablement.ts'
import { extensionOf, extensionsAt, type FormItem, optionValues, type Value, valueIn } from './form.ts'
import { isInOptions, isInValueSet, type ValueSets } from './option-membership.ts'
import { compilePattern, type Pattern } from './pattern.ts'
import { about } from './response-tree.ts'

export type AnswerContext = {
  readonly literals: NumberLiterals
  readonly valueSets: ValueSets
  readonly patterns: Map<string, Pattern | undefined>
}
type Check = (
  form: FormItem,
  value: Value,
  answer: JsonObject,
  where: string,
  context: AnswerContext,
) => readonly Issue[]

/** Value members an item type takes (row 13). A `choice` takes what its options are made of; an integer is no decimal. */
const members: Readonly<Record<string, readonly string[]>> = {
  boolean: ['valueBoolean'],
  decimal: ['valueDecimal'],
  integer: ['valueInteger'],
  date: ['valueDate'],
  dateTime: ['valueDateTime'],
  time: ['valueTime'],
  string: ['valueString'],
  text: ['valueString'],
  url: ['valueUri'],
  choice: ['valueCoding'],
  'open-choice': ['valueCoding', 'valueString'],
  attachment: ['valueAttachment'],
  reference: ['valueReference'],
  quantity: ['valueQuantity'],
  question: [],
}

/** Everything about one answer by itself: rows 13, 15, 16, 18–22. In that order; a value of the wrong type is judged no further. */
export function checkAnswer(
  form: FormItem,
  answer: JsonObject,
  path: string,
  context: AnswerContext,
): readonly Issue[] {
  const value = valueIn(answer)
  if (!value) return []
  const where = `${path}.${value.name}`
  if (value.isDouble) return [about(form, 'answer-type', path, 'one value only')]
  const wrong = checkType(form, value, where)
  return wrong
    ? [wrong]
    : [checkMembership, checkLimits, checkPlaces, checkLength, checkPattern, checkParts].flatMap(check =>
        check(form, value, answer, where, context),
      )
}

function checkType(form: FormItem, value: Value, where: string): Issue | undefined {
  const fromOptions =
    form.type === 'choice' || form.type === 'open-choice' ? optionValues(form).map(option => option.name) : []
  const usual = members[form.type] ?? []
  const allowed = form.type === 'choice' && fromOptions.length > 0 ? fromOptions : [...usual, ...fromOptions]
  if (!allowed.includes(value.name))
    return about(form, 'answer-type', where, `expects ${[...new Set(allowed)].join(' or ') || 'no value'}`)
  if (isShaped(value)) return undefined
  // Valid FHIR, but of a year no patient has.
  const isFarOff = value.name === 'valueDate' && typeof value.value === 'string' && isFhirDate(value.value)
  return isFarOff
    ? about(form, 'unreadable-date', where)
    : about(form, 'answer-type', where, 'not a value of this type')
}

function isShaped({ name, value }: Value): boolean {
  switch (name) {
    case 'valueBoolean':
      return typeof value === 'boolean'
    case 'valueDecimal':
      return typeof value === 'number'
    case 'valueInteger':
      return Number.isInteger(value) && Math.abs(Number(value)) <= 2_147_483_648
    case 'valueDate':
      return typeof value === 'string' && parsePartialDate(value) !== undefined
    case 'valueDateTime':
      return typeof value === 'string' && dateRange(value) !== undefined
    case 'valueTime':
      return typeof value === 'string' && /^([01]\d|2[0-3]):[0-5]\d:([0-5]\d|60)(\.\d+)?$/.test(value)
    case 'valueString':
    case 'valueUri':
      return typeof value === 'string'
    default:
      return isObject(value)
  }
}

const checkMembership: Check = (form, value, _answer, where, { valueSets }) => {
  if (form.type === 'open-choice' && value.name === 'valueString') return []
  if (form.options.length > 0) return isInOptions(form, value) ? [] : [about(form, 'word-not-allowed', where)]
  if (!form.valueSet || value.name !== 'valueCoding' || !isObject(value.value)) return []
  const member = isInValueSet(form.valueSet, value.value, valueSets)
  if (member === 'unresolved') return [about(form, 'value-set-unresolved', where)]
  return member ? [] : [about(form, 'word-not-allowed', where)]
}

/** Inclusive limits (row 18); a partial date is only out when no day it may mean is in. */
const checkLimits: Check = (form, { value, name }, _answer, where) => {
  if (name === 'valueQuantity') return quantityLimits(form, value, where)
  const below = limitOf(form, extensions.minValue)
  const above = limitOf(form, extensions.maxValue)
  return [
    below !== undefined && exceeds(value, below, 'below')
      ? about(form, 'value-out-of-range', where, 'below the minimum', 'error')
      : undefined,
    above !== undefined && exceeds(value, above, 'above')
      ? about(form, 'value-out-of-range', where, 'above the maximum', 'error')
      : undefined,
  ].filter(found => found !== undefined)
}

function limitOf(form: FormItem, url: string): JsonValue | undefined {
  const extension = extensionOf(form.json, url)
  return extension && valueIn(extension)?.value
}

function exceeds(value: JsonValue, limit: JsonValue, side: 'below' | 'above'): boolean {
  if (typeof value === 'string' && typeof limit === 'string') {
    const byDate = side === 'below' ? isBelow(value, limit) : isAbove(value, limit)
    if (byDate !== undefined) return byDate
  }
  const order = compare(value, limit)
  return order !== undefined && (side === 'below' ? order < 0 : order > 0)
}

function quantityLimits(form: FormItem, value: JsonValue, where: string): Issue[] {
  return (['minQuantity', 'maxQuantity'] as const).flatMap(name => {
    const limit = objectAt(extensionOf(form.json, extensions[name]), 'valueQuantity')
    if (!limit || !isObject(value)) return []
    const order = compare(value, limit)
    if (order === undefined) return [about(form, 'unit-not-comparable', where)]
    const isOut = name === 'minQuantity' ? order < 0 : order > 0
    return isOut
      ? [
          about(
            form,
            'value-out-of-range',
            where,
            name === 'minQuantity' ? 'below the minimum' : 'above the maximum',
            'error',
          ),
        ]
      : []
  })
}

/** Places as written (row 19): 1.50 has two. */
const checkPlaces: Check = (form, { name, value }, answer, where, { literals }) => {
  const holder = isObject(value) ? value : answer
  const number = isObject(value) ? value['value'] : value
  if (form.maxDecimalPlaces === undefined || typeof number !== 'number') return []
  const text = literalOf(literals, holder, isObject(value) ? 'value' : name, number)
  return decimalPlaces(text) > form.maxDecimalPlaces ? [about(form, 'answer-precision', where)] : []
}

function decimalPlaces(text: string): number {
  const [, fraction = '', exponent = '0'] = /^-?\d+(?:\.(\d+))?(?:[eE]([+-]?\d+))?$/.exec(text) ?? []
  return Math.max(0, fraction.length - Number(exponent))
}

/** Lengths in code points, both ends included; a `string` is one line (row 20). */
const checkLength: Check = (form, { value, name }, _answer, where) => {
  if (typeof value !== 'string' || (name !== 'valueString' && name !== 'valueUri')) return []
  const length = [...value].length
  const isOut = length > (form.maxLength ?? Number.POSITIVE_INFINITY) || length < (form.minLength ?? 0)
  const isBroken = form.type === 'string' && /[\r\n]/.test(value)
  return [
    isOut ? about(form, 'answer-length', where) : undefined,
    isBroken ? about(form, 'answer-length', where, 'one line only') : undefined,
  ].filter(found => found !== undefined)
}

/** In linear time whatever the pattern (row 21); one that needs more is not evaluated and said so. */
const checkPattern: Check = (form, { value }, _answer, where, { patterns }) => {
  const source = textAt(extensionOf(form.json, extensions.regex), 'valueString')
  if (source === undefined || typeof value !== 'string') return []
  if (!patterns.has(source)) patterns.set(source, compilePattern(source))
  const pattern = patterns.get(source)
  if (!pattern) return [about(form, 'answer-pattern', where, 'this pattern is not evaluated here', 'warning')]
  return pattern.matches(value.slice(0, 65_536)) ? [] : [about(form, 'answer-pattern', where)]
}

/** Attachments, references, addresses, units (row 22). */
const checkParts: Check = (form, { name, value }, _answer, where) => {
  if (name === 'valueUri')
    return typeof value === 'string' && /^\S+$/.test(value) && !/[<>"{}|\\^`]/.test(value)
      ? []
      : [about(form, 'answer-type', where, 'not an address')]
  if (!isObject(value)) return []
  if (name === 'valueAttachment') return attachmentIssues(form, value, where)
  if (name === 'valueReference') return referenceIssues(form, value, where)
  return name === 'valueQuantity' ? unitIssues(form, value, where) : []
}

function attachmentIssues(form: FormItem, value: JsonObject, where: string): Issue[] {
  const types = extensionsAt(form.json, extensions.mimeType).flatMap(one => textAt(one, 'valueCode') ?? [])
  const limit = extensionOf(form.json, extensions.maxSize)?.['valueDecimal']
  const coded = textAt(value, 'data')
  const size = coded === undefined ? value['size'] : Math.floor((coded.replace(/=+$/, '').length * 3) / 4)
  const type = textAt(value, 'contentType')
  return [
    types.length > 0 && (type === undefined || !types.includes(type))
      ? about(form, 'answer-type', `${where}.contentType`, 'not an allowed media type')
      : undefined,
    typeof limit === 'number' && typeof size === 'number' && size > limit * 1_048_576
      ? about(form, 'answer-length', where, 'attachment too large')
      : undefined,
  ].filter(found => found !== undefined)
}

function referenceIssues(form: FormItem, value: JsonObject, where: string): Issue[] {
  const types = extensionsAt(form.json, extensions.referenceResource).flatMap(one => textAt(one, 'valueCode') ?? [])
  if (types.length === 0) return []
  const named =
    textAt(value, 'type') ??
    /(?:^|\/)([A-Z][A-Za-z]+)\/[A-Za-z0-9.-]{1,64}(?:\/_history\/[^/]+)?$/.exec(textAt(value, 'reference') ?? '')?.[1]
  return named !== undefined && !types.includes(named)
    ? [about(form, 'answer-type', where, `expects a ${types.join(' or ')}`)]
    : []
}

function unitIssues(form: FormItem, value: JsonObject, where: string): Issue[] {
  const units = extensionsAt(form.json, extensions.unitOption)
    .map(one => objectAt(one, 'valueCoding'))
    .filter(unit => unit !== undefined)
  if (units.length === 0) return []
  const isKnown = units.some(
    unit => unit['code'] === value['code'] && (unit['system'] ?? value['system']) === value['system'],
  )
  return isKnown ? [] : [about(form, 'word-not-allowed', where, 'not an allowed unit')]
}
