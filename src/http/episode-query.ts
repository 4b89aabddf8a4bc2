import type { EpisodeStatus } from '../fls/episode.ts'
import { issue } from '../fls/issue.ts'
import type { FhirCall } from '../sources/fhir/call.ts'
import type { Hmac } from '../sources/fhir/identity.ts'
import { badParameter, type SearchCondition } from '../sources/fhir/search-conditions.ts'
import { searchParametersOf } from '../sources/fhir/search-parameters.ts'
import { type AskedSearch, askedSearch } from '../sources/fhir/search-query.ts'
import { nhsNumberSystem } from '../sources/fhir/token.ts'
import type { EpisodeQuery } from '../sources/form/door.ts'
import { Refusal } from './refusal.ts'

export type ReadQuery = { readonly query: EpisodeQuery; readonly asked: AskedSearch }

/**
 * The search on EpisodeOfCare, its conditions in the words of the store. An analyst knows pseudonyms and the month of 1.09: whom an identifier
 * means, and on which day, is not told by searching either (400).
 */
export function episodeQueryOf(call: FhirCall, hmac: Hmac, now: Date): ReadQuery {
  const parameters = searchParametersOf('EpisodeOfCare')
  const asked = askedSearch(call, { parameters }, hmac, now)
  if (call.principal.role === 'analyst') refuseFiner(call)
  let query: EpisodeQuery = {
    count: asked.count,
    hasTotal: asked.hasTotal,
    diagnosed: asked.conditions.flatMap(one => (one.kind === 'date' ? [one.anyOf] : [])),
    ...(asked.ids ? { ids: asked.ids } : {}),
    ...(asked.after === undefined ? {} : { after: asked.after }),
  }
  for (const condition of asked.conditions) query = { ...query, ...stated(condition, query) }
  if (asked.lastUpdated.length > 0) throw notSupported('_lastUpdated', 'episodes are put together when they are read')
  return { query, asked }
}

function refuseFiner({ query }: FhirCall): void {
  for (const [name, value] of query) {
    if (name.startsWith('patient')) throw notSupported('patient', 'for clinical roles')
    // `ap` widens by days, and by others tomorrow: several such searches would tell the day.
    if (name === 'date' && value.split(',').some(one => !/^(?!ap)[a-z]{0,2}\d{4}(-\d{2})?$/.test(one)))
      throw badParameter('date', 'a year or a month')
  }
}

function notSupported(name: string, hint: string): Refusal {
  return new Refusal(400, [issue('parameter-not-supported', name, { hint })])
}

function stated(condition: SearchCondition, before: EpisodeQuery): Partial<EpisodeQuery> {
  const { kind, name } = condition
  if (kind === 'missing') return { [name === 'date' ? 'isUndated' : 'isNone']: condition.isMissing }
  if (kind !== 'term') return {}
  if (name === 'status') {
    const found = condition.anyOf.flatMap(one => statusesOf(one.slice(one.indexOf('|') + 1)))
    return { status: before.status ? before.status.filter(one => found.includes(one)) : found }
  }
  return { patients: patientsOf(condition.anyOf) }
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

function statusesOf(word: string): readonly EpisodeStatus[] {
  const known = Object.hasOwn(statuses, word) ? statuses[word] : undefined
  if (!known) throw badParameter('status')
  return known
}

/** By identifier; a `Patient/…` reference finds nothing, since an episode names its patient by number. */
function patientsOf(terms: readonly string[]): NonNullable<EpisodeQuery['patients']> {
  return terms
    .filter(term => term.includes('|'))
    .map(term => {
      const [system, number] = [term.slice(0, term.indexOf('|')), term.slice(term.indexOf('|') + 1)]
      return { isNhsNumber: system === nhsNumberSystem || (system === '*' && /^\d{10}$/.test(number)), number }
    })
}
