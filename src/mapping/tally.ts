/** Counts what is met under a key; what it is, is taken from the first time. */
export type Tally<T> = {
  readonly add: (key: string, of: T) => void
  /** Most often first; of equals the first in the order of their keys. */
  readonly all: () => readonly { readonly key: string; readonly of: T; readonly count: number }[]
}

export function tally<T>(): Tally<T> {
  const counts = new Map<string, { readonly key: string; readonly of: T; count: number }>()
  return {
    add: (key, of) => {
      const known = counts.get(key)
      if (known) known.count += 1
      else counts.set(key, { key, of, count: 1 })
    },
    all: () => [...counts.values()].sort((a, b) => b.count - a.count || (a.key < b.key ? -1 : 1)),
  }
}
