import { type Issue, issue } from '../../fls/issue.ts'
import { Refusal } from '../../http/refusal.ts'
import type { ResponseQuery } from '../../store/responses.ts'
import type { FhirCall } from '../fhir/call.ts'
import { parseToken, splitValues } from '../fhir/token.ts'
import { dateRange } from './date-limits.ts'
import type { FormDeps } from './door.ts'

export type AskedResponses = {
  readonly query: ResponseQuery
  readonly isCountOnly: boolean
  /** Nothing but ids was asked: assembled responses can answer too. */
  readonly isIdOnly: boolean
  /** Parameters that took effect, for the `self` link. */
  readonly applied: URLSearchParams
  readonly pageAfter: (id: string) => URLSearchParams
  readonly ignored: readonly Issue[]
}

const usual = 50
const most = 200
const shaping: ReadonlySet<string> = new Set(['_count', '_total', '_summary', '_format', '_page', '_pretty'])
type AnyOf = ResponseQuery['anyOf'][number]
type Authored = ResponseQuery['authored'][number]

/** Search parameters of submitted responses and what each is for; the CapabilityStatement lists them. */
export const responseParameters = [
  { name: '_id', type: 'token', documentation: 'Ids; those of episodes find assembled responses.' },
  { name: 'author', type: 'reference', documentation: '`Type/id`, or `author:identifier=system|value`.' },
  {
    name: 'authored',
    type: 'date',
    documentation: 'Prefixes eq, lt, gt, ge, le, sa, eb; partial dates are intervals.',
  },
  { name: 'identifier', type: 'token', documentation: '`system|value`, `|value` or `value`.' },
  { name: 'questionnaire', type: 'reference', documentation: 'The canonical as sent, with or without version.' },
  { name: 'status', type: 'token', documentation: 'Also `status:not`.' },
  { name: 'subject', type: 'reference', documentation: '`Type/id`, or `subject:identifier=system|value`.' },
] as const

/** Unknown parameters are ignored and told, with `Prefer: handling=strict` refused; a modifier that is not supported is always 400. */
export function parseResponseSearch(call: FhirCall, deps: Pick<FormDeps, 'hmac'>): AskedResponses {
  const isStrict = /handling\s*=\s*strict/.test(call.headers['prefer'] ?? '')
  const applied = new URLSearchParams()
  const anyOf: AnyOf[] = []
  const authored: Authored[] = []
  const ignored: Issue[] = []
  const ids: (readonly string[])[] = []
  for (const [name, value] of call.query) {
    const [plain = '', modifier] = name.split(':', 2)
    if (shaping.has(name)) {
      if (name === '_count' || name === '_summary') applied.append(name, value)
      continue
    }
    if (!responseParameters.some(parameter => parameter.name === plain)) {
      const found = issue('parameter-not-supported', /^[\w.:-]{1,64}$/.test(name) ? name : 'parameter', {
        severity: isStrict ? 'error' : 'warning',
      })
      if (isStrict) throw new Refusal(400, [found])
      ignored.push(found)
      continue
    }
    applied.append(name, value)
    if (plain === '_id') ids.push(splitValues(plainModifier(plain, modifier, value)))
    else if (plain === 'authored') authored.push(...authoredConditions(plainModifier(plain, modifier, value)))
    else anyOf.push(condition(plain, modifier, value))
  }
  const after = pageMark(call, deps)
  const query: ResponseQuery = {
    anyOf,
    authored,
    count: call.query.get('_summary') === 'count' ? 0 : countOf(call.query.get('_count')),
    ...(ids.length > 0 ? { ids: ids.reduce((some, others) => some.filter(id => others.includes(id))) } : {}),
    ...(after === undefined ? {} : { after }),
  }
  const pageAfter = (id: string): URLSearchParams => {
    const next = new URLSearchParams(applied)
    next.set('_page', `${id}.${seal(id, call, deps)}`)
    return next
  }
  return {
    query,
    applied,
    pageAfter,
    ignored,
    isCountOnly: query.count === 0,
    isIdOnly: ids.length > 0 && anyOf.length + authored.length === 0,
  }
}

