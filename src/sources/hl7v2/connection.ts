import type { Socket } from 'node:net'
import type { IntakeOptions, MllpFault, MllpPeer } from './feed.ts'
import { FrameClock } from './frame-clock.ts'
import { Framer, frameOf } from './framer.ts'
import { type Reply, refuseTooLarge, takeIn } from './intake.ts'
import type { IntakeGauge } from './intake-gauge.ts'

/** How much one connection, and all together, may hold; times in milliseconds. */
export type ConnectionLimits = {
  readonly messageBytes: number
  /** Inside a frame only; a frame that keeps coming gets another second per 64 KiB. */
  readonly frameTimeoutMs: number
  /** Bytes received and not yet answered before the socket is paused. */
  readonly unansweredBytes: number
  /** After storage was not confirmed: silence, then close. */
  readonly silentCloseMs: number
  /** How long a peer may refuse to read our answers. */
  readonly peerTimeoutMs: number
}

export type ConnectionOptions = IntakeOptions & {
  readonly limits: ConnectionLimits
  readonly onDeadLetter?: (bytes: Buffer, fault: MllpFault, peer: MllpPeer) => void
  /** Shared by all connections of the listener. */
  readonly gauge: IntakeGauge
}

/** A frame costs at least this much, so that a flood of empty ones is held back too. */
const frameOverhead = 512
/** Once everything is sent, a peer has this long to close its side. */
const lingerMs = 2_000

/**
 * One MLLP connection: several frames may be under way, answers go out in the order the frames came. Reading pauses while too much is
 * unanswered or the peer does not read; it never stops for good except after a fault that makes the stream untrustworthy.
 */
export class MllpConnection {
  readonly #socket: Socket
  readonly #peer: MllpPeer
  readonly #options: ConnectionOptions
  readonly #framer: Framer
  #handedOver: Promise<unknown> = Promise.resolve()
  #answered: Promise<unknown> = Promise.resolve()
  /** Frames and bytes of them whose answer is due. */
  #due = 0
  #unanswered = 0
  #state: 'open' | 'silenced' | 'finishing' | 'closed' = 'open'
  #isHeldBack = false
  #isPeerSlow = false
  #isCorked = false
  readonly #clock: FrameClock
  #closeTimer: NodeJS.Timeout | undefined

