import { type Issue, issue } from '../../fls/issue.ts'
import { Refusal } from '../../http/refusal.ts'
import { findByToken, findResources, type ResourceDocument } from '../../store/resources.ts'
import { type FhirDeps, fhirBase } from './door.ts'
import { type Founding, foundingToken, resourceIdOf } from './identity.ts'
import { type JsonObject, textAt } from './json.ts'
import { type KnownTargets, resolveReferences } from './references.ts'
import type { Sender } from './sender.ts'
import { identifierTokens } from './written.ts'

/** A resource somebody wants written, and how. `where`: FHIRPath of the resource in what was sent; `path`: the same inside the bytes. */
export type WriteRequest = {
  readonly method: 'POST' | 'PUT'
  readonly type: string
  readonly resource: JsonObject
  readonly where: string
  readonly path: string
  readonly index: number
  readonly fullUrl?: string
  /** PUT to an id. */
  readonly id?: string
  /** Conditional update. */
  readonly criterion?: string
  /** Conditional create. */
  readonly ifNoneExist?: string
  readonly ifMatch?: string
}

/** `match`: a conditional create found its resource, nothing is written. */
export type PlannedWrite = {
  readonly request: WriteRequest
  readonly id: string
  readonly outcome: 'create' | 'update' | 'match'
  readonly existing?: ResourceDocument
}
export type WritePlan = {
  readonly writes: readonly PlannedWrite[]
  readonly references: Readonly<Record<string, string>>
  readonly patients: Readonly<Record<string, JsonObject>>
  readonly medications: Readonly<Record<string, JsonObject>>
}

/**
 * Decides every id and every reference before anything is kept, so that a transaction is kept whole or refused whole. Reads the index of this
 * sender only. Throws `Refusal` with all findings: 400 bad conditions or ids, 405 unknown id, 412 several matches or If-Match,
 * 422 references that lead nowhere.
 */
export async function planWrites(
  requests: readonly WriteRequest[],
  sender: Sender,
  bytes: Buffer,
  deps: FhirDeps,
): Promise<WritePlan> {
  const identified = await Promise.all(requests.map(request => identify(request, sender, bytes, deps)))
  const writes = separateRepeats(identified, sender, bytes, deps)
  const existing = await findResources(deps.db, sender.sender, writes.map(keyOf))
  const settled = writes.map(write => settle(write, existing.get(keyOf(write))))
  refuse([...settled.flatMap(write => (write.refusal ? [write.refusal] : [])), ...repeatedIdentities(settled)])
  const targets: KnownTargets = { entries: settled, base: fhirBase(deps) }
  const resolved = await resolveReferences(requests, targets, sender, deps.db)
  refuse(resolved.refusals)
  return { writes: settled, ...resolved.notes }
}

/** The first status wins; findings of that status are told together. */
export function refuse(refusals: readonly Refusal[]): void {
  const [first] = refusals
  if (!first) return
  const issues = refusals.filter(one => one.status === first.status).flatMap(one => one.issues)
  throw new Refusal(first.status, issues, first.headers)
}

type Identified = {
  readonly request: WriteRequest
  readonly id: string
  readonly match?: ResourceDocument
  readonly refusal?: Refusal
}
type Settled = PlannedWrite & { readonly refusal?: Refusal }

const keyOf = (write: { readonly request: WriteRequest; readonly id: string }): string =>
  `${write.request.type}/${write.id}`

async function identify(request: WriteRequest, sender: Sender, bytes: Buffer, deps: FhirDeps): Promise<Identified> {
  const idOf = (founding: Founding): string => resourceIdOf(deps.hmac, sender.sender, request.type, founding)
  if (request.id !== undefined) return { request, id: request.id, ...refusalOf(checkBodyId(request)) }
  const criterion = request.criterion ?? request.ifNoneExist
  if (criterion === undefined) {
    const token = foundingToken(request.resource)
    return { request, id: idOf(token ? { token } : { bytes, index: request.index }) }
  }
  const matches = await findByToken(deps.db, sender.sender, request.type, criterion)
  const [match] = matches
  if (matches.length > 1) return { request, id: '', refusal: refusal(412, issue('multiple-matches', request.where)) }
  if (!match) return { request, id: idOf({ token: criterion }), ...refusalOf(checkNewId(request)) }
  const bodyId = textAt(request.resource, 'id')
  const isOther = request.method === 'PUT' && bodyId !== undefined && bodyId !== match.id
  return {
    request,
    id: match.id,
    match,
    ...refusalOf(isOther ? refusal(400, issue('structure-invalid', `${request.where}.id`)) : undefined),
  }
}

