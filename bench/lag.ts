import { quiet, type RunningService } from '../test/set-up/running.ts'
import { figure, type Measure, percentile } from './figure.ts'
import { openService } from './running.ts'
import { sendFrom } from './sending.ts'
import { type HospitalMessage, hospitalMessages } from './traffic.ts'

/**
 * lag: p99 milliseconds from an arrival to its episode being visible, hospital messages at half the rate the same service linked them at
 * a moment before, flat out; against the median of the same run.
 */
export const lag: Measure = async bench => {
  const messages = hospitalMessages(bench.messages)
  const half = Math.floor(messages.length / 2)
  const workers = process.env['FLSDB_WORKERS'] ?? '1'
  const service = await openService(bench, 'lag', { FLSDB_WORKERS: workers })
  try {
    const begun = performance.now()
    await send(service, messages.slice(0, half))
    await quiet(service, 600)
    const rate = (half * 1_000) / (performance.now() - begun)
    bench.say(`lag: ${Math.round(rate)} messages/s linked flat out`)
    const since = new Date()
    await send(service, messages.slice(half), rate / 2)
    await quiet(service, 600)
    const read = await service.mongo
      .db(service.database)
      .collection('inbox')
      .find({ protocol: 'hl7v2', receivedAt: { $gte: since } }, { projection: { receivedAt: 1, readAt: 1 } })
      .toArray()
    const lags = read.map(entry => entry['readAt'].getTime() - entry['receivedAt'].getTime())
    return [
      figure('lag', percentile(lags, 0.99), 'ms', percentile(lags, 0.5), {
        messages: lags.length,
        perSecond: Math.round(rate / 2),
        mostMs: Math.max(...lags),
        workers,
      }),
    ]
  } finally {
    await service.stop()
  }
}

async function send(service: RunningService, messages: readonly HospitalMessage[], perSecond?: number): Promise<void> {
  const feeds = [...Map.groupBy(messages, message => message.feed).values()]
  const { refused } = await sendFrom({
    port: service.mllpPort,
    connections: feeds.length,
    messages: feeds.map(feed => feed.map(message => message.bytes.toString('base64'))),
    ...(perSecond === undefined ? {} : { perSecond }),
  })
  if (refused > 0) throw new Error(`${refused} messages were refused`)
}
