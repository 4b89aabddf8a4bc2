import { instantOf } from '../../fls/dates.ts'
import type { OdsCode } from '../../fls/fact.ts'
import { type Issue, issue } from '../../fls/issue.ts'
import { Refusal } from '../../http/refusal.ts'
import { versionsOf } from '../../store/resource-versions.ts'
import { findResource, type ResourceDocument, searchResources } from '../../store/resources.ts'
import { PracticeClosed } from '../arrival.ts'
import type { FhirAnswer, FhirCall } from './call.ts'
import { type FhirDeps, fhirBase } from './door.ts'
import type { JsonObject, JsonValue } from './json.ts'
import { offeredSearch, resultParameters } from './offered.ts'
import { operationOutcome } from './operation-outcome.ts'
import { isFhirId } from './primitives.ts'
import { mergedLiterals } from './rewrite.ts'
import { senderOf } from './sender.ts'
import { jsonOf, servedKept, servedVersion, urlOf } from './served.ts'
import { parseToken, splitValues } from './token.ts'

const defaultCount = 50
const mostCount = 200

/** Read and vread of the sender's own resource; another sender's is 404. If-None-Match with the current ETag: 304. */
export async function read(call: FhirCall, deps: FhirDeps): Promise<FhirAnswer> {
  const document = await ownDocument(call, deps)
  const answer = await servedVersion(document, call.version, deps)
  call.log({ rows: 1 })
  const known = call.headers['if-none-match']?.split(',').map(tag => tag.trim())
  if (known?.includes(answer.headers?.['ETag'] ?? '')) return { status: 304, headers: answer.headers ?? {} }
  return answer
}

/** Instance history, newest first. */
export async function history(call: FhirCall, deps: FhirDeps): Promise<FhirAnswer> {
  const document = await ownDocument(call, deps)
  const versions = await versionsOf(deps.db, document)
  const newest = versions.toReversed().slice(0, mostCount)
  const served = await Promise.all(newest.map(version => servedKept(document, version, deps)))
  const entry = served.map((answer, index) => ({
    fullUrl: urlOf(document, deps),
    resource: answer.resource ?? {},
    request: {
      method: index === newest.length - 1 ? 'POST' : 'PUT',
      url: index === newest.length - 1 ? document.type : document._id,
    },
    response: { status: index === newest.length - 1 ? '201 Created' : '200 OK', etag: answer.headers?.['ETag'] ?? '' },
  }))
  call.log({ rows: entry.length })
  return {
    status: 200,
    resource: { resourceType: 'Bundle', type: 'history', total: versions.length, entry },
    literals: mergedLiterals(served.map(answer => answer.literals)),
  }
}

/**
 * Whose resources are read: those of the feed, for a GP supplier those of the practice it speaks for. A practice that is not opted in now
 * reads nothing back, as nothing is taken from it.
 */
async function readerOf(
  call: FhirCall,
  { gate, clock }: FhirDeps,
): Promise<{ readonly sender: string; readonly organisation?: OdsCode }> {
  const { sender, practice } = senderOf(call)
  if (practice === undefined) return { sender }
  const { isOpen, since } = await gate(practice, instantOf(clock()))
  if (!isOpen) throw new PracticeClosed(since)
  return { sender, organisation: practice }
}

async function ownDocument(call: FhirCall, deps: FhirDeps): Promise<ResourceDocument> {
  const { sender, organisation } = await readerOf(call, deps)
  const document =
    call.id !== undefined && isFhirId(call.id) ? await findResource(deps.db, sender, call.type, call.id) : undefined
  if (!document || (organisation !== undefined && document.organisation !== organisation))
    throw new Refusal(404, [issue('not-found', call.type)])
  return document
}

type Search = {
  readonly ids?: readonly string[]
  readonly tokens: readonly (readonly string[])[]
  readonly count: number
  readonly after?: string
  readonly isCountOnly: boolean
  /** Parameters that took effect, for the `self` link. */
  readonly applied: URLSearchParams
  readonly ignored: readonly Issue[]
}

/**
 * Search by `_id` and `identifier` over the sender's own resources. Unknown parameters are ignored, left out of `self` and told in an outcome
 * entry; with `Prefer: handling=strict`, and always for modifiers, they are 400.
 */
