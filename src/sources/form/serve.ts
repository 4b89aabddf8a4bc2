import { issue } from '../../fls/issue.ts'
import { Refusal } from '../../http/refusal.ts'
import type { ResponseDocument, ResponseVersion } from '../../store/responses.ts'
import type { FhirAnswer, FhirCall } from '../fhir/call.ts'
import { isObject, type JsonObject, type JsonValue } from '../fhir/json.ts'
import { operationOutcome } from '../fhir/operation-outcome.ts'
import { mergedLiterals } from '../fhir/rewrite.ts'
import { filled, jsonOf } from '../fhir/served.ts'
import { decodeUtf8, readStrictJson } from '../fhir/strict-json.ts'
import { type FormDeps, fhirBaseOf, notFound, organisationsFor } from './door.ts'
import { parseResponseSearch } from './search-query.ts'
import { assembledAnswer } from './submit.ts'

const type = 'QuestionnaireResponse'

/** A submitted response as it was sent, else the episode of that id as an assembled one; 404 outside the caller's organisations. */
export async function readResponse(call: FhirCall, deps: FormDeps): Promise<FhirAnswer> {
  const answer = await current(call, deps)
  const known = call.headers['if-none-match']?.split(',').map(tag => tag.trim())
  return known?.includes(answer.headers?.['ETag'] ?? '') ? { status: 304, headers: answer.headers ?? {} } : answer
}

async function current(call: FhirCall, deps: FormDeps): Promise<FhirAnswer> {
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
  const document = await deps.responses.find(organisationsFor(call.principal), id)
  const versions = document ? [...document.versions].reverse() : []
  const answers = document
    ? await Promise.all(versions.map(version => served(document, version.versionId, deps)))
    : [await current(call, deps)]
  const entry = answers.map((answer, index): JsonObject => {
    const isFirst = index === answers.length - 1
    return {
      fullUrl: `${fhirBaseOf(deps)}/${type}/${id}`,
      resource: answer.resource ?? {},
      request: { method: isFirst ? 'POST' : 'PUT', url: isFirst ? type : `${type}/${id}` },
      response: { status: isFirst ? '201 Created' : '200 OK', etag: answer.headers?.['ETag'] ?? '' },
    }
  })
  call.log({ rows: entry.length })
  return {
    status: 200,
    resource: { resourceType: 'Bundle', type: 'history', total: entry.length, entry },
    literals: mergedLiterals(answers.map(answer => answer.literals)),
  }
}

/** SDC Form Response Manager: questionnaire, status, subject, authored, author, identifier; `_id` also finds assembled responses. */
export async function searchResponse(call: FhirCall, deps: FormDeps): Promise<FhirAnswer> {
  const organisations = organisationsFor(call.principal)
  const asked = parseResponseSearch(call, deps)
  const found = await deps.responses.search(organisations, asked.query)
  const page = found.page.slice(0, asked.query.count)
  const submitted = await Promise.all(page.map(document => served(document, undefined, deps)))
  const missing =
    organisations.length > 0 && asked.isIdOnly
      ? (asked.query.ids ?? []).filter(id => !page.some(document => document._id === id)).slice(0, 50)
      : []
  const episodes = (await Promise.all(missing.map(id => deps.findEpisode(call.principal, id)))).filter(
    episode => episode !== undefined,
  )
  const answers = [...submitted, ...episodes.map(assembledAnswer)]
  const last = page.at(-1)
  const hasNext = found.page.length > asked.query.count && last !== undefined
  call.log({ rows: answers.length, episodes: episodes.map(episode => episode.id) })
  const address = `${fhirBaseOf(deps)}/${type}`
  const link: JsonValue[] = [{ relation: 'self', url: withQuery(address, asked.applied) }]
  if (hasNext) link.push({ relation: 'next', url: withQuery(address, asked.pageAfter(last._id)) })
  const entry: JsonValue[] = asked.isCountOnly
    ? []
    : answers.map(answer => ({
        fullUrl: `${address}/${String(answer.resource?.['id'])}`,
        resource: answer.resource ?? {},
        search: { mode: 'match' },
      }))
  if (asked.ignored.length > 0)
    entry.push({ resource: jsonOf(operationOutcome(asked.ignored)), search: { mode: 'outcome' } })
  const resource: JsonObject = {
    resourceType: 'Bundle',
    type: 'searchset',
    total: found.total + episodes.length,
    link,
    ...(entry.length > 0 ? { entry } : {}),
  }
  return { status: 200, resource, literals: mergedLiterals(answers.map(answer => answer.literals)) }
}

function withQuery(address: string, query: URLSearchParams): string {
  return query.size > 0 ? `${address}?${query}` : address
}
