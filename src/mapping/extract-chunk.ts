import { z } from 'zod'
import type { IssueCode } from '../fls/issue.ts'
import { cellsOf, decode, type RawRow, RowCutter, type RowShape } from '../sources/extract/rows.ts'
import { isObject } from '../sources/fhir/json.ts'
import { readStrictJson } from '../sources/fhir/strict-json.ts'
import { type BoundHeader, bindHeader } from './extract-row.ts'
import type { FileKind } from './extract-tables.ts'

/** Why a whole extract waits for a person. */
export const wholeHolds = ['sharing-disabled', 'mode-disagrees'] as const
export type WholeHold = (typeof wholeHolds)[number]

/** What the door notes beside a chunk: enough to read its rows again for ever. `hold`: read, but without effect until a person decides. */
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
  hold: z.enum(wholeHolds).optional(),
})
export type ChunkMeta = z.infer<typeof chunkMeta>

/**
 * One row of a chunk, its cells beside the header they stand under. `problems`: what cutting found, by column where it is one; without `values`
 * the row cannot be read for the first of them.
 */
export type BoundRow = {
  readonly raw: RawRow
  readonly values?: readonly string[]
  readonly header?: BoundHeader
  readonly problems?: readonly { readonly code: IssueCode; readonly column: string; readonly hint?: string }[]
}

/** Rows cut for the look at their code ids, kept for the reading that follows and given out once. */
const cutBefore = new WeakMap<Buffer, readonly BoundRow[]>()

/** The rows of a chunk, cut into cells. `isFirstLook`: the same bytes are going to be read once more. */
export function boundRows(
  bytes: Buffer,
  meta: ChunkMeta,
  kind: FileKind | undefined,
  isFirstLook = false,
): readonly BoundRow[] {
  const known = cutBefore.get(bytes)
  const rows = known ?? cutRows(bytes, meta, kind)
  if (isFirstLook) cutBefore.set(bytes, rows)
  else cutBefore.delete(bytes)
  return rows
}

function cutRows(bytes: Buffer, meta: ChunkMeta, kind: FileKind | undefined): readonly BoundRow[] {
  const raws = rowsOf(bytes, meta)
  if (!kind) return raws.map(raw => ({ raw }))
  if (!meta.delimiter) return raws.map(raw => ({ raw, ...boundJson(decode(raw.bytes, meta.encoding), kind) }))
  const delimiter = meta.delimiter
  const header = bindHeader(cellsOf(meta.header, delimiter) ?? [], kind)
  return raws.map(raw => {
    const values = cellsOf(decode(raw.bytes, meta.encoding), delimiter)
    return values && isOfLength(values, header.length)
      ? { raw, values, header }
      : { raw, problems: [{ code: 'quoting-broken', column: '' }] }
  })
}

/** A delimiter at the end of every line makes empty cells more. */
function isOfLength(values: readonly string[], length: number): boolean {
  return values.length === length || (values.length > length && values.slice(length).every(value => value === ''))
}

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

/** One object a line under the JSON rules of `/fhir`; null and empty text are an empty cell. */
function boundJson(text: string, kind: FileKind): Omit<BoundRow, 'raw'> {
  const { read, issues } = readStrictJson(text)
  const faults = issues
    .filter(found => found.code !== 'element-empty')
    .map(({ code, where }) => ({ code, column: where === 'body' ? '' : where }))
  if (!read || !isObject(read.value) || faults.length > 0)
    return { problems: faults.length > 0 ? faults : [{ code: 'json-invalid', column: '' }] }
  const cells = Object.entries(read.value).filter(([, value]) => value !== null)
  const isPlain = (value: unknown): boolean => ['string', 'number', 'boolean'].includes(typeof value)
  const entries = cells.filter(([, value]) => isPlain(value))
  const problems = cells
    .filter(([, value]) => !isPlain(value))
    .map(([key]) => ({
      code: 'structure-invalid' as const,
      column: /^[A-Za-z]\w{0,40}$/.test(key) ? key : '',
      hint: 'text, a number, true or false',
    }))
  return {
    values: entries.map(([, value]) => String(value)),
    header: headerOf(
      entries.map(([key]) => key),
      kind,
    ),
    ...(problems.length > 0 ? { problems } : {}),
  }
}
