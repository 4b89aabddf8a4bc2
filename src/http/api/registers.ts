import { isInScope, tenantsOf } from '../../access/scope.ts'
import {
  feedStatement,
  optInAt,
  optOutStatement,
  practiceStatement,
  type RegisterEntry,
  registerEntry,
  siteStatement,
} from '../../access/statements.ts'
import { limits } from '../../config.ts'
import { instantOf } from '../../fls/dates.ts'
import type { InboxId, OdsCode } from '../../fls/fact.ts'
import { issue } from '../../fls/issue.ts'
import type { Accept } from '../../sources/arrival.ts'
import { charsetOf } from '../../sources/hl7v2/charset.ts'
import { loadDirectory, type Practice } from '../../store/directory.ts'
import { currentOptOutList } from '../../store/opt-outs.ts'
import { optInsOf, registerBytes, registerCollection } from '../../store/registers.ts'
import type { Store } from '../../store/store.ts'
import { readJsonBody } from '../json-body.ts'
import { readQuery } from '../query.ts'
import { Refusal } from '../refusal.ts'
import type { Call, Route } from '../route.ts'

export type RegisterDependencies = {
  readonly store: Pick<Store, 'db'>
  readonly accept: Accept
  /** Whether a mapping folder of this name and protocol is in use. */
  readonly hasMapping: (name: string, protocol: string) => boolean
  /** True once the entry has been applied; false when it was not within the time. */
  readonly whenApplied: (inboxId: InboxId, timeoutMs: number) => Promise<boolean>
  readonly clock: () => Date
}

const appliedWithinMs = 10_000
/** The organisation of entries that are the programme's own. */
const programme = 'FLSDB' as OdsCode

/** Enrolment at run time: feeds, sites, practices and the national opt-out list. Every change is an inbox entry; answers follow once it is applied. */
export function registerRoutes(deps: RegisterDependencies): Route[] {
  return [...feedRoutes(deps), ...siteRoutes(deps), ...practiceRoutes(deps), ...optOutRoutes(deps)]
}

function feedRoutes(deps: RegisterDependencies): Route[] {
  const { db } = deps.store
  return [
    route('GET /api/feeds', 'Enrolled feeds; an engineer sees those of the own organisation.', async call => {
      const { feeds } = await loadDirectory(db)
      call.response.json({ items: [...feeds.values()].filter(feed => isInScope(call.principal, [feed.organisation])) })
    }),
    route('GET /api/feeds/:id', 'One feed with its history.', async call => {
      call.response.json(await feedView(call, deps))
    }),
    route(
      'PUT /api/feeds/:id',
      'Enrols or changes a feed: who sends, how it is recognised, which mapping folder reads it.',
      async call => {
        const statement = await readJsonBody(call.request, feedStatement)
        const entry = entryFor({ register: 'feed', id: idOf(call), by: call.principal.subject, statement })
        if (statement.mapping !== undefined && !deps.hasMapping(statement.mapping, statement.protocol))
          throw new Refusal(422, [issue('mapping-unknown', 'mapping')])
        if (statement.charset !== undefined && charsetOf(statement.charset) === undefined)
          throw new Refusal(422, [issue('structure-invalid', 'charset')])
        await refuseDoubleFeed(call, deps, statement)
        await applyEntry(call, deps, entry, statement.organisation as OdsCode, () => feedView(call, deps))
      },
    ),
  ]
}

/** MSH-3/MSH-4 must lead to one feed: the pair decides which organisation a message belongs to. */
async function refuseDoubleFeed(
  call: Call,
  { store }: RegisterDependencies,
  statement: { protocol: string; sendingApplications: readonly string[]; sendingFacilities: readonly string[] },
): Promise<void> {
  if (statement.protocol !== 'hl7v2') return
  if (statement.sendingApplications.length + statement.sendingFacilities.length === 0)
    throw new Refusal(422, [issue('element-required', 'sendingFacilities')])
  const { feeds } = await loadDirectory(store.db)
  const overlaps = (a: readonly string[], b: readonly string[]) =>
    a.length + b.length === 0 || a.some(name => b.includes(name))
  const rival = [...feeds.values()].find(
    feed =>
      feed.id !== call.request.params['id'] &&
      feed.isActive &&
      feed.protocol === 'hl7v2' &&
      overlaps(feed.sendingApplications, statement.sendingApplications) &&
      overlaps(feed.sendingFacilities, statement.sendingFacilities),
  )
  if (rival) throw new Refusal(409, [issue('multiple-matches', 'sendingApplications', { hint: `feed ${rival.id}` })])
}

async function feedView(call: Call, { store }: RegisterDependencies): Promise<unknown> {
  const document = await registerCollection(store.db, 'feed').findOne({ _id: idOf(call) })
  const last = document?.history.at(-1)
  if (!document || !last || !isInScope(call.principal, [last.statement.organisation])) throw notFound()
  return { id: document._id, ...last.statement, history: document.history }
}

