import { type Issue, issue } from '../../fls/issue.ts'
import { Refusal } from '../../http/refusal.ts'
import type { KnownResources, ResourceQuestion } from '../../store/resource-index.ts'
import type { ResourceDocument } from '../../store/resources.ts'
import { type FhirDeps, fhirBase } from './door.ts'
import { type Founding, foundingToken, resourceIdOf } from './identity.ts'
import { type JsonObject, textAt } from './json.ts'
import { askedByReferences, type KnownTargets, resolveReferences, sentReferences } from './references.ts'
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
 * sender only, for a GP supplier of the practice it speaks for: the systems of two practices number their patients alike. Throws `Refusal` with all findings: 400 bad conditions or ids, 405 unknown id, 412 several matches or If-Match,
 * 422 references that lead nowhere.
 */
export async function planWrites(
  requests: readonly WriteRequest[],
  sender: Sender,
  bytes: Buffer,
  deps: FhirDeps,
): Promise<WritePlan> {
  const { practice } = sender
  const whose = practice === undefined ? sender.sender : `${sender.sender}/${practice}`
  const idOf = (request: WriteRequest, founding: Founding): string =>
    resourceIdOf(deps.hmac, whose, request.type, founding)
  const sent = sentReferences(requests, fhirBase(deps))
  const founded = requests.map(request => ({ request, id: request.id ?? idOf(request, foundingOf(request, bytes)) }))
  const byReferences = askedByReferences(sent)
  const question: ResourceQuestion = {
    sender: sender.sender,
    ...(practice === undefined ? {} : { organisation: practice }),
    keys: [...founded.map(keyOf), ...byReferences.keys],
    identifiers: [...requests.flatMap(criterionOf), ...byReferences.identifiers],
  }
  const known = await deps.resources.lookUp(question)
  const identified = separateRepeats(
    founded.map(write => identify(write, known)),
    request => idOf(request, { bytes, index: request.index }),
  )
  const settled = await settleAll(identified, known, question, deps)
  refuse([...settled.flatMap(write => (write.refusal ? [write.refusal] : [])), ...repeatedIdentities(settled)])
  const targets: KnownTargets = { entries: settled, base: fhirBase(deps) }
  const resolved = resolveReferences(requests, sent, targets, known)
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

/** What founds the id of a resource that is new: the criterion it is asked for by, its identifier, or its bytes. */
function foundingOf(request: WriteRequest, bytes: Buffer): Founding {
  const token = request.criterion ?? request.ifNoneExist ?? foundingToken(request.resource)
  return token ? { token } : { bytes, index: request.index }
}

function criterionOf({ type, criterion, ifNoneExist }: WriteRequest): ResourceQuestion['identifiers'] {
  const token = criterion ?? ifNoneExist
  return token === undefined ? [] : [{ type, token }]
}

/** `id`: the one it has when nothing matches. */
function identify({ request, id }: Identified, known: KnownResources): Identified {
  if (request.id !== undefined) return { request, id, ...refusalOf(checkBodyId(request)) }
  const [criterion] = criterionOf(request)
  if (criterion === undefined) return { request, id }
  const matches = known.byIdentifier(criterion.type, criterion.token)
  const [match] = matches
  if (matches.length > 1) return { request, id: '', refusal: refusal(412, issue('multiple-matches', request.where)) }
  if (!match) return { request, id, ...refusalOf(checkNewId(request)) }
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
function separateRepeats(all: readonly Identified[], idByBytes: (request: WriteRequest) => string): Identified[] {
  const seen = new Set<string>()
  return all.map(one => {
    const { request } = one
    const isPlainCreate = request.method === 'POST' && request.ifNoneExist === undefined
    const isRepeat = seen.has(keyOf(one))
    seen.add(keyOf(one))
    if (!isPlainCreate || !isRepeat) return one
    return { ...one, id: idByBytes(request) }
  })
}

/** Ids that only became clear with the answers are looked up as well. */
async function settleAll(
  writes: readonly Identified[],
  known: KnownResources,
  asked: ResourceQuestion,
  deps: FhirDeps,
): Promise<Settled[]> {
  const isAsked = new Set(asked.keys)
  const keys = writes.filter(write => write.match === undefined && !write.refusal).map(keyOf)
  const others = keys.filter(key => !isAsked.has(key))
  const more = await deps.resources.lookUp({ ...asked, keys: others, identifiers: [] })
  return writes.map(write => settle(write, known.byKey(keyOf(write)) ?? more.byKey(keyOf(write))))
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
  return held?.current.versionId === version ? undefined : refusal(412, issue('version-conflict', 'If-Match'))
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
