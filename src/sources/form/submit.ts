import type { Instant } from '../../fls/dates.ts'
import { instantOf } from '../../fls/dates.ts'
import type { Episode } from '../../fls/episode.ts'
import type { OdsCode, RecordKey } from '../../fls/fact.ts'
import { type Issue, issue } from '../../fls/issue.ts'
import { Refusal } from '../../http/refusal.ts'
import type { ResponseDocument } from '../../store/responses.ts'
import type { Accepted, Arrival } from '../arrival.ts'
import type { FhirAnswer, FhirBody, FhirCall } from '../fhir/call.ts'
import { foundingToken, resourceIdOf } from '../fhir/identity.ts'
import { type JsonObject, type NumberLiterals, objectAt, objectsAt, textAt } from '../fhir/json.ts'
import { operationOutcome } from '../fhir/operation-outcome.ts'
import { filled, jsonOf } from '../fhir/served.ts'
import { assembleResponse, shownValues, versionOf } from './assemble.ts'
import { authorOf, type FormDeps, fhirBaseOf, organisationsFor, versionNamed } from './door.ts'
import { answersOf, editOf } from './edit.ts'
import { acceptFollowing } from './follow-version.ts'
import { checkForm } from './form-checks.ts'
import { type FormNotes, formRecordKey, subjectNumbers } from './form-notes.ts'
import { responseVersionId } from './indexed-response.ts'

const type = 'QuestionnaireResponse'

/** `POST /fhir/QuestionnaireResponse`: kept and 201; the same bytes again answer the same; an identifier seen before adds a version (200). */
export async function createResponse(call: FhirCall, deps: FormDeps): Promise<FhirAnswer> {
  // Its identifier makes every create conditional; a condition of the caller's own would be passed over.
  if (call.headers['if-none-exist'] !== undefined)
    throw new Refusal(400, [issue('parameter-not-supported', 'If-None-Exist', { hint: 'PUT with If-Match amends' })])
  const body = bodyOf(call)
  const warnings = refuseFaults(body, deps)
  const author = authorOf(call)
  const token = foundingToken(body.resource)
  const id = resourceIdOf(
    deps.hmac,
    author.organisation,
    type,
    token === undefined ? { bytes: body.bytes, index: 0 } : { token },
  )
  const known = await deps.responses.find([author.organisation], id)
  return keepVersion({ call, body, id, known, warnings, ...author }, deps)
}

/** `PUT /fhir/QuestionnaireResponse/:id`: a new version of a submitted one, or an edit of an assembled one. If-Match is required. */
export async function updateResponse(call: FhirCall, deps: FormDeps): Promise<FhirAnswer> {
  const body = bodyOf(call)
  const { id } = call
  if (id === undefined)
    throw new Refusal(405, [issue('interaction-not-supported', type, { hint: 'conditional update' })])
  const known = await deps.responses.find(organisationsFor(call.principal), id)
  const episode = known ? undefined : await deps.findEpisode(call.principal, id)
  if (!known && !episode)
    throw new Refusal(405, [issue('interaction-not-supported', type, { hint: 'ids are issued by the server' })])
  const named = textAt(body.resource, 'id') ?? ''
  // An episode answers to every id it had; the body may carry its present one.
  if (named !== id && named !== episode?.id && !episode?.aliases.includes(named)) {
    throw new Refusal(400, [issue('structure-invalid', `${type}.id`, { hint: 'must be the id of the address' })])
  }
  const version = versionNamed(call)
  if (known && known.versions.at(-1)?.versionId !== version)
    throw new Refusal(412, [issue('version-conflict', 'If-Match')])
  const warnings = refuseFaults(body, deps)
  if (!known) return editAssembled({ call, body, episode: episode as Episode, version, warnings }, deps)
  return keepVersion(
    { call, body, id, known, warnings, sender: authorOf(call).sender, organisation: known.organisation },
    deps,
  )
}

function bodyOf(call: FhirCall): FhirBody {
  if (!call.body) throw new Refusal(400, [issue('json-invalid', 'body')])
  if (textAt(call.body.resource, 'resourceType') !== type)
    throw new Refusal(400, [issue('resource-type-wrong', `${type}.resourceType`)])
  return call.body
}

