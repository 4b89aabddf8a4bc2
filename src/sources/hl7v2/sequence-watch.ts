/**
 * Watches MSH-13 of each feed for numbers that never came. 0 starts a new sequence and -1 asks for none (HL7 2.x chapter 2, sequence number
 * protocol); a lower number is a sender that started again. Only detects: nothing is refused for it, and the protocol itself is not spoken.
 */
export class SequenceWatch {
  readonly #last = new Map<string, number>()

  /** Numbers left out between the last message of the feed and this one; 0 for the first, for repeats and after a new start. */
  missed(feed: string, sequenceNumber: number): number {
    if (sequenceNumber < 0) {
      this.#last.delete(feed)
      return 0
    }
    const last = this.#last.get(feed)
    this.#last.set(feed, sequenceNumber)
    return last === undefined || sequenceNumber <= last ? 0 : sequenceNumber - last - 1
  }
}
