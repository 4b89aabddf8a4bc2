import path from 'node:path'
import { MongodMissing, supplyMongod } from '../src/store/mongod-supply.ts'

try {
  const mongod = await supplyMongod({
    cacheFolder: path.join(import.meta.dirname, '..', '.cache', 'mongod'),
    tell: line => console.log(line),
  })
  console.log(`MongoDB: ${mongod.version} from ${mongod.source}`)
} catch (cause) {
  if (!(cause instanceof MongodMissing)) throw cause
  console.log(cause.message)
  process.exitCode = 1
}
