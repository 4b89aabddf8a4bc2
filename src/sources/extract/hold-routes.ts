import { z } from 'zod'
import { isInScope, tenantsOf } from '../../access/scope.ts'
import type { InboxId, OdsCode } from '../../fls/fact.ts'
import { issue } from '../../fls/issue.ts'
import { readJsonBody } from '../../http/json-body.ts'
import { readChoice, readQuery } from '../../http/query.ts'
import { Refusal } from '../../http/refusal.ts'
import type { Call, Route } from '../../http/route.ts'
import {
  decisionBytes,
  decisionMeta,
  type ExtractDocument,
  findExtract,
  type HoldDecision,
  heldExtracts,
  holdState,
} from '../../store/extracts.ts'
import { findJob, updateJob } from '../../store/jobs.ts'
import type { ExtractDeps } from './deps.ts'

export type HoldDeps = Pick<ExtractDeps, 'accept' | 'db' | 'clock'> & {
  readonly whenApplied: (inboxId: InboxId, timeoutMs: number) => Promise<boolean>
  /** Counts the receipt of a job again. */
  readonly countAgain: (job: string) => void
}

const states = ['waiting', 'confirmed', 'refused'] as const
const decisionBody = z.strictObject({ reason: z.string().max(1_000).default('') })
const appliedWithinMs = 10_000
const programme = 'FLSDB' as OdsCode

/**
 * Extracts of which something waits for a person: mass deletes, a disabled sharing agreement, a mode that contradicts itself. A decision is an
 * inbox entry like any other, may be taken back by the opposite one, and the records of the practice are solved again.
 */
export function holdRoutes(deps: HoldDeps): Route[] {
  return [
    {
      key: 'GET /api/extracts',
      summary: 'Extracts of which something is or was held for a person, newest first.',
      openapi: { parameters: [{ name: 'state', in: 'query', schema: { enum: [...states] } }] },
      touchesPatientData: false,
      handle: call => list(call, deps),
    },
    decisionRoute('POST /api/extracts/:id/confirm', 'What was held is meant: it takes effect.', 'confirmed', deps),
    decisionRoute(
      'POST /api/extracts/:id/refuse',
      'What was held is a mistake: it never takes effect.',
      'refused',
      deps,
    ),
  ]
}

function decisionRoute(
  key: 'POST /api/extracts/:id/confirm' | 'POST /api/extracts/:id/refuse',
  summary: string,
  outcome: HoldDecision['outcome'],
  deps: HoldDeps,
): Route {
  return {
    key,
    summary,
    openapi: {
      requestBody: { content: { 'application/json': { schema: z.toJSONSchema(decisionBody) } } },
    },
    touchesPatientData: true,
    handle: call => decide(call, deps, outcome),
  }
}

async function list(call: Call, { db }: HoldDeps): Promise<void> {
  const query = readQuery(call.request, ['state'])
  const state = readChoice('state', query.state, states)
  const tenants = tenantsOf(call.principal)
  const found = await heldExtracts(db, tenants === 'all' ? undefined : tenants)
  const items = found.filter(one => state === undefined || holdState(one) === state).map(viewOf)
  call.log({ rows: items.length })
  call.response.set('Cache-Control', 'no-store').json({ items })
}

/** Counts and places only. `reason`: the finding that held it. */
function viewOf(extract: ExtractDocument): object {
  const { _id, practice, extractId, mode, asOf, decision, rows } = extract
  return {
    id: _id,
    practice,
    extractId,
    mode,
    asOf,
    hold: holdOf(extract),
    rows: Object.fromEntries(
      Object.entries(rows ?? {}).map(([kind, { count, deletes }]) => [kind, { count, deletes }]),
    ),
    ...(decision ? { why: decision.reason } : {}),
    job: `/api/jobs/${_id}`,
  }
}

/** Why it was held and what became of it; undefined when nothing was. */
export function holdOf(extract: ExtractDocument): object | undefined {
  const state = holdState(extract)
  if (state === undefined) return undefined
  const { hold, decision } = extract
  return {
    reason: hold ?? 'mass-delete-held',
    part: hold ? 'all' : 'deletes',
    state,
    ...(decision ? { decidedBy: decision.by, decidedAt: decision.at } : {}),
  }
}

async function decide(call: Call, deps: HoldDeps, outcome: HoldDecision['outcome']): Promise<void> {
  const { reason } = await readJsonBody(call.request, decisionBody)
  const extract = await findExtract(deps.db, String(call.request.params['id']))
  if (!extract?.isComplete || !isInScope(call.principal, [extract.practice]))
    throw new Refusal(404, [issue('not-found', 'address')])
  if (holdState(extract) === undefined) throw new Refusal(409, [issue('not-held', 'address')])
  const { _id, practice } = extract
  const accepted = await deps.accept({
    sender: `user:${call.principal.subject}`,
    organisation: programme,
    side: 'site',
    protocol: 'extract',
    controlId: call.requestId,
    type: `extract/${outcome}`,
    bytes: decisionBytes({ extract: _id, practice, outcome, by: call.principal.subject, reason }),
    meta: decisionMeta,
  })
  call.log({ inboxIds: [accepted.inboxId] })
  const isApplied = await deps.whenApplied(accepted.inboxId, appliedWithinMs)
  const job = await findJob(deps.db, _id)
  if (job?.state === 'done') {
    await updateJob(deps.db, _id, { state: 'running' })
    deps.countAgain(_id)
  }
  const now = (await findExtract(deps.db, _id)) ?? extract
  call.response
    .status(isApplied ? 200 : 202)
    .json({ ...viewOf(now), inboxId: accepted.inboxId, state: isApplied ? 'done' : 'received' })
}
