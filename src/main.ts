import path from 'node:path'
import { KeyFileMissing, loadKeys } from './access/keys.ts'
import { createAuthenticate, remoteKeys } from './access/token.ts'
import { BadSetting, type Config, readConfig, tableSettingsOf } from './config.ts'
import { createLogger } from './http/logger.ts'
import { createMetrics } from './http/metrics.ts'
import { RouteTableBroken } from './http/route-table.ts'
import { openAccessLog } from './store/access-log.ts'
import { noteFirstBasis, readBasis } from './store/basis.ts'
import { openDeadLetters } from './store/dead-letters.ts'
import { cachedDirectory } from './store/directory.ts'
import { FolderInUse, freePort, isFree } from './store/embedded.ts'
import { openInbox } from './store/inbox.ts'
import { holdServiceLease } from './store/lease.ts'
import { MongodMissing } from './store/mongod-supply.ts'
import { practiceGate } from './store/registers.ts'
import { indexEarlierResources } from './store/resources-earlier.ts'
import { readRetention } from './store/retention-log.ts'
import { NewerShape } from './store/shape.ts'
import { type Store, UnsafeDatabase } from './store/store.ts'
import { openDatabase } from './wiring/database.ts'
import { type Demo, enrolRoster, openDemo, writeDemo } from './wiring/demo.ts'
import { watchDisk, whileThereIsRoom } from './wiring/disk.ts'
import { startHttp } from './wiring/http.ts'
import { startMllp } from './wiring/mllp.ts'
import { startSeeding } from './wiring/seeding.ts'
import { watchTables } from './wiring/tables.ts'
import { whenApplied, whenRead } from './wiring/waiting.ts'
import { startWorkers } from './wiring/workers.ts'

/**
 * The only wiring: settings → database → doors → workers. Ends in one line of JSON on stdout (`{"ready":true,…}`) and stays in the
 * foreground; SIGINT and SIGTERM stop everything in order, a second one at once.
 */
async function main(): Promise<void> {
  const config = readConfig(process.env, process.argv.includes('--demo') ? 'demo' : 'production')
  const stops: (() => Promise<void>)[] = []
  const isStopping = stopOnSignal(stops)
  const tell = (line: string) => process.stdout.write(`${line}\n`)
  const logger = createLogger({ level: config.logLevel })
  const metrics = createMetrics({ isWithProcess: true })
  const database = await openDatabase(config, tell)
  const { store, embedded } = database
  stops.push(async () => {
    await store.close()
    await embedded?.stop()
  })
  const lease = await holdServiceLease(store.db)
  stops.push(() => lease.release())
  const keyFile = config.keyFile ?? path.join(config.dataFolder, 'keys.json')
  const keys = await loadKeys(keyFile, config.profile !== 'production')
  await noteFirstBasis(store, readBasis(config.mappingsFolder))
  const watched = await watchTables(store, tableSettingsOf(config), cause => logger.failure('tables', cause))
  stops.push(async () => watched.stop())
  const { tables } = watched
  const [httpPort, mllpPort] = [
    await choosePort(config, config.httpPort, 'HTTP', tell),
    await choosePort(config, config.mllpPort, 'MLLP', tell),
  ]
  const publicUrl = (
    config.publicUrl ?? `http://${config.bind === '0.0.0.0' ? '127.0.0.1' : config.bind}:${httpPort}`
  ).replace(/\/$/, '')
  const demo = config.oidcIssuer ? undefined : await openDemo(config, publicUrl)
  if (demo) stops.push(() => demo.provider.close())

  const disk = await watchDisk(config.dataFolder)
  stops.push(async () => disk.stop())
  const inbox = openInbox({ store, gate: practiceGate(store.db), clock: () => new Date() })
  // A database elsewhere watches its own disk.
  const accept = embedded ? whileThereIsRoom(inbox, disk) : inbox
  const failures = metrics.counter('worker_failures_total', 'Entries a worker could not do', ['code'])
  metrics.gauge('inbox_expired_entries', 'Entries whose bytes retention has taken', () =>
    store.inbox.countDocuments({ state: 'expired' }),
  )
  metrics.gauge('retention_last_run_seconds', 'Unix time of the last run of retention; 0 = never', async () =>
    Math.floor(((await readRetention(store.db)).ranAt?.getTime() ?? 0) / 1_000),
  )
  const workers = startWorkers({
    count: config.workers,
    environment: workerEnvironment(config, database.uri, keyFile),
    onReport: report => report.kind === 'failure' && failures.inc({ code: report.code }),
    onRestart: code => logger.event('worker restart', { code: code ?? -1 }),
  })
  stops.push(() => workers.stop())
  const directory = cachedDirectory(store.db, 500)
  if (demo) await enrol(store, demo, accept, config.workers > 0)
  const mllp = await startMllp({
    config,
    port: mllpPort,
    accept,
    directory,
    whenRead: whenRead(store),
    accessLog: openAccessLog(store.db),
    deadLetters: openDeadLetters(store.db),
    logger,
    metrics,
  })
  stops.push(() => mllp.close())
  // HL7 v2 is taken meanwhile; the FHIR door cannot read what an earlier release indexed.
  await indexEarlierResources(store, () => tell('FHIR: an earlier release kept resources; HTTP opens once indexed'))
  let known = await directory()
  const refresh = setInterval(
    () =>
      void directory().then(
        now => {
          known = now
        },
        () => undefined,
      ),
    1_000,
  ).unref()
  const http = await startHttp({
    config,
    port: httpPort,
    publicUrl,
    database,
    disk,
    keys,
    tables,
    accept,
    authenticate: await authenticator(config, publicUrl, demo),
    issuer: demo?.provider.issuer ?? config.oidcIssuer ?? '',
    ...(demo ? { demo } : {}),
    mappingOf: sender => known.feeds.get(sender)?.mapping,
    whenApplied: whenApplied(store),
    isStopping,
    mllp: { host: config.bind, port: mllp.port },
    logger,
    metrics,
  })
  stops.push(async () => {
    clearInterval(refresh)
    await http.close()
  })
  if (demo) await writeDemo(demo, { url: publicUrl, mllpHost: config.bind, mllpPort: mllp.port })
  if (demo && config.seed !== 'none') stops.push(startSeeding(config, demo.file, logger))
  if (demo) welcome(tell, publicUrl, mllp.port, demo, config)
  tell(
    JSON.stringify({
      ready: true,
      http: publicUrl,
      mllp: mllp.port,
      profile: config.profile,
      mongod: database.version,
      source: database.source,
      ...(demo ? { demo: path.relative(process.cwd(), demo.file) } : {}),
    }),
  )
}

