import { readFile } from 'node:fs/promises'
import path from 'node:path'
import { type Keys, loadKeys } from '../access/keys.ts'
import { type Config, readConfig, tableSettingsOf } from '../config.ts'
import { type OpenRiver, openRiver } from '../open-river.ts'
import { openStore, type Store } from '../store/store.ts'

/** What a command works on: the database of the running service, its keys and its tables. */
export type Deployment = OpenRiver & { readonly config: Config; readonly store: Store; readonly keys: Keys }

/**
 * Joins the deployment the environment names. Without `MONGODB_URI`, the embedded server of the data folder, which must be running
 * (start the service first). Rejects with a sentence that says what to do.
 */
export async function joinDeployment(): Promise<Deployment> {
  const config = readConfig(process.env, 'demo')
  const port = await readFile(path.join(config.dataFolder, 'mongod.port'), 'utf8').catch(() => undefined)
  const uri = config.mongodbUri ?? (port ? `mongodb://127.0.0.1:${port.trim()}/?replicaSet=flsdb` : undefined)
  if (!uri)
    throw new Error(
      'No deployment found: set MONGODB_URI, or start the service with npm start and run this in another terminal.',
    )
  const store = await openStore(uri, config.database).catch((cause: unknown) => {
    throw new Error('The database does not answer. Start the service first, or check MONGODB_URI.', { cause })
  })
  const keys = await loadKeys(config.keyFile ?? path.join(config.dataFolder, 'keys.json'), false)
  return { config, store, keys, ...openRiver(store, keys, tableSettingsOf(config)) }
}
