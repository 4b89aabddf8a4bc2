import { setTimeout as pause } from 'node:timers/promises'
import type { Ledger } from './ledger.ts'
import type { Door, Line } from './stream.ts'

/** One connection to one door: sends a line and says `promised`, or what came instead. Never rejects. */
export type Exchange = { readonly exchange: (line: Line) => Promise<string>; readonly close: () => void }

const [firstWaitMs, longestWaitMs] = [10, 400]

/** One line in flight, sent again until it is promised; then the next. */
export class Sender {
  readonly #ledger: Ledger
  readonly #door: Door
  readonly #exchange: Exchange
  #isOver = false
  #isAbandoned = false
  readonly #running: Promise<void>

  constructor(ledger: Ledger, door: Door, exchange: Exchange) {
    this.#ledger = ledger
    this.#door = door
    this.#exchange = exchange
    this.#running = this.#run()
  }

  /** Begins nothing new; resolves when what is under way is promised, or after `withinMs`, whatever is still open then. */
  async finish(withinMs: number): Promise<void> {
    this.#isOver = true
    await Promise.race([this.#running, pause(withinMs, undefined, { ref: false })])
    this.abandon()
  }

  abandon(): void {
    this.#isOver = true
    this.#isAbandoned = true
    this.#exchange.close()
  }

  async #run(): Promise<void> {
    while (!this.#isOver) {
      const line = this.#ledger.next(this.#door)
      await this.#sendUntilPromised(line)
      if (line.isSentAgain) await this.#sendUntilPromised(line)
    }
  }

  async #sendUntilPromised(line: Line): Promise<void> {
    for (let waitMs = firstWaitMs; !this.#isAbandoned; waitMs = Math.min(longestWaitMs, waitMs * 2)) {
      this.#ledger.sent(line)
      const answer = await this.#exchange.exchange(line)
      this.#ledger.ended(line, answer)
      if (answer === 'promised') return
      await pause(waitMs)
    }
  }
}
