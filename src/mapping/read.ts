import type { Reading } from '../fls/fact.ts'
import type { InboxEntry, Protocol } from '../sources/arrival.ts'
import { readHl7v2 } from './hl7v2.ts'
import type { MappingTables } from './tables.ts'

/**
 * A reading with what the pipeline and the tests need beside it. `waitsFor`: codebook keys without which a code stayed unresolved: read again
 * when they arrive. `rows`: mapping rows that gave a value.
 */
export type EntryReading = Reading & { readonly waitsFor?: readonly string[]; readonly rows?: ReadonlySet<string> }

/** Reads one kept entry into facts and issues: pure, deterministic, and one bad field never loses the message. */
export type ReadEntry<Codes> = (entry: InboxEntry, tables: MappingTables, codebook: Codes) => EntryReading

/** One line per protocol that speaks in mapping tables. */
export const readersByProtocol = {
  hl7v2: readHl7v2,
} as const satisfies Readonly<Partial<Record<Protocol, ReadEntry<never>>>>

/** Facts and issues of an entry; none for protocols that are no source of facts (register entries). */
export function readEntry(entry: InboxEntry, tables: MappingTables, _codebook?: unknown): EntryReading {
  return entry.protocol === 'hl7v2' ? readHl7v2(entry, tables) : { facts: [], issues: [] }
}
