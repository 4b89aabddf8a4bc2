import { setTimeout as wait } from 'node:timers/promises'

/** How one delivery ended: the door took it, refused it for good, or nobody could reach the door in all attempts. */
export type Outcome = 'taken' | 'refused' | 'given-up'
/** One attempt. `again`: a temporary answer; the lane waits `afterMs` and tries once more. */
export type Attempt = { readonly kind: 'taken' | 'refused' } | { readonly kind: 'again'; readonly afterMs?: number }

export type Lane<T> = {
  /** Resolves when there is room again; order within the lane is kept. */
  readonly put: (item: T) => Promise<void>
  /** No more will come; resolves when all are through. */
  readonly end: () => Promise<void>
}

const attempts = 8

/** One sender: one item at a time, in order, at most `room` waiting. `post` throws when the door cannot be reached. */
export function openLane<T>(
  room: number,
  post: (item: T) => Promise<Attempt>,
  onOutcome: (item: T, outcome: Outcome) => void,
): Lane<T> {
  const waiting: T[] = []
  let isOpen = true
  let wake: () => void = () => undefined
  let makeRoom: () => void = () => undefined
  const work = (async () => {
    while (isOpen || waiting.length > 0) {
      const item = waiting.shift()
      makeRoom()
      if (item === undefined) await new Promise<void>(resolve => (wake = resolve))
      else onOutcome(item, await persist(() => post(item)))
    }
  })()
  return {
    put: async item => {
      while (waiting.length >= room) await new Promise<void>(resolve => (makeRoom = resolve))
      waiting.push(item)
      wake()
    },
    end: async () => {
      isOpen = false
      wake()
      await work
    },
  }
}

async function persist(post: () => Promise<Attempt>): Promise<Outcome> {
  for (let attempt = 0; attempt < attempts; attempt++) {
    const result = await post().catch((): Attempt => ({ kind: 'again' }))
    if (result.kind !== 'again') return result.kind
    await wait(result.afterMs ?? Math.min(200 * 2 ** attempt, 10_000))
  }
  return 'given-up'
}

/** Numbers handed out in order, done in any order: `low` is the count of those done without a gap, where a later run may go on. */
export function lowWater(start: number): {
  readonly begin: (number: number) => void
  readonly done: (number: number) => void
  readonly low: () => number
} {
  const open = new Set<number>()
  let next = start
  return {
    begin: number => {
      open.add(number)
      next = number + 1
    },
    done: number => {
      open.delete(number)
    },
    // A Set keeps the order of insertion, so the first is the smallest.
    low: () => open.values().next().value ?? next,
  }
}