function refuseFaults(body: FhirBody, deps: FormDeps): readonly Issue[] {
  const { structural, rules } = checkForm(body, deps.questionnaires, deps.allowTestNumbers)
  if (structural.length > 0) throw new Refusal(400, structural)
  if (rules.some(found => found.severity === 'error')) throw new Refusal(422, rules)
  return rules
}

type Submission = {
  readonly call: FhirCall
  readonly body: FhirBody
  readonly id: string
  readonly known: ResponseDocument | undefined
  readonly warnings: readonly Issue[]
  readonly sender: string
  readonly organisation: OdsCode
}

async function keepVersion(submission: Submission, deps: FormDeps): Promise<FhirAnswer> {
  const { call, body, id, known, warnings, sender, organisation } = submission
  const pinned = await pinnedEpisode(call, body.resource, deps)
  const own = pinned ? (await deps.recordsOf(pinned, [organisation]))[0] : undefined
  if (pinned && !own) throw new Refusal(422, [issue('reference-unresolved', `${type}.subject`)])
  const record = own ?? formRecordKey(organisation, subjectNumbers(body.resource), id)
  const previous = known?.versions ?? []
  const movedFrom = [...new Set(previous.map(one => one.record))].filter(one => one !== record)
  const last = previous.at(-1)
  const notes: FormNotes = {
    response: id,
    ordinal: (last?.ordinal ?? 0) + 1,
    record,
    ...(last ? { notBefore: last.asOf } : {}),
    ...(movedFrom.length > 0 ? { movedFrom } : {}),
    ...(pinned ? { episode: pinned.id } : {}),
  }
  const arrival = arrivalOf(submission, { sender, organisation, record, notes })
  const repeated = await repeatOf(submission, deps)
  const accepted =
    repeated ??
    (last
      ? await acceptFollowing(arrival, `${type}/${id}/${last.versionId}`, call.id !== undefined, deps)
      : await deps.accept(arrival))
  await deps.responses.index({ ...arrival, id: accepted.inboxId, sha256: '', receivedAt: accepted.receivedAt })
  call.log({ inboxIds: [accepted.inboxId], rows: 1, ...(pinned ? { episodes: [pinned.id] } : {}) })
  const status = known && !repeated ? 200 : 201
  const version = { versionId: responseVersionId(accepted.inboxId), at: new Date(accepted.receivedAt) }
  return answerWrite(call, status, body, { id, ...version }, warnings, deps)
}

/** A resend: of the current version, or when it is posted, of any version, so that a late retry does not undo a correction. */
async function repeatOf({ call, body, known }: Submission, deps: FormDeps): Promise<Accepted | undefined> {
  const candidates = call.id === undefined ? (known?.versions ?? []) : (known?.versions.slice(-1) ?? [])
  for (const { inboxId, at } of candidates) {
    const held = await deps.rawBytes(inboxId)
    if (held?.equals(body.bytes)) return { inboxId, outcome: 'repeat', receivedAt: instantOf(at) }
  }
  return undefined
}

type Placing = {
  readonly sender: string
  readonly organisation: OdsCode
  readonly record: RecordKey
  readonly notes: FormNotes
}

/** The control id names the version when the sender gave none, so that a change back to older content is a version of its own. */
function arrivalOf(
  { call, body }: Pick<Submission, 'call' | 'body'>,
  { sender, organisation, record, notes }: Placing,
): Arrival {
  const ordinal = notes.ordinal > 1 ? `${notes.response}/${notes.ordinal}` : ''
  return {
    sender,
    organisation,
    side: 'site',
    protocol: 'form',
    controlId: call.controlId === '' ? ordinal : call.controlId,
    type,
    bytes: body.bytes,
    recordKey: record,
    meta: { ...notes },
  }
}

