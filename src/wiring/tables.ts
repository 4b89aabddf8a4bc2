import type { ReadingTables } from '../mapping/read.ts'
import { loadTables, type TableSettings } from '../open-river.ts'
import { readControl } from '../store/control.ts'
import type { Store } from '../store/store.ts'

const lookMs = 1_000

/**
 * The tables of this process, loaded anew when a replay has been taken, as the workers do. Ask for a part each time it is used. Tables that
 * cannot be read then are reported, and those before stay.
 */
export async function watchTables(
  store: Store,
  settings: TableSettings,
  onFailure: (cause: unknown) => void,
): Promise<{ readonly tables: ReadingTables; readonly stop: () => void }> {
  let { generation } = await readControl(store)
  let current = loadTables(settings)
  const look = async () => {
    const now = (await readControl(store)).generation
    if (now === generation) return
    generation = now
    current = loadTables(settings)
  }
  const timer = setInterval(() => void look().catch(onFailure), lookMs).unref()
  const tables = {
    get mapping() {
      return current.mapping
    },
    get extract() {
      return current.extract
    },
  }
  return { tables, stop: () => clearInterval(timer) }
}
