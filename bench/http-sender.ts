import { connect, type Socket } from 'node:net'

/**
 * A FHIR client in a process of its own: `connections` kept alive, one request in flight on each. Requests are written as bytes made ready
 * before the clock starts, so that the sender takes as little as possible of the processors it shares with what it measures.
 */
export type HttpSenderJob = {
  readonly url: string
  readonly connections: number
  readonly milliseconds: number
  /** Any of these, in turn. */
  readonly calls: readonly { readonly body: string; readonly token: string; readonly requestId: string }[]
}
export type HttpSenderResult = {
  readonly taken: number
  readonly refused: number
  /** Start of the first answer that was no success; the bodies are synthetic. */
  readonly firstRefusal?: string
  readonly milliseconds: number
  /** Processor time of the sender itself. */
  readonly cpuMs: number
}
type Answer = { readonly status: number; readonly text: string }

process.on('message', (job: HttpSenderJob) => {
  void send(job).then(
    result => process.send?.(result, () => process.exit(0)),
    () => process.exit(1),
  )
})

async function send({ url, connections, milliseconds, calls }: HttpSenderJob): Promise<HttpSenderResult> {
  const address = new URL(url)
  const requests = calls.map(call => requestOf(address, call))
  const lanes = await Promise.all(Array.from({ length: connections }, () => openLane(address)))
  let [next, taken, refused] = [0, 0, 0]
  let firstRefusal: string | undefined
  const cpu = process.cpuUsage()
  const begun = performance.now()
  const run = async ({ ask, close }: Lane): Promise<void> => {
    while (performance.now() - begun < milliseconds) {
      const request = requests[next++]
      if (!request) break
      const { status, text } = await ask(request)
      if (status < 300) taken++
      else {
        refused++
        firstRefusal ??= text.slice(0, 600)
      }
    }
    close()
  }
  await Promise.all(lanes.map(run))
  const { user, system } = process.cpuUsage(cpu)
  return {
    taken,
    refused,
    ...(firstRefusal ? { firstRefusal } : {}),
    milliseconds: performance.now() - begun,
    cpuMs: (user + system) / 1_000,
  }
}

function requestOf({ host, pathname }: URL, { body, token, requestId }: HttpSenderJob['calls'][number]): Buffer {
  const bytes = Buffer.from(body)
  const head = [
    `POST ${pathname} HTTP/1.1`,
    `Host: ${host}`,
    `Authorization: Bearer ${token}`,
    'Content-Type: application/fhir+json',
    `Content-Length: ${bytes.length}`,
    `X-Request-ID: ${requestId}`,
    'Prefer: return=minimal',
  ]
  return Buffer.concat([Buffer.from(`${head.join('\r\n')}\r\n\r\n`), bytes])
}

type Lane = { readonly ask: (request: Buffer) => Promise<Answer>; readonly close: () => void }

/** One connection; the next request is written when the answer to the last one is whole. */
async function openLane({ hostname, port }: URL): Promise<Lane> {
  const socket: Socket = connect(Number(port), hostname).setNoDelay(true)
  await new Promise<void>((resolve, reject) => socket.once('connect', resolve).once('error', reject))
  let heard = Buffer.alloc(0)
  let waiting: { readonly resolve: (answer: Answer) => void; readonly reject: (cause: Error) => void } | undefined
  socket.on('data', part => {
    heard = heard.length === 0 ? part : Buffer.concat([heard, part])
    const answer = answerIn(heard)
    if (!answer) return
    heard = Buffer.alloc(0)
    waiting?.resolve(answer)
  })
  const lost = () => waiting?.reject(new Error('the connection was closed'))
  socket.on('error', lost).on('close', lost)
  return {
    ask: request =>
      new Promise((resolve, reject) => {
        waiting = { resolve, reject }
        socket.write(request)
      }),
    close: () => void socket.destroy(),
  }
}

/** The answer, once head and body are all there. */
function answerIn(heard: Buffer): Answer | undefined {
  const end = heard.indexOf('\r\n\r\n')
  if (end < 0) return undefined
  const head = heard.toString('latin1', 0, end)
  const length = Number(/\r\ncontent-length: (\d+)/i.exec(head)?.[1] ?? 0)
  if (heard.length < end + 4 + length) return undefined
  const status = Number(head.slice(9, 12))
  return { status, text: status < 300 ? '' : `${head.slice(9, 32)} ${heard.toString('utf8', end + 4)}` }
}
