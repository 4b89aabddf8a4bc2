#!/usr/bin/env node
// The `flsdb` command on whatever Node the host has: hands over to the Node 24 of the lockfile when its own is older.
import { spawnSync } from 'node:child_process'
import { existsSync } from 'node:fs'
import module from 'node:module'
import path from 'node:path'

const root = path.join(import.meta.dirname ?? path.dirname(new URL(import.meta.url).pathname), '..')
const main = path.join(root, 'src', 'cli', 'main.ts')
if (Number(process.versions.node.split('.')[0]) >= 24) {
  process.removeAllListeners('warning')
  module.enableCompileCache(path.join(root, '.cache', 'compiled'))
  await import(main)
} else {
  const node = path.join(root, 'node_modules', '.bin', 'node')
  if (!existsSync(node)) {
    console.error('flsdb needs Node 24. Run npm start or npm ci --ignore-scripts once; it brings its own.')
    process.exit(1)
  }
  process.exit(
    spawnSync(node, ['--disable-warning=ExperimentalWarning', main, ...process.argv.slice(2)], { stdio: 'inherit' })
      .status ?? 1,
  )
}
