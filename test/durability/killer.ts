import { type ChildProcess, fork } from 'node:child_process'
import path from 'node:path'

/** Sends signals from a process of its own. A negative pid means the whole process group. */
export class Killer {
  readonly #process: ChildProcess = fork(path.join(import.meta.dirname, 'killer-main.ts'), [], {
    execArgv: ['--disable-warning=ExperimentalWarning'],
    env: { ...process.env, NODE_OPTIONS: '' },
  })

  /** Resolves with the moment the signal was sent, milliseconds since 1970; undefined when there was nobody to send it to. One order at a time. */
  strike(pid: number, signal: NodeJS.Signals, afterMs: number): Promise<number | undefined> {
    return new Promise((resolve, reject) => {
      const ended = () => reject(new Error('the killer has ended'))
      this.#process.once('exit', ended)
      this.#process.once('message', (said: { at?: number }) => {
        this.#process.off('exit', ended)
        resolve(said.at)
      })
      this.#process.send({ pid, signal, afterMs })
    })
  }

  stop(): void {
    this.#process.removeAllListeners()
    this.#process.kill('SIGKILL')
  }
}