function plainModifier(name: string, modifier: string | undefined, value: string): string {
  if (modifier !== undefined) throw new Refusal(400, [issue('parameter-not-supported', name, { hint: 'modifier' })])
  return value
}

function condition(name: string, modifier: string | undefined, value: string): AnyOf {
  const values = splitValues(value)
  if (values.length === 0) throw new Refusal(400, [issue('parameter-invalid', name)])
  if (name === 'status' && modifier === 'not') return { field: 'status', values: values.map(codeOf), isNot: true }
  if ((name === 'subject' || name === 'author') && modifier === 'identifier')
    return { field: name, values: values.map(one => tokenIn(name, one)) }
  plainModifier(name, modifier, value)
  if (name === 'status') return { field: 'status', values: values.map(codeOf) }
  if (name === 'identifier') return { field: 'identifier', values: values.map(one => tokenIn(name, one)) }
  if (name === 'questionnaire') return { field: 'questionnaire', values }
  return { field: name === 'subject' ? 'subject' : 'author', values: values.map(localReference) }
}

function codeOf(value: string): string {
  return value.slice(value.indexOf('|') + 1)
}

function tokenIn(name: string, value: string): string {
  const token = parseToken(value)
  if (token === undefined)
    throw new Refusal(400, [issue('parameter-invalid', name, { hint: 'system|value, |value or value' })])
  return token
}

/** `Type/id`, whatever address stands before it. */
function localReference(value: string): string {
  return /([A-Z][A-Za-z]+\/[A-Za-z0-9.-]{1,64})$/.exec(value)?.[1] ?? value
}

/** R4 search, date: the value is an interval, and so is what it is compared with. */
function authoredConditions(value: string): Authored[] {
  const [, prefix = 'eq', text = ''] = /^(eq|ne|gt|lt|ge|le|sa|eb)?(.*)$/.exec(value) ?? []
  const range = dateRange(text)
  if (!range || prefix === 'ne')
    throw new Refusal(400, [issue(prefix === 'ne' ? 'parameter-not-supported' : 'parameter-invalid', 'authored')])
  switch (prefix) {
    case 'gt':
      return [{ field: 'authoredLast', operator: '$gt', value: range.last }]
    case 'ge':
      return [{ field: 'authoredLast', operator: '$gte', value: range.first }]
    case 'lt':
      return [{ field: 'authoredFirst', operator: '$lt', value: range.first }]
    case 'le':
      return [{ field: 'authoredFirst', operator: '$lte', value: range.last }]
    case 'sa':
      return [{ field: 'authoredFirst', operator: '$gt', value: range.last }]
    case 'eb':
      return [{ field: 'authoredLast', operator: '$lt', value: range.first }]
    default:
      return [
        { field: 'authoredFirst', operator: '$gte', value: range.first },
        { field: 'authoredLast', operator: '$lte', value: range.last },
      ]
  }
}

function countOf(text: string | null): number {
  if (text === null) return usual
  if (!/^\d{1,9}$/.test(text)) throw new Refusal(400, [issue('parameter-invalid', '_count')])
  return Math.min(Number(text), most)
}

function pageMark(call: FhirCall, deps: Pick<FormDeps, 'hmac'>): string | undefined {
  const mark = call.query.get('_page')
  if (mark === null) return undefined
  const at = mark.lastIndexOf('.')
  const id = mark.slice(0, at)
  if (at < 1 || mark.slice(at + 1) !== seal(id, call, deps))
    throw new Refusal(400, [issue('parameter-invalid', '_page')])
  return id
}

/** Page marks are ours alone: they hold for this principal and these conditions. */
function seal(id: string, call: FhirCall, { hmac }: Pick<FormDeps, 'hmac'>): string {
  return hmac('page', call.type, call.principal.subject, id).slice(0, 16)
}
