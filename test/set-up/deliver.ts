import { sendMessages } from '../../src/sources/hl7v2/send.ts'
import type { Delivery } from '../../synthetic/delivery.ts'
import type { RunningService } from './running.ts'

/** Pushes deliveries through the doors as their senders would; throws when one is not taken. Returns what each door said. */
export async function deliver(service: RunningService, deliveries: Iterable<Delivery>): Promise<string[]> {
  const said: string[] = []
  for (const delivery of deliveries) said.push(await deliverOne(service, delivery))
  return said
}

export async function deliverOne(service: RunningService, delivery: Delivery): Promise<string> {
  switch (delivery.door) {
    case 'mllp': {
      let code = ''
      await sendMessages({
        host: '127.0.0.1',
        port: service.mllpPort,
        messages: [delivery.bytes],
        onAck: result => {
          code = result.code || result.kind
        },
      })
      return code
    }
    case 'fhir': {
      const client = service.demo.clients.find(
        one => one.role === 'hospital' && one.clientSecret !== '' && one.feeds.includes(delivery.feed),
      )
      const answer = await service.call(
        client?.clientId,
        delivery.path.includes('Questionnaire') || delivery.path === '/fhir' ? 'POST' : 'POST',
        delivery.path,
        delivery.bytes,
        { 'content-type': 'application/fhir+json', 'x-request-id': delivery.controlId },
      )
      if (answer.status >= 300)
        throw new Error(`${delivery.controlId}: ${answer.status} ${answer.text.slice(0, 1_500)}`)
      return String(answer.status)
    }
    case 'extract': {
      const answer = await sendExtract(service, delivery)
      return String(answer.status)
    }
  }
}

export async function sendExtract(service: RunningService, delivery: Extract<Delivery, { door: 'extract' }>) {
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
