type Waiting<Item, Outcome> = {
  readonly item: Item
  readonly resolve: (outcome: Outcome) => void
  readonly reject: (reason: unknown) => void
}

/**
 * One statement for all who ask at the same time: items of one tick, over any connection, are carried out together; while a group is under
 * way the next one gathers. At most `most` items a group, in order of asking. `carryOut` gives one outcome an item, an `Error` for an item
 * that failed by itself; when it throws, the whole group has failed.
 */
export function grouped<Item, Outcome>(
  most: number,
  carryOut: (items: readonly Item[]) => Promise<readonly (Outcome | Error)[]>,
): (item: Item) => Promise<Outcome> {
  let waiting: Waiting<Item, Outcome>[] = []
  let isUnderWay = false

  const flush = async (): Promise<void> => {
    if (isUnderWay) return
    isUnderWay = true
    while (waiting.length > 0) {
      const group = waiting.slice(0, most)
      waiting = waiting.slice(group.length)
      await settle(group)
    }
    isUnderWay = false
  }

  const settle = async (group: readonly Waiting<Item, Outcome>[]): Promise<void> => {
    try {
      const outcomes = await carryOut(group.map(one => one.item))
      group.forEach(({ resolve, reject }, index) => {
        const outcome = outcomes[index]
        if (outcome instanceof Error) reject(outcome)
        else resolve(outcome as Outcome)
      })
    } catch (cause) {
      for (const { reject } of group) reject(cause)
    }
  }

  return item =>
    new Promise((resolve, reject) => {
      waiting.push({ item, resolve, reject })
      if (waiting.length === 1) setImmediate(() => void flush())
    })
}
