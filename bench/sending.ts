import { fork } from 'node:child_process'
import path from 'node:path'
import type { HttpSenderJob, HttpSenderResult } from './http-sender.ts'
import type { SenderJob, SenderResult } from './mllp-sender.ts'

/** Runs an MLLP sender process to its end. */
export async function sendFrom(job: SenderJob): Promise<SenderResult> {
  return (await runChild('mllp-sender.ts', job)) as SenderResult
}

/** Runs a FHIR sender process to its end. */
export async function postFrom(job: HttpSenderJob): Promise<HttpSenderResult> {
  return (await runChild('http-sender.ts', job)) as HttpSenderResult
}

function runChild(file: string, job: SenderJob | HttpSenderJob): Promise<unknown> {
  const child = fork(path.join(import.meta.dirname, file), [], {
    execArgv: ['--disable-warning=ExperimentalWarning'],
    stdio: ['ignore', 'ignore', 'inherit', 'ipc'],
  })
  return new Promise((resolve, reject) => {
    let result: unknown
    child.once('message', message => {
      result = message
    })
    child.once('exit', code => (result ? resolve(result) : reject(new Error(`the sender ended with code ${code}`))))
    child.send(job)
  })
}

/** Deals messages out to connections in turn. */
export function dealt(messages: readonly Buffer[], connections: number): string[][] {
  const lists = Array.from({ length: connections }, (): string[] => [])
  messages.forEach((message, index) => {
    lists[index % connections]?.push(message.toString('base64'))
  })
  return lists
}
