import { z } from 'zod'
import type { Keys } from '../../access/keys.ts'
import { scopeFilter } from '../../access/scope.ts'
import type { InboxId, OdsCode } from '../../fls/fact.ts'
import { issue } from '../../fls/issue.ts'
import type { DecisionEntry } from '../../mapping/decision.ts'
import type { Accept } from '../../sources/arrival.ts'
import type { ReviewDocument } from '../../store/documents.ts'
import { linkLines } from '../../store/link-lines.ts'
import { findLink, type LinkView, listReviews, placesOfPair } from '../../store/link-review.ts'
import type { Store } from '../../store/store.ts'
import { readJsonBody } from '../json-body.ts'
import { pagingFor } from '../paging.ts'
import { readChoice, readLimit, readQuery } from '../query.ts'
import { Refusal } from '../refusal.ts'
import type { Call, Route } from '../route.ts'
import { writePart } from '../streaming.ts'

export type LinkDependencies = {
  readonly store: Pick<Store, 'db' | 'reviews' | 'persons' | 'episodes' | 'records' | 'facts'>
  readonly keys: Keys
  readonly accept: Accept
  readonly whenApplied: (inboxId: InboxId, timeoutMs: number) => Promise<boolean>
}

/** `confirm` and `merge`: they belong together; `split`: they do not. `a` and `b` only where the link is a person or episode. */
const decisionBody = z.strictObject({
  decision: z.enum(['confirm', 'merge', 'split']),
  a: z.string().min(1).max(500).optional(),
  b: z.string().min(1).max(500).optional(),
  reason: z.string().max(1_000).default(''),
})

const appliedWithinMs = 10_000

/** Linkage for reviewers: what waits for a person, why anything is linked, decisions, and every assignment for evaluation. */
export function linkRoutes(deps: LinkDependencies): Route[] {
  return [
    {
      key: 'GET /api/links',
      summary: 'Pairs waiting for a person (state=review), or every assignment as NDJSON (format=ndjson).',
      openapi: {
        parameters: [
          { name: 'state', in: 'query', schema: { enum: ['review'] } },
          { name: 'kind', in: 'query', schema: { enum: ['person', 'fracture'] } },
          { name: 'format', in: 'query', schema: { enum: ['json', 'ndjson'], default: 'json' } },
          { name: 'limit', in: 'query', schema: { type: 'integer', maximum: 200 } },
          { name: 'page', in: 'query', description: 'Value of `next`', schema: { type: 'string' } },
        ],
      },
      touchesPatientData: true,
      handle: call => listLinks(call, deps),
    },
    {
      key: 'GET /api/links/:id',
      summary: 'A review, person or episode: both sides and the reasons, field by field, with weights and rivals.',
      touchesPatientData: true,
      handle: call => showLink(call, deps),
    },
    {
      key: 'POST /api/links/:id/decision',
      summary:
        'Confirms, merges or splits. Kept as an inbox entry: taking it back later restores exactly what was before.',
      openapi: {
        requestBody: { required: true, content: { 'application/json': { schema: z.toJSONSchema(decisionBody) } } },
      },
      touchesPatientData: true,
      handle: call => decide(call, deps),
    },
  ]
}

async function listLinks(call: Call, { store, keys }: LinkDependencies): Promise<void> {
  const query = readQuery(call.request, ['state', 'kind', 'format', 'limit', 'page'])
  readChoice('state', query.state, ['review'])
  const format = readChoice('format', query.format, ['json', 'ndjson']) ?? 'json'
  const kind = readChoice('kind', query.kind, ['person', 'fracture'])
  if (format === 'ndjson') return sendLines(call, store)
  const limit = readLimit('limit', query.limit, 200)
  const paging = pagingFor(call.principal, keys)
  const bound = `links ${kind ?? ''}`
  const [after] = query.page === undefined ? [] : paging.open(query.page, bound)
  const reviews = await listReviews(store, scopeFilter(call.principal), {
    limit: limit + 1,
    ...(kind ? { kind } : {}),
    ...(after === undefined ? {} : { after }),
  })
  const shown = reviews.slice(0, limit)
  const last = shown.at(-1)
  call.log({ persons: shown.flatMap(review => review.persons), rows: shown.length })
  call.response.set('Cache-Control', 'no-store').json({
    items: shown.map(summaryOf),
    ...(last && reviews.length > limit ? { next: paging.seal([last._id], bound) } : {}),
  })
}

