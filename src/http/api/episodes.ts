import { createHash } from 'node:crypto'
import type { Keys } from '../../access/keys.ts'
import { scopeFilter } from '../../access/scope.ts'
import { issue } from '../../fls/issue.ts'
import { dataCut, type EpisodeCells, type EpisodeSelection, releasableCells } from '../../store/episode-rows.ts'
import { optOutListInForce } from '../../store/opt-outs.ts'
import type { Store } from '../../store/store.ts'
import { readBoolean, readChoice, readMonthEnd, readQuery } from '../query.ts'
import { Refusal } from '../refusal.ts'
import type { Call, Route } from '../route.ts'
import { writePart } from '../streaming.ts'
import { episodeColumns } from './episode-columns.ts'
import { type EpisodeFormat, type EpisodeRow, episodeFormats, mediaTypes, writeRows } from './episode-formats.ts'

export type EpisodeDependencies = {
  readonly store: Pick<Store, 'client' | 'db' | 'inbox' | 'episodes' | 'records'>
  readonly keys: Keys
  readonly clock: () => Date
}

const parameters = ['format', 'from', 'to', 'linked', 'status', 'release'] as const
const statuses = ['candidate', 'identified', 'submitted', 'excluded'] as const
const slots = 2

/** Pseudonymised episodes for analysts: NDJSON, CSV or Parquet, streamed, with a manifest to check them by. */
export function episodeRoutes(deps: EpisodeDependencies): Route[] {
  let running = 0
  const inSlot = async (work: () => Promise<void>): Promise<void> => {
    if (running >= slots) throw new Refusal(429, [issue('too-many-requests', '')], { 'Retry-After': '10' })
    running += 1
    try {
      await work()
    } finally {
      running -= 1
    }
  }
  return [
    {
      key: 'GET /api/episodes',
      summary:
        'Episodes, pseudonymised: age and month at diagnosis, day offsets, answers by code; without patients who opted out.',
      openapi: {
        parameters: openapiParameters,
      },
      touchesPatientData: true,
      handle: call => inSlot(() => sendEpisodes(call, deps)),
    },
    {
      key: 'GET /api/episodes/manifest',
      summary: 'What the same query gives: rows, SHA-256 of each format, data cut, and the meaning of every column.',
      openapi: { parameters: openapiParameters },
      touchesPatientData: true,
      handle: call => inSlot(() => sendManifest(call, deps)),
    },
  ]
}

async function sendEpisodes(call: Call, deps: EpisodeDependencies): Promise<void> {
  const { selection, format, release } = readSelection(call)
  await optOutListInForce(deps.store.db, deps.clock())
  const cut = await dataCut(deps.store)
  const { response } = call
  response.status(200).set({
    'Cache-Control': 'no-store',
    'Content-Type': mediaTypes[format],
    'Content-Disposition': `attachment; filename="episodes.${format}"`,
    ...(cut ? { 'X-Data-Cut': cut.toISOString() } : {}),
    Trailer: 'Repr-Digest, X-Rows',
  })
  let count = 0
  const hash = createHash('sha256')
  const rows = rowsOf(deps, selection, release, rows => {
    count += rows
  })
  for await (const part of writeRows(format, rows)) {
    hash.update(part)
    await writePart(response, part)
  }
  // An empty export still opens the answer, so that its access is logged before trailers are set.
  if (!response.headersSent) await writePart(response, Buffer.alloc(0))
  response.addTrailers({ 'Repr-Digest': `sha-256=:${hash.digest('base64')}:`, 'X-Rows': String(count) })
  response.end()
}

async function sendManifest(call: Call, deps: EpisodeDependencies): Promise<void> {
  const { selection, release } = readSelection(call)
  const { issuedAt } = await optOutListInForce(deps.store.db, deps.clock())
  const cut = await dataCut(deps.store)
  let rows = 0
  const digests: Partial<Record<EpisodeFormat, { sha256: string; bytes: number }>> = {}
  for (const format of episodeFormats) {
    rows = 0
    let bytes = 0
    const hash = createHash('sha256')
    const counted = rowsOf(deps, selection, release, more => {
      rows += more
    })
    for await (const part of writeRows(format, counted)) {
      hash.update(part)
      bytes += part.length
    }
    digests[format] = { sha256: hash.digest('hex'), bytes }
  }
  call.log({ rows })
  const { scope: _scope, ...filters } = selection
  call.response.set('Cache-Control', 'no-store').json({
    rows,
    release,
    filters,
    dataCut: cut?.toISOString() ?? null,
    optOutListIssuedAt: issuedAt.toISOString(),
    formats: digests,
    columns: episodeColumns.map(({ name, type, meaning }) => ({ name, type, meaning })),
  })
}

async function* rowsOf(
  { store, keys, clock }: EpisodeDependencies,
  selection: EpisodeSelection,
  release: string,
  onRows: (count: number) => void,
): AsyncGenerator<readonly EpisodeRow[]> {
  const keyOf = (nhsNumber: string) => keys.id('nhs-number', nhsNumber)
  for await (const group of releasableCells(store, selection, keyOf, clock())) {
    onRows(group.length)
    yield group.map(cells => rowOf(cells, keys, release))
  }
}

/** One analyst row; pure. Public for the tests that look for identifiers in it. */
export function rowOf(episode: EpisodeCells, keys: Keys, release: string): EpisodeRow {
  const names = {
    episode: keys.pseudonym(release, `episode/${episode._id}`),
    person: keys.pseudonym(release, `person/${episode.personId}`),
  }
  return episodeColumns.map(column => column.read(episode, names))
}

/** Ids are keyed by release: `release` names one of your own; without it the shared name `current`. */
function readSelection(call: Call): { selection: EpisodeSelection; format: EpisodeFormat; release: string } {
  const query = readQuery(call.request, parameters)
  // Of 1.09 an analyst is told the month: two filters a day apart would tell the day.
  const from = readMonthEnd('from', query.from, 'first')
  const to = readMonthEnd('to', query.to, 'last')
  const linked = readBoolean('linked', query.linked)
  const status = readChoice('status', query.status, statuses)
  const release = query.release ?? 'current'
  if (!/^[A-Za-z0-9._-]{1,40}$/.test(release)) throw new Refusal(400, [issue('parameter-invalid', 'release')])
  return {
    format: readChoice('format', query.format, episodeFormats) ?? 'ndjson',
    release,
    selection: {
      scope: scopeFilter(call.principal),
      ...(from ? { from } : {}),
      ...(to ? { to } : {}),
      ...(linked === undefined ? {} : { linked }),
      ...(status ? { status } : {}),
    },
  }
}

const openapiParameters = [
  { name: 'format', in: 'query', schema: { enum: [...episodeFormats], default: 'ndjson' } },
  {
    name: 'from',
    in: 'query',
    description: 'First month of 1.09: YYYY-MM, YYYY, or the first day of a month',
    schema: { type: 'string' },
  },
  {
    name: 'to',
    in: 'query',
    description: 'Last month of 1.09: YYYY-MM, YYYY, or the last day of a month',
    schema: { type: 'string' },
  },
  {
    name: 'linked',
    in: 'query',
    description: 'Only with (true) or without (false) both sides',
    schema: { type: 'boolean' },
  },
  { name: 'status', in: 'query', schema: { enum: [...statuses] } },
  {
    name: 'release',
    in: 'query',
    description: 'Name the pseudonyms are keyed by',
    schema: { type: 'string', default: 'current' },
  },
]
