import { issue } from '../../fls/issue.ts'
import { Refusal } from '../../http/refusal.ts'
import type { ResponseDocument, ResponseVersion } from '../../store/responses.ts'
import type { FhirAnswer, FhirCall } from '../fhir/call.ts'
import { historyBundle } from '../fhir/history.ts'
import { isObject } from '../fhir/json.ts'
import { searchParametersOf } from '../fhir/search-parameters.ts'
import { askedSearch } from '../fhir/search-query.ts'
import { searchset } from '../fhir/searchset.ts'
import { filled } from '../fhir/served.ts'
import { decodeUtf8, readStrictJson } from '../fhir/strict-json.ts'
import { type FormDeps, fhirBaseOf, notFound, organisationsFor } from './door.ts'
import { includedWith, responseIncludes } from './included.ts'
import { assembledAnswer } from './submit.ts'

const type = 'QuestionnaireResponse'

/** A submitted response as it was sent, else the episode of that id as an assembled one; 404 outside the caller's organisations. */
export async function readResponse(call: FhirCall, deps: FormDeps): Promise<FhirAnswer> {
  const { id = '' } = call
  const document = await deps.responses.find(organisationsFor(call.principal), id)
  if (document) {
    call.log({ rows: 1 })
    return served(document, call.version, deps)
  }
  const episode = organisationsFor(call.principal).length > 0 ? await deps.findEpisode(call.principal, id) : undefined
  if (!episode) throw notFound(type)
  call.log({ episodes: [episode.id], rows: 1 })
  const answer = assembledAnswer(episode)
  // Old versions of assembled answers are not kept: only the one that stands now can be named.
  if (call.version !== undefined && answer.headers?.['ETag'] !== `W/"${call.version}"`) throw notFound(type)
  return answer
}

async function served(document: ResponseDocument, versionId: string | undefined, deps: FormDeps): Promise<FhirAnswer> {
  const version =
    versionId === undefined ? document.versions.at(-1) : document.versions.find(one => one.versionId === versionId)
  if (!version) throw notFound(type)
  const bytes = await deps.rawBytes(version.inboxId)
  const read = bytes && readStrictJson(decodeUtf8(bytes) ?? '').read
  if (!read || !isObject(read.value)) throw new Refusal(410, [issue('gone', type)])
  const resource = filled(
    read.value,
    { id: document._id, versionId: version.versionId, at: version.at, references: new Map() },
    read.literals,
  )
  return { status: 200, headers: headersOf(version), resource, literals: read.literals }
}

function headersOf(version: ResponseVersion): Readonly<Record<string, string>> {
  return { ETag: `W/"${version.versionId}"`, 'Last-Modified': version.at.toUTCString() }
}

/** All versions, newest first; of an assembled response the one that stands now. */
export async function responseHistory(call: FhirCall, deps: FormDeps): Promise<FhirAnswer> {
  const { id = '' } = call
  const address = `${fhirBaseOf(deps)}/${type}/${id}`
  const document = await deps.responses.find(organisationsFor(call.principal), id)
  if (document) {
    const versions = document.versions.map(({ versionId, at }, index) => ({
      ordinal: index + 1,
      versionId,
      at,
      load: () => served(document, versionId, deps),
    }))
    return historyBundle(call, address, versions, deps.hmac)
  }
  const answer = await readResponse(call, deps)
  const versionId = answer.headers?.['ETag']?.slice(3, -1) ?? ''
  return historyBundle(call, address, [{ ordinal: 1, versionId, load: async () => answer }], deps.hmac)
}

/** Search of submitted responses; `_id` alone also finds assembled ones, under the ids of episodes. */
export async function searchResponse(call: FhirCall, deps: FormDeps): Promise<FhirAnswer> {
  const organisations = organisationsFor(call.principal)
  const offer = { parameters: searchParametersOf(type), includes: responseIncludes }
  const asked = askedSearch(call, offer, deps.hmac, deps.clock())
  const found = await deps.responses.search(organisations, asked)
  const page = found.page.slice(0, asked.count)
  const submitted = await Promise.all(page.map(document => served(document, undefined, deps)))
  const isIdOnly = asked.conditions.length + asked.lastUpdated.length === 0
  const missing =
    organisations.length > 0 && isIdOnly
      ? (asked.ids ?? []).filter(id => !page.some(document => document._id === id)).slice(0, 50)
      : []
  const episodes = (await Promise.all(missing.map(id => deps.findEpisode(call.principal, id)))).filter(
    episode => episode !== undefined,
  )
  const answers = [...submitted, ...episodes.map(assembledAnswer)]
  const last = page.at(-1)
  const hasNext = found.page.length > asked.count && last !== undefined
  call.log({ rows: answers.length, episodes: episodes.map(episode => episode.id) })
  const address = `${fhirBaseOf(deps)}/${type}`
  const included = await includedWith(answers, asked.includes, call, deps)
  return searchset(address, asked, {
    matches: answers.map(answer => ({ fullUrl: `${address}/${String(answer.resource?.['id'])}`, answer })),
    total: found.total + episodes.length,
    included,
    ...(hasNext ? { nextAfter: last._id } : {}),
  })
}
