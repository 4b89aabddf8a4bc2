import { createHash } from 'node:crypto'
import { connect, type Socket } from 'node:net'
import type { Instant } from '../../src/fls/dates.ts'
import type { InboxId, OdsCode } from '../../src/fls/fact.ts'
import type { Arrival } from '../../src/sources/arrival.ts'
import type { FrameLine, MllpFault, MllpFeed } from '../../src/sources/hl7v2/feed.ts'
import { Framer } from '../../src/sources/hl7v2/framer.ts'
import { type MllpListener, type MllpListenerOptions, startMllpListener } from '../../src/sources/hl7v2/listener.ts'
import { parseMessage } from '../../src/sources/hl7v2/message.ts'

export const feed: MllpFeed = {
  id: 'rxx01-pas',
  organisation: 'RXX' as OdsCode,
  profile: 'stored',
  onUncertain: 'silent',
}

/** A listener whose inbox is a list in memory, with everything it reported. */
export type Door = MllpListener & {
  readonly arrivals: Arrival[]
  readonly faults: MllpFault[]
  readonly deadLetters: { bytes: Buffer; fault: MllpFault }[]
  readonly lines: FrameLine[]
  readonly errors: unknown[]
}

export async function openDoor(
  options: Partial<MllpListenerOptions> = {},
  about: Partial<MllpFeed> = {},
): Promise<Door> {
  const seen = { arrivals: [] as Arrival[], faults: [] as MllpFault[], lines: [] as FrameLine[] }
  const deadLetters: Door['deadLetters'] = []
  const errors: unknown[] = []
  const listener = await startMllpListener({
    host: '127.0.0.1',
    port: 0,
    accept: async arrival => {
      seen.arrivals.push(arrival)
      return accepted(arrival)
    },
    senderOf: (_peer, header) => (header.sendingApplication === 'PAS' ? { ...feed, ...about } : undefined),
    onFault: fault => seen.faults.push(fault),
    onFrame: line => seen.lines.push(line),
    onDeadLetter: (bytes, fault) => deadLetters.push({ bytes, fault }),
    onError: error => errors.push(error),
    ...options,
  })
  return { ...listener, ...seen, deadLetters, errors }
}

export function accepted(arrival: Arrival) {
  const id = createHash('sha256').update(`${arrival.sender}|${arrival.controlId}|`).update(arrival.bytes).digest('hex')
  return {
    inboxId: id as InboxId,
    outcome: 'kept' as const,
    receivedAt: '2026-03-15T10:11:12.000Z' as Instant,
  }
}

export function adt(controlId: string, more: { msh?: string; body?: string } = {}): string {
  return `MSH|^~\\&|PAS|RXX01|FLS|NOGW|20260315101112||ADT^A08|${controlId}|P|2.4${more.msh ?? ''}\rEVN|A08|20260315101112\r${
    more.body ?? 'PID|1||H123456^^^RXX01^PI||MÜLLER^ANNA||19480229|2\r'
  }`
}

export const frame = (text: string | Buffer) =>
  Buffer.concat([Buffer.from([0x0b]), Buffer.from(text), Buffer.from([0x1c, 0x0d])])

/** The other end of a connection: sends raw bytes and collects answers. */
export class Peer {
  readonly socket: Socket
  readonly answers: Buffer[] = []
  readonly closed: Promise<void>
  isClosed = false
  #waiting: { count: number; resolve: () => void }[] = []

  constructor(port: number, socket: Socket = connect({ port, host: '127.0.0.1', noDelay: true })) {
    this.socket = socket
    const framer = new Framer({
      maxBytes: 1 << 24,
      onFrame: payload => this.answers.push(payload),
      onFault: () => undefined,
      onDeadLetter: () => undefined,
    })
    socket.on('data', chunk => {
      framer.push(chunk)
      this.#settle()
    })
    socket.on('error', () => undefined)
    this.closed = new Promise(resolve =>
      socket.on('close', () => {
        this.isClosed = true
        this.#settle()
        resolve()
      }),
    )
  }

  write(bytes: string | Buffer): void {
    this.socket.write(bytes)
  }

  /** Writes one after the other, each in a packet of its own. */
  async writeApart(pieces: readonly (string | Buffer)[], apartMs = 25): Promise<void> {
    for (const piece of pieces) {
      this.socket.write(piece)
      await new Promise(resolve => setTimeout(resolve, apartMs))
    }
  }

  /** Resolves once that many answers are in, or the connection is closed. */
  async answered(count: number): Promise<readonly Buffer[]> {
    if (this.answers.length < count && !this.isClosed) {
      await new Promise<void>(resolve => this.#waiting.push({ count, resolve }))
    }
    return this.answers
  }

  /** `AA M1`, one per answer. */
  get codes(): string[] {
    return this.answers.map(answer => {
      const msa = parseMessage(answer)?.first('MSA')
      return `${msa?.component(1)} ${msa?.field(2).text}`
    })
  }

  close(): void {
    this.socket.destroy()
  }

  #settle(): void {
    this.#waiting = this.#waiting.filter(({ count, resolve }) => {
      if (this.answers.length < count && !this.isClosed) return true
      resolve()
      return false
    })
  }
}
