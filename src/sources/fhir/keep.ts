import { hash } from 'node:crypto'
import { setTimeout as pause } from 'node:timers/promises'
import { instantOf } from '../../fls/dates.ts'
import { issue } from '../../fls/issue.ts'
import { Refusal } from '../../http/refusal.ts'
import { inboxIdOf } from '../../store/inbox.ts'
import { keptAs } from '../../store/resource-versions.ts'
import { type VersionClaims, versionClaims } from '../../store/version-claims.ts'
import { type Accepted, type Arrival, StorageUncertain } from '../arrival.ts'
import type { FhirBody, FhirCall } from './call.ts'
import type { FhirDeps } from './door.ts'
import { laneOf } from './lane.ts'
import { planWrites, type WritePlan, type WriteRequest } from './plan.ts'
import type { Sender } from './sender.ts'
import { versionIdOf, writtenResources } from './written.ts'

/** Nothing was accepted when there was nothing to write. */
export type Kept = { readonly accepted?: Accepted }
type Keeping = {
  readonly call: FhirCall
  readonly sender: Sender
  readonly plan: WritePlan
  readonly body: FhirBody
  readonly type: string
  readonly controlId: string
  /** What the caller will be answered when the bytes are kept. */
  readonly status: number
}

/** Somebody else's conditional create of the same resource is under way: when it stands, ours has found it. */
class BeingCreated extends Error {
  readonly code = 'being-created'
}
const lookAgainMs = 20
const mostLooks = 250

/**
 * Plans the writes and keeps the bytes. Of several conditional creates of one resource at the same moment one creates it; the others look again
 * until it stands, and find it. `status`: of the answer, by what was planned.
 */
export async function planAndKeep(
  requests: readonly WriteRequest[],
  keeping: Omit<Keeping, 'plan' | 'status'>,
  status: (plan: WritePlan) => number,
  deps: FhirDeps,
): Promise<{ readonly plan: WritePlan; readonly kept: Kept }> {
  for (let look = 1; ; look++) {
    const plan = await planWrites(requests, keeping.sender, keeping.body.bytes, deps)
    try {
      return { plan, kept: await keep({ ...keeping, plan, status: status(plan) }, deps) }
    } catch (cause) {
      if (!(cause instanceof BeingCreated)) throw cause
      if (look === mostLooks) throw new StorageUncertain('a conditional create did not come to its end')
      await pause(lookAgainMs)
    }
  }
}

/** Keeps the bytes, then indexes what they wrote; the access log is written meanwhile. Nothing to write: nothing is kept. */
async function keep(keeping: Keeping, deps: FhirDeps): Promise<Kept> {
  const { call, plan, status } = keeping
  const arrival = arrivalOf(keeping, deps)
  if (!arrival) return {}
  const inboxId = inboxIdOf(arrival.sender, arrival.controlId, hash('sha256', arrival.bytes, 'hex'))
  const claimed = await claimVersions(plan, inboxId, deps)
  call.log({ inboxIds: [inboxId], rows: plan.writes.filter(write => write.outcome !== 'match').length }, status)
  let accepted: Accepted
  try {
    accepted = await acceptOnce(arrival, plan, deps)
  } catch (error) {
    if (!(error instanceof StorageUncertain)) await release(claimed, inboxId, deps)
    throw error
  }
  const entry = { ...arrival, id: accepted.inboxId, sha256: '', receivedAt: accepted.receivedAt }
  await deps.resources.add(writtenResources(entry, keeping.body.json.value))
  if (accepted.inboxId !== inboxId) call.log({ inboxIds: [accepted.inboxId] })
  return { accepted }
}

function arrivalOf(keeping: Keeping, deps: FhirDeps): Arrival | undefined {
  const { sender, plan, body, type, controlId } = keeping
  const resources = plan.writes
    .filter(write => write.outcome !== 'match')
    .map(({ request, id }) => ({ path: request.path, type: request.type, id }))
  if (resources.length === 0) return undefined
  const mapping = deps.mappingOf?.(sender.sender)
  const { references, patients, medications } = plan
  const meta = { resources, references, patients, medications, ...(mapping ? { mapping } : {}) }
  const recordKey = laneOf(plan, sender, mapping, deps)
  return { ...sender, protocol: 'fhir', controlId, type, bytes: body.bytes, meta, ...(recordKey ? { recordKey } : {}) }
}

/**
 * If-Match: the version was current when it was looked at; of all who saw it so, one may follow it, the others are 412. If-None-Exist: the
 * resource was not there; of all who saw it so, one may create it.
 */
async function claimVersions(plan: WritePlan, by: Accepted['inboxId'], deps: FhirDeps): Promise<string[]> {
  const claimed: string[] = []
  for (const { request, id, outcome, existing } of plan.writes) {
    const isFollowing = request.ifMatch !== undefined && outcome === 'update' && existing !== undefined
    const isFirst = request.ifNoneExist !== undefined && outcome === 'create'
    if (!isFollowing && !isFirst) continue
    const version = `${request.type}/${id}/${existing?.current.versionId ?? 'none'}`
    if (await claimsOf(deps).claim(version, by, deps.clock())) claimed.push(version)
    else {
      await release(claimed, by, deps)
      throw isFirst
        ? new BeingCreated('a conditional create')
        : new Refusal(412, [issue('version-conflict', 'If-Match')])
    }
  }
  return claimed
}

const claimsOf = ({ claims, db }: FhirDeps): VersionClaims => claims ?? versionClaims(db)

async function release(claimed: readonly string[], by: Accepted['inboxId'], deps: FhirDeps): Promise<void> {
  await Promise.all(claimed.map(version => claimsOf(deps).release(version, by)))
}

/**
 * A body without X-Request-ID that came before is a resend, unless it changes a resource back: then an older version would stay hidden behind
 * the newer one. It is kept again under a control id that names the version it follows; the same bytes as the current version never are.
 */
async function acceptOnce(arrival: Arrival, plan: WritePlan, deps: FhirDeps): Promise<Accepted> {
  const accepted = await acceptDated(arrival, deps)
  if (accepted.outcome !== 'repeat' || arrival.controlId !== '') return accepted
  const keptFirst = new Date(accepted.receivedAt)
  const reverted = plan.writes.find(({ outcome, existing, request }) => {
    if (outcome !== 'update' || !existing) return false
    const isCurrent = existing.current.versionId === versionIdOf(accepted.inboxId, request.path)
    return !isCurrent && keptFirst <= existing.current.at
  })
  const current = reverted?.existing?.current
  if (!current) return accepted
  const held = await deps.rawBytes(current.inboxId)
  if (held?.equals(arrival.bytes)) return { ...accepted, inboxId: current.inboxId, receivedAt: instantOf(current.at) }
  return acceptDated({ ...arrival, controlId: `after-${current.versionId}` }, deps)
}

/**
 * With the time the bytes were first kept: a resend makes no version younger. The same bytes of the same sender for another organisation (two
 * practices of a supplier) are no resend: they are kept under a control id that names it.
 */
async function acceptDated(arrival: Arrival, deps: FhirDeps): Promise<Accepted> {
  const accepted = await deps.accept(arrival)
  const first = accepted.outcome === 'repeat' ? await keptAs(deps.db, accepted.inboxId) : undefined
  if (!first) return accepted
  const { controlId, organisation } = arrival
  if (first.organisation !== organisation)
    return acceptDated({ ...arrival, controlId: `${controlId}@${organisation}` }, deps)
  return { ...accepted, receivedAt: instantOf(first.receivedAt) }
}
