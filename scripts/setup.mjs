// Runs on whatever Node the host has (20 or newer) with its standard library only: brings the packages, Node 24 and MongoDB, then hands over.
import { execFileSync, spawnSync } from 'node:child_process'
import { createHash } from 'node:crypto'
import { existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import path from 'node:path'

const root = path.join(import.meta.dirname ?? path.dirname(new URL(import.meta.url).pathname), '..')
const [major = 0] = process.versions.node.split('.').map(Number)
const tell = line => process.stdout.write(`${line}\n`)

if (major < 20) {
  tell(
    `FLS-DB needs Node 20 or newer to set itself up (it then runs on its own Node 24); this is ${process.versions.node}.`,
  )
  process.exit(1)
}

const lock = createHash('sha256')
  .update(readFileSync(path.join(root, 'package-lock.json')))
  .digest('hex')
const stamp = path.join(root, 'node_modules', '.flsdb-lock')
if (!existsSync(stamp) || readFileSync(stamp, 'utf8') !== lock) {
  tell('packages: installing with npm ci --ignore-scripts (about half a minute) …')
  const started = Date.now()
  const npm = process.platform === 'win32' ? 'npm.cmd' : 'npm'
  const { status } = spawnSync(npm, ['ci', '--ignore-scripts', '--no-audit', '--no-fund', '--loglevel=error'], {
    cwd: root,
    stdio: 'inherit',
    env: { ...process.env, npm_config_progress: 'true' },
  })
  if (status !== 0) {
    tell('packages: npm ci failed. Check the network path to the package registry, then run the same command again.')
    process.exit(1)
  }
  mkdirSync(path.dirname(stamp), { recursive: true })
  writeFileSync(stamp, lock)
  tell(`packages: installed in ${Math.round((Date.now() - started) / 1000)} s`)
} else {
  tell('packages: up to date')
}

const own = path.join(root, 'node_modules', '.bin', process.platform === 'win32' ? 'node.cmd' : 'node')
const node = existsSync(own) ? own : process.execPath
const version = execFileSync(node, ['--version'], { encoding: 'utf8' }).trim()
if (Number(version.slice(1).split('.')[0]) < 24) {
  tell(`Node: no Node 24 for this platform in the lockfile; install Node 24 and run again (found ${version}).`)
  process.exit(1)
}
tell(`Node: ${version}`)

if (!process.env.MONGODB_URI || process.argv[2] === 'test') {
  const { status } = spawnSync(
    node,
    ['--disable-warning=ExperimentalWarning', path.join(root, 'scripts', 'mongod.ts')],
    { cwd: root, stdio: 'inherit' },
  )
  if (status !== 0) process.exit(1)
}
tell('build: nothing to build, Node runs the sources')
