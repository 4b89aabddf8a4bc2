import type { Delivery } from '../../synthetic/delivery.ts'
import type { DemoFile } from '../access/demo-file.ts'
import { type Carrier, openExactCarrier } from '../sources/hl7v2/carrier.ts'
import { parseMessage } from '../sources/hl7v2/message.ts'
import type { Attempt } from './seed-lane.ts'

const answerTimeoutMs = 30_000

/** Sends one feed's deliveries: MLLP on a connection of its own, FHIR and extracts over HTTP with the token of the feed's client. */
export function openDoor(
  demo: DemoFile,
  feed: string,
): { readonly post: (delivery: Delivery) => Promise<Attempt>; readonly close: () => void } {
  const line = mllpLine(demo)
  const token = tokenFor(demo, feed)
  return {
    post: delivery =>
      delivery.door === 'mllp' ? line.post(delivery.bytes, delivery.controlId) : postHttp(demo, token, delivery),
    close: line.close,
  }
}

function mllpLine(demo: DemoFile): {
  readonly post: (message: Buffer, controlId: string) => Promise<Attempt>
  readonly close: () => void
} {
  let carrier: Carrier | undefined
  let hear: (payload: Buffer | undefined) => void = () => undefined
  const open = async (): Promise<Carrier> => {
    carrier ??= await openExactCarrier({
      ...demo.mllp,
      connectTimeoutMs: 5_000,
      onAnswer: payload => hear(payload),
      onClose: () => {
        carrier = undefined
        hear(undefined)
      },
    })
    return carrier
  }
  return {
    post: async (message, controlId) => {
      const line = await open()
      const answer = new Promise<Buffer | undefined>(resolve => {
        const timer = setTimeout(() => resolve(undefined), answerTimeoutMs)
        hear = payload => {
          clearTimeout(timer)
          resolve(payload)
        }
      })
      await line.post(message)
      return judge(await answer, controlId)
    },
    close: () => carrier?.close(),
  }
}

/** AA and CA: kept. AR and CR: refused for good. Anything else, or an answer to another message: once more. */
function judge(answer: Buffer | undefined, controlId: string): Attempt {
  const msa = answer && parseMessage(answer)?.first('MSA')
  const code = msa?.component(1) ?? ''
  if (msa?.field(2).text !== controlId) return { kind: 'again' }
  if (code === 'AA' || code === 'CA') return { kind: 'taken' }
  return code === 'AR' || code === 'CR' ? { kind: 'refused' } : { kind: 'again' }
}

async function postHttp(
  demo: DemoFile,
  token: () => Promise<string>,
  delivery: Exclude<Delivery, { door: 'mllp' }>,
): Promise<Attempt> {
  const headers = { authorization: `Bearer ${await token()}`, 'x-request-id': delivery.controlId }
  const response = await (delivery.door === 'fhir'
    ? fetch(`${demo.url}${delivery.path}`, {
        method: 'POST',
        headers: { ...headers, 'content-type': 'application/fhir+json', prefer: 'return=minimal' },
        body: new Uint8Array(delivery.bytes),
      })
    : fetch(
        `${demo.api}/extracts?${new URLSearchParams({ practice: delivery.practice, extractId: delivery.controlId, mode: delivery.mode })}`,
        { method: 'POST', headers, body: formOf(delivery.files) },
      ))
  await response.arrayBuffer()
  if (response.ok) return { kind: 'taken' }
  if (response.status !== 429 && response.status !== 401 && response.status < 500) return { kind: 'refused' }
  const seconds = Number(response.headers.get('retry-after'))
  return { kind: 'again', ...(seconds > 0 ? { afterMs: seconds * 1000 } : {}) }
}

function formOf(files: readonly { readonly name: string; readonly bytes: Buffer }[]): FormData {
  const form = new FormData()
  for (const file of files) form.append('file', new Blob([new Uint8Array(file.bytes)], { type: 'text/csv' }), file.name)
  return form
}

/** A token of the client that may speak for the feed, renewed a minute before it ends. */
function tokenFor(demo: DemoFile, feed: string): () => Promise<string> {
  const client = demo.clients.find(one => one.feeds.includes(feed) && one.clientSecret !== '')
  let known: { readonly token: string; readonly until: number } | undefined
  return async () => {
    if (known && known.until > performance.now()) return known.token
    if (!client) throw new Error(`no client of the demo speaks for feed ${feed}`)
    const response = await fetch(demo.tokenUrl, {
      method: 'POST',
      headers: {
        authorization: `Basic ${Buffer.from(`${encodeURIComponent(client.clientId)}:${encodeURIComponent(client.clientSecret)}`).toString('base64')}`,
      },
      body: new URLSearchParams({ grant_type: 'client_credentials', scope: client.scope }),
    })
    const { access_token: token, expires_in: seconds } = readToken(await response.json())
    known = { token, until: performance.now() + (seconds - 60) * 1000 }
    return token
  }
}

function readToken(body: unknown): { access_token: string; expires_in: number } {
  if (typeof body !== 'object' || body === null || !('access_token' in body) || typeof body.access_token !== 'string')
    throw new Error('the identity provider gave no token')
  const seconds = 'expires_in' in body && typeof body.expires_in === 'number' ? body.expires_in : 300
  return { access_token: body.access_token, expires_in: seconds }
}
