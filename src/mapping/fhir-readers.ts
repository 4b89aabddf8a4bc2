import type { Coding, Laterality } from '../fls/fact.ts'
import { issue } from '../fls/issue.ts'
import { isObject, objectAt, objectsAt, textAt } from '../sources/fhir/json.ts'
import { lookUp } from '../terminology/look-up.ts'
import { systemOf } from '../terminology/systems.ts'
import { sideIn } from '../terminology/words.ts'
import type { Found } from './document.ts'
import { fhirPersonReaders } from './fhir-person-readers.ts'
import { nothing, type ReadEnv, type Reader } from './reader.ts'

/**
 * All codings of CodeableConcepts and Codings, in order. A coding without system takes the feed's `codingSystems` for the resource type, and is
 * never guessed. A concept with text alone is kept as that text and means nothing: issue `code-missing`, for a medicine
 * `drug-code-missing`.
 */
const fhirCoding: Reader = {
  gives: 'codings',
  read: (found, env) => {
    const codings = found.flatMap(value => codingsIn(value, env))
    if (codings.some(coding => coding.code !== '')) return { value: codings.filter(coding => coding.code !== '') }
    const [text] = codings
    if (!text) return nothing
    const code = env.document.type.startsWith('Medication') ? 'drug-code-missing' : 'code-missing'
    return { value: [text], issues: [issue(code, found[0]?.where ?? '', { severity: 'warning' })] }
  },
}

function codingsIn(found: Found, env: ReadEnv): readonly Coding[] {
  const concept = found.json
  if (!isObject(concept)) return []
  const list =
    concept['coding'] === undefined && concept['code'] !== undefined ? [concept] : objectsAt(concept, 'coding')
  const codings = list.flatMap(coding => {
    const code = textAt(coding, 'code')?.trim() ?? ''
    const stated = textAt(coding, 'system') ?? env.feed.codingSystems?.[env.document.type] ?? ''
    const display = textAt(coding, 'display') ?? textAt(concept, 'text')
    return code === '' ? [] : [{ system: systemOf(stated, env.terminology.systems) ?? stated, code, ...shown(display) }]
  })
  if (codings.length > 0) return codings
  const text = textAt(concept, 'text') ?? textAt(list[0], 'display')
  return text ? [{ system: '', code: '', ...shown(text) }] : []
}

function shown(display: string | undefined): { display?: string } {
  return display ? { display: display.slice(0, 200) } : {}
}

/**
 * The side of body sites in the four shapes seen: a side as a coding of its own, a site that carries its side, a post-coordinated
 * `:272741003=`, a BodyStructure qualifier; and words in display or text. Both sides named in separate sites are `bilateral` only when a
 * source says so; otherwise issue `side-conflict`.
 */
const fhirSide: Reader = {
  gives: 'word',
  read: (found, env) => {
    const sides = new Set(found.flatMap(value => sidesIn(value, env)))
    const [side] = sides
    if (sides.size > 1) return { issues: [issue('side-conflict', found[0]?.where ?? '')] }
    return side ? { value: side, where: found[0]?.where ?? '' } : nothing
  },
}

function sidesIn(found: Found, env: ReadEnv): readonly Laterality[] {
  const coded = codingsIn(found, env).flatMap(coding => {
    const meaning = lookUp(coding, env.terminology, ['laterality', 'body-site', 'fracture-site'])
    return meaning.laterality ?? (coding.display ? (sideIn(coding.display) ?? []) : [])
  })
  if (coded.length > 0) return coded
  const text = isObject(found.json) ? textAt(found.json, 'text') : found.text
  const said = text ? sideIn(text) : undefined
  return said ? [said] : []
}

/** The words of concepts and references: text, displays. */
function wordsOf(found: readonly Found[]): string[] {
  return found.flatMap(({ text, json }) => {
    if (text !== '') return [text]
    if (!isObject(json)) return []
    const displays = [json, ...objectsAt(json, 'coding')].flatMap(one => [textAt(one, 'display'), textAt(one, 'code')])
    return [textAt(json, 'text'), textAt(json, 'name'), ...displays].filter(word => word !== undefined)
  })
}

/** First text of a concept: its text, else a display. */
const fhirText: Reader = {
  gives: 'text',
  read: found => {
    const [first] = found.flatMap(({ json, text }) => {
      if (text !== '') return [text]
      const displays = objectsAt(json, 'coding').map(coding => textAt(coding, 'display'))
      return [textAt(json, 'text'), ...displays, textAt(json, 'display')].filter(word => word !== undefined)
    })
    return first ? { value: first.trim().slice(0, 500) } : nothing
  },
}

/** Words that name a clinic in a service, type or location. The order matters: a falls clinic run by an FLS is the FLS. */
const clinicWords: readonly (readonly [RegExp, string])[] = [
  [/fracture liaison|\bFLS\b|fracture prevention|secondary (fracture )?prevention/i, 'fls'],
  [/strength (and|&) balance|\botago\b|postural stability|\bPSI\b class/i, 'strength-balance'],
  [/\bDE?XA\b|bone densit|densitometry/i, 'dxa'],
  [/\bfalls?\b.*\b(clinic|service|prevention|assessment|team)|\bfalls\b/i, 'falls'],
  [/fracture clinic|trauma clinic|virtual fracture/i, 'fracture'],
]

