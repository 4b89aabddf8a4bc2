// Everything CI checks, in the order a mistake is cheapest: types, lint, tests. `npm test -- PATTERN` runs only matching tests.
import { spawnSync } from 'node:child_process'
import path from 'node:path'

const root = path.join(import.meta.dirname, '..')
const node = process.execPath
const bin = name => path.join(root, 'node_modules', ...name)
const patterns = process.argv.slice(2)
const steps = [
  ['types', node, [bin(['typescript', 'bin', 'tsc']), '--noEmit', '-p', root]],
  ['lint', node, [bin(['@biomejs', 'biome', 'bin', 'biome']), 'check', '--diagnostic-level=error', root]],
  [
    'tests',
    node,
    [
      '--experimental-vm-modules',
      '--disable-warning=ExperimentalWarning',
      bin(['jest', 'bin', 'jest.js']),
      ...patterns,
    ],
  ],
]
for (const [name, command, args] of patterns.length > 0 ? steps.slice(2) : steps) {
  process.stdout.write(`── ${name}\n`)
  const { status } = spawnSync(command, args, { cwd: root, stdio: 'inherit' })
  if (status !== 0) process.exit(status ?? 1)
}
