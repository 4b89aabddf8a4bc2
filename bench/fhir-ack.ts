import { figure, type Measure, median } from './figure.ts'
import { insertsPerSecond } from './inserts.ts'
import { openService, pauseWorkers } from './running.ts'
import { postFrom } from './sending.ts'
import { deliveries } from './traffic.ts'

const connections = 16
const perSecondAtMost = 3_500

/**
 * fhirAck: transaction Bundles of three resources a second over HTTP, 16 connections kept alive, one in flight each, real tokens, workers
 * paused; against journaled inserts of the same bytes with 16 in flight. Median of three rounds.
 */
export const fhirAck: Measure = async bench => {
  const bundles = threeResourceBundles()
  const service = await openService(bench, 'fhir')
  try {
    const clientOf = (feed: string) =>
      service.demo.clients.find(client => client.clientSecret !== '' && client.feeds.includes(feed))?.clientId
    const known = bundles.filter(bundle => clientOf(bundle.feed) !== undefined)
    const tokens = new Map<string, string>()
    for (const feed of new Set(known.map(bundle => bundle.feed)))
      tokens.set(feed, await service.token(clientOf(feed) ?? ''))
    let given = 0
    const calls = (count: number) =>
      Array.from({ length: count }, () => {
        const bundle = known[given % known.length]
        const id = `bench-${given++}`
        // Another Bundle.identifier makes another message of it; the resources in it are updates of the same patients.
        return {
          body: (bundle?.text ?? '').replaceAll('BUNDLE-ID', id),
          token: tokens.get(bundle?.feed ?? '') ?? '',
          requestId: id,
        }
      })
    const rates: { rate: number; limit: number }[] = []
    for (let round = 0; round < 4; round++) {
      await pauseWorkers(service)
      const limit = await insertsPerSecond(
        bench.mongodbUri,
        calls(256).map(call => Buffer.from(call.body)),
        { inFlight: connections, seconds: bench.seconds / 2 },
      )
      const result = await postFrom({
        url: `${service.url}/fhir`,
        connections,
        milliseconds: bench.seconds * 1_000,
        calls: calls(Math.ceil(perSecondAtMost * bench.seconds)),
      })
      if (result.refused > 0) throw new Error(`${result.refused} Bundles were refused: ${result.firstRefusal}`)
      const rate = (result.taken * 1_000) / result.milliseconds
      bench.say(`fhirAck: ${Math.round(rate)}/s, limit ${Math.round(limit)}/s`)
      if (round > 0) rates.push({ rate, limit })
    }
    const bytes = Math.round(known.reduce((sum, bundle) => sum + bundle.text.length, 0) / known.length)
    const limit = median(rates.map(pair => pair.limit))
    return [
      figure('fhirAck', median(rates.map(pair => pair.rate)), 'Bundles/s', limit, { connections, resources: 3, bytes }),
    ]
  } finally {
    await service.stop()
  }
}

function threeResourceBundles(): { feed: string; text: string }[] {
  const found: { feed: string; text: string }[] = []
  for (const delivery of deliveries(300)) {
    if (delivery.door !== 'fhir' || delivery.path !== '/fhir') continue
    const bundle: { entry?: unknown[]; identifier?: { value: string } } = JSON.parse(delivery.bytes.toString('utf8'))
    if (bundle.entry?.length !== 3 || !bundle.identifier) continue
    bundle.identifier.value = 'BUNDLE-ID'
    found.push({ feed: delivery.feed, text: JSON.stringify(bundle) })
  }
  return found
}