/**
 * The clinic of a service: the feed's value table `clinic` by code or exact text, then words in its texts, then `fls` when the feed itself is
 * an FLS. Argument `other`: what is not known is `other`; without it nothing.
 */
const fhirClinic: Reader = {
  gives: 'word',
  argument: 'optional',
  needsFound: false,
  read: (found, env, argument) => {
    const known = clinicOf(found, env)
    if (known) return { value: known }
    return argument === '' ? nothing : { value: argument }
  },
}

/** The clinic that codes and texts name, or the feed itself. */
export function clinicOf(found: readonly Found[], env: Pick<ReadEnv, 'values' | 'feed'>): string | undefined {
  const words = wordsOf(found)
  const table = env.values.get('clinic')
  const listed = words.map(word => table?.get(word.trim().toUpperCase())).find(known => known !== undefined)
  const named = clinicWords.find(([pattern]) => words.some(word => pattern.test(word)))?.[1]
  return listed ?? named ?? (env.feed.department === 'fls' ? 'fls' : undefined)
}

/** Who spoke: the feed's department, else the class of the encounter at hand, through the value table. */
const fhirDepartment: Reader = {
  gives: 'word',
  needsFound: false,
  read: (found, env) => {
    if (env.feed.department) return { value: env.feed.department }
    const known = found
      .map(({ text }) => env.values.get('department')?.get(text.toUpperCase()))
      .find(word => word !== undefined)
    return known ? { value: known } : nothing
  },
}

/** Kind of a report: categories and codes through the value table, DXA by its code, else the feed's `reports`, else `other`. */
const fhirReportType: Reader = {
  gives: 'word',
  needsFound: false,
  read: (found, env) => {
    const codings = found.flatMap(value => codingsIn(value, env))
    if (codings.some(coding => lookUp(coding, env.terminology, ['dxa']).row !== undefined)) return { value: 'dxa' }
    const words = [...codings.map(coding => coding.code), ...wordsOf(found)]
    const known = words
      .map(word => env.values.get('report-type')?.get(word.trim().toUpperCase()))
      .find(word => word !== undefined)
    return { value: known ?? env.feed.reports ?? 'other' }
  },
}

const daysPerUnit: Readonly<Record<string, number>> = {
  h: 1 / 24,
  hour: 1 / 24,
  hours: 1 / 24,
  d: 1,
  day: 1,
  days: 1,
  wk: 7,
  week: 7,
  weeks: 7,
  mo: 30,
  month: 30,
  months: 30,
  a: 365,
  year: 365,
  years: 365,
}

/** A Duration as whole days (a month is 30, a year 365). Issue `unit-unknown`. */
const fhirDays: Reader = {
  gives: 'number',
  read: found => {
    const [value] = found
    if (!isObject(value?.json)) return nothing
    const amount = value.json['value']
    const unit = (textAt(value.json, 'code') ?? textAt(value.json, 'unit') ?? 'd').toLowerCase()
    const days = daysPerUnit[unit]
    if (typeof amount !== 'number' || amount < 0) return nothing
    return days === undefined ? { issues: [issue('unit-unknown', value.where)] } : { value: Math.round(amount * days) }
  },
}

/**
 * A number with its places: the value of a Quantity, or a text that is a number with an optional comparator. A text that is none is nothing:
 * many results are words.
 */
const fhirNumber: Reader = {
  gives: 'text',
  read: found => {
    for (const { text, where } of found) {
      const match = /^\s*(?:[<>]=?|≤|≥)?\s*([+\-−]?\d+(?:[.,]\d+)?)(?:[eE]([+-]?\d+))?\s*$/.exec(text)
      if (!match?.[1]) continue
      const plain = match[1].replace(',', '.').replace('−', '-').replace(/^\+/, '')
      return { value: match[2] === undefined ? plain : String(Number(`${plain}e${match[2]}`)), where }
    }
    return nothing
  },
}

/** What a coded, Boolean or worded result says: the first code, else the text. */
const fhirResult: Reader = {
  gives: 'text',
  read: found => {
    const [first] = found
    const code = objectsAt(first?.json, 'coding')
      .map(coding => textAt(coding, 'code'))
      .find(text => text !== undefined)
    const said = code ?? (first?.text || textAt(objectAt(first, 'json'), 'text'))
    return said ? { value: said.trim().slice(0, 500) } : nothing
  },
}

const fhirTrue: Reader = { gives: 'boolean', needsFound: false, read: () => ({ value: true }) }

export const fhirReaders = {
  'fhir-true': fhirTrue,
  'fhir-coding': fhirCoding,
  'fhir-side': fhirSide,
  'fhir-text': fhirText,
  'fhir-clinic': fhirClinic,
  'fhir-department': fhirDepartment,
  'fhir-report-type': fhirReportType,
  'fhir-days': fhirDays,
  'fhir-number': fhirNumber,
  'fhir-result': fhirResult,
  ...fhirPersonReaders,
} as const satisfies Record<string, Reader>
