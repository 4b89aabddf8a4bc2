/** Unanswered bytes of all connections. Above the mark every connection that delivers is paused; at half of it all may go on. */
export class IntakeGauge {
  readonly #mark: number
  #held = 0
  #waiting = new Set<() => void>()

  constructor(mark: number) {
    this.#mark = mark
  }

  get isFull(): boolean {
    return this.#held > this.#mark
  }

  add(bytes: number): void {
    this.#held += bytes
  }

  release(bytes: number): void {
    this.#held -= bytes
    if (this.#held > this.#mark / 2 || this.#waiting.size === 0) return
    const waiting = this.#waiting
    this.#waiting = new Set()
    for (const resume of waiting) resume()
  }

  wait(resume: () => void): void {
    this.#waiting.add(resume)
  }
}
