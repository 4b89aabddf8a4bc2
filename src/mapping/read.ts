import type { Reading } from '../fls/fact.ts'
import type { InboxEntry, Protocol } from '../sources/arrival.ts'
import { readDecision } from './decision.ts'
import { readExtract } from './extract.ts'
import type { Codebook, CodebookRow } from './extract-codebook.ts'
import type { ExtractTables } from './extract-tables.ts'
import { readFhir } from './fhir.ts'
import { readForm } from './form.ts'
import { readHl7v2 } from './hl7v2.ts'
import type { MappingTables } from './tables.ts'

/**
 * A reading with what the pipeline and the tests need beside it. `waitsFor`: codebook keys without which a code stayed unresolved: read again
 * when they arrive. `rows`: mapping rows that gave a value. `codes`: entries of a supplier's code table.
 */
export type EntryReading = Reading & {
  readonly waitsFor?: readonly string[]
  readonly rows?: ReadonlySet<string>
  readonly codes?: readonly CodebookRow[]
}

/** All tables reading needs, loaded and checked once at start. */
export type ReadingTables = { readonly mapping: MappingTables; readonly extract: ExtractTables }

/** Reads one kept entry into facts and issues: pure, deterministic, and one bad field never loses the message. */
export type ReadEntry = (entry: InboxEntry, tables: ReadingTables, codebook: Codebook) => EntryReading

/** One line per protocol. Register entries are no source of facts; an upload is read like a form. */
export const readersByProtocol: Readonly<Partial<Record<Protocol, ReadEntry>>> = {
  hl7v2: (entry, { mapping }) => readHl7v2(entry, mapping),
  fhir: (entry, { mapping }) => readFhir(entry, mapping),
  extract: (entry, { extract }, codebook) => readExtract(entry, extract, codebook),
  decision: (entry, { mapping }) => readDecision(entry, mapping.hash),
  form: (entry, { mapping }) => readForm(entry, mapping),
}

/** Facts and issues of an entry; none for protocols that are no source of facts. */
export function readEntry(entry: InboxEntry, tables: ReadingTables, codebook: Codebook): EntryReading {
  return readersByProtocol[entry.protocol]?.(entry, tables, codebook) ?? { facts: [], issues: [] }
}