/** Update: the body names the id of the address (R4 http.html, "update"). */
function checkBodyId(request: WriteRequest): Refusal | undefined {
  const bodyId = textAt(request.resource, 'id')
  if (bodyId === request.id) return undefined
  return refusal(
    400,
    issue(bodyId === undefined ? 'element-required' : 'structure-invalid', `${request.where}.id`, {
      hint: 'the id of the address',
    }),
  )
}

/** Conditional update without a match but with a body id would be an update-as-create, which is not offered. */
function checkNewId(request: WriteRequest): Refusal | undefined {
  const isCreateWithId = request.method === 'PUT' && textAt(request.resource, 'id') !== undefined
  return isCreateWithId
    ? refusal(405, issue('interaction-not-supported', `${request.where}.id`, { hint: 'ids are given by the server' }))
    : undefined
}

/**
 * Two plain creates of one Bundle that share an identifier are two resources: an accession number is seen on every result of a study.
 * The later ones take their id from the bytes.
 */
function separateRepeats(all: readonly Identified[], sender: Sender, bytes: Buffer, deps: FhirDeps): Identified[] {
  const seen = new Set<string>()
  return all.map(one => {
    const { request } = one
    const isPlainCreate = request.method === 'POST' && request.ifNoneExist === undefined
    const isRepeat = seen.has(keyOf(one))
    seen.add(keyOf(one))
    if (!isPlainCreate || !isRepeat) return one
    return { ...one, id: resourceIdOf(deps.hmac, sender.sender, request.type, { bytes, index: request.index }) }
  })
}

function settle(write: Identified, existing: ResourceDocument | undefined): Settled {
  const { request, id } = write
  if (write.refusal) return { request, id, outcome: 'create', refusal: write.refusal }
  const held = write.match ?? existing
  if (request.ifNoneExist !== undefined && held) return { request, id, outcome: 'match', existing: held }
  if (request.id !== undefined && !held) {
    const hint = 'ids are given by the server: create with POST, or PUT ?identifier=system|value'
    return {
      request,
      id,
      outcome: 'create',
      refusal: refusal(405, issue('interaction-not-supported', `${request.where}.id`, { hint })),
    }
  }
  const conflict = checkIfMatch(request, held)
  const outcome = request.method === 'PUT' && held ? 'update' : 'create'
  return { request, id, outcome, ...(held ? { existing: held } : {}), ...refusalOf(conflict) }
}

function checkIfMatch(request: WriteRequest, held: ResourceDocument | undefined): Refusal | undefined {
  if (request.ifMatch === undefined) return undefined
  const version = /^W\/"([A-Za-z0-9.-]{1,64})"$/.exec(request.ifMatch.trim())?.[1]
  if (version === undefined) return refusal(400, issue('version-required', 'If-Match'))
  return held?.versions.at(-1)?.versionId === version ? undefined : refusal(412, issue('version-conflict', 'If-Match'))
}

/** The same resource written twice in one transaction: refused, since the order would decide (R4 http.html, "transaction"). */
function repeatedIdentities(writes: readonly Settled[]): Refusal[] {
  const seen = new Set<string>()
  return writes.flatMap(write => {
    const isRepeat = write.outcome !== 'match' && seen.has(keyOf(write))
    seen.add(keyOf(write))
    return isRepeat && !write.refusal ? [refusal(400, issue('bundle-duplicate-identity', write.request.where))] : []
  })
}

function refusal(status: number, found: Issue): Refusal {
  return new Refusal(status, [found])
}

function refusalOf(found: Refusal | undefined): { refusal?: Refusal } {
  return found ? { refusal: found } : {}
}

/** Whether a resource of this Bundle carries the identifier. */
export function carries(resource: JsonObject, token: string): boolean {
  return identifierTokens(resource).includes(token)
}
