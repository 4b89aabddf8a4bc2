import type { OdsCode } from '../src/fls/fact.ts'
import { finderFor } from '../src/solve.ts'
import type { RecordDocument } from '../src/store/documents.ts'
import { updateNeighbours } from '../src/store/neighbours.ts'
import type { Store } from '../src/store/store.ts'
import { processorMs } from './cpu-time.ts'
import { figure, type Measure, percentile } from './figure.ts'
import { openBenchRiver } from './river.ts'
import { recordOf, strangerKey, strangerOf } from './strangers.ts'

const searches = 400
const organisation = 'RBENCH' as OdsCode

/**
 * blocks: p99 milliseconds to find and compare the candidates of one record among `--messages` persons of one birth year (300,000 in life),
 * every search by itself; against the median of the same run. Other birth years add only to the rarer keys that leave the year out.
 */
export const blocks: Measure = async bench => {
  const persons = bench.messages
  const river = await openBenchRiver(bench.mongodbUri, 'blocks')
  try {
    const { store } = river
    const finder = finderFor(river.river.models)
    for (let from = 0; from < persons; from += 5_000) {
      const documents = Array.from({ length: Math.min(5_000, persons - from) }, (_, index) =>
        documentOf(from + index, persons),
      )
      await store.records.insertMany(documents, { ordered: false, writeConcern: { w: 1, j: false } })
      if (from % 50_000 === 0) bench.say(`blocks: ${from} of ${persons} persons written`)
    }
    const [times, counts]: [number[], number[]] = [[], []]
    let processor = 0
    for (let search = 0; search < searches + 20; search++) {
      const document = documentOf(persons + search, persons)
      const used = await processorMs(store.db)
      const begun = performance.now()
      await updateNeighbours(store, [document], [], finder)
      const milliseconds = performance.now() - begun
      // The first few find code and index cold.
      if (search < 20) continue
      times.push(milliseconds)
      processor += (await processorMs(store.db)) - used
      counts.push(await candidates(store, document))
    }
    return [
      figure('blocks', percentile(times, 0.99), 'ms', percentile(times, 0.5), {
        persons,
        searches,
        processorMs: Math.round((processor / searches) * 100) / 100,
        candidatesMedian: percentile(counts, 0.5),
        candidatesP99: percentile(counts, 0.99),
        candidatesMost: Math.max(...counts),
      }),
    ]
  } finally {
    await river.close()
  }
}

function candidates(store: Store, document: RecordDocument): Promise<number> {
  return store.records.countDocuments({ bk: { $in: document.bk } })
}

function documentOf(serial: number, population: number): RecordDocument {
  const record = { _id: strangerKey(serial), organisation, side: 'hospital' } as const
  const identity = strangerOf(serial, { years: [1941, 1941], population })
  return { ...record, ...recordOf(record, identity), near: [], bucket: serial % 256, version: 1 }
}
