import type { Keys } from '../access/keys.ts'
import type { Principal } from '../access/principal.ts'
import type { Authenticate } from '../access/token.ts'
import type { Config } from '../config.ts'
import type { InboxId } from '../fls/fact.ts'
import { accessLogRoutes } from '../http/api/access-log.ts'
import { conformanceRoutes } from '../http/api/conformance.ts'
import { coverageRoutes } from '../http/api/coverage.ts'
import { deadLetterRoutes } from '../http/api/dead-letters.ts'
import { episodeRoutes } from '../http/api/episodes.ts'
import { linkRoutes } from '../http/api/links.ts'
import { messageReplayRoutes } from '../http/api/message-replay.ts'
import { messageRoutes } from '../http/api/messages.ts'
import { registerRoutes } from '../http/api/registers.ts'
import { submissionRoutes } from '../http/api/submissions.ts'
import { createApp } from '../http/app.ts'
import { assetRoutes } from '../http/assets.ts'
import { healthRoutes } from '../http/health.ts'
import { type Listening, listen } from '../http/listen.ts'
import type { Logger } from '../http/logger.ts'
import type { Metrics } from '../http/metrics.ts'
import { pageRoutes } from '../http/pages.ts'
import { formTypeHandlers, questionnaireRoutes } from '../http/questionnaires.ts'
import type { Route } from '../http/route.ts'
import type { ReadingTables } from '../mapping/read.ts'
import { hasMapping } from '../mapping/tables.ts'
import type { Accept } from '../sources/arrival.ts'
import { resumeReceipts } from '../sources/extract/receipt.ts'
import { rejectOutcomes } from '../sources/extract/rejects.ts'
import { type ExtractRouteOptions, extractDeps, extractRoutes, mayDeclarePractice } from '../sources/extract/routes.ts'
import { bulkRoutes } from '../sources/fhir/bulk-routes.ts'
import { bulkSubmitRoutes } from '../sources/fhir/bulk-submit.ts'
import type { FhirCall } from '../sources/fhir/call.ts'
import { readIfVisible } from '../sources/fhir/dispatch.ts'
import { type FhirDeps, fhirBase } from '../sources/fhir/door.ts'
import { publishedRoutes, publishedTerminology } from '../sources/fhir/published-routes.ts'
import { fhirIngestRoutes } from '../sources/fhir/routes.ts'
import { openAccessLog } from '../store/access-log.ts'
import { openDeadLetters } from '../store/dead-letters.ts'
import { readInboxEntry } from '../store/inbox.ts'
import { linkedCount } from '../store/linked.ts'
import { watchPrimary } from '../store/primary-watch.ts'
import { practiceGate } from '../store/registers.ts'
import { openResourceIndex } from '../store/resource-index.ts'
import { loadPages } from '../web/render.ts'
import type { Database } from './database.ts'
import type { Demo } from './demo.ts'
import type { Disk } from './disk.ts'
import { wireBulkExport, wirePublished } from './fhir-published.ts'
import { wireForms } from './forms.ts'
import { readyChecks } from './ready.ts'

export type HttpWiring = {
  readonly config: Config
  readonly port: number
  readonly publicUrl: string
  readonly database: Database
  readonly disk: Disk
  readonly keys: Keys
  readonly tables: ReadingTables
  readonly accept: Accept
  readonly authenticate: Authenticate
  readonly issuer: string
  readonly demo?: Demo
  readonly mappingOf: (sender: string) => string | undefined
  readonly whenApplied: (id: InboxId, timeoutMs: number) => Promise<boolean>
  readonly isStopping: () => boolean
  readonly mllp: { readonly host: string; readonly port: number }
  readonly logger: Logger
  readonly metrics: Metrics
}

