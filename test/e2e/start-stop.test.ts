import { type ChildProcess, execFileSync, spawn } from 'node:child_process'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { afterAll, beforeAll, expect, test } from '@jest/globals'
import { eventually } from '../set-up/running.ts'

/** The demo as `npm start` runs it, its own embedded database included, in a process group of its own as a terminal gives it. */
const root = path.join(import.meta.dirname, '..', '..')
let data: string
beforeAll(async () => {
  data = await mkdtemp(path.join(tmpdir(), 'flsdb-start-'))
})
afterAll(() => rm(data, { recursive: true, force: true }))

type Demo = {
  readonly child: ChildProcess
  readonly ready: { http: string; mllp: number; profile: string; source: string; demo: string }
  readonly tookMs: number
}

async function startDemo(): Promise<Demo> {
  const started = performance.now()
  const child = spawn(process.execPath, ['--disable-warning=ExperimentalWarning', 'src/start.ts', '--demo'], {
    cwd: root,
    detached: true,
    stdio: ['ignore', 'pipe', 'inherit'],
    env: {
      ...process.env,
      NODE_OPTIONS: '',
      FLSDB_DATA: data,
      FLSDB_SEED: 'none',
      FLSDB_HTTP_PORT: '0',
      FLSDB_MLLP_PORT: '0',
      FLSDB_LOG_LEVEL: 'silent',
    },
  })
  let output = ''
  child.stdout?.on('data', (part: Buffer) => {
    output += part.toString('utf8')
  })
  const line = await eventually(
    'the ready line',
    async () =>
      output
        .trim()
        .split('\n')
        .find(text => text.startsWith('{"ready":true')),
    60,
  )
  expect(output.trim().endsWith(line)).toBe(true)
  return { child, ready: JSON.parse(line), tookMs: performance.now() - started }
}

/** Ctrl-C reaches the whole group of the terminal at once. */
async function pressCtrlC({ child }: Demo): Promise<number | null> {
  const ended = new Promise<number | null>(resolve => child.once('exit', resolve))
  process.kill(-(child.pid ?? 0), 'SIGINT')
  return ended
}

/** Every process that names the data folder in its arguments or its environment: service, workers, provider, mongod. */
function processesOf(folder: string): string[] {
  return execFileSync('ps', ['axeww', '-o', 'pid,args'], { encoding: 'utf8', maxBuffer: 64 * 1024 * 1024 })
    .split('\n')
    .filter(line => line.includes(folder))
}

test('start, stop with Ctrl-C, start again: nothing left running, data and secrets kept', async () => {
  const first = await startDemo()
  expect(first.ready).toMatchObject({ profile: 'demo' })
  const before = await counts(first)
  expect(await pressCtrlC(first)).toBe(0)
  await eventually('every process has ended', async () => (processesOf(data).length === 0 ? true : undefined), 20)

  const second = await startDemo()
  expect(await counts(second)).toEqual(before)
  // The promise is 10 s on a quiet host; the test shares its two cores.
  expect(second.tookMs).toBeLessThan(30_000)
  expect(await pressCtrlC(second)).toBe(0)
  await eventually('every process has ended', async () => (processesOf(data).length === 0 ? true : undefined), 20)
}, 180_000)

test('killed outright, its helpers end by themselves and the next start works', async () => {
  const first = await startDemo()
  const ended = new Promise(resolve => first.child.once('exit', resolve))
  first.child.kill('SIGKILL')
  await ended
  await eventually('helpers and mongod have ended', async () => (processesOf(data).length === 0 ? true : undefined), 30)
  const second = await startDemo()
  expect((await fetch(`${second.ready.http}/ready`)).status).toBe(200)
  await pressCtrlC(second)
}, 180_000)

async function counts({ ready }: Demo): Promise<string> {
  const page = await (await fetch(`${ready.http}/`)).text()
  return [...page.matchAll(/Feeds enrolled|Practices opted in|<td[^>]*>([\d,]+)<\/td>/g)]
    .map(match => match[0].replace(/<[^>]+>/g, ''))
    .join(' ')
}
