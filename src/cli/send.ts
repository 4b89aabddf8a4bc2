import { appendFile, readFile } from 'node:fs/promises'
import { setTimeout as pause } from 'node:timers/promises'
import { type SendResult, sendMessages } from '../sources/hl7v2/send.ts'
import { type Progress, progressOf } from './progress.ts'
import { type Sendable, sendablesOf } from './sendable.ts'
import { demoToken } from './token.ts'

export type SendCommand = {
  readonly mllp?: boolean
  readonly fhir?: boolean
  readonly host: string
  readonly port: number
  readonly url: string
  readonly client?: string
  readonly demoFile: string
  readonly json?: boolean
  readonly practice?: string
  readonly extractId?: string
  readonly mode?: string
  /** File that gets one JSON line an answer. */
  readonly ledger?: string
  /** Ledger of an earlier run: what it says was taken is left out. */
  readonly resend?: string
  /** How often one thing is sent before it is given up. */
  readonly attempts: number
}

/** `isTaken`: the service has it; `againMs`: it may take it later, after this many milliseconds; neither: it never will. */
type Answer = {
  readonly item: Sendable
  readonly isTaken: boolean
  readonly againMs?: number
  readonly told: Readonly<Record<string, unknown>>
  readonly line: string
}

/**
 * `flsdb send`: pushes files to a running service and prints what it answered, one line a thing. What was not taken for a passing reason is
 * sent again with a growing pause. Exit code 1 when something was not taken in the end.
 */
export async function sendCommand(files: readonly string[], options: SendCommand): Promise<void> {
  const as = options.fhir ? 'fhir' : options.mllp ? 'hl7v2' : options.practice ? 'extract' : undefined
  const taken = options.resend ? await takenIn(options.resend) : new Set<string>()
  const all = (await Promise.all(files.map(file => sendablesOf(file, as)))).flat()
  const items = all.filter(item => !taken.has(keyOf(item)))
  if (items.length < all.length) console.error(`${all.length - items.length} of ${all.length} were taken before.`)
  // Where the answers go into a ledger, only what was not taken is printed, and how far it is.
  const progress = progressOf('flsdb send', options.ledger === undefined)
  try {
    if ((await sendAll(items, options, progress)) > 0) process.exitCode = 1
  } finally {
    progress.end()
  }
}

/** Returns how many were not taken. */
async function sendAll(items: readonly Sendable[], options: SendCommand, progress: Progress): Promise<number> {
  let open = items
  let settled = 0
  let lost = 0
  for (let attempt = 1; open.length > 0; attempt++) {
    const again: Sendable[] = []
    let pauseMs = 500 * 2 ** attempt
    await sendOnce(open, options, async answer => {
      const { item, isTaken, againMs } = answer
      if (!isTaken && againMs !== undefined && attempt < options.attempts) {
        again.push(item)
        pauseMs = Math.max(pauseMs, againMs)
      } else {
        settled++
        if (!isTaken) lost++
      }
      await tell(answer, attempt, options)
      progress.show('', settled, items.length)
    })
    open = again
    if (open.length > 0) await pause(pauseMs)
  }
  return lost
}

async function tell({ item, isTaken, told, line }: Answer, attempt: number, options: SendCommand): Promise<void> {
  const { file, ordinal, sha256 } = item
  const entry = JSON.stringify({ file, ordinal, sha256, attempt, isTaken, ...told })
  if (options.ledger) await appendFile(options.ledger, `${entry}\n`)
  if (options.json) console.log(entry)
  else if (!options.ledger || !isTaken) console.log(line)
}

const keyOf = ({ sha256, ordinal }: Pick<Sendable, 'sha256' | 'ordinal'>): string => `${sha256}/${ordinal}`

async function takenIn(ledger: string): Promise<Set<string>> {
  const lines = (await readFile(ledger, 'utf8')).split('\n')
  return new Set(lines.flatMap(line => takenOn(line) ?? []))
}

/** A run that was killed may have left its last line half written: what it was about is sent again, which does no harm. */
function takenOn(line: string): string | undefined {
  try {
    const entry = JSON.parse(line) as { sha256: string; ordinal: number; isTaken: boolean }
    return entry.isTaken ? keyOf(entry) : undefined
  } catch {
    return undefined
  }
}

type Hear = (answer: Answer) => Promise<void>

