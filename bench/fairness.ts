import { connect, type Socket } from 'node:net'
import { setTimeout as pause } from 'node:timers/promises'
import type { RunningService } from '../test/set-up/running.ts'
import { type Bench, type Figure, figure, type Measure, percentile } from './figure.ts'
import { openService } from './running.ts'
import { dealt, sendFrom } from './sending.ts'
import { hospitalMessages, twoKilobytes } from './traffic.ts'

/** No sender may be delayed by another for longer than this, milliseconds (trust.md PR4). */
const limitMs = 5_000
const politePerSecond = 5
const fiveMebibytes = 5 * 1024 * 1024

type Crowd = (port: number, messages: (count: number) => Buffer[]) => { readonly stop: () => void }

/**
 * fairness*: p99 from due time to acknowledgement of a polite sender (5 messages a second, one in flight) alone and beside a crowd of one kind,
 * against the 5 s nobody may be delayed. Workers run. `rssMb`: memory of the service's first process at the end of the round.
 */
export const fairness: Measure = async bench => {
  const service = await openService(bench, 'fairness')
  const messages = numbered(hospitalMessages(2_000).map(message => twoKilobytes(message.bytes)))
  try {
    await politeRound(bench, service, messages)
    const figures: Figure[] = []
    for (const [name, crowd] of Object.entries(crowds)) {
      const { stop } = crowd(service.mllpPort, messages)
      await pause(500)
      const latencies = await politeRound(bench, service, messages)
      const rssMb = await residentMegabytes(service)
      stop()
      const about = { p50: Math.round(percentile(latencies, 0.5)), most: Math.round(Math.max(...latencies)), rssMb }
      figures.push(figure(name, percentile(latencies, 0.99), 'ms', limitMs, about))
      bench.say(`${name}: ${JSON.stringify(figures.at(-1))}`)
      await pause(1_000)
    }
    return figures
  } finally {
    await service.stop()
  }
}

const crowds: Readonly<Record<string, Crowd>> = {
  fairnessAlone: () => ({ stop: () => undefined }),
  // Thirty-two connections, one message in flight on each, as fast as the answers come.
  fairnessGreedy: (port, messages) =>
    crowdOf(
      Array.from({ length: 32 }, () => () => {
        const [frame = Buffer.alloc(0)] = messages(1).map(frameOf)
        return frame
      }),
      port,
    ),
  // Four connections whose every message carries 5 MiB.
  fairnessHuge: (port, messages) => {
    const document = `\rOBX|1|ED|PDF^Letter||^AP^^Base64^${'QUJD'.repeat(fiveMebibytes / 4)}||||||F\r`
    return crowdOf(
      Array.from({ length: 4 }, () => () => frameOf(Buffer.concat([...messages(1), Buffer.from(document)]))),
      port,
    )
  },
  // Nonsense of every kind: unfinished frames, no header, broken bodies, unknown senders.
  fairnessPoison: (port, messages) => {
    let turn = 0
    const kinds = [
      (message: Buffer) =>
        frameOf(Buffer.from(message.toString('latin1').replaceAll('|', '^').slice(0, 500), 'latin1')),
      (message: Buffer) => Buffer.concat([Buffer.from([0x0b]), message]),
      (message: Buffer) => frameOf(Buffer.concat([message.subarray(0, 120), Buffer.alloc(4_000, 0xff)])),
      (message: Buffer) => frameOf(Buffer.from(message.toString('latin1').replace(/^(MSH\|[^|]*\|)[^|]*/, '$1NOBODY'))),
    ]
    const next = () => kinds[turn++ % kinds.length]?.(messages(1)[0] ?? Buffer.alloc(0)) ?? Buffer.alloc(0)
    return crowdOf(
      Array.from({ length: 8 }, () => next),
      port,
      200,
    )
  },
  // Eight connections that send without end and never read an answer.
  fairnessSlowReader: (port, messages) => {
    const sockets = Array.from({ length: 8 }, () => connect({ port, host: '127.0.0.1' }))
    for (const socket of sockets) {
      const fill = () => {
        while (!socket.destroyed && socket.write(frameOf(messages(1)[0] ?? Buffer.alloc(0))));
      }
      socket.on('error', () => undefined).on('drain', fill)
      socket.once('connect', fill)
      socket.pause()
    }
    return { stop: () => destroyAll(sockets) }
  },
}

/** Connections that each send the next frame when something comes back, or after `patienceMs` without. */
function crowdOf(nexts: readonly (() => Buffer)[], port: number, patienceMs = 60_000): { stop: () => void } {
  const sockets = new Set<Socket>()
  let isOver = false
  const open = (next: () => Buffer): void => {
    const socket = connect({ port, host: '127.0.0.1', noDelay: true })
    sockets.add(socket)
    socket.setTimeout(patienceMs)
    const send = () => void (socket.writable && socket.write(next()))
    socket.on('connect', send).on('data', send).on('timeout', send)
    socket.on('error', () => undefined)
    socket.on('close', () => {
      sockets.delete(socket)
      if (!isOver) setTimeout(() => isOver || open(next), 100)
    })
  }
  for (const next of nexts) open(next)
  return {
    stop: () => {
      isOver = true
      destroyAll([...sockets])
    },
  }
}

async function politeRound(
  { seconds }: Bench,
  { mllpPort }: RunningService,
  messages: (count: number) => Buffer[],
): Promise<readonly number[]> {
  const { latencies, refused } = await sendFrom({
    port: mllpPort,
    connections: 1,
    messages: dealt(messages(politePerSecond * seconds), 1),
    perSecond: politePerSecond,
  })
  if (refused > 0) throw new Error(`${refused} messages of the polite sender were refused`)
  return latencies
}

async function residentMegabytes(service: RunningService): Promise<number> {
  const { text } = await service.call('operator', 'GET', '/metrics')
  return Math.round(Number(/^flsdb_process_resident_memory_bytes (\S+)/m.exec(text)?.[1] ?? 0) / 1024 ** 2)
}

/** The messages in turn, each with a control id of its own. */
function numbered(messages: readonly Buffer[]): (count: number) => Buffer[] {
  let given = 0
  return count =>
    Array.from({ length: count }, () => {
      const fields = (messages[given % messages.length] ?? Buffer.alloc(0)).toString('latin1').split('|')
      fields[9] = `FAIR${given++}`
      return Buffer.from(fields.join('|'), 'latin1')
    })
}

function frameOf(message: Buffer): Buffer {
  return Buffer.concat([Buffer.from([0x0b]), message, Buffer.from([0x1c, 0x0d])])
}

function destroyAll(sockets: readonly Socket[]): void {
  for (const socket of sockets) socket.destroy()
}
