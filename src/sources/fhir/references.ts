import type { Db } from 'mongodb'
import { issue } from '../../fls/issue.ts'
import { Refusal } from '../../http/refusal.ts'
import { findByToken, findResources, type ResourceDocument } from '../../store/resources.ts'
import { isObject, type JsonObject, objectAt, objectsAt, textAt } from './json.ts'
import { subjectElements } from './offered.ts'
import type { PlannedWrite, WritePlan, WriteRequest } from './plan.ts'
import { referencesIn } from './rewrite.ts'
import type { Sender } from './sender.ts'
import { parseCriterion } from './token.ts'
import { identifierTokens } from './written.ts'

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
export async function resolveReferences(
  requests: readonly WriteRequest[],
  targets: KnownTargets,
  sender: Sender,
  db: Db,
): Promise<Resolved> {
  const inBundle = bundleTargets(targets.entries)
  const sent = new Map<string, string>()
  for (const request of requests) {
    for (const { reference, path } of referencesIn(request.resource)) {
      if (!sent.has(reference)) sent.set(reference, `${request.where}.${path}`)
    }
  }
  const plain = new Map([...sent.keys()].map(reference => [reference, plainForm(reference, targets.base)]))
  const stored = await findResources(
    db,
    sender.sender,
    [...plain.values()].filter(form => relative.test(form)),
  )
  const refusals: Refusal[] = []
  const references: Record<string, string> = {}
  const found = new Map<string, ResourceDocument>(matched(targets.entries))
  for (const [reference, where] of sent) {
    const form = plain.get(reference) ?? reference
    const became =
      inBundle.get(form) ??
      stored.get(form)?._id ??
      (await conditional(form, where, targets, sender, db, refusals, found))
    if (became !== undefined && became !== reference) references[reference] = became
    if (became === undefined && form.startsWith('urn:'))
      refusals.push(new Refusal(422, [issue('reference-unresolved', where)]))
    const document = became === undefined ? undefined : (stored.get(became) ?? found.get(became))
    if (document) found.set(document._id, document)
  }
  const known = new Set([...inBundle.values(), ...found.keys()])
  refusals.push(...requests.flatMap(request => lostSubjects(request, references, known, targets.base)))
  return { refusals, notes: { references, ...notesOn(found.values()) } }
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

async function conditional(
  form: string,
  where: string,
  targets: KnownTargets,
  sender: Sender,
  db: Db,
  refusals: Refusal[],
  found: Map<string, ResourceDocument>,
): Promise<string | undefined> {
  const type = /^([A-Z][A-Za-z]{1,63})\?/.exec(form)?.[1]
  if (type === undefined) return undefined
  const token = parseCriterion(form, where)
  const stored = await findByToken(db, sender.sender, type, token)
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
