import type { Reading } from '../fls/fact.ts'
import type { InboxEntry, Protocol } from '../sources/arrival.ts'
import { readHl7v2 } from './hl7v2.ts'
import type { MappingTables } from './tables.ts'

/** Reads one kept entry into facts and issues: pure, deterministic, and one bad field never loses the message. */
export type ReadEntry = (entry: InboxEntry, tables: MappingTables) => Reading

/** One line per protocol that speaks in mapping tables. */
export const readersByProtocol: Readonly<Partial<Record<Protocol, ReadEntry>>> = {
  hl7v2: readHl7v2,
}

/** Facts and issues of an entry; undefined for protocols that are no source of facts (register entries) or are read elsewhere. */
export function readEntry(entry: InboxEntry, tables: MappingTables): Reading | undefined {
  return readersByProtocol[entry.protocol]?.(entry, tables)
}
