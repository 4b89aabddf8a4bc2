import { registerHooks } from 'node:module'
import path from 'node:path'
import { pathToFileURL } from 'node:url'
import { faults, isFaultName } from './faults.ts'

/** Given to Node with `--import`: rewrites the one line of `FLSDB_PLANTED_FAULT` while its module is loaded, in this process and its children. */
const name = process.env['FLSDB_PLANTED_FAULT'] ?? ''
if (!isFaultName(name)) throw new Error(`no such fault: ${name}`)
const { file, find, replace } = faults[name]
const url = pathToFileURL(path.join(import.meta.dirname, '..', '..', '..', 'src', file)).href

registerHooks({
  load: (address, context, next) => {
    const loaded = next(address, context)
    if (address !== url) return loaded
    const source = String(loaded.source)
    if (source.match(new RegExp(find, 'g'))?.length !== 1) {
      // An exception here could be caught on its way; nothing may run as if the defect were in it.
      process.stderr.write(`the line of the fault ${name} is not in ${file} exactly once\n`)
      process.exit(70)
    }
    return { ...loaded, source: source.replace(find, replace) }
  },
})