export async function search(call: FhirCall, deps: FhirDeps): Promise<FhirAnswer> {
  const reader = await readerOf(call, deps)
  const asked = parseSearch(call, deps)
  const { ids, tokens, after, isCountOnly } = asked
  const count = isCountOnly ? 0 : asked.count
  const found = await searchResources(deps.db, {
    ...reader,
    type: call.type,
    tokens,
    count,
    ...(ids ? { ids } : {}),
    ...(after ? { after } : {}),
  })
  const page = found.page.slice(0, count)
  const served = await Promise.all(page.map(document => servedVersion(document, undefined, deps)))
  call.log({ rows: page.length })
  const last = page.at(-1)
  const hasNext = found.page.length > count && last !== undefined
  return {
    status: 200,
    resource: searchset(call, deps, asked, page, served, { total: found.total, ...(hasNext ? { next: last.id } : {}) }),
    literals: mergedLiterals(served.map(answer => answer.literals)),
  }
}

function searchset(
  call: FhirCall,
  deps: FhirDeps,
  asked: Search,
  page: readonly ResourceDocument[],
  served: readonly FhirAnswer[],
  more: { total: number; next?: string },
): JsonObject {
  const address = `${fhirBase(deps)}/${call.type}`
  const link: JsonValue[] = [{ relation: 'self', url: withQuery(address, asked.applied) }]
  if (more.next !== undefined) {
    const next = new URLSearchParams(asked.applied)
    next.set('_page', `${more.next}.${pageSeal(more.next, call, deps)}`)
    link.push({ relation: 'next', url: withQuery(address, next) })
  }
  const matches: JsonValue[] = page.map((document, index) => ({
    fullUrl: urlOf(document, deps),
    resource: served[index]?.resource ?? {},
    search: { mode: 'match' },
  }))
  const told: JsonValue[] =
    asked.ignored.length > 0 ? [{ resource: jsonOf(operationOutcome(asked.ignored)), search: { mode: 'outcome' } }] : []
  const entry = asked.isCountOnly ? [] : [...matches, ...told]
  return { resourceType: 'Bundle', type: 'searchset', total: more.total, link, ...(entry.length > 0 ? { entry } : {}) }
}

function withQuery(address: string, query: URLSearchParams): string {
  return query.size > 0 ? `${address}?${query}` : address
}

/** Page marks are ours alone: a mark we did not write for this sender and type is 400. */
function pageSeal(id: string, call: FhirCall, deps: FhirDeps): string {
  return deps.hmac('page', senderOf(call).sender, call.type, id).slice(0, 16)
}

function parseSearch(call: FhirCall, deps: FhirDeps): Search {
  const isStrict = /handling\s*=\s*strict/.test(call.headers['prefer'] ?? '')
  const applied = new URLSearchParams()
  const ignored: Issue[] = []
  const tokens: string[][] = []
  const ids: string[][] = []
  for (const [name, value] of call.query) {
    const plain = name.split(':')[0] ?? ''
    const isSearch = offeredSearch.some(parameter => parameter.name === plain)
    if (isSearch && plain !== name)
      throw new Refusal(400, [issue('parameter-not-supported', plain, { hint: 'no modifiers' })])
    if (!isSearch && !resultParameters.has(name)) {
      const unknown = issue('parameter-not-supported', /^[\w.:-]{1,64}$/.test(name) ? name : 'parameter', {
        severity: 'warning',
      })
      if (isStrict) throw new Refusal(400, [{ ...unknown, severity: 'error' }])
      ignored.push(unknown)
      continue
    }
    if (name === 'identifier') tokens.push(tokensOf(value))
    if (name === '_id') ids.push(splitValues(value))
    if (name !== '_format' && name !== '_page' && name !== '_pretty') applied.append(name, value)
  }
  const after = pageOf(call, deps)
  return {
    tokens,
    ...(ids.length > 0 ? { ids: ids.reduce((some, others) => some.filter(id => others.includes(id))) } : {}),
    ...(after ? { after } : {}),
    count: countOf(call.query.get('_count')),
    isCountOnly: call.query.get('_summary') === 'count',
    applied,
    ignored,
  }
}

function tokensOf(value: string): string[] {
  const tokens = splitValues(value).map(parseToken)
  const readable = tokens.filter(token => token !== undefined)
  if (readable.length === 0 || readable.length < tokens.length) {
    throw new Refusal(400, [issue('parameter-invalid', 'identifier', { hint: 'system|value, |value or value' })])
  }
  return readable
}

function countOf(text: string | null): number {
  if (text === null) return defaultCount
  if (!/^\d{1,9}$/.test(text)) throw new Refusal(400, [issue('parameter-invalid', '_count')])
  return Math.min(Number(text), mostCount)
}

function pageOf(call: FhirCall, deps: FhirDeps): string | undefined {
  const mark = call.query.get('_page')
  if (mark === null) return undefined
  const at = mark.lastIndexOf('.')
  const id = mark.slice(0, at)
  if (at < 1 || mark.slice(at + 1) !== pageSeal(id, call, deps))
    throw new Refusal(400, [issue('parameter-invalid', '_page')])
  return id
}