/** Every route of the service in one list, mounted behind identity, policy and access log. */
export async function startHttp(wiring: HttpWiring): Promise<Listening> {
  const { config, port, publicUrl, database, authenticate, demo, logger, metrics } = wiring
  const primary = watchPrimary(database.store.client)
  const accessLog = openAccessLog(database.store.db)
  const routes: Route[] = [
    ...(await dataRoutes(wiring)),
    ...accessLogRoutes({ accessLog }),
    ...healthRoutes({ checks: readyChecks(database.store, wiring.disk, wiring.isStopping), metrics }),
  ]
  const pages = once(loadPages)
  routes.push(
    ...conformanceRoutes({ store: database.store, pages }),
    ...pageRoutes({
      store: database.store,
      pages,
      profile: config.profile,
      baseUrl: publicUrl,
      issuer: wiring.issuer,
      mllp: wiring.mllp,
      mongod: `${database.version} (${database.source})`,
      ...(demo ? { demoFile: demo.file } : {}),
      clock: () => new Date(),
      routes: () => routes,
    }),
  )
  const app = createApp({
    routes,
    authenticate,
    accessLog: { append: line => primary.unlessAway(() => accessLog.append(line)) },
    primary,
    logger,
    metrics,
    baseUrl: publicUrl,
    trustedProxies: config.trustedProxies,
    ...(demo ? { idpProxyTarget: demo.provider.target } : {}),
    ...(config.profile === 'production'
      ? {}
      : { rateLimits: { signedIn: 1_000_000, anonymous: 1_000_000, refused: 1_000_000 } }),
  })
  return listen(app, { host: config.bind, port })
}

/** The same promise at every call. */
function once<T>(make: () => Promise<T>): () => Promise<T> {
  let made: Promise<T> | undefined
  return () => {
    made ??= make()
    return made
  }
}

async function dataRoutes({
  config,
  publicUrl,
  database: { store },
  keys,
  tables,
  accept,
  mappingOf,
  whenApplied,
  logger,
}: HttpWiring): Promise<Route[]> {
  const clock = () => new Date()
  const allowTestNumbers = config.profile !== 'production'
  const readResource = (call: FhirCall) => readIfVisible(call, fhir)
  const forms = { ...wireForms({ store, keys, accept, publicUrl, allowTestNumbers, clock }), readResource }
  const shipped = publishedTerminology(() => tables.mapping.terminology)
  const published = { base: fhirBase({ baseUrl: publicUrl }), hmac: forms.hmac, clock }
  const gate = practiceGate(store.db)
  const fhir: FhirDeps = {
    accept,
    gate,
    db: store.db,
    resources: openResourceIndex(store.db),
    hmac: (...parts) => keys.id('fhir', ...parts),
    rawBytes: async id => (await readInboxEntry(store, id))?.bytes,
    baseUrl: publicUrl,
    clock,
    allowTestNumbers,
    typeHandlers: new Map([...formTypeHandlers(forms), ...wirePublished(shipped, published, store)]),
    get tables() {
      return tables.mapping
    },
    mappingOf,
  }
  const extracts: ExtractRouteOptions = {
    accept,
    store,
    gate,
    get tables() {
      return tables.extract
    },
    dataFolder: config.dataFolder,
    clock,
    linkedCount: ids => linkedCount(store, ids),
    whenApplied,
  }
  const extractDoor = extractDeps(extracts)
  const maySubmit = (principal: Principal, practice: string) => mayDeclarePractice(principal, practice, store.db)
  // Receipts whose process stopped are counted again, beside the traffic.
  void resumeReceipts(extractDoor).catch((cause: unknown) => logger.failure('receipts', cause))
  return [
    ...fhirIngestRoutes(fhir),
    ...publishedRoutes(shipped, fhir),
    ...bulkRoutes(wireBulkExport(store, keys, published, cause => logger.failure('bulk-export', cause))),
    ...bulkSubmitRoutes({
      db: store.db,
      base: published.base,
      clock,
      id: (practice, submissionId) => keys.id('submission', practice, submissionId),
      maySubmit,
      checkPractice: extractDoor.checkPractice,
      outcomes: job => rejectOutcomes(extractDoor, job),
    }),
    ...submissionRoutes({ db: store.db, maySubmit }),
    ...questionnaireRoutes(forms),
    ...extractRoutes(extracts),
    ...registerRoutes({
      store,
      accept,
      hasMapping: (name, protocol) => hasMapping(tables.mapping, name, protocol),
      whenApplied,
      clock,
    }),
    ...episodeRoutes({ store, keys, clock }),
    ...coverageRoutes({ store, keys, clock, tableHash: () => tables.mapping.hash }),
    ...linkRoutes({ store, keys, accept, whenApplied }),
    ...messageReplayRoutes({
      store,
      clock,
      tables,
    }),
    ...messageRoutes({ store, keys }),
    ...deadLetterRoutes({ deadLetters: openDeadLetters(store.db) }),
    ...assetRoutes(),
  ]
}
