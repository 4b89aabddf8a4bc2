import { type Door, type Line, lineAt } from './stream.ts'

/** What became of one line, as far as its sender can tell. The bytes are not held: they are made again from the place. */
export type Sending = {
  readonly controlId: string
  readonly record?: string
  isAcknowledged: boolean
  sends: number
  lastAnswer?: string
}

/** How often a wait for the service looks again, milliseconds. */
const lookMs = 2

/**
 * What was sent and what was promised, kept outside everything that is killed. Intent is written before the first byte leaves, the promise
 * when the acknowledgement of this very line has been read to its end.
 */
export class Ledger {
  readonly sendings = new Map<string, Sending>()
  readonly #next: Record<Door, number> = { mllp: 0, fhir: 0 }
  #lastPromise = performance.now()
  /** When each exchange now on its way began, and those that ended since the last strike. Milliseconds since 1970. */
  readonly #begun = new Map<Line, number>()
  #ended: { readonly from: number; readonly to: number }[] = []
  promises = 0
  longestGapMs = 0

  next(door: Door): Line {
    const line = lineAt(door, this.#next[door]++)
    this.sendings.set(line.key, {
      controlId: line.controlId,
      ...(line.record ? { record: line.record } : {}),
      isAcknowledged: false,
      sends: 0,
    })
    return line
  }

  sent(line: Line): void {
    this.#begun.set(line, Date.now())
    const sending = this.sendings.get(line.key)
    if (sending) sending.sends++
  }

  /** The exchange is over. `promised`: the answer was positive and about this line; else what came instead. */
  ended(line: Line, answer: string): void {
    this.#ended.push({ from: this.#begun.get(line) ?? 0, to: Date.now() })
    this.#begun.delete(line)
    const sending = this.sendings.get(line.key)
    if (sending) sending.lastAnswer = answer
    if (answer !== 'promised') return
    if (sending) sending.isAcknowledged = true
    const now = performance.now()
    this.longestGapMs = Math.max(this.longestGapMs, now - this.#lastPromise)
    this.#lastPromise = now
    this.promises++
  }

  /** How many lines were on their way at this moment, sent and not yet answered; forgets what ended before. */
  onTheirWay(at: number): number {
    const ended = this.#ended.filter(({ from, to }) => from <= at && at <= to).length
    this.#ended = []
    return ended + [...this.#begun.values()].filter(from => from <= at).length
  }

  /** Resolves when `count` more promises have come than there are now; rejects after `withinMs`. */
  async morePromises(count: number, withinMs: number): Promise<void> {
    const wanted = this.promises + count
    const until = performance.now() + withinMs
    while (this.promises < wanted) {
      if (performance.now() > until) throw new Error(`nothing was acknowledged for ${Math.round(withinMs / 1000)} s`)
      await new Promise(resolve => setTimeout(resolve, lookMs))
    }
  }
}
