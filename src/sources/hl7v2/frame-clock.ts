import type { Framer } from './framer.ts'

/** A frame that keeps coming at 64 KiB/s or more is never cut off. */
const bytesPerExtraMs = 65.536

/**
 * Times the frame under way, and nothing between frames. A frame has `timeoutMs` from its start, plus a second per 64 KiB received: a slow
 * line is served, a peer that drips bytes to hold a connection is not.
 */
export class FrameClock {
  readonly #framer: Framer
  readonly #timeoutMs: number
  readonly #onTimeout: () => void
  #timer: NodeJS.Timeout | undefined
  #frame = 0
  #startedAt = 0

  constructor(framer: Framer, timeoutMs: number, onTimeout: () => void) {
    this.#framer = framer
    this.#timeoutMs = timeoutMs
    this.#onTimeout = onTimeout
  }

  /** To be called after bytes have come in. */
  watch(): void {
    if (!this.#framer.isInsideFrame) {
      this.stop()
    } else if (this.#framer.framesStarted !== this.#frame) {
      this.restart()
    } else if (!this.#timer) {
      this.#wait()
    }
  }

  /** Gives the frame under way its full time again, after a pause that was ours. */
  restart(): void {
    this.stop()
    this.#frame = this.#framer.framesStarted
    this.#startedAt = performance.now()
    if (this.#framer.isInsideFrame) this.#wait()
  }

  stop(): void {
    clearTimeout(this.#timer)
    this.#timer = undefined
  }

  #wait(): void {
    this.#timer = setTimeout(
      () => {
        this.#timer = undefined
        if (!this.#framer.isInsideFrame) return
        if (this.#msLeft() > 1) this.#wait()
        else this.#onTimeout()
      },
      Math.max(this.#msLeft(), 1),
    )
  }

  #msLeft(): number {
    return this.#startedAt + this.#timeoutMs + this.#framer.heldBytes / bytesPerExtraMs - performance.now()
  }
}
