/** Things that wait, by whom they belong to. */
export type Turns<T> = {
  readonly add: (owner: string, one: T) => void
  /** The next in turn: one of each owner, then the next of each, in the order they came. Undefined when nothing waits. */
  readonly take: () => T | undefined
  readonly size: () => number
}

type Queue<T> = { readonly entries: T[]; next: number }

/** Round robin by owner, so that nobody waits behind another's backlog. */
export function takeTurns<T>(): Turns<T> {
  // A map keeps the order of insertion: whoever was served goes to its end.
  const queues = new Map<string, Queue<T>>()
  let size = 0
  return {
    add: (owner, one) => {
      const queue = queues.get(owner)
      if (queue) queue.entries.push(one)
      else queues.set(owner, { entries: [one], next: 0 })
      size += 1
    },
    take: () => {
      const [next] = queues
      if (!next) return undefined
      const [owner, queue] = next
      queues.delete(owner)
      const one = queue.entries[queue.next]
      queue.next += 1
      if (queue.next < queue.entries.length) queues.set(owner, queue)
      size -= 1
      return one
    },
    size: () => size,
  }
}
