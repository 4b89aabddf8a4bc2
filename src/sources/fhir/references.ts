import { issue } from '../../fls/issue.ts'
import { Refusal } from '../../http/refusal.ts'
import type { KnownResources, ResourceQuestion } from '../../store/resource-index.ts'
import type { ResourceDocument } from '../../store/resources.ts'
import { isObject, type JsonObject, objectAt, objectsAt, textAt } from './json.ts'
import { subjectElements } from './offered.ts'
import { pathOf } from './place.ts'
import type { PlannedWrite, WritePlan, WriteRequest } from './plan.ts'
import { referencesIn } from './rewrite.ts'
import { parseCriterion } from './token.ts'
import { identifierTokens } from './written.ts'

export type SentReference = { readonly reference: string; readonly form: string; readonly where: string }
export type KnownTargets = { readonly entries: readonly PlannedWrite[]; readonly base: string }
type Resolved = { readonly refusals: readonly Refusal[]; readonly notes: Omit<WritePlan, 'writes'> }

/** `Type/id` of a literal reference, its version left out; `undefined` for other forms. */
const relative = /^([A-Z][A-Za-z]{1,63}\/[A-Za-z0-9.-]{1,64})(?:\/_history\/[A-Za-z0-9.-]{1,64})?$/

/**
 * Where every reference leads: to an entry of the same Bundle (by fullUrl, or by the id the sender gave it), by `Type?identifier=…` to
 * one resource, or to a resource this sender posted before. Refused with 422: `urn:` references without an entry, conditional references
 * without a match, and subjects that lead nowhere and carry no identifier, since such a resource could never be linked to anybody.
 * Refused with 412: conditional references with several matches. Other references that lead nowhere (practitioners, beds) are left alone.
 */
export function resolveReferences(
  requests: readonly WriteRequest[],
  sent: readonly SentReference[],
  targets: KnownTargets,
  stored: KnownResources,
): Resolved {
  const inBundle = bundleTargets(targets.entries)
  const refusals: Refusal[] = []
  const references: Record<string, string> = {}
  const found = new Map<string, ResourceDocument>(matched(targets.entries))
  for (const { reference, form, where } of sent) {
    const became =
      inBundle.get(form) ??
      stored.byKey(form)?._id ??
      conditional({ form, where }, targets, stored, { refusals, found })
    if (became !== undefined && became !== reference) references[reference] = became
    if (became === undefined && form.startsWith('urn:'))
      refusals.push(new Refusal(422, [issue('reference-unresolved', where)]))
    const document = became === undefined ? undefined : (stored.byKey(became) ?? found.get(became))
    if (document) found.set(document._id, document)
  }
  const known = new Set([...inBundle.values(), ...found.keys()])
  refusals.push(...requests.flatMap(request => lostSubjects(request, references, known, targets.base)))
  return { refusals, notes: { references, ...notesOn(found.values()) } }
}

/** Every reference once, with the first place it stands at. `form`: without our own base address and without a version. */
export function sentReferences(requests: readonly WriteRequest[], base: string): SentReference[] {
  const sent = new Map<string, SentReference>()
  for (const request of requests) {
    for (const { reference, place } of referencesIn(request.resource, request.where, 'others')) {
      if (!sent.has(reference))
        sent.set(reference, { reference, form: plainForm(reference, base), where: pathOf(place) })
    }
  }
  return [...sent.values()]
}

/** What must be known of earlier resources to resolve these. A criterion that cannot be read asks for nothing; resolving refuses it. */
export function askedByReferences(sent: readonly SentReference[]): Pick<ResourceQuestion, 'keys' | 'identifiers'> {
  const identifiers = sent.flatMap(({ form }) => {
    const type = conditionalType(form)
    const token = type === undefined ? undefined : readCriterion(form)
    return type === undefined || token === undefined ? [] : [{ type, token }]
  })
  return { keys: sent.flatMap(({ form }) => (relative.test(form) ? [form] : [])), identifiers }
}

function readCriterion(form: string): string | undefined {
  try {
    return parseCriterion(form, '')
  } catch (error) {
    if (error instanceof Refusal) return undefined
    throw error
  }
}

function conditionalType(form: string): string | undefined {
  return /^([A-Z][A-Za-z]{1,63})\?/.exec(form)?.[1]
}

