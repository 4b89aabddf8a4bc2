import { createSession } from 'better-sse'
import { arrivalScope, isInScope } from '../../access/scope.ts'
import type { InboxId } from '../../fls/fact.ts'
import { issue, issueCodes } from '../../fls/issue.ts'
import { codeKeysOf } from '../../mapping/extract.ts'
import type { Codebook } from '../../mapping/extract-codebook.ts'
import { type ReadingTables, readEntry } from '../../mapping/read.ts'
import { loadCodebook } from '../../store/codebook.ts'
import type { InboxDocument } from '../../store/documents.ts'
import { entryOf } from '../../store/inbox.ts'
import {
  countReplay,
  findReplay,
  type MessageReplay,
  queueReplay,
  type ReplayFilter,
  sampleReplay,
  viewReplay,
} from '../../store/message-replays.ts'
import { canonical } from '../../store/replay-differences.ts'
import type { Store } from '../../store/store.ts'
import { badParameter, readBoolean, readChoice, readMoment, readQuery } from '../query.ts'
import { Refusal } from '../refusal.ts'
import type { Call, Route } from '../route.ts'

export type MessageReplayDependencies = {
  readonly store: Store
  /** Asked each time: they change while the service runs. */
  readonly tables: ReadingTables
  readonly clock: () => Date
}

const filters = ['controlId', 'feed', 'state', 'issue', 'from', 'to', 'dryRun'] as const
const states = ['done', 'waiting', 'quarantined'] as const
/** Entries read for the preview of a dry run. */
const mostCompared = 200

/** Reading arrivals again with the tables in force: the engineer's own feeds, the operator's all. */
export function messageReplayRoutes(deps: MessageReplayDependencies): Route[] {
  return [
    {
      key: 'POST /api/messages/replay',
      summary: 'Reads matching arrivals again; with dryRun counts them and says of up to 200 what would change.',
      openapi: {
        parameters: [
          { name: 'controlId', in: 'query', schema: { type: 'string' } },
          { name: 'feed', in: 'query', schema: { type: 'string' } },
          { name: 'state', in: 'query', schema: { enum: [...states] } },
          { name: 'issue', in: 'query', description: 'Issue code', schema: { type: 'string' } },
          { name: 'from', in: 'query', description: 'Received at or after', schema: { type: 'string' } },
          { name: 'to', in: 'query', description: 'Received before', schema: { type: 'string' } },
          { name: 'dryRun', in: 'query', schema: { type: 'boolean' } },
        ],
      },
      touchesPatientData: true,
      handle: call => replayMatching(call, deps),
    },
    {
      key: 'POST /api/messages/:id/replay',
      summary: 'Reads one arrival again.',
      touchesPatientData: true,
      handle: async call => {
        readQuery(call.request, [])
        const ids = [String(call.request.params['id']) as InboxId]
        const found = await countReplay(deps.store, arrivalScope(call.principal), { ids })
        if (Object.keys(found).length === 0) throw new Refusal(404, [issue('not-found', 'address')])
        call.log({ inboxIds: ids })
        await queue(call, deps, { ids })
      },
    },
    {
      key: 'GET /api/messages/replay/:job',
      summary: 'How far a replay of arrivals has come.',
      touchesPatientData: false,
      handle: async call => {
        call.response.json(await viewReplay(deps.store, await jobFor(call, deps)))
      },
    },
    {
      key: 'GET /api/messages/replay/:job/events',
      summary: 'The same as server-sent events until it is done.',
      touchesPatientData: false,
      handle: call => streamEvents(call, deps),
    },
  ]
}