/** In the order of the files; messages of neighbouring files share one connection. */
async function sendOnce(items: readonly Sendable[], options: SendCommand, hear: Hear): Promise<void> {
  let messages: Sendable[] = []
  const flush = async (): Promise<void> => {
    if (messages.length > 0) await sendHl7(messages, options, hear)
    messages = []
  }
  for (const item of items) {
    if (item.kind === 'hl7v2') messages.push(item)
    else {
      await flush()
      await hear(item.kind === 'fhir' ? await sendFhir(item, options) : await sendExtract(item, options))
    }
  }
  await flush()
}

/** AE and CE say "later"; so does silence. AR and CR never change. */
async function sendHl7(items: readonly Sendable[], { host, port }: SendCommand, hear: Hear): Promise<void> {
  const heard = new Set<Sendable>()
  const onAck = async ({ ordinal, controlId, kind, code, texts, ms }: SendResult): Promise<void> => {
    const item = items[ordinal - 1]
    if (!item) return
    heard.add(item)
    const isPassing = kind === 'no-answer' || code === 'AE' || code === 'CE'
    const about = texts.length > 0 ? `  ${texts.join('; ')}` : ''
    await hear({
      item,
      isTaken: code === 'AA' || code === 'CA' || kind === 'none-due',
      ...(isPassing ? { againMs: 0 } : {}),
      told: { controlId, kind, code, texts, ms: Math.round(ms) },
      line: `${code || kind}  ${controlId}  ${item.file}  ${Math.round(ms)} ms${about}`,
    })
  }
  try {
    await sendMessages({ host, port, messages: items.map(item => item.bytes), onAck })
  } catch (cause) {
    // Nobody listens: what was not answered may be taken later.
    if (typeof cause !== 'object' || cause === null || !('code' in cause)) throw cause
    for (const item of items) if (!heard.has(item)) await hear(noAnswer(item, String(cause.code)))
  }
}

async function sendFhir(item: Sendable & { kind: 'fhir' }, options: SendCommand): Promise<Answer> {
  const { method, path, contentType } = item
  const client = options.client ?? 'hospital'
  // The same name at every attempt: a resend is then absorbed, whatever became of the first.
  const headers = { 'content-type': contentType, 'x-request-id': item.sha256 }
  return answerOf(item, await request(`${options.url}/fhir${path}`, { method, headers, client }, item.bytes, options))
}

async function sendExtract(item: Sendable & { kind: 'extract' }, options: SendCommand): Promise<Answer> {
  const { practice, extractId, mode } = options
  const query = new URLSearchParams(
    Object.entries({ practice, extractId, mode }).flatMap(([name, value]) => (value ? [[name, value]] : [])),
  )
  const told = {
    method: 'POST',
    headers: { 'content-type': item.contentType },
    client: options.client ?? 'gp-supplier',
  }
  return answerOf(item, await request(`${options.url}/api/extracts?${query}`, told, item.bytes, options))
}

type Told = { readonly status: number; readonly headers: Headers; readonly body: string }
type Request = { readonly method: string; readonly headers: Record<string, string>; readonly client: string }

async function request(
  address: string,
  { method, headers, client }: Request,
  bytes: Buffer,
  { demoFile }: SendCommand,
): Promise<Told | undefined> {
  const authorization = `Bearer ${await demoToken(demoFile, client)}`
  try {
    const answer = await fetch(address, { method, headers: { authorization, ...headers }, body: new Uint8Array(bytes) })
    return { status: answer.status, headers: answer.headers, body: await answer.text() }
  } catch {
    // Nobody answers, or not to the end: the same as a service that asks for patience.
    return undefined
  }
}

function answerOf(item: Sendable, answer: Told | undefined): Answer {
  if (!answer) return noAnswer(item, 'nobody listens')
  const { status, body } = answer
  const isTaken = status >= 200 && status < 300
  const isPassing = status === 429 || status === 503
  const seconds = Number(answer.headers.get('retry-after') ?? 0)
  const location = answer.headers.get('location')
  return {
    item,
    isTaken,
    ...(isPassing ? { againMs: 1_000 * (Number.isFinite(seconds) ? seconds : 5) } : {}),
    told: { status, body, ...(location ? { location } : {}) },
    line: `${status}  ${item.file}${location ? `  ${location}` : ''}${isTaken ? '' : `\n${body}`}`,
  }
}

function noAnswer(item: Sendable, why: string): Answer {
  return { item, isTaken: false, againMs: 0, told: { kind: 'no-answer', why }, line: `no-answer  ${item.file}  ${why}` }
}
