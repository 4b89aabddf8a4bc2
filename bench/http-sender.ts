import { Agent, request } from 'node:http'

/** A FHIR client in a process of its own: `connections` kept alive, one request in flight on each. Bodies are ready before the clock starts. */
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
  /** Status and start of the first answer that was no success; the bodies are synthetic. */
  readonly firstRefusal?: string
  readonly milliseconds: number
}

process.on('message', (job: HttpSenderJob) => {
  void send(job).then(
    result => process.send?.(result, () => process.exit(0)),
    () => process.exit(1),
  )
})

async function send({ url, connections, milliseconds, calls }: HttpSenderJob): Promise<HttpSenderResult> {
  const agent = new Agent({ keepAlive: true, maxSockets: connections })
  const bodies = calls.map(call => ({ ...call, bytes: Buffer.from(call.body) }))
  let [next, taken, refused] = [0, 0, 0]
  let firstRefusal: string | undefined
  const begun = performance.now()
  const lane = async (): Promise<void> => {
    while (performance.now() - begun < milliseconds) {
      const call = bodies[next++]
      if (!call) return
      const { status, text } = await post(agent, url, call.bytes, call)
      if (status < 300) taken++
      else {
        refused++
        firstRefusal ??= `${status} ${text.slice(0, 400)}`
      }
    }
  }
  await Promise.all(Array.from({ length: connections }, lane))
  agent.destroy()
  return { taken, refused, ...(firstRefusal ? { firstRefusal } : {}), milliseconds: performance.now() - begun }
}

function post(
  agent: Agent,
  url: string,
  body: Buffer,
  { token, requestId }: { readonly token: string; readonly requestId: string },
): Promise<{ status: number; text: string }> {
  return new Promise((resolve, reject) => {
    const headers = {
      authorization: `Bearer ${token}`,
      'content-type': 'application/fhir+json',
      'content-length': body.length,
      'x-request-id': requestId,
      prefer: 'return=minimal',
    }
    const outgoing = request(url, { method: 'POST', agent, headers }, answer => {
      let text = ''
      answer.setEncoding('utf8')
      answer.on('data', (part: string) => {
        text += part
      })
      answer.on('end', () => resolve({ status: answer.statusCode ?? 0, text }))
    })
    outgoing.on('error', reject)
    outgoing.end(body)
  })
}
