import type { Keys } from '../../access/keys.ts'
import { arrivalScope, scopeFilter } from '../../access/scope.ts'
import { type Instant, instantOf } from '../../fls/dates.ts'
import type { InboxId, OdsCode } from '../../fls/fact.ts'
import { describeIssue, issue, issueCodes } from '../../fls/issue.ts'
import { PracticeClosed } from '../../sources/arrival.ts'
import {
  type ArrivalDetail,
  type ArrivalHead,
  arrivalStates,
  findArrival,
  isSealedArrival,
  listArrivals,
  unknownCodes,
} from '../../store/arrivals.ts'
import { loadDirectory } from '../../store/directory.ts'
import type { FactDocument } from '../../store/documents.ts'
import { readInboxEntry } from '../../store/inbox.ts'
import { practiceGate } from '../../store/registers.ts'
import type { Store } from '../../store/store.ts'
import { pagingFor } from '../paging.ts'
import { badParameter, readChoice, readLimit, readMoment, readQuery } from '../query.ts'
import { Refusal } from '../refusal.ts'
import type { Call, Route } from '../route.ts'
import { type UkCoreSummary, ukCoreSummary } from './uk-core-summary.ts'

export type MessageDependencies = { readonly store: Store; readonly keys: Keys }

const filters = ['controlId', 'feed', 'state', 'issue', 'from', 'to', 'limit', 'page'] as const

/** Every arrival and its stages, for whoever sent it, the engineer of its organisation and the operator (no patient data). */
export function messageRoutes(deps: MessageDependencies): Route[] {
  return [
    {
      key: 'GET /api/messages',
      summary: 'Arrivals, newest first, with state and issues.',
      openapi: {
        parameters: [
          {
            name: 'controlId',
            in: 'query',
            description: 'MSH-10, X-Request-ID, Bundle.identifier or extract id',
            schema: { type: 'string' },
          },
          { name: 'feed', in: 'query', schema: { type: 'string' } },
          { name: 'state', in: 'query', schema: { enum: [...arrivalStates] } },
          { name: 'issue', in: 'query', description: 'Issue code', schema: { type: 'string' } },
          { name: 'from', in: 'query', description: 'Received at or after', schema: { type: 'string' } },
          { name: 'to', in: 'query', description: 'Received before', schema: { type: 'string' } },
          { name: 'limit', in: 'query', schema: { type: 'integer', maximum: 200 } },
          { name: 'page', in: 'query', description: 'Value of `next`', schema: { type: 'string' } },
        ],
      },
      touchesPatientData: true,
      handle: call => list(call, deps),
    },
    {
      key: 'GET /api/messages/:id',
      summary: 'One arrival: every stage it went through, its issues and the facts read from it.',
      touchesPatientData: true,
      handle: call => show(call, deps),
    },
    {
      key: 'GET /api/messages/:id/raw',
      summary: 'The exact bytes that arrived.',
      touchesPatientData: true,
      handle: call => sendRaw(call, deps),
    },
    {
      key: 'GET /api/unknown-codes',
      summary: 'Codes that are in no table yet, with the feed that sends them and how often.',
      openapi: { parameters: [{ name: 'limit', in: 'query', schema: { type: 'integer', maximum: 1_000 } }] },
      touchesPatientData: true,
      handle: async call => {
        const { limit } = readQuery(call.request, ['limit'])
        const items = await unknownCodes(
          deps.store,
          scopeFilter(call.principal, 'organisation'),
          readLimit('limit', limit, 1_000),
        )
        call.log({ rows: items.length })
        call.response.set('Cache-Control', 'no-store').json({ items })
      },
    },
  ]
}

async function list(call: Call, { store, keys }: MessageDependencies): Promise<void> {
  const query = readQuery(call.request, filters)
  const { controlId, feed } = query
  const state = readChoice('state', query.state, arrivalStates)
  const found = query.issue
  if (found !== undefined && !Object.hasOwn(issueCodes, found)) throw badParameter('issue')
  const from = readMoment('from', query.from)
  const to = readMoment('to', query.to)
  const limit = readLimit('limit', query.limit, 200)
  const paging = pagingFor(call.principal, keys)
  const bound = JSON.stringify(['messages', controlId, feed, state, found, query.from, query.to])
  const [receivedAt, id] = query.page === undefined ? [] : paging.open(query.page, bound)
  const { practices, isPracticeOpen } = await loadDirectory(store.db)
  const now = instantOf(new Date())
  const isOpen = (practice: OdsCode): boolean => isPracticeOpen(practice, now)
  const open = [...practices.values()].map(practice => practice.ods).filter(isOpen)
  const asked = {
    limit: limit + 1,
    ...(controlId === undefined ? {} : { controlId }),
    ...(feed === undefined ? {} : { feed }),
    ...(state ? { state } : {}),
    ...(found === undefined ? {} : { issue: found }),
    ...(from ? { from } : {}),
    ...(to ? { to } : {}),
    ...(receivedAt && id ? { after: { receivedAt: new Date(receivedAt), id: id as InboxId } } : {}),
  }
  const arrivals = await listArrivals(store, arrivalScope(call.principal), asked, open)
  const shown = arrivals.slice(0, limit)
  const last = shown.at(-1)
  call.log({ rows: shown.length })
  call.response.set('Cache-Control', 'no-store').json({
    items: shown.map(one => lineOf(isSealedArrival(one, isOpen) ? { ...one, state: 'sealed' } : one)),
    ...(last && arrivals.length > limit ? { next: paging.seal([last.receivedAt.toISOString(), last._id], bound) } : {}),
  })
}

