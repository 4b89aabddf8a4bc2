import { connect, type Socket } from 'node:net'

/**
 * A sender in a process of its own: `connections` sockets, one message in flight on each. Told what to do by one message from its parent,
 * answers with one. Frames are ready before the clock starts.
 */
export type SenderJob = {
  readonly port: number
  readonly connections: number
  /** Complete messages, base64, one list per connection. */
  readonly messages: readonly (readonly string[])[]
  /** Stop after this long; absent: when everything is sent. */
  readonly milliseconds?: number
  /** Messages a second over all connections; absent: as fast as the answers come. */
  readonly perSecond?: number
}
export type SenderResult = {
  readonly answered: number
  readonly refused: number
  readonly milliseconds: number
  /** Milliseconds from due time (or sending, when unpaced) to answer, one per message. */
  readonly latencies: readonly number[]
}

const [start, end] = [Buffer.from([0x0b]), Buffer.from([0x1c, 0x0d])]

process.on('message', (job: SenderJob) => {
  void send(job).then(
    result => process.send?.(result, () => process.exit(0)),
    (cause: unknown) => {
      process.stderr.write(`${cause instanceof Error ? cause.message : 'sending failed'}\n`)
      process.exit(1)
    },
  )
})

async function send(job: SenderJob): Promise<SenderResult> {
  const lists = job.messages.map(list => list.map(text => Buffer.concat([start, Buffer.from(text, 'base64'), end])))
  const sockets = await Promise.all(lists.map(() => open(job.port)))
  const tally = { answered: 0, refused: 0, latencies: [] as number[] }
  const begun = performance.now()
  const until = job.milliseconds === undefined ? Number.POSITIVE_INFINITY : begun + job.milliseconds
  const gapMs = job.perSecond === undefined ? undefined : (1_000 * job.connections) / job.perSecond
  await Promise.all(
    sockets.map((socket, index) => {
      const firstDue = gapMs === undefined ? undefined : begun + (gapMs * index) / job.connections
      return sendAll(socket, lists[index] ?? [], { until, gapMs, firstDue }, tally)
    }),
  )
  const milliseconds = performance.now() - begun
  for (const socket of sockets) socket.destroy()
  return { ...tally, milliseconds }
}

type Pace = {
  readonly until: number
  readonly gapMs: number | undefined
  readonly firstDue: number | undefined
}

async function sendAll(
  socket: Socket,
  frames: readonly Buffer[],
  { until, gapMs, firstDue }: Pace,
  tally: { answered: number; refused: number; latencies: number[] },
): Promise<void> {
  const answers = answersOf(socket)
  let due = firstDue ?? 0
  for (const frame of frames) {
    if (performance.now() >= until) return
    if (gapMs !== undefined) {
      const early = due - performance.now()
      if (early > 1) await new Promise(resolve => setTimeout(resolve, early))
    }
    // A paced message that could not go out in time has waited since it was due: leaving that out would flatter us.
    const from = gapMs === undefined ? performance.now() : due
    socket.write(frame)
    const isKept = await answers.next()
    tally.latencies.push(performance.now() - from)
    if (isKept) tally.answered++
    else tally.refused++
    if (gapMs !== undefined) due += gapMs
  }
}

/** True for AA and CA, in the order of the answers. */
function answersOf(socket: Socket): { next: () => Promise<boolean> } {
  let text = ''
  let hear: ((isKept: boolean) => void) | undefined
  let fail: ((cause: Error) => void) | undefined
  socket.setEncoding('latin1')
  socket.on('data', (part: string) => {
    text += part
    const cut = text.indexOf('\x1c\r')
    if (cut < 0) return
    const isKept = /\rMSA\|[AC]A\|/.test(text.slice(0, cut))
    text = text.slice(cut + 2)
    hear?.(isKept)
  })
  socket.on('close', () => fail?.(new Error('the listener closed the connection')))
  return {
    next: () =>
      new Promise((resolve, reject) => {
        hear = resolve
        fail = reject
      }),
  }
}

function open(port: number): Promise<Socket> {
  return new Promise((resolve, reject) => {
    const socket = connect({ port, host: '127.0.0.1', noDelay: true }, () => resolve(socket))
    socket.once('error', reject)
  })
}
