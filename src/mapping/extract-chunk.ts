import { z } from 'zod'
import { cellsOf, decode, type RawRow, RowCutter, type RowShape } from '../sources/extract/rows.ts'
import { type BoundHeader, bindHeader } from './extract-row.ts'
import type { FileKind } from './extract-tables.ts'

/** What the door notes beside a chunk: enough to read its rows again for ever. `hold`: kept, but without effect until a person decides. */
export const chunkMeta = z.object({
  shape: z.string(),
  file: z.string(),
  fileName: z.string(),
  encoding: z.enum(['utf-8', 'windows-1252']),
  /** Absent: NDJSON. */
  delimiter: z.string().length(1).optional(),
  /** The header line as text; empty for NDJSON. */
  header: z.string(),
  /** Number of the row before the first of this chunk; the header is row 1. */
  rowsBefore: z.number().int(),
  extractId: z.string(),
  mode: z.enum(['full', 'delta']),
  asOf: z.string(),
  organisationId: z.string().optional(),
  hold: z.enum(['sharing-disabled', 'mode-disagrees']).optional(),
})
export type ChunkMeta = z.infer<typeof chunkMeta>

/** Rows of a chunk with their numbers in the file. */
export function rowsOf(bytes: Buffer, meta: Pick<ChunkMeta, 'delimiter' | 'rowsBefore'>): readonly RawRow[] {
  const shape: RowShape = meta.delimiter ? { kind: 'csv', delimiter: meta.delimiter } : { kind: 'ndjson' }
  const cutter = new RowCutter(shape, meta.rowsBefore)
  return [...cutter.push(bytes), ...cutter.end()]
}

const headers = new WeakMap<FileKind, Map<string, BoundHeader>>()

function headerOf(names: readonly string[], kind: FileKind): BoundHeader {
  const known = headers.get(kind) ?? new Map<string, BoundHeader>()
  headers.set(kind, known)
  const key = names.join('\u0000')
  const found = known.get(key) ?? bindHeader(names, kind)
  if (known.size < 100) known.set(key, found)
  return found
}

/** The cells of a row beside the header they stand under; no `values` when the row is broken. */
export function bound(
  raw: RawRow,
  meta: ChunkMeta,
  kind: FileKind | undefined,
): { values?: readonly string[]; header?: BoundHeader } {
  if (!kind) return {}
  const text = decode(raw.bytes, meta.encoding)
  if (!meta.delimiter) return boundJson(text, kind)
  const names = cellsOf(meta.header, meta.delimiter) ?? []
  const values = cellsOf(text, meta.delimiter)
  // A delimiter at the end of every line makes one empty cell more.
  const isLonger = values && values.length > names.length && values.slice(names.length).every(value => value === '')
  if (!values || (values.length !== names.length && !isLonger)) return {}
  return { values, header: headerOf(names, kind) }
}

function boundJson(text: string, kind: FileKind): { values?: readonly string[]; header?: BoundHeader } {
  try {
    const object: unknown = JSON.parse(text)
    if (typeof object !== 'object' || object === null || Array.isArray(object)) return {}
    const entries = Object.entries(object).filter(([, value]) => ['string', 'number', 'boolean'].includes(typeof value))
    return {
      values: entries.map(([, value]) => String(value)),
      header: headerOf(
        entries.map(([key]) => key),
        kind,
      ),
    }
  } catch (cause) {
    if (cause instanceof SyntaxError) return {}
    throw cause
  }
}
