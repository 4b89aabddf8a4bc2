import { type ChildProcess, spawn } from 'node:child_process'
import { readFile } from 'node:fs/promises'
import path from 'node:path'
import { setTimeout as pause } from 'node:timers/promises'

const root = path.join(import.meta.dirname, '..', '..')

/** After it ended by itself, because the database was away when it started for one. Milliseconds. */
const supervisorPauseMs = 500

/**
 * The service in a process group of its own, under a supervisor that starts it again whenever it ended; on the same ports each time, so that
 * senders find it again as they would at a hospital.
 */
export class Service {
  readonly #environment: NodeJS.ProcessEnv
  #process: ChildProcess | undefined
  #output = ''
  #isWanted = false

  constructor(environment: NodeJS.ProcessEnv) {
    this.#environment = environment
  }

  get pid(): number {
    return this.#process?.pid ?? 0
  }

  /** The last of what it wrote, for the report of a campaign that cannot go on. */
  get output(): string {
    return this.#output
  }

  start(): void {
    this.#isWanted = true
    const main = path.join(root, 'src', 'start.ts')
    const child = spawn(process.execPath, ['--disable-warning=ExperimentalWarning', main], {
      env: this.#environment,
      cwd: root,
      stdio: ['ignore', 'pipe', 'pipe'],
      detached: true,
    })
    const hear = (part: Buffer) => {
      this.#output = (this.#output + part.toString('utf8')).slice(-20_000)
    }
    child.stdout.on('data', hear)
    child.stderr.on('data', hear)
    child.once('exit', (_code, signal) => {
      if (this.#isWanted) setTimeout(() => this.#isWanted && this.start(), signal === null ? supervisorPauseMs : 0)
    })
    this.#process = child
  }

  get isRunning(): boolean {
    return this.#process !== undefined && this.#process.exitCode === null && this.#process.signalCode === null
  }

  /** Resolves when another process has taken the place of this one. */
  async replaced(pid: number): Promise<void> {
    while (this.pid === pid) await pause(2)
  }

  /** Process ids of its workers now. */
  async workers(): Promise<number[]> {
    const children = await readFile(`/proc/${this.pid}/task/${this.pid}/children`, 'utf8').catch(() => '')
    const pids = children.split(' ').filter(Boolean).map(Number)
    const commands = await Promise.all(pids.map(pid => readFile(`/proc/${pid}/cmdline`, 'utf8').catch(() => '')))
    return pids.filter((_, index) => commands[index]?.includes('worker-main'))
  }

  /** Ends it for good. */
  async kill(): Promise<void> {
    this.#isWanted = false
    if (this.#process?.pid === undefined) return
    try {
      process.kill(-this.#process.pid, 'SIGKILL')
    } catch (cause) {
      if (!(cause instanceof Error && 'code' in cause && cause.code === 'ESRCH')) throw cause
    }
    while (this.isRunning) await pause(2)
  }
}
