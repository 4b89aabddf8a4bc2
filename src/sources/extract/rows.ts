/** One row exactly as sent: its bytes with their line end, and its number in the file (the header is row 1). */
export type RawRow = { readonly bytes: Buffer; readonly number: number }

/** `tab` and `pipe` are seen in side files of suppliers; recognised from the header line. */
export type RowShape = { readonly kind: 'csv'; readonly delimiter: string } | { readonly kind: 'ndjson' }

const quote = 0x22
const lineFeed = 0x0a
const carriageReturn = 0x0d
/** No row of a published contract comes near this; beyond it a quote was opened and never closed. Bytes. */
export const longestRow = 256 * 1024

/**
 * Cuts a byte stream into rows without decoding it: quotes, delimiters and line ends are single bytes in UTF-8 and Windows-1252 alike.
 * A quote opens only at the start of a cell (RFC 4180). A row longer than `longestRow` ends at its first line end, so one broken quote
 * costs one row, not the rest of the file. Empty lines are counted and left out.
 */
export class RowCutter {
  #rest: Buffer = Buffer.alloc(0)
  #number = 0
  readonly #shape: RowShape

  constructor(shape: RowShape, rowsBefore = 0) {
    this.#shape = shape
    this.#number = rowsBefore
  }

  push(piece: Buffer): RawRow[] {
    return this.#cut(this.#rest.length > 0 ? Buffer.concat([this.#rest, piece]) : piece, false)
  }

  end(): RawRow[] {
    const rest = this.#rest
    this.#rest = Buffer.alloc(0)
    return rest.length > 0 ? this.#cut(rest, true) : []
  }

  #cut(bytes: Buffer, isLast: boolean): RawRow[] {
    const rows: RawRow[] = []
    let start = 0
    while (start < bytes.length) {
      const end = this.#endOfRow(bytes, start, isLast)
      if (end === undefined) break
      this.#number++
      const row = bytes.subarray(start, end)
      if (!isBlank(row)) rows.push({ bytes: row, number: this.#number })
      start = end
    }
    this.#rest = Buffer.from(bytes.subarray(start))
    return rows
  }

  /** Index after the row's line end; undefined when the row is not complete yet. */
  #endOfRow(bytes: Buffer, start: number, isLast: boolean): number | undefined {
    const plain = endOfLine(bytes, start)
    const end =
      this.#shape.kind === 'ndjson' ? plain : endOfQuotedRow(bytes, start, this.#shape.delimiter.charCodeAt(0), plain)
    const length = (end ?? bytes.length) - start
    if (end !== undefined && length <= longestRow) return end
    if (length > longestRow || isLast) return plain ?? (isLast || length > longestRow ? bytes.length : undefined)
    return undefined
  }
}

function endOfLine(bytes: Buffer, start: number): number | undefined {
  const at = bytes.indexOf(lineFeed, start)
  return at < 0 ? undefined : at + 1
}

function endOfQuotedRow(
  bytes: Buffer,
  start: number,
  delimiter: number,
  plain: number | undefined,
): number | undefined {
  const firstQuote = bytes.indexOf(quote, start)
  if (plain !== undefined && (firstQuote < 0 || firstQuote >= plain)) return plain
  let isQuoted = false
  let isCellStart = true
  const stop = Math.min(bytes.length, start + longestRow + 1)
  for (let at = start; at < stop; at++) {
    const byte = bytes[at]
    if (isQuoted) {
      // A doubled quote closes and opens again at once, which leaves the state right.
      if (byte === quote) isQuoted = false
    } else if (byte === quote && (isCellStart || bytes[at - 1] === quote)) isQuoted = true
    else if (byte === lineFeed) return at + 1
    isCellStart = !isQuoted && byte === delimiter
  }
  return undefined
}

function isBlank(row: Buffer): boolean {
  for (const byte of row) if (byte !== lineFeed && byte !== carriageReturn && byte !== 0x20) return false
  return true
}

/**
 * The cells of one CSV row. Undefined when the quoting is broken: text after a closing quote, or a quote never closed.
 * A quote inside an unquoted cell is kept as a character.
 */
export function cellsOf(row: string, delimiter: string): readonly string[] | undefined {
  const line = withoutLineEnd(row)
  if (!line.includes('"')) return line.split(delimiter)
  const plain = allQuoted(line, delimiter)
  if (plain) return plain
  const cells: string[] = []
  let at = 0
  while (at <= line.length) {
    if (line[at] !== '"') {
      const end = line.indexOf(delimiter, at)
      cells.push(line.slice(at, end < 0 ? line.length : end))
      if (end < 0) return cells
      at = end + 1
      continue
    }
    const close = closingQuote(line, at + 1)
    if (close === undefined) return undefined
    cells.push(line.slice(at + 1, close).replaceAll('""', '"'))
    if (close + 1 === line.length) return cells
    if (line[close + 1] !== delimiter) return undefined
    at = close + 2
  }
  return cells
}

function withoutLineEnd(row: string): string {
  if (!row.endsWith('\n')) return row
  return row.slice(0, row.endsWith('\r\n') ? -2 : -1)
}

/** Every cell quoted and none with a quote inside, as EMIS writes: cut in one go. Undefined when the row is anything else. */
function allQuoted(line: string, delimiter: string): readonly string[] | undefined {
  if (line.length < 2 || !line.startsWith('"') || !line.endsWith('"')) return undefined
  const cells = line.slice(1, -1).split(`"${delimiter}"`)
  return cells.some(cell => cell.includes('"')) ? undefined : cells
}

function closingQuote(line: string, from: number): number | undefined {
  let at = line.indexOf('"', from)
  while (at >= 0 && line[at + 1] === '"') at = line.indexOf('"', at + 2)
  return at < 0 ? undefined : at
}

/** The delimiter a header line uses: the one that occurs most among comma, tab, pipe and semicolon. */
export function delimiterOf(header: string): string {
  const candidates = [',', '\t', '|', ';']
  const counts = candidates.map(one => header.split(one).length)
  return candidates[counts.indexOf(Math.max(...counts))] ?? ','
}

export type Encoding = 'utf-8' | 'windows-1252'

const decoders: Readonly<Record<Encoding, TextDecoder>> = {
  'utf-8': new TextDecoder('utf-8'),
  'windows-1252': new TextDecoder('windows-1252'),
}

/** Text of bytes in the encoding found for their file; a byte-order mark is dropped, no-break spaces become spaces. */
export function decode(bytes: Buffer, encoding: Encoding): string {
  const text = decoders[encoding].decode(bytes)
  return text.includes('\u00a0') ? text.replaceAll('\u00a0', ' ') : text
}