async function replayMatching(call: Call, deps: MessageReplayDependencies): Promise<void> {
  const query = readQuery(call.request, filters)
  const state = readChoice('state', query.state, states)
  if (query.issue !== undefined && !Object.hasOwn(issueCodes, query.issue)) throw badParameter('issue')
  const [from, to] = [readMoment('from', query.from), readMoment('to', query.to)]
  const filter: ReplayFilter = {
    ...(query.controlId === undefined ? {} : { controlId: query.controlId }),
    ...(query.feed === undefined ? {} : { feed: query.feed }),
    ...(query.issue === undefined ? {} : { issue: query.issue }),
    ...(state ? { state } : {}),
    ...(from ? { from } : {}),
    ...(to ? { to } : {}),
  }
  if (!readBoolean('dryRun', query.dryRun)) return queue(call, deps, filter)
  const scope = arrivalScope(call.principal)
  const byState = await countReplay(deps.store, scope, filter)
  const sample = await sampleReplay(deps.store, scope, filter, mostCompared)
  const preview = await compare(deps, sample)
  call.log({ rows: sample.length })
  const matched = Object.values(byState).reduce((sum, entries) => sum + entries, 0)
  call.response.set('Cache-Control', 'no-store').json({ dryRun: true, matched, byState, preview })
}

async function queue(call: Call, { store, clock }: MessageReplayDependencies, filter: ReplayFilter): Promise<void> {
  const { subject, organisations } = call.principal
  const asked = { by: subject, organisations, at: clock() }
  const view = await queueReplay(store, arrivalScope(call.principal), filter, asked)
  call.log({ rows: view.progress.total })
  call.response.status(202).location(`/api/messages/replay/${view.id}`).json(view)
}

type Preview = {
  readonly compared: number
  readonly entriesThatChange: number
  readonly facts: { readonly added: number; readonly removed: number; readonly changed: number }
}

/** Reads the entries with the tables in force, keeps nothing, and counts against the facts that stand. */
async function compare(
  { store, tables }: MessageReplayDependencies,
  sample: readonly InboxDocument[],
): Promise<Preview> {
  const entries = await Promise.all(sample.map(document => entryOf(store, document)))
  const keys = entries.flatMap(entry => (entry.protocol === 'extract' ? codeKeysOf(entry, tables.extract) : []))
  const codebook: Codebook = await loadCodebook(store.db, keys)
  const facts = { added: 0, removed: 0, changed: 0 }
  let entriesThatChange = 0
  for (const entry of entries) {
    const standing = await store.facts.find({ 'source.inboxId': entry.id }).toArray()
    const before = new Map(standing.map(({ _id, waitsFor: _w, unmapped: _u, ...fact }) => [_id, says(fact)]))
    const after = new Map(readEntry(entry, tables, codebook).facts.map(({ id, ...fact }) => [id, says(fact)]))
    const added = [...after.keys()].filter(id => !before.has(id)).length
    const removed = [...before.keys()].filter(id => !after.has(id)).length
    const changed = [...after].filter(([id, text]) => before.has(id) && before.get(id) !== text).length
    if (added + removed + changed > 0) entriesThatChange++
    facts.added += added
    facts.removed += removed
    facts.changed += changed
  }
  return { compared: entries.length, entriesThatChange, facts }
}

const versions = new Set(['tableHash'])
const says = (fact: object) => canonical(fact, versions)

async function jobFor(call: Call, { store }: MessageReplayDependencies): Promise<MessageReplay> {
  readQuery(call.request, [])
  const job = await findReplay(store, String(call.request.params['job']))
  const isOwn = job && (job.by === call.principal.subject || isInScope(call.principal, job.organisations))
  if (!job || !isOwn) throw new Refusal(404, [issue('not-found', 'address')])
  return job
}

const eventsMs = 500

async function streamEvents(call: Call, deps: MessageReplayDependencies): Promise<void> {
  const job = await jobFor(call, deps)
  const session = await createSession(call.request, call.response)
  let isOpen = true
  session.once('disconnected', () => {
    isOpen = false
  })
  for (let last = ''; isOpen; ) {
    const view = await viewReplay(deps.store, job)
    const text = JSON.stringify(view)
    if (text !== last) session.push(view, 'job')
    last = text
    if (view.state === 'done') break
    await new Promise(resolve => setTimeout(resolve, eventsMs))
  }
  call.response.end()
}
