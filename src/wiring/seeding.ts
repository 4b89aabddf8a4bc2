import { fork } from 'node:child_process'
import path from 'node:path'
import type { Config } from '../config.ts'
import type { Logger } from '../http/logger.ts'

/**
 * Pushes the synthetic year through the doors from a process of its own, while the service is already up: what a hospital or supplier
 * would send, over the same sockets. Started again it goes on where the doors already know the rest (repeats are absorbed). Returns its stop.
 */
export function startSeeding(config: Config, demoFile: string, logger: Logger): () => Promise<void> {
  const child = fork(
    path.join(import.meta.dirname, '..', 'cli', 'main.ts'),
    ['seed', '--demo-file', demoFile, '--size', config.seed, '--quiet', '--once'],
    {
      execArgv: ['--disable-warning=ExperimentalWarning'],
      stdio: ['ignore', 'ignore', 'inherit', 'ipc'],
    },
  )
  const ended = new Promise<void>(resolve =>
    child.once('exit', code => {
      logger.event('seeding ended', { code: code ?? -1 })
      resolve()
    }),
  )
  return async () => {
    child.kill('SIGTERM')
    await ended
  }
}
