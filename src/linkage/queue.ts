/** A priority queue: `take` gives the first by `compare` of all that are in it. `compare` must tell any two apart, so that the order is one. */
export type Queue<Thing> = {
  readonly put: (thing: Thing) => void
  readonly take: () => Thing | undefined
}

/** A binary heap: putting and taking cost the logarithm of what is in it. */
export function openQueue<Thing>(compare: (left: Thing, right: Thing) => number): Queue<Thing> {
  const heap: Thing[] = []
  const isBefore = (left: Thing | undefined, right: Thing | undefined) =>
    left !== undefined && (right === undefined || compare(left, right) < 0)
  return {
    put: thing => {
      let place = heap.push(thing) - 1
      while (place > 0) {
        const parent = (place - 1) >> 1
        const above = heap[parent]
        if (above === undefined || !isBefore(thing, above)) break
        heap[place] = above
        place = parent
      }
      heap[place] = thing
    },
    take: () => {
      const first = heap[0]
      const last = heap.pop()
      if (last === undefined || heap.length === 0) return first
      let place = 0
      for (;;) {
        const left = 2 * place + 1
        const child = isBefore(heap[left + 1], heap[left]) ? left + 1 : left
        const below = heap[child]
        if (below === undefined || !isBefore(below, last)) break
        heap[place] = below
        place = child
      }
      heap[place] = last
      return first
    },
  }
}