/** Entries of the Bundle that are not written because the resource is there already: reading needs what was posted then. */
function matched(entries: readonly PlannedWrite[]): [string, ResourceDocument][] {
  return entries.flatMap(({ outcome, existing }) => (outcome === 'match' && existing ? [[existing._id, existing]] : []))
}

/** fullUrl, `Type/<id given by the sender>` and `Type/<our id>` of each entry → `Type/<our id>`. */
function bundleTargets(entries: readonly PlannedWrite[]): ReadonlyMap<string, string> {
  const targets = new Map<string, string>()
  const add = (form: string, became: string): void => {
    if (!targets.has(form)) targets.set(form, became)
  }
  for (const { request, id } of entries) {
    const became = `${request.type}/${id}`
    const own = textAt(request.resource, 'id')
    if (request.fullUrl !== undefined) {
      add(request.fullUrl, became)
      const tail = request.fullUrl.split('/').slice(-2).join('/')
      if (relative.test(tail)) add(tail, became)
    }
    if (own !== undefined) add(`${request.type}/${own}`, became)
    add(became, became)
  }
  return targets
}

/** Without our own base address and without a version. */
function plainForm(reference: string, base: string): string {
  const local = reference.startsWith(`${base}/`) ? reference.slice(base.length + 1) : reference
  return local.replace(/\/_history\/[A-Za-z0-9.-]{1,64}$/, '')
}

function conditional(
  { form, where }: Pick<SentReference, 'form' | 'where'>,
  targets: KnownTargets,
  known: KnownResources,
  { refusals, found }: { readonly refusals: Refusal[]; readonly found: Map<string, ResourceDocument> },
): string | undefined {
  const type = conditionalType(form)
  if (type === undefined) return undefined
  const token = parseCriterion(form, where)
  const stored = known.byIdentifier(type, token)
  const mine = targets.entries.filter(
    ({ request }) => request.type === type && identifierTokens(request.resource).includes(token),
  )
  const matches = new Set([...stored.map(document => document._id), ...mine.map(({ id }) => `${type}/${id}`)])
  const [only] = matches
  if (matches.size === 1) {
    for (const document of stored) found.set(document._id, document)
    return only
  }
  refusals.push(
    matches.size > 1
      ? new Refusal(412, [issue('multiple-matches', where)])
      : new Refusal(422, [issue('reference-unresolved', where, { hint: 'no match' })]),
  )
  return undefined
}

/** The subject of a resource must lead to somebody: a reference we resolved, a contained patient, or an identifier. */
function lostSubjects(
  request: WriteRequest,
  references: Readonly<Record<string, string>>,
  known: ReadonlySet<string>,
  base: string,
): Refusal[] {
  return subjectsOf(request).flatMap(({ subject, path }) => {
    const reference = textAt(subject, 'reference')
    if (reference === undefined || reference.startsWith('#') || isObject(subject['identifier'])) return []
    const form = references[reference] ?? plainForm(reference, base)
    const isPatient = /(^|\/)Patient\/[^/]+$/.test(form) || textAt(subject, 'type') === 'Patient'
    if (!isPatient || known.has(form)) return []
    return [new Refusal(422, [issue('reference-unresolved', `${request.where}.${path}.reference`)])]
  })
}

function subjectsOf(request: WriteRequest): { subject: JsonObject; path: string }[] {
  const element = subjectElements[request.type]
  if (element === undefined) return []
  if (element === 'participant') {
    return objectsAt(request.resource, element).flatMap((participant, index) => {
      const actor = objectAt(participant, 'actor')
      return actor ? [{ subject: actor, path: `participant[${index}].actor` }] : []
    })
  }
  const subject = objectAt(request.resource, element)
  return subject ? [{ subject, path: element }] : []
}

function notesOn(documents: Iterable<ResourceDocument>): Pick<WritePlan, 'patients' | 'medications'> {
  const patients: Record<string, JsonObject> = {}
  const medications: Record<string, JsonObject> = {}
  for (const { _id, patient, medication } of documents) {
    if (isObject(patient)) patients[_id] = patient
    if (isObject(medication)) medications[_id] = medication
  }
  return { patients, medications }
}
