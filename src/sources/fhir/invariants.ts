import { daysOf, londonDate, parseInstant, parsePartialDate } from '../../fls/dates.ts'
import type { Issue } from '../../fls/issue.ts'
import { issue } from '../../fls/issue.ts'
import { isObject, type JsonObject, type JsonValue, objectAt, objectsAt, textAt } from './json.ts'
import { type Place, pathOf } from './place.ts'
import { referencesIn } from './rewrite.ts'
import { joinPath } from './strict-json.ts'

/** One invariant of the R4 base specification; `broken` names the places, relative to the resource (empty text = the resource). */
type Invariant = {
  readonly id: string
  readonly rule: string
  readonly broken: (resource: JsonObject) => readonly string[]
}

const here = (isBroken: boolean): readonly string[] => (isBroken ? [''] : [])
const any =
  (...names: readonly string[]) =>
  (resource: JsonObject) =>
    names.some(name => Object.hasOwn(resource, name))
const hasValue = (holder: JsonObject): boolean => Object.keys(holder).some(name => /^_?value[A-Z]/.test(name))

/** By resource type. Only rules that change what the audit would read, or that senders are seen to break. */
const byType: Readonly<Record<string, readonly Invariant[]>> = {
  Patient: [
    {
      id: 'pat-1',
      rule: 'a contact needs a name, telecom, address or organization',
      broken: patient =>
        places(patient, 'contact', contact => !any('name', 'telecom', 'address', 'organization')(contact)),
    },
  ],
  Condition: [
    {
      id: 'con-4',
      rule: 'an abated condition is inactive, resolved or in remission',
      broken: condition =>
        here(
          Object.keys(condition).some(name => /^_?abatement/.test(name)) &&
            hasCode(condition, 'clinicalStatus', ['active', 'recurrence', 'relapse']),
        ),
    },
    {
      id: 'con-5',
      rule: 'no clinicalStatus when entered in error',
      broken: condition =>
        here(
          Object.hasOwn(condition, 'clinicalStatus') && hasCode(condition, 'verificationStatus', ['entered-in-error']),
        ),
    },
  ],
  Observation: [
    {
      id: 'obs-6',
      rule: 'dataAbsentReason only without a value',
      broken: observation => [
        ...here(Object.hasOwn(observation, 'dataAbsentReason') && hasValue(observation)),
        ...places(observation, 'component', part => Object.hasOwn(part, 'dataAbsentReason') && hasValue(part)),
      ],
    },
  ],
  Appointment: [
    {
      id: 'app-2',
      rule: 'start and end are given together',
      broken: appointment => here(any('start')(appointment) !== any('end')(appointment)),
    },
    {
      id: 'app-3',
      rule: 'only a proposed, cancelled or waitlisted appointment has no time',
      broken: appointment =>
        here(
          !any('start')(appointment) &&
            !['proposed', 'cancelled', 'waitlist'].includes(textAt(appointment, 'status') ?? ''),
        ),
    },
  ],
  Bundle: [
    {
      id: 'bdl-1',
      rule: 'total only in a searchset or history',
      broken: bundle => here(any('total')(bundle) && !isList(bundle)),
    },
    {
      id: 'bdl-3',
      rule: 'every entry of a batch or transaction has a request',
      broken: bundle => (isRequest(bundle) ? places(bundle, 'entry', entry => !isObject(entry['request'])) : []),
    },
    {
      id: 'bdl-7',
      rule: 'fullUrl is unique in the Bundle',
      broken: bundle =>
        repeated(objectsAt(bundle, 'entry').map(fullUrlAndVersion)).map(index => `entry[${index}].fullUrl`),
    },
    {
      id: 'bdl-8',
      rule: 'fullUrl is not version specific',
      broken: bundle => places(bundle, 'entry', entry => /\/_history\//.test(textAt(entry, 'fullUrl') ?? '')),
    },
  ],
}

/** Data-type rules that hold wherever the type stands, told apart by their members. */
const anywhere: readonly (Invariant & { readonly applies: (holder: JsonObject, name: string) => boolean })[] = [
  {
    id: 'per-1',
    rule: 'a period ends after it starts',
    applies: holder => textAt(holder, 'start') !== undefined && textAt(holder, 'end') !== undefined,
    broken: period => here(endsBeforeStart(textAt(period, 'start') ?? '', textAt(period, 'end') ?? '')),
  },
  {
    id: 'qty-3',
    rule: 'a unit code needs its system',
    applies: (holder, name) =>
      /Quantity$|^(low|high|numerator|denominator|doseQuantity)$/.test(name) && Object.hasOwn(holder, 'code'),
    broken: quantity => here(!Object.hasOwn(quantity, 'system')),
  },
  {
    id: 'ext-1',
    rule: 'an extension has either a value or extensions',
    applies: (_, name) => name === 'extension' || name === 'modifierExtension',
    broken: extension => here(hasValue(extension) === Object.hasOwn(extension, 'extension')),
  },
  {
    id: 'txt-1',
    rule: 'narrative is formatting, tables, images and links only',
    applies: (holder, name) => name === 'text' && typeof holder['div'] === 'string',
    broken: narrative =>
      here(
        /<\s*(script|iframe|object|embed|form|input|link|style)\b|<[^>]*(\son\w+\s*=|javascript:)/i.test(
          textAt(narrative, 'div') ?? '',
        ),
      ),
  },
]

/** Broken invariants of a resource that its schema found well formed. Issue: `structure-invalid` with the rule as hint. */
export function brokenInvariants(type: string, resource: JsonObject, where: string): Issue[] {
  const own = (byType[type] ?? []).flatMap(rule => rule.broken(resource).map(path => told(rule, joinPath(where, path))))
  const found: Issue[] = [...own, ...containedRules(resource, where)]
  walk(resource, where, type, found)
  return found
}

function told(rule: Invariant, where: string): Issue {
  return issue('structure-invalid', where, { hint: `${rule.id}: ${rule.rule}` })
}

function walk(value: JsonValue, where: Place, name: string, found: Issue[]): void {
  if (Array.isArray(value)) {
    value.forEach((member: JsonValue, step) => {
      if (typeof member === 'object') walk(member, { within: where, step }, name, found)
    })
  } else if (isObject(value)) {
    for (const rule of anywhere)
      if (rule.applies(value, name) && rule.broken(value).length > 0) found.push(told(rule, pathOf(where)))
    for (const step of Object.keys(value)) {
      const content = value[step]
      // Nested resources are validated, and walked, on their own.
      if (step === 'contained' || step === 'resource' || typeof content !== 'object') continue
      walk(content, { within: where, step }, step, found)
    }
  }
}

/** dom-2 and ref-1: contained resources hold none, have an id, and every `#id` leads to one. */
function containedRules(resource: JsonObject, where: string): Issue[] {
  const contained = objectsAt(resource, 'contained')
  const ids = new Set(contained.map(inner => textAt(inner, 'id')))
  const issues = contained.flatMap((inner, index) => {
    const at = `${where}.contained[${index}]`
    const nested = Object.hasOwn(inner, 'contained')
      ? [issue('structure-invalid', at, { hint: 'dom-2: no contained inside contained' })]
      : []
    return Object.hasOwn(inner, 'id') ? nested : [...nested, issue('element-required', `${at}.id`)]
  })
  // What a Bundle or Parameters holds is judged by itself.
  const holders: readonly unknown[] = ['Bundle', 'Parameters']
  if (where.includes('.contained[') || holders.includes(resource['resourceType'])) return issues
  for (const { reference, place } of referencesIn(resource, where, '#')) {
    if (reference !== '#' && !ids.has(reference.slice(1)))
      issues.push(issue('reference-unresolved', pathOf(place), { hint: 'ref-1: contained' }))
  }
  return issues
}

function places(resource: JsonObject, list: string, isBroken: (member: JsonObject) => boolean): string[] {
  return objectsAt(resource, list).flatMap((member, index) => (isBroken(member) ? [`${list}[${index}]`] : []))
}

function hasCode(resource: JsonObject, element: string, codes: readonly string[]): boolean {
  return objectsAt(objectAt(resource, element), 'coding').some(coding => codes.includes(textAt(coding, 'code') ?? ''))
}

function endsBeforeStart(start: string, end: string): boolean {
  const from = start.length > 10 ? parseInstant(start) : undefined
  const to = end.length > 10 ? parseInstant(end) : undefined
  if (from && to) return to < from
  // One of them is a date: compare calendar days, the last the end may mean with the first the start may mean.
  const first = from ? londonDate(from) : parsePartialDate(start)
  const last = to ? londonDate(to) : parsePartialDate(end)
  return first !== undefined && last !== undefined && daysOf(last).last < daysOf(first).first
}

function fullUrlAndVersion(entry: JsonObject): string | undefined {
  const url = textAt(entry, 'fullUrl')
  return url && `${url} ${textAt(objectAt(objectAt(entry, 'resource'), 'meta'), 'versionId') ?? ''}`
}

function repeated(values: readonly (string | undefined)[]): number[] {
  return values.flatMap((value, index) => (value !== undefined && values.indexOf(value) < index ? [index] : []))
}

function isRequest(bundle: JsonObject): boolean {
  return ['batch', 'transaction'].includes(textAt(bundle, 'type') ?? '')
}

function isList(bundle: JsonObject): boolean {
  return ['searchset', 'history'].includes(textAt(bundle, 'type') ?? '')
}
