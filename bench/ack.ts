import { type Figure, figure, type Measure, median, percentile } from './figure.ts'
import { insertsPerSecond } from './inserts.ts'
import { openService, pauseWorkers } from './running.ts'
import { dealt, sendFrom } from './sending.ts'
import { hospitalMessages, twoKilobytes } from './traffic.ts'

const rounds = 3
/** More than any round can send. */
const perSecondAtMost = 12_000

/**
 * ack32, ack1: durable acknowledgements a second over MLLP, one in flight on each connection, 2 kB messages, sender in a process of its own,
 * workers paused; against journaled inserts of the same bytes with as many in flight. ackLatency: p99 at half of ack32, against the
 * median of the same run. Median of three rounds.
 */
export const ack: Measure = async bench => {
  const { seconds, say } = bench
  const service = await openService(bench, 'ack')
  await pauseWorkers(service)
  const messages = freshMessages(hospitalMessages(4_000).map(message => twoKilobytes(message.bytes)))
  const run = async (connections: number, perSecond?: number) => {
    const count = Math.ceil((perSecond ?? perSecondAtMost / (connections === 1 ? 6 : 1)) * seconds * 1.05)
    const result = await sendFrom({
      port: service.mllpPort,
      connections,
      messages: dealt(messages(count), connections),
      milliseconds: seconds * 1_000,
      ...(perSecond === undefined ? {} : { perSecond }),
    })
    if (result.refused > 0) throw new Error(`${result.refused} messages were refused`)
    return { ...result, rate: (result.answered * 1_000) / result.milliseconds }
  }
  try {
    await run(32)
    const figures: Figure[] = []
    let half = 0
    for (const [name, connections] of [
      ['ack32', 32],
      ['ack1', 1],
    ] as const) {
      const pairs: { rate: number; limit: number }[] = []
      for (let round = 0; round < rounds; round++) {
        await pauseWorkers(service)
        const limit = await insertsPerSecond(bench.mongodbUri, messages(512), {
          inFlight: connections,
          seconds: seconds / 2,
        })
        const { rate } = await run(connections)
        say(`${name}: ${Math.round(rate)}/s, limit ${Math.round(limit)}/s`)
        pairs.push({ rate, limit })
      }
      const value = median(pairs.map(pair => pair.rate))
      if (connections === 32) half = value / 2
      figures.push(figure(name, value, 'acks/s', median(pairs.map(pair => pair.limit)), { connections, bytes: 2_000 }))
    }
    const paced: { p99: number; p50: number; rate: number }[] = []
    for (let round = 0; round < rounds; round++) {
      await pauseWorkers(service)
      const { latencies, rate } = await run(32, half)
      paced.push({ p99: percentile(latencies, 0.99), p50: percentile(latencies, 0.5), rate })
      say(`ackLatency: p99 ${Math.round(paced.at(-1)?.p99 ?? 0)} ms at ${Math.round(rate)}/s`)
    }
    const [p50, p99] = [median(paced.map(round => round.p50)), median(paced.map(round => round.p99))]
    const about = { connections: 32, perSecond: Math.round(median(paced.map(round => round.rate))), p50 }
    figures.push(figure('ackLatency', p99, 'ms', p50, about))
    return figures
  } finally {
    await service.stop()
  }
}

/** Takes the messages in turn and gives each a control id of its own: a repeat would be absorbed and cost less. */
function freshMessages(messages: readonly Buffer[]): (count: number) => Buffer[] {
  let given = 0
  return count =>
    Array.from({ length: count }, () => {
      const fields = (messages[given % messages.length] ?? Buffer.alloc(0)).toString('latin1').split('|')
      fields[9] = `BENCH${given++}`
      return Buffer.from(fields.join('|'), 'latin1')
    })
}