/** No identifiers in the list; they are shown one pair at a time. */
function summaryOf({ _id, kind, persons, organisations, explanation }: ReviewDocument): object {
  const { probability, totalBits, guards, decision } = explanation
  return { id: _id, kind, persons, organisations, probability, totalBits, guards, decision }
}

async function sendLines(call: Call, store: LinkDependencies['store']): Promise<void> {
  const { response } = call
  response.status(200).set({ 'Cache-Control': 'no-store', 'Content-Type': 'application/x-ndjson' })
  let waiting: string[] = []
  for await (const line of linkLines(store, scopeFilter(call.principal))) {
    waiting.push(JSON.stringify(line))
    if (waiting.length < 500) continue
    await writePart(response, `${waiting.join('\n')}\n`)
    waiting = []
  }
  response.end(waiting.length > 0 ? `${waiting.join('\n')}\n` : '')
}

async function showLink(call: Call, { store }: LinkDependencies): Promise<void> {
  readQuery(call.request, [])
  const view = await findLink(store, scopeFilter(call.principal), idOf(call))
  if (!view) throw notFound()
  noteView(call, view)
  call.response.set('Cache-Control', 'no-store').json(shown(view))
}

function noteView(call: Call, view: LinkView): void {
  if (view.kind === 'review') call.log({ persons: view.review.persons })
  else if (view.kind === 'person') call.log({ persons: [view.person._id] })
  else call.log({ persons: [view.episode.personId], episodes: [view.episode._id] })
}

function shown(view: LinkView): object {
  switch (view.kind) {
    case 'review': {
      const { _id, solve: _solve, ...review } = view.review
      return { id: _id, ...review, a: view.a ?? { ref: review.a }, b: view.b ?? { ref: review.b } }
    }
    case 'person': {
      const { _id, solve: _solve, ...person } = view.person
      return { id: _id, kind: 'person', ...person }
    }
    case 'episode': {
      const { _id, aliases, status, organisations, fractures, isLinked, hospital, gp } = view.episode
      const members = view.person?.members ?? []
      return {
        id: _id,
        kind: 'episode',
        aliases,
        status,
        organisations,
        isLinked,
        fractures,
        hospital,
        gp,
        personId: view.episode.personId,
        members,
      }
    }
  }
}

async function decide(call: Call, deps: LinkDependencies): Promise<void> {
  const body = await readJsonBody(call.request, decisionBody)
  const scope = scopeFilter(call.principal)
  const view = await findLink(deps.store, scope, idOf(call))
  if (!view) throw notFound()
  const kind = view.kind === 'review' ? view.review.kind : view.kind === 'person' ? 'person' : 'fracture'
  const one = body.a ?? (view.kind === 'review' ? view.review.a : undefined)
  const two = body.b ?? (view.kind === 'review' ? view.review.b : undefined)
  if (one === undefined || two === undefined || one === two)
    throw new Refusal(422, [issue('element-required', one === undefined ? 'a' : 'b')])
  // The smaller first: the same pair decided again replaces the decision before.
  const [a, b] = one < two ? [one, two] : [two, one]
  const pair = await placesOfPair(deps.store, scope, kind, [a, b])
  if (!pair) throw new Refusal(422, [issue('reference-unresolved', 'a, b')])
  noteView(call, view)
  call.log({ persons: pair.persons })
  const isTogether = body.decision !== 'split'
  const assertion =
    kind === 'person'
      ? isTogether
        ? 'same-patient'
        : 'not-same-patient'
      : isTogether
        ? 'fracture-same'
        : 'fracture-different'
  const entry: DecisionEntry = {
    assertion,
    a,
    b,
    record: pair.record,
    by: call.principal.subject,
    reason: body.reason,
    review: idOf(call),
  }
  const accepted = await deps.accept({
    sender: `user:${call.principal.subject}`,
    organisation: 'FLSDB' as OdsCode,
    side: 'site',
    protocol: 'decision',
    recordKey: pair.record,
    controlId: call.requestId,
    type: assertion,
    bytes: Buffer.from(JSON.stringify(entry)),
  })
  call.log({ inboxIds: [accepted.inboxId] })
  const isApplied = await deps.whenApplied(accepted.inboxId, appliedWithinMs)
  call.response
    .status(isApplied ? 200 : 202)
    .json({ inboxId: accepted.inboxId, assertion, state: isApplied ? 'done' : 'received' })
}

function idOf(call: Call): string {
  return String(call.request.params['id'])
}

function notFound(): Refusal {
  return new Refusal(404, [issue('not-found', 'address')])
}