function lineOf(arrival: ArrivalHead): object {
  const { _id, sender, controlId, type, receivedAt, size, sha256, state, attempts, issues = [] } = arrival
  return {
    inboxId: _id,
    feed: sender,
    controlId,
    type,
    receivedAt,
    size,
    sha256,
    state,
    attempts,
    issues: issues.map(describeIssue),
  }
}

async function show(call: Call, { store }: MessageDependencies): Promise<void> {
  readQuery(call.request, [])
  const detail = await findArrival(store, arrivalScope(call.principal), String(call.request.params['id']))
  if (!detail) throw notFound()
  call.log({ inboxIds: [detail.arrival._id] })
  // The operator keeps the service running and sees no patient data; nobody sees what a practice sent that has withdrawn.
  const isSealed = (await closedPractice(store, detail.arrival)) !== undefined
  const isMetadataOnly = call.principal.role === 'operator' || isSealed
  call.response.set('Cache-Control', 'no-store').json({
    ...lineOf(detail.arrival),
    ...(isSealed ? { state: 'sealed' as const } : {}),
    organisation: detail.arrival.organisation,
    protocol: detail.arrival.protocol,
    ...(detail.arrival.practice ? { practice: detail.arrival.practice } : {}),
    stages: stagesOf(isSealed ? sealed(detail) : detail),
    ...(isSealed ? {} : await ukCoreOf(store, detail.arrival)),
    ...(isMetadataOnly ? { facts: detail.facts.map(outlineOf) } : { facts: detail.facts.map(factOf) }),
  })
}

/** Names of elements and counts only, so that the operator may see it as well. */
async function ukCoreOf(store: Store, { _id, protocol }: ArrivalHead): Promise<{ ukCore?: UkCoreSummary }> {
  if (protocol !== 'fhir' && protocol !== 'form') return {}
  const entry = await readInboxEntry(store, _id)
  const ukCore = entry && ukCoreSummary(entry)
  return ukCore ? { ukCore } : {}
}

function sealed({ arrival, facts }: ArrivalDetail): ArrivalDetail {
  return { arrival: { ...arrival, state: 'sealed' }, facts, persons: 0, episodes: 0 }
}

/** Why what this practice sent is not shown: it is not opted in now. Undefined when it is, and for what is not a practice's. */
async function closedPractice(store: Store, arrival: ArrivalHead): Promise<PracticeClosed | undefined> {
  if (arrival.side !== 'gp' || arrival.practice === undefined) return undefined
  const { isOpen, since } = await practiceGate(store.db)(arrival.practice, instantOf(new Date()))
  return isOpen ? undefined : new PracticeClosed(since)
}

type Stage = { readonly stage: 'kept' | 'read' | 'linked'; readonly at?: Instant; readonly outcome: string } & Readonly<
  Record<string, unknown>
>

function stagesOf({ arrival, facts, persons, episodes }: ArrivalDetail): Stage[] {
  const { receivedAt, readAt, state, failure } = arrival
  const isRead = readAt !== undefined || state === 'done' || state === 'sealed' || state === 'waiting'
  const stages: Stage[] = [{ stage: 'kept', at: instantOf(receivedAt), outcome: 'journaled' }]
  if (isRead || failure)
    stages.push({
      stage: 'read',
      ...(readAt ? { at: instantOf(readAt) } : {}),
      outcome: state === 'quarantined' ? 'quarantined' : isRead ? 'read' : 'failed',
      facts: arrival.facts ?? facts.length,
      ...(failure ? { failure } : {}),
    })
  if (isRead)
    stages.push({
      stage: 'linked',
      outcome: persons > 0 ? 'linked' : state === 'sealed' ? 'sealed' : 'nothing to link',
      persons,
      episodes,
    })
  return stages
}

function outlineOf({ _id, kind, status, source }: FactDocument): object {
  return { id: _id, kind, status, path: source.path, row: source.row }
}

function factOf(fact: FactDocument): object {
  const { _id, source, ...rest } = fact
  return { id: _id, ...rest, path: source.path, row: source.row, tableHash: source.tableHash }
}

async function sendRaw(call: Call, { store }: MessageDependencies): Promise<void> {
  readQuery(call.request, [])
  const id = String(call.request.params['id'])
  const [head] = await listOne(store, call, id)
  const closed = head && (await closedPractice(store, head))
  if (closed) throw closed
  const entry = head ? await readInboxEntry(store, head._id) : undefined
  if (!entry) throw notFound()
  call.log({ inboxIds: [entry.id] })
  call.response
    .status(200)
    .set({
      'Cache-Control': 'no-store',
      'Content-Type': 'application/octet-stream',
      'Content-Disposition': `attachment; filename="${entry.id}.bin"`,
      'Repr-Digest': `sha-256=:${Buffer.from(entry.sha256, 'hex').toString('base64')}:`,
    })
    .end(entry.bytes)
}

async function listOne(store: Store, call: Call, id: string): Promise<ArrivalHead[]> {
  const detail = await findArrival(store, arrivalScope(call.principal), id)
  return detail ? [detail.arrival] : []
}

function notFound(): Refusal {
  return new Refusal(404, [issue('not-found', 'address')])
}