function siteRoutes(deps: RegisterDependencies): Route[] {
  const { db } = deps.store
  const view = async (call: Call): Promise<unknown> => {
    const document = await registerCollection(db, 'site').findOne({ _id: idOf(call) })
    const last = document?.history.at(-1)
    if (!document || !last || !isInScope(call.principal, [document._id, last.statement.organisation])) throw notFound()
    return { ods: document._id, ...last.statement, history: document.history }
  }
  return [
    route('GET /api/sites', 'Enrolled sites.', async call => {
      call.response.json({ items: [...(await loadDirectory(db)).sites.values()] })
    }),
    route('GET /api/sites/:ods', 'One site with its history.', async call => {
      call.response.json(await view(call))
    }),
    route(
      'PUT /api/sites/:ods',
      'Enrols or changes a site: its name, organisation and the FLS its patients belong to.',
      async call => {
        const statement = await readJsonBody(call.request, siteStatement)
        const entry = entryFor({ register: 'site', id: idOf(call), by: call.principal.subject, statement })
        await applyEntry(call, deps, entry, statement.organisation as OdsCode, () => view(call))
      },
    ),
  ]
}

function practiceRoutes(deps: RegisterDependencies): Route[] {
  const { db } = deps.store
  const now = () => instantOf(deps.clock())
  const view = async (call: Call): Promise<unknown> => {
    const ods = idOf(call)
    const tenants = tenantsOf(call.principal)
    if (tenants !== 'all' && !tenants.some(tenant => tenant === ods)) throw notFound()
    const document = await registerCollection(db, 'practice').findOne({ _id: ods })
    const practice = (await loadDirectory(db)).practices.get(ods)
    if (!document || !practice) throw notFound()
    const dated = optInsOf(document)
    const history = document.history.map((line, index) => ({
      ...line.statement,
      from: dated[index]?.from,
      receivedAt: line.receivedAt,
      by: line.by,
    }))
    return { ...practiceLine(practice), history }
  }
  const practiceLine = (practice: Practice) => {
    const { isOpen, since } = optInAt(practice.optIns, now())
    const { ods, name, supplier, fls } = practice
    return {
      ods,
      ...(name ? { name } : {}),
      ...(supplier ? { supplier } : {}),
      ...(fls ? { fls } : {}),
      optedIn: isOpen,
      ...(since ? { since } : {}),
    }
  }
  return [
    route('GET /api/practices', 'The opt-in register: every practice and whether it is opted in now.', async call => {
      const { practices } = await loadDirectory(db)
      call.response.json({ items: [...practices.values()].map(practiceLine) })
    }),
    route('GET /api/practices/:ods', 'One practice with its dated opt-in history.', async call => {
      call.response.json(await view(call))
    }),
    route(
      'PUT /api/practices/:ods',
      'Records a dated opt-in or withdrawal. A withdrawal seals what the practice sent until a new opt-in.',
      async call => {
        const statement = await readJsonBody(call.request, practiceStatement)
        const entry = entryFor({ register: 'practice', id: idOf(call), by: call.principal.subject, statement })
        await applyEntry(call, deps, entry, idOf(call) as OdsCode, () => view(call))
      },
    ),
  ]
}

function optOutRoutes(deps: RegisterDependencies): Route[] {
  const view = async (): Promise<unknown> => {
    const state = await currentOptOutList(deps.store.db)
    if (!state) return { isInForce: false }
    const { issuedAt, expiresAt, count } = state
    return { isInForce: expiresAt > deps.clock(), issuedAt, expiresAt, count }
  }
  return [
    route(
      'GET /api/opt-outs',
      'State of the National Data Opt-Out list: when issued, when it expires, how many.',
      async call => {
        call.response.json(await view())
      },
    ),
    {
      ...route(
        'POST /api/opt-outs',
        'Loads the National Data Opt-Out list as issued; it replaces the one before.',
        async call => {
          const statement = await readJsonBody(call.request, optOutStatement, limits.upload)
          const entry = entryFor({ register: 'opt-outs', id: 'national', by: call.principal.subject, statement })
          await applyEntry(call, deps, entry, programme, view)
        },
      ),
      touchesPatientData: true,
    },
  ]
}

function route(key: Route['key'], summary: string, handle: (call: Call) => Promise<void>): Route {
  return {
    key,
    summary,
    touchesPatientData: key.startsWith('PUT'),
    handle: async call => {
      readQuery(call.request, [])
      call.response.set('Cache-Control', 'no-store')
      await handle(call)
    },
  }
}

/** Checked again as a whole: the id of the address has rules too. */
function entryFor(entry: RegisterEntry): RegisterEntry {
  const checked = registerEntry.safeParse(entry)
  if (!checked.success) throw new Refusal(422, [issue('parameter-invalid', 'address')])
  return checked.data
}

/** Keeps the statement, waits until a worker has applied it, then answers with the new state; 202 when that takes longer than 10 s. */
async function applyEntry(
  call: Call,
  { accept, whenApplied }: RegisterDependencies,
  entry: RegisterEntry,
  organisation: OdsCode,
  view: () => Promise<unknown>,
): Promise<void> {
  const accepted = await accept({
    sender: `user:${call.principal.subject}`,
    organisation,
    side: 'site',
    protocol: 'register',
    // Each statement is its own event: the same words said again later must count again.
    controlId: call.requestId,
    type: `${entry.register}/${entry.id}`,
    bytes: registerBytes(entry),
  })
  call.log({ inboxIds: [accepted.inboxId] })
  const isApplied = await whenApplied(accepted.inboxId, appliedWithinMs)
  call.response
    .status(isApplied ? 200 : 202)
    .json(isApplied ? await view() : { inboxId: accepted.inboxId, state: 'received' })
}

function idOf(call: Call): string {
  return String(call.request.params['id'] ?? call.request.params['ods'])
}

function notFound(): Refusal {
  return new Refusal(404, [issue('not-found', 'address')])
}