  constructor(socket: Socket, peer: MllpPeer, options: ConnectionOptions) {
    this.#socket = socket
    this.#peer = peer
    this.#options = options
    this.#framer = new Framer({
      maxBytes: options.limits.messageBytes,
      onFrame: payload => this.#take(payload),
      onFault: fault => options.onFault?.(fault, peer),
      onDeadLetter: (bytes, fault) => {
        options.onDeadLetter?.(bytes, fault, peer)
        if (fault === 'too-large') this.#answerTooLarge(bytes)
      },
    })
    this.#clock = new FrameClock(this.#framer, options.limits.frameTimeoutMs, () => this.#giveUpFrame())
    socket.on('data', chunk => this.#onData(chunk))
    socket.on('end', () => this.#onEnd())
    socket.on('drain', () => this.#onDrain())
    socket.on('error', () => options.onFault?.('socket-error', peer))
    socket.on('close', () => this.#onClose())
  }

  /** Reads no more, sends the answers still due, then closes. */
  finish(): void {
    if (this.#state === 'closed' || this.#state === 'finishing') return
    if (this.#state === 'silenced') {
      this.#socket.destroy()
      return
    }
    this.#state = 'finishing'
    this.#clock.stop()
    void this.#lastAnswer().then(() => {
      if (this.#state !== 'finishing') return
      this.#closeAfter(this.#options.limits.peerTimeoutMs)
      this.#socket.end(() => this.#closeAfter(lingerMs))
      // What still arrives is read and dropped: closing over unread bytes resets the connection, and the last answers with it.
      this.#socket.resume()
    })
  }

  #onData(chunk: Buffer): void {
    if (this.#state !== 'open') return
    this.#framer.push(chunk)
    if (this.#framer.isStopped) this.finish()
    if (this.#state === 'open') this.#clock.watch()
    this.#holdBackIfFull()
  }

  #onEnd(): void {
    if (this.#state === 'open') this.#framer.end()
    if (this.#state !== 'silenced') this.finish()
  }

  #onClose(): void {
    if (this.#state === 'open') this.#framer.end()
    this.#state = 'closed'
    this.#clock.stop()
    clearTimeout(this.#closeTimer)
  }

  #take(payload: Buffer): void {
    const cost = payload.length + frameOverhead
    this.#unanswered += cost
    this.#options.gauge.add(cost)
    const begun = this.#handedOver.then(() => takeIn(payload, this.#peer, this.#options))
    this.#handedOver = begun
    this.#answerInTurn(
      begun.then(({ reply }) => reply),
      cost,
    )
  }

  #answerTooLarge(start: Buffer): void {
    const reply = this.#handedOver.then(() => refuseTooLarge(start, this.#options))
    this.#answerInTurn(reply, 0)
  }

  #answerInTurn(reply: Promise<Reply>, cost: number): void {
    // Its turn, and with it the handling of a failure, may come later than the failure.
    reply.catch(() => undefined)
    this.#due += 1
    this.#answered = this.#answerAfter(this.#answered, reply, cost)
  }

  async #answerAfter(before: Promise<unknown>, reply: Promise<Reply>, cost: number): Promise<void> {
    await before
    try {
      this.#send(await reply)
    } catch (error) {
      // An exception here is a defect of ours; the frame was not answered, so the peer must not be told the next answer is its own.
      this.#options.onError?.(error)
      this.#silence()
    }
    this.#due -= 1
    this.#unanswered -= cost
    this.#options.gauge.release(cost)
    this.#goOnIfRoom()
  }

  /** Later frames may have joined while the earlier ones were answered. */
  async #lastAnswer(): Promise<void> {
    for (let last: unknown; last !== this.#answered; ) {
      last = this.#answered
      await this.#answered
    }
  }

  #send(reply: Reply): void {
    if (this.#state === 'silenced') return
    if (reply.kind === 'silent') {
      this.#silence()
      return
    }
    for (const payload of reply.payloads) {
      if (this.#isClosed() || !this.#socket.writable) {
        this.#options.onFault?.('answer-undeliverable', this.#peer)
        continue
      }
      if (this.#due > 1) this.#corkForThisTurn()
      if (!this.#socket.write(frameOf(payload))) this.#waitForPeer()
    }
  }

  /** No answer from here on: a later answer could be taken for the one that is missing. */
  #silence(): void {
    if (this.#isClosed() || this.#state === 'silenced') return
    this.#state = 'silenced'
    this.#clock.stop()
    this.#socket.pause()
    this.#closeAfter(this.#options.limits.silentCloseMs)
  }

  #corkForThisTurn(): void {
    if (this.#isCorked) return
    this.#isCorked = true
    this.#socket.cork()
    process.nextTick(() => {
      this.#isCorked = false
      this.#socket.uncork()
    })
  }

  #waitForPeer(): void {
    if (this.#isPeerSlow || this.#state !== 'open') return
    this.#isPeerSlow = true
    this.#holdBack()
    this.#closeTimer = setTimeout(() => {
      this.#options.onFault?.('peer-not-reading', this.#peer)
      this.#socket.destroy()
    }, this.#options.limits.peerTimeoutMs)
  }

  #onDrain(): void {
    if (!this.#isPeerSlow) return
    this.#isPeerSlow = false
    if (this.#state === 'open') clearTimeout(this.#closeTimer)
    this.#goOnIfRoom()
  }

  #holdBackIfFull(): void {
    if (this.#state !== 'open') return
    if (this.#options.gauge.isFull && this.#unanswered > 0) {
      this.#holdBack()
      this.#options.gauge.wait(() => this.#goOnIfRoom())
    } else if (this.#unanswered > this.#options.limits.unansweredBytes) {
      this.#holdBack()
    }
  }

  #holdBack(): void {
    this.#isHeldBack = true
    // A pause of ours must not count against the sender.
    this.#clock.stop()
    this.#socket.pause()
  }

  #goOnIfRoom(): void {
    if (!this.#isHeldBack || this.#isPeerSlow || this.#state !== 'open') return
    if (this.#unanswered > this.#options.limits.unansweredBytes / 2) return
    if (this.#options.gauge.isFull && this.#unanswered > 0) return
    this.#isHeldBack = false
    this.#socket.resume()
    this.#clock.restart()
  }

  #giveUpFrame(): void {
    if (this.#state !== 'open') return
    this.#framer.end('timed-out')
    this.finish()
  }

  #closeAfter(ms: number): void {
    if (this.#isClosed()) return
    clearTimeout(this.#closeTimer)
    this.#closeTimer = setTimeout(() => this.#socket.destroy(), ms)
  }

  #isClosed(): boolean {
    return this.#state === 'closed'
  }
}
