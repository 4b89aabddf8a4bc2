/** Starts one piece of work when there is room for it; resolves when it has begun, with the promise of its result. */
export type Begin = <T>(work: () => Promise<T>) => Promise<{ readonly result: Promise<T> }>

/** At most `most` pieces of work at a time, begun in the order asked. A failure is told by its own result and stops nobody else. */
export function inFlight(most: number): Begin {
  const open = new Set<Promise<void>>()
  let last: Promise<unknown> = Promise.resolve()
  return work => {
    const begun = last.then(async () => {
      while (open.size >= most) await Promise.race(open)
      const result = work()
      const settled: Promise<void> = result.then(nothing, nothing).then(() => void open.delete(settled))
      open.add(settled)
      return { result }
    })
    last = begun
    return begun
  }
}

function nothing(): void {}
