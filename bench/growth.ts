import { processorMs } from './cpu-time.ts'
import { figure, type Measure } from './figure.ts'
import { makePatterns, type Pattern, writeCopies } from './prefill.ts'
import { type BenchRiver, keepMessages, openBenchRiver } from './river.ts'
import { recordOf, strangerOf } from './strangers.ts'
import { hospitalMessages } from './traffic.ts'
import { workAll } from './work-all.ts'

const [patternMessages, perSize] = [1_200, 600]

/**
 * growth: milliseconds of processor time a message costs worker and database with `--messages` persons stored, against the same with a
 * hundredth of them; between, a tenth. Persons in store are strangers to the messages, with names, birth dates and postcodes as frequent
 * as in life, and whole: records, facts, persons, episodes.
 */
export const growth: Measure = async bench => {
  const sizes = [bench.messages / 100, bench.messages / 10, bench.messages].map(Math.round)
  const river = await openBenchRiver(bench.mongodbUri, 'growth')
  try {
    const patterns = await makePatterns(river, patternMessages)
    const fresh = hospitalMessages(patternMessages + perSize * (sizes.length + 1)).slice(patternMessages)
    await costOf(river, fresh.slice(0, perSize))
    const costs: number[] = []
    let stored = 0
    for (const [index, size] of sizes.entries()) {
      await fill(river, patterns, stored, size)
      stored = size
      const cost = await costOf(river, fresh.slice(perSize * (index + 1), perSize * (index + 2)))
      bench.say(`growth: ${cost.toFixed(2)} ms a message with ${size} persons`)
      costs.push(cost)
    }
    const about = Object.fromEntries(sizes.map((size, index) => [`msAt${size}`, Number(costs[index]?.toFixed(2))]))
    return [figure('growth', costs.at(-1) ?? 0, 'ms', costs[0] ?? 0, { messages: perSize, ...about })]
  } finally {
    await river.close()
  }
}

async function fill(river: BenchRiver, patterns: readonly Pattern[], from: number, to: number): Promise<void> {
  await writeCopies(river, patterns, {
    from,
    count: to - from,
    stranger: serial => {
      const identity = strangerOf(serial, { years: [1925, 1975], population: 20_000_000 })
      return record => recordOf(record, identity)
    },
  })
  await river.store.db.admin().command({ fsync: 1 })
}

/** Processor time of this process and of the database server, milliseconds a message. */
async function costOf(river: BenchRiver, messages: ReturnType<typeof hospitalMessages>): Promise<number> {
  await keepMessages(river, messages)
  const before = await processorMs(river.store.db)
  await workAll(river)
  return ((await processorMs(river.store.db)) - before) / messages.length
}
