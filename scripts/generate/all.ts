import { spawnSync } from 'node:child_process'
import { readdirSync } from 'node:fs'
import path from 'node:path'

/** `npm run generate`: every generator of this folder that can be run by itself, one after the other. Stops at the first that fails. */
const parts = new Set(['all.ts', 'between-markers.ts', 'dictionary.ts', 'fhir-value-sets.ts'])
const generators = readdirSync(import.meta.dirname).filter(name => name.endsWith('.ts') && !parts.has(name))
for (const name of generators.toSorted()) {
  process.stdout.write(`── ${name}\n`)
  const { status } = spawnSync(process.execPath, [path.join(import.meta.dirname, name)], { stdio: 'inherit' })
  if (status !== 0) process.exit(status ?? 1)
}
