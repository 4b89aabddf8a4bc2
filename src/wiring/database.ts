import path from 'node:path'
import { BadSetting, type Config } from '../config.ts'
import { ensureAccessLogIndexes } from '../store/access-log.ts'
import { createExportIndexes } from '../store/bulk-exports.ts'
import { ensureDeadLetterIndexes } from '../store/dead-letters.ts'
import { type Embedded, startEmbedded } from '../store/embedded.ts'
import { ensureExtractIndexes } from '../store/extracts.ts'
import { type MongodSource, supplyMongod } from '../store/mongod-supply.ts'
import { createResourceIndexes } from '../store/resources.ts'
import { createResponseIndexes } from '../store/responses.ts'
import { readRestore } from '../store/restore.ts'
import { adoptShapes } from '../store/shape.ts'
import { ensureIndexes, openStore, type Store } from '../store/store.ts'
import { createVersionClaimIndexes } from '../store/version-claims.ts'

/** The open database, and where its server came from. `embedded` is ours to stop. */
export type Database = {
  readonly store: Store
  readonly uri: string
  readonly version: string
  readonly source: MongodSource
  readonly embedded?: Embedded
}

/** Series that must not hold real patients: out of support, or known to lose or leak (trust.md 5.3). */
const refusedInProduction = [
  { test: /^[0-6]\./, why: 'the series is out of support' },
  { test: /^7\.0\.([0-9]|[12][0-9]|3[01])$/, why: 'it lacks the fix of CVE-2026-6914 (use 7.0.32 or newer)' },
  { test: /^8\.0\.([0-9]|1[0-9]|20)$/, why: 'it lacks the fix of CVE-2026-6914 (use 8.0.21 or newer)' },
] as const

/**
 * Uses `MONGODB_URI`, or starts the embedded server; brings the indexes; checks in production that the server is fit for patients. Refuses data
 * of a newer release, and what a restore has left unfinished (unless that is being restored again).
 */
export async function openDatabase(
  config: Config,
  tell: (line: string) => void,
  { isRestoring = false }: { readonly isRestoring?: boolean } = {},
): Promise<Database> {
  const started = config.mongodbUri ? undefined : await startOwn(config, tell)
  const uri = config.mongodbUri ?? started?.embedded.uri ?? ''
  const store = await openStore(uri, config.database)
  const { version } = await store.db.admin().serverInfo()
  const fault = refusedInProduction.find(({ test }) => test.test(String(version)))
  if (config.profile === 'production' && fault) {
    await store.close()
    throw new BadSetting(`MongoDB ${String(version)} is refused in production: ${fault.why}.`)
  }
  try {
    if (!isRestoring) await adoptShapes(store.db)
    if (!isRestoring && (await readRestore(store.db))?.state === 'running')
      throw new BadSetting(
        `Database ${config.database} holds an unfinished restore. Run it again: flsdb restore FOLDER --overwrite`,
      )
    await bringIndexes(store)
  } catch (cause) {
    await store.close()
    await started?.embedded.stop()
    throw cause
  }
  return {
    store,
    uri,
    version: String(version),
    source: started?.source ?? 'uri',
    ...(started ? { embedded: started.embedded } : {}),
  }
}

/** Every index of every collection. */
export async function bringIndexes(store: Store): Promise<void> {
  await ensureIndexes(store)
  await Promise.all([
    createResourceIndexes(store.db),
    createVersionClaimIndexes(store.db),
    createExportIndexes(store.db),
    createResponseIndexes(store.db),
    ensureExtractIndexes(store.db),
    ensureAccessLogIndexes(store.db),
    ensureDeadLetterIndexes(store.db),
  ])
}

async function startOwn(
  config: Config,
  tell: (line: string) => void,
): Promise<{ embedded: Embedded; source: MongodSource }> {
  const mongod = await supplyMongod({
    cacheFolder: path.join(import.meta.dirname, '..', '..', '.cache', 'mongod'),
    tell,
  })
  const embedded = await startEmbedded(mongod, config.dataFolder)
  tell(
    `MongoDB: ${mongod.version} from ${mongod.source}, one member on loopback: an acknowledged message survives a crash, not the loss of this disk`,
  )
  return { embedded, source: mongod.source }
}
