import { mkdtemp } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { startEmbedded } from '../../src/store/embedded.ts'
import { supplyMongod } from '../../src/store/mongod-supply.ts'

/** One real replica set for the whole run, in a folder of its own; `FLSDB_TEST_MONGODB` tells the tests where. */
export default async function startMongod(): Promise<void> {
  if (process.env['FLSDB_TEST_MONGODB']) return
  const mongod = await supplyMongod({
    cacheFolder: path.join(import.meta.dirname, '..', '..', '.cache', 'mongod'),
    tell: line => process.stdout.write(`${line}\n`),
  })
  const folder = await mkdtemp(path.join(tmpdir(), 'flsdb-test-'))
  const embedded = await startEmbedded(mongod, folder, { isThrowaway: true })
  process.env['FLSDB_TEST_MONGODB'] = embedded.uri
  Object.assign(globalThis, { flsdbTestMongod: { embedded, folder } })
}
