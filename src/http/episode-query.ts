import { parsePartialDate } from '../fls/dates.ts'
import type { EpisodeStatus } from '../fls/episode.ts'
import { type Issue, issue } from '../fls/issue.ts'
import type { FhirCall } from '../sources/fhir/call.ts'
import { nhsNumberSystem, parseToken, splitValues } from '../sources/fhir/token.ts'
import type { EpisodeQuery } from '../sources/form/door.ts'
import { Refusal } from './refusal.ts'

/** What linked episodes are found by. */
export const episodeParameters = [
  { name: '_id', type: 'token' },
  {
    name: 'status',
    type: 'token',
    documentation:
      'candidate, identified, submitted, excluded, withdrawn; or as the resource says it: waitlist, active, cancelled, entered-in-error.',
  },
  { name: 'date', type: 'date', documentation: 'Day of diagnosis: ge and le.' },
  {
    name: 'patient',
    type: 'reference',
    documentation: '`patient:identifier=system|value`: the NHS number, or the hospital number of the own organisation.',
  },
] as const

const shaping: ReadonlySet<string> = new Set(['_count', '_format', '_page', '_pretty', '_summary', '_total'])

export type ReadQuery = {
  readonly query: EpisodeQuery
  readonly ignored: readonly Issue[]
  /** The parameters that took effect, for the `self` link. */
  readonly applied: URLSearchParams
}

/**
 * The search on EpisodeOfCare. Unsupported modifiers and unreadable values are 400, unknown parameters are told or, when the client asks for
 * strictness, 400. `seal`: what a page mark must carry to be one of ours.
 */
export function episodeQueryOf(call: FhirCall, seal: (id: string) => string): ReadQuery {
  const applied = new URLSearchParams()
  const ignored: Issue[] = []
  let query: EpisodeQuery = { count: Math.min(numberOf(call.query.get('_count')), 200) }
  for (const [name, value] of call.query) {
    const stated = condition(name, value, call)
    if (stated) query = { ...query, ...stated }
    else if (!shaping.has(name)) {
      ignored.push(unknown(name, call))
      continue
    }
    if (name !== '_page' && name !== '_format') applied.append(name, value)
  }
  const mark = call.query.get('_page')
  if (mark === null) return { query, ignored, applied }
  const after = mark.slice(0, mark.lastIndexOf('.'))
  if (mark !== `${after}.${seal(after)}`) throw new Refusal(400, [issue('parameter-invalid', '_page')])
  return { query: { ...query, after }, ignored, applied }
}

function condition(name: string, value: string, { principal }: FhirCall): Partial<EpisodeQuery> | undefined {
  if (name === '_id') return { ids: splitValues(value) }
  if (name === 'status') return { status: splitValues(value).flatMap(statusesOf) }
  if (name === 'date') return dateOf(value)
  // An analyst knows pseudonyms only: whom an identifier means must not be told.
  if ((name === 'patient:identifier' || name === 'patient.identifier') && principal.role !== 'analyst')
    return patientOf(value)
  if (name.includes(':'))
    throw new Refusal(400, [issue('parameter-not-supported', 'parameter', { hint: 'this modifier' })])
  return undefined
}

function unknown(name: string, call: FhirCall): Issue {
  const found = issue('parameter-not-supported', /^[\w.-]{1,64}$/.test(name) ? name : 'parameter', {
    severity: 'warning',
  })
  if (/handling\s*=\s*strict/.test(call.headers['prefer'] ?? ''))
    throw new Refusal(400, [{ ...found, severity: 'error' }])
  return found
}

/** Our word for a status, or the word of the resource, which is coarser. */
const statuses: Readonly<Record<string, readonly EpisodeStatus[]>> = {
  candidate: ['candidate'],
  identified: ['identified'],
  submitted: ['submitted'],
  excluded: ['excluded'],
  withdrawn: ['withdrawn'],
  planned: [],
  waitlist: ['candidate'],
  active: ['identified', 'submitted'],
  onhold: [],
  finished: [],
  cancelled: ['excluded'],
  'entered-in-error': ['withdrawn'],
}

function statusesOf(value: string): readonly EpisodeStatus[] {
  const word = value.slice(value.indexOf('|') + 1)
  const known = Object.hasOwn(statuses, word) ? statuses[word] : undefined
  if (!known) throw new Refusal(400, [issue('parameter-invalid', 'status')])
  return known
}

function patientOf(value: string): Pick<EpisodeQuery, 'patients'> {
  const patients = splitValues(value).map(one => {
    const token = parseToken(one)
    if (token === undefined)
      throw new Refusal(400, [issue('parameter-invalid', 'patient', { hint: 'system|value, |value or value' })])
    const [system, number] = [token.slice(0, token.indexOf('|')), token.slice(token.indexOf('|') + 1)]
    return { isNhsNumber: system === nhsNumberSystem || (system === '*' && /^\d{10}$/.test(number)), number }
  })
  if (patients.length === 0) throw new Refusal(400, [issue('parameter-invalid', 'patient')])
  return { patients }
}

function dateOf(value: string): Partial<EpisodeQuery> {
  const [, prefix = 'eq', day] = /^(ge|le|eq)?(\d{4}-\d{2}-\d{2})$/.exec(value) ?? []
  if (day === undefined || parsePartialDate(day) === undefined)
    throw new Refusal(400, [issue('parameter-invalid', 'date', { hint: 'ge or le and a day' })])
  return { ...(prefix === 'le' ? {} : { from: day }), ...(prefix === 'ge' ? {} : { to: day }) }
}

function numberOf(text: string | null): number {
  if (text === null) return 50
  if (!/^\d{1,9}$/.test(text)) throw new Refusal(400, [issue('parameter-invalid', '_count')])
  return Number(text)
}
