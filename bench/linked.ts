import { availableParallelism } from 'node:os'
import { quiet } from '../test/set-up/running.ts'
import { figure, type Measure } from './figure.ts'
import { insertsPerSecond } from './inserts.ts'
import { openService } from './running.ts'
import { sendFrom } from './sending.ts'
import { hospitalMessages } from './traffic.ts'

/**
 * linked: messages a second from the first byte sent to the last episode visible, hospital messages of a synthetic year over MLLP, one
 * connection a feed, workers on, sender included; against journaled inserts of the same bytes with 32 in flight.
 */
export const linked: Measure = async bench => {
  const messages = hospitalMessages(bench.messages)
  const limit = await insertsPerSecond(
    bench.mongodbUri,
    messages.map(message => message.bytes),
    { inFlight: 32, seconds: 3 },
  )
  const workers = process.env['FLSDB_WORKERS'] ?? String(availableParallelism())
  const service = await openService(bench, 'linked', { FLSDB_WORKERS: workers })
  try {
    const feeds = [...Map.groupBy(messages, message => message.feed).values()]
    const begun = performance.now()
    const sent = await sendFrom({
      port: service.mllpPort,
      connections: feeds.length,
      messages: feeds.map(feed => feed.map(message => message.bytes.toString('base64'))),
    })
    bench.say(`linked: all acknowledged after ${Math.round(sent.milliseconds)} ms`)
    await quiet(service, 600)
    const seconds = (performance.now() - begun) / 1_000
    if (sent.refused > 0) throw new Error(`${sent.refused} messages were refused`)
    const db = service.mongo.db(service.database)
    const [done, episodes, persons] = await Promise.all([
      db.collection('inbox').countDocuments({ protocol: 'hl7v2', state: 'done' }),
      db.collection('episodes').countDocuments(),
      db.collection('persons').countDocuments(),
    ])
    return [
      figure('linked', done / seconds, 'messages/s', limit, {
        messages: done,
        episodes,
        persons,
        workers,
        acknowledgedMs: Math.round(sent.milliseconds),
      }),
    ]
  } finally {
    await service.stop()
  }
}
