import { sendMessages } from '../../src/sources/hl7v2/send.ts'
import type { Delivery } from '../../synthetic/delivery.ts'
import type { Answer, RunningService } from './running.ts'

/** Pushes deliveries through the doors as their senders would, one after the other; throws when one is not taken. Returns what each door said. */
export async function deliver(service: RunningService, deliveries: Iterable<Delivery>): Promise<string[]> {
  const said: string[] = []
  for (const delivery of deliveries) said.push(await deliverOne(service, delivery))
  return said
}

async function deliverOne(service: RunningService, delivery: Delivery): Promise<string> {
  switch (delivery.door) {
    case 'mllp':
      return taken(delivery, await sendFrame(service, delivery.bytes), code => code === 'AA' || code === 'CA')
    case 'fhir':
      return takenOver(delivery, await sendFhir(service, delivery))
    case 'extract':
      return takenOver(delivery, await sendExtract(service, delivery))
  }
}

/** One HL7 v2 message over MLLP; the acknowledgement code, or what happened instead of one. */
export async function sendFrame(service: Pick<RunningService, 'mllpPort'>, message: Buffer): Promise<string> {
  return (await sendFrames(service, [message])).join()
}

/** Messages over one connection, one after the other; what each was answered. */
export async function sendFrames(
  service: Pick<RunningService, 'mllpPort'>,
  messages: readonly Buffer[],
): Promise<string[]> {
  const said: string[] = []
  await sendMessages({
    host: '127.0.0.1',
    port: service.mllpPort,
    messages: [...messages],
    onAck: result => {
      said.push(result.code || result.kind)
    },
  })
  return said
}

/** A FHIR delivery as the client of its feed. */
export function sendFhir(service: RunningService, delivery: Extract<Delivery, { door: 'fhir' }>): Promise<Answer> {
  const client = service.demo.clients.find(
    one => one.role === 'hospital' && one.clientSecret !== '' && one.feeds.includes(delivery.feed),
  )
  return service.call(client?.clientId, 'POST', delivery.path, delivery.bytes, {
    'content-type': 'application/fhir+json',
    'x-request-id': delivery.controlId,
  })
}

/** An extract as the supplier of its practice. */
export function sendExtract(
  service: RunningService,
  delivery: Extract<Delivery, { door: 'extract' }>,
): Promise<Answer> {
  const client = service.demo.clients.find(
    one => one.role === 'gp-supplier' && one.practices.includes(delivery.practice),
  )
  const form = new FormData()
  for (const { name, bytes } of delivery.files) form.append('file', new Blob([new Uint8Array(bytes)]), name)
  return service.call(
    client?.clientId,
    'POST',
    `/api/extracts?practice=${delivery.practice}&extractId=${delivery.controlId}&mode=${delivery.mode}`,
    form,
  )
}

function takenOver(delivery: Delivery, answer: Answer): string {
  return taken(delivery, String(answer.status), status => Number(status) < 300, answer.text.slice(0, 1_500))
}

function taken(delivery: Delivery, said: string, isGood: (said: string) => boolean, more = ''): string {
  if (!isGood(said)) throw new Error(`${delivery.controlId} was not taken: ${said} ${more}`)
  return said
}