/** `subject` or a root extension that refers to an EpisodeOfCare: a person says this is that episode. 422 when it is not theirs. */
async function pinnedEpisode(call: FhirCall, resource: JsonObject, deps: FormDeps): Promise<Episode | undefined> {
  const references = [
    objectAt(resource, 'subject'),
    ...objectsAt(resource, 'extension').map(one => objectAt(one, 'valueReference')),
  ]
  const base = `${fhirBaseOf(deps)}/`
  for (const reference of references) {
    const text = textAt(reference, 'reference') ?? ''
    const local = text.startsWith(base) ? text.slice(base.length) : text
    const id = /^EpisodeOfCare\/([A-Za-z0-9.-]{1,64})$/.exec(local)?.[1]
    if (id === undefined) continue
    const episode = await deps.findEpisode(call.principal, id)
    if (!episode) throw new Refusal(422, [issue('reference-unresolved', `${type}.subject`)])
    return episode
  }
  return undefined
}

type Editing = {
  readonly call: FhirCall
  readonly body: FhirBody
  readonly episode: Episode
  readonly version: string
  readonly warnings: readonly Issue[]
}

async function editAssembled({ call, body, episode, version, warnings }: Editing, deps: FormDeps): Promise<FhirAnswer> {
  const { sender, organisation } = authorOf(call)
  const edit = editOf(body.resource, body.json.literals, episode, version)
  if (edit.kind === 'unknown-version') throw new Refusal(412, [issue('version-conflict', 'If-Match')])
  if (edit.kind === 'conflict')
    throw new Refusal(
      412,
      edit.items.map(item => issue('version-conflict', 'If-Match', { item, hint: item })),
    )
  const [record] = await deps.recordsOf(episode, organisationsFor(call.principal))
  if (!record) throw new Refusal(403, [issue('forbidden', type)])
  const status = textAt(body.resource, 'status')
  const isAccepted = (status === 'completed' || status === 'amended') && episode.status !== 'submitted'
  // Accepting what is shown is an answer too: the site says again when the fracture was diagnosed.
  const items = [...new Set([...edit.items, ...(isAccepted ? ['1.09'] : [])])]
  const predicted = predictedVersion(body, episode, edit.items)
  if (items.length === 0)
    return answerWrite(call, 200, body, { id: episode.id, versionId: predicted, at: deps.clock() }, warnings, deps)
  const notes: FormNotes = { response: episode.id, ordinal: 1, record, episode: episode.id, items }
  const plain = arrivalOf({ call, body }, { sender, organisation, record, notes })
  const accepted = await deps.accept({
    ...plain,
    controlId: plain.controlId === '' ? `${episode.id}/${version}` : plain.controlId,
  })
  call.log({ episodes: [episode.id], inboxIds: [accepted.inboxId], rows: items.length })
  return answerWrite(
    call,
    200,
    body,
    { id: episode.id, versionId: predicted, at: new Date(accepted.receivedAt as Instant) },
    warnings,
    deps,
  )
}

/** The version the episode will have once the edit is read and nothing else has come. */
function predictedVersion(body: FhirBody, episode: Episode, changed: readonly string[]): string {
  const given = answersOf(body.resource, body.json.literals)
  return versionOf(item => (changed.includes(item.id) ? (given.get(item.id) ?? []) : shownValues(item, episode)))
}

type Version = { readonly id: string; readonly versionId: string; readonly at: Date }

function answerWrite(
  call: FhirCall,
  status: number,
  body: FhirBody,
  version: Version,
  warnings: readonly Issue[],
  deps: FormDeps,
): FhirAnswer {
  const headers = {
    Location: `${fhirBaseOf(deps)}/${type}/${version.id}/_history/${version.versionId}`,
    ETag: `W/"${version.versionId}"`,
    'Last-Modified': version.at.toUTCString(),
  }
  const wanted = /return\s*=\s*(minimal|representation|OperationOutcome)/.exec(call.headers['prefer'] ?? '')?.[1]
  if (wanted === 'minimal') return { status, headers }
  if (wanted === 'OperationOutcome')
    return { status, headers, resource: jsonOf(operationOutcome([...warnings, issue('not-yet-read', type)])) }
  const literals: NumberLiterals = body.json.literals
  return { status, headers, resource: filled(body.resource, { ...version, references: new Map() }, literals), literals }
}

/** The episode as a response with its version headers. */
export function assembledAnswer(episode: Episode): FhirAnswer {
  const { resource, literals, versionId } = assembleResponse(episode)
  return { status: 200, headers: { ETag: `W/"${versionId}"` }, resource, literals }
}