/** In demo a taken port is replaced by a free one and named; elsewhere it is an error. 0 asks for any. */
async function choosePort(config: Config, wanted: number, what: string, tell: (line: string) => void): Promise<number> {
  if (wanted === 0) return freePort()
  if (await isFree(wanted, config.bind)) return wanted
  if (config.profile !== 'demo')
    throw new BadSetting(`${what} port ${wanted} is taken. Free it or set FLSDB_${what}_PORT.`)
  const port = await freePort()
  tell(`${what}: port ${wanted} is taken, using ${port}`)
  return port
}

async function authenticator(config: Config, publicUrl: string, demo: Demo | undefined) {
  if (demo)
    return createAuthenticate({
      issuer: demo.provider.issuer,
      audience: demo.provider.audience,
      keys: remoteKeys(demo.provider.jwksUrl),
    })
  const issuer = config.oidcIssuer ?? ''
  const discovery = await fetch(`${issuer.replace(/\/$/, '')}/.well-known/openid-configuration`, {
    signal: AbortSignal.timeout(10_000),
  }).catch(() => undefined)
  const described: unknown = discovery?.ok ? await discovery.json() : undefined
  if (
    typeof described !== 'object' ||
    described === null ||
    !('jwks_uri' in described) ||
    typeof described.jwks_uri !== 'string'
  ) {
    throw new BadSetting(
      `OIDC_ISSUER ${issuer} gives no discovery document. Check the address and that the provider runs.`,
    )
  }
  return createAuthenticate({
    issuer,
    audience: config.oidcAudience ?? publicUrl,
    keys: remoteKeys(described.jwks_uri),
  })
}

async function enrol(store: Store, demo: Demo, accept: ReturnType<typeof openInbox>, canWait: boolean): Promise<void> {
  const fresh = await enrolRoster(accept, demo.roster, new Date())
  const applied = whenApplied(store)
  if (canWait) await Promise.all(fresh.map(id => applied(id, 20_000)))
}

function workerEnvironment(config: Config, uri: string, keyFile: string): Record<string, string> {
  return {
    MONGODB_URI: uri,
    FLSDB_DATABASE: config.database,
    FLSDB_KEY_FILE: keyFile,
    FLSDB_LOG_LEVEL: config.logLevel,
    FLSDB_TEST_NUMBERS: config.profile === 'production' ? '0' : '1',
    FLSDB_MAPPINGS: config.mappingsFolder ?? '',
    FLSDB_RETENTION_DAYS: String(config.retentionDays),
  }
}

function stopOnSignal(stops: readonly (() => Promise<void>)[]): () => boolean {
  let isStopping = false
  const stop = (signal: string) => {
    if (isStopping) process.exit(1)
    isStopping = true
    process.stdout.write(`${signal}: stopping\n`)
    const inOrder = [...stops]
      .reverse()
      .reduce((before, next) => before.then(next).catch(() => undefined), Promise.resolve())
    void inOrder.then(() => process.exit(0))
    setTimeout(() => process.exit(1), 20_000).unref()
  }
  process.on('SIGINT', () => stop('SIGINT'))
  process.on('SIGTERM', () => stop('SIGTERM'))
  return () => isStopping
}

function welcome(tell: (line: string) => void, url: string, mllpPort: number, demo: Demo, config: Config): void {
  const { sites, practices } = demo.roster
  tell('')
  tell(`FLS-DB runs at ${url} (HL7 v2 over MLLP on port ${mllpPort}). Every patient is synthetic.`)
  tell(
    `demo: ${sites.length} services, ${practices.length} practices (${practices.filter(one => one.optedIn).length} opted in)${config.seed === 'none' ? '' : `; a synthetic year (${config.seed}) is flowing in through the doors`}`,
  )
  tell(
    `roles: ${demo.identities.users.map(user => user.username).join(', ')}; clients and secrets in ${path.relative(process.cwd(), demo.file)}`,
  )
  tell('try:   npx flsdb send samples/hl7v2/*.hl7 --mllp   ·   npx flsdb doctor   ·   the first page lists more')
  tell('stop:  Ctrl-C (data stays)   ·   wipe: npx flsdb reset')
}

main().catch((cause: unknown) => {
  const isTold =
    cause instanceof BadSetting ||
    cause instanceof MongodMissing ||
    cause instanceof UnsafeDatabase ||
    cause instanceof NewerShape ||
    cause instanceof KeyFileMissing ||
    cause instanceof FolderInUse ||
    cause instanceof RouteTableBroken
  process.stderr.write(`${isTold ? cause.message : 'FLS-DB could not start.'}\n`)
  if (!isTold) createLogger().failure('start', cause)
  process.exit(1)
})
