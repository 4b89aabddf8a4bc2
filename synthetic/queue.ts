/** A binary heap: what is due first comes out first; ties in the order of arrival, so that the same world always runs the same way. */
export type Queue<T extends { readonly at: number }> = {
  readonly add: (item: T) => void
  readonly firstAt: () => number
  readonly take: () => T | undefined
}

export function makeQueue<T extends { readonly at: number }>(): Queue<T> {
  const heap: { item: T; order: number }[] = []
  let order = 0
  const isBefore = (a: number, b: number): boolean => {
    const [one, other] = [heap[a], heap[b]]
    if (!one || !other) return false
    return one.item.at < other.item.at || (one.item.at === other.item.at && one.order < other.order)
  }
  const swap = (a: number, b: number): void => {
    const [one, other] = [heap[a], heap[b]]
    if (!one || !other) return
    heap[a] = other
    heap[b] = one
  }
  return {
    add: item => {
      heap.push({ item, order: order++ })
      let place = heap.length - 1
      for (let parent = (place - 1) >> 1; place > 0 && isBefore(place, parent); parent = (place - 1) >> 1) {
        swap(place, parent)
        place = parent
      }
    },
    firstAt: () => heap[0]?.item.at ?? Number.POSITIVE_INFINITY,
    take: () => {
      const top = heap[0]
      const last = heap.pop()
      if (!top || !last) return undefined
      if (heap.length === 0) return top.item
      heap[0] = last
      sink(heap.length, isBefore, swap)
      return top.item
    },
  }
}

function sink(length: number, isBefore: (a: number, b: number) => boolean, swap: (a: number, b: number) => void): void {
  let place = 0
  for (;;) {
    const left = 2 * place + 1
    if (left >= length) return
    const smaller = left + 1 < length && isBefore(left + 1, left) ? left + 1 : left
    if (!isBefore(smaller, place)) return
    swap(smaller, place)
    place = smaller
  }
}
