import { readFile } from 'node:fs/promises'
import path from 'node:path'
import { type Keys, loadKeys } from '../access/keys.ts'
import { type Config, readConfig, tableSettingsOf } from '../config.ts'
import { type OpenRiver, openRiver } from '../open-river.ts'
import { adoptShapes } from '../store/shape.ts'
import { openStore, type Store } from '../store/store.ts'
import { openDatabase } from '../wiring/database.ts'

/** What a command works on: the database of a deployment, its keys and its tables. `close` ends the connection, and the server if it was started. */
export type Deployment = OpenRiver & {
  readonly config: Config
  readonly store: Store
  readonly uri: string
  readonly keyFile: string
  readonly keys: Keys
  readonly close: () => Promise<void>
}

export type JoinOptions = {
  /** Starts the embedded server of the data folder for the length of the command when no service runs it. */
  readonly mayStart?: boolean
  /** Works on a database a restore has left unfinished, and on no running service. */
  readonly isRestoring?: boolean
}

/** Joins the deployment the environment names. Rejects with a sentence that says what to do. */
export async function joinDeployment({ mayStart = false, isRestoring = false }: JoinOptions = {}): Promise<Deployment> {
  const config = readConfig(process.env, 'demo')
  const keyFile = config.keyFile ?? path.join(config.dataFolder, 'keys.json')
  const { store, uri, stop } = await joinDatabase(config, mayStart, isRestoring)
  try {
    // What a restore puts back was made with keys of its own: it checks the file itself.
    const keys = await loadKeys(keyFile, isRestoring && config.profile !== 'production')
    const close = async () => {
      await store.close()
      await stop()
    }
    return { config, store, uri, keyFile, keys, close, ...openRiver(store, keys, tableSettingsOf(config)) }
  } catch (cause) {
    await store.close()
    await stop()
    throw cause
  }
}

type Joined = { readonly store: Store; readonly uri: string; readonly stop: () => Promise<void> }

async function joinDatabase(config: Config, mayStart: boolean, isRestoring: boolean): Promise<Joined> {
  const port = await readFile(path.join(config.dataFolder, 'mongod.port'), 'utf8').catch(() => undefined)
  const running = port ? `mongodb://127.0.0.1:${port.trim()}/?replicaSet=flsdb` : undefined
  const uri = config.mongodbUri ?? running
  if (uri) {
    const store = await openStore(uri, config.database).catch((cause: unknown) => {
      if (config.mongodbUri || !mayStart)
        throw new Error('The database does not answer. Start the service first, or check MONGODB_URI.', { cause })
      return undefined
    })
    if (store && isRestoring && !config.mongodbUri) {
      await store.close()
      throw new Error('The service is running. Stop it (Ctrl-C), restore, then start it again.')
    }
    if (store && !isRestoring) await adoptShapes(store.db)
    if (store) return { store, uri, stop: async () => undefined }
  }
  if (!mayStart)
    throw new Error(
      'No deployment found: set MONGODB_URI, or start the service with npm start and run this in another terminal.',
    )
  const database = await openDatabase(config, line => void process.stderr.write(`${line}\n`), { isRestoring })
  return { store: database.store, uri: database.uri, stop: async () => database.embedded?.stop() }
}
