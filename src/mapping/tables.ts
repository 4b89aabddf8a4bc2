import type { Terminology } from '../terminology/terminology.ts'
import type { FactPlan } from './compile.ts'
import type { ExtractTables } from './extract-tables.ts'
import type { FeedSource } from './feed.ts'
import type { ValueTables } from './reader.ts'
import type { MappingRow } from './table.ts'

/** Tables of one feed: its kind's defaults with its own rows laid over them. */
export type FeedTables = {
  /** Folder name. */
  readonly name: string
  readonly source: FeedSource
  readonly rows: readonly MappingRow[]
  readonly values: ValueTables
  /** The shipped terminology and the feed's own `codes.csv`. */
  readonly terminology: Terminology
  /** Plans by document type, filled on first use. */
  readonly plans: Map<string, readonly FactPlan[]>
}

/** Everything `read()` needs, loaded and checked once at start. */
export type MappingTables = {
  /** The first 64 bits (hex) of SHA-256 over all mapping and terminology tables in force; part of every fact's source. */
  readonly hash: string
  readonly terminology: Terminology
  /** By folder name: kinds (`hl7v2`, `fhir-r4`, `gp-extract`, …) and feeds alike. */
  readonly feeds: ReadonlyMap<string, FeedTables>
  /** 999 numbers are read as NHS numbers; off in production. */
  readonly acceptTestNumbers: boolean
  /** Shapes and columns of GP extracts (`gp-extract/`); absent when the folder is. */
  readonly extracts?: ExtractTables
}

/** Whether a feed of this protocol can be read with the folder of that name. */
export function hasMapping({ feeds }: MappingTables, name: string, protocol: string): boolean {
  const kind = kindOfProtocol.get(protocol)
  return kind !== undefined && feeds.get(name)?.source.kind === kind
}

const kindOfProtocol: ReadonlyMap<string, FeedSource['kind']> = new Map([
  ['hl7v2', 'hl7v2'],
  ['fhir', 'fhir-r4'],
  ['extract', 'gp-extract'],
  ['upload', 'audit-csv'],
])

/**
 * Tables for an entry: the mapping named at enrolment (`meta.mapping`), else the folder named like the sender, else the defaults of the kind.
 * Never undefined for a kind that has a folder.
 */
export function tablesFor(
  entry: { readonly sender: string; readonly meta?: Readonly<Record<string, unknown>> },
  kind: FeedSource['kind'],
  tables: MappingTables,
): FeedTables | undefined {
  const named = typeof entry.meta?.['mapping'] === 'string' ? tables.feeds.get(entry.meta['mapping']) : undefined
  if (named?.source.kind === kind) return named
  const own = tables.feeds.get(entry.sender)
  return own?.source.kind === kind ? own : tables.feeds.get(kind)
}
