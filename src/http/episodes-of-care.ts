import type { FhirResource } from 'fhir/r4.js'
import { instantOf } from '../fls/dates.ts'
import type { Episode } from '../fls/episode.ts'
import type { FhirAnswer, FhirCall, TypeHandlers } from '../sources/fhir/call.ts'
import type { JsonObject, NumberLiterals } from '../sources/fhir/json.ts'
import { meetsDate } from '../sources/fhir/search-dates.ts'
import { searchset } from '../sources/fhir/searchset.ts'
import { jsonOf } from '../sources/fhir/served.ts'
import { assembleResponse } from '../sources/form/assemble.ts'
import { dateRange } from '../sources/form/date-limits.ts'
import { type EpisodeQuery, type FormDeps, fhirBaseOf, notFound } from '../sources/form/door.ts'
import { episodeOfCare, everythingBundle, idIn, type View } from '../sources/form/episode-resources.ts'
import { researchResponse } from '../sources/form/research-response.ts'
import { episodeQueryOf } from './episode-query.ts'

const type = 'EpisodeOfCare'

/** Linked episodes as EpisodeOfCare: contributing sites see their own, analysts pseudonymised ones. A sender's own EpisodeOfCare comes first. */
export function episodeHandlers(deps: FormDeps): TypeHandlers {
  return {
    read: call => readEpisode(call, deps),
    search: call => searchEpisode(call, deps),
    operations: [
      { name: 'everything', definition: 'https://fls-db.org.uk/fhir/OperationDefinition/episode-everything' },
    ],
    documentation: 'Episodes put together by linkage; id, or any id an episode had before.',
  }
}

async function readEpisode(call: FhirCall, deps: FormDeps): Promise<FhirAnswer> {
  const { episode, view } = await episodeFor(call, deps)
  call.log({ episodes: [episode.id], rows: 1 })
  return { status: 200, resource: jsonOf(episodeOfCare(episode, view)) }
}

/** `GET /fhir/EpisodeOfCare/:id/$everything`: both sides, the fractures, the assembled answers, and why each record was linked. */
export async function episodeEverything(call: FhirCall, deps: FormDeps): Promise<FhirAnswer> {
  const { episode, view } = await episodeFor(call, deps)
  call.log({ episodes: [episode.id], rows: 1 })
  const { resource, literals } = responseFor(episode, view)
  const address = (one: FhirResource): string => `${fhirBaseOf(deps)}/${one.resourceType}/${one.id ?? ''}`
  const bundle = jsonOf(
    everythingBundle(episode, view, resource as unknown as FhirResource, instantOf(deps.clock()), address),
  )
  const entry = (bundle['entry'] as readonly JsonObject[]).map((one): JsonObject => {
    const inner = one['resource'] as JsonObject
    return inner['resourceType'] === 'QuestionnaireResponse' ? { ...one, resource } : one
  })
  return { status: 200, resource: { ...bundle, entry }, literals }
}

function responseFor(episode: Episode, view: View): { resource: JsonObject; literals: NumberLiterals } {
  return view.kind === 'clinical' ? assembleResponse(episode) : researchResponse(episode, view)
}

async function episodeFor(call: FhirCall, deps: FormDeps): Promise<{ episode: Episode; view: View }> {
  const { id = '', principal } = call
  if (principal.role === 'analyst') {
    const { research } = deps
    if (!research) throw notFound(type)
    // Pseudonyms cannot be turned back, so they are compared; analysts read few single episodes.
    for await (const episode of research.episodes(principal)) {
      if (research.pseudonym(episode.id) === id)
        return { episode, view: { kind: 'research', pseudonym: research.pseudonym } }
    }
    throw notFound(type)
  }
  const episode = isClinical(call) ? await deps.findEpisode(principal, id) : undefined
  if (!episode) throw notFound(type)
  return { episode, view: { kind: 'clinical' } }
}

function isClinical({ principal }: FhirCall): boolean {
  return principal.role === 'nurse' || principal.role === 'lead' || principal.role === 'hospital'
}

async function searchEpisode(call: FhirCall, deps: FormDeps): Promise<FhirAnswer> {
  const { query, asked } = episodeQueryOf(call, deps.hmac, deps.clock())
  const { page, total, view } = await found(call, query, deps)
  const shown = page.slice(0, query.count)
  call.log({ episodes: shown.map(episode => episode.id), rows: shown.length })
  const address = `${fhirBaseOf(deps)}/${type}`
  const last = shown.at(-1)
  const matches = shown.map(episode => {
    const resource = jsonOf(episodeOfCare(episode, view))
    return { fullUrl: `${address}/${String(resource['id'])}`, answer: { status: 200, resource } }
  })
  const hasNext = page.length > query.count && query.count > 0 && last !== undefined
  return searchset(address, asked, { matches, total, ...(hasNext ? { nextAfter: idIn(view, last.id) } : {}) })
}

async function found(
  call: FhirCall,
  query: EpisodeQuery,
  deps: FormDeps,
): Promise<{ page: readonly Episode[]; total: number; view: View }> {
  const { principal } = call
  if (isClinical(call)) return { ...(await deps.searchEpisodes(principal, query)), view: { kind: 'clinical' } }
  const { research } = deps
  if (principal.role !== 'analyst' || !research) return { page: [], total: 0, view: { kind: 'clinical' } }
  const page: Episode[] = []
  let total = 0
  // In the order of our ids; where the last page ended is told by a pseudonym.
  let isBehind = query.after === undefined
  for await (const episode of research.episodes(principal)) {
    const isStart = research.pseudonym(episode.id) === query.after
    if (matches(episode, query, research.pseudonym)) {
      total++
      if (isBehind && page.length <= query.count) page.push(episode)
    }
    isBehind ||= isStart
  }
  return { page, total, view: { kind: 'research', pseudonym: research.pseudonym } }
}

function matches(episode: Episode, query: EpisodeQuery, pseudonym: (id: string) => string): boolean {
  const { ids, status, diagnosed, isUndated, isNone } = query
  if (isNone || (ids && !ids.includes(pseudonym(episode.id)))) return false
  if (status && !status.includes(episode.status)) return false
  const day = episode.diagnosedOn
  if (isUndated !== undefined && isUndated !== (day === undefined)) return false
  const range = dateRange(day ?? '')
  return diagnosed.every(condition => range !== undefined && meetsDate(condition, range))
}
