import { type Issue, issue } from '../../fls/issue.ts'
import { type Delimiters, isHeaderName, readDelimiters } from './delimiters.ts'

/** The messages of one frame or file, each exactly the bytes it would have had alone. */
export type Batch = {
  readonly kind: 'message' | 'batch'
  readonly messages: readonly Buffer[]
  /** `batch-count-differs` where BTS-1 or FTS-1 disagrees with what was found. No message is lost by it. */
  readonly issues: readonly Issue[]
  /** The batch header line (BHS, else FHS) as sent, without its terminator; absent for bare lists. */
  readonly header?: Buffer
}

type Mark = { readonly kind: 'message' | 'wrapper'; readonly name: string; readonly at: number }

/**
 * Takes apart what senders put into one frame or file: one message, an FHS/BHS … BTS/FTS batch, a bare list of messages, blank lines between
 * them. One message is returned untouched. A member keeps the terminator of its last segment and nothing of the blank lines behind it.
 * A line is the start of a message when MSH is followed by a separator, two to five encoding characters, and the separator again.
 */
export function splitBatch(bytes: Buffer): Batch {
  const marks = findMarks(bytes, false)
  if (isOneMessage(marks)) return { kind: 'message', messages: [bytes], issues: [] }
  const opening = marks.find(mark => mark.name === 'BHS') ?? marks.find(mark => mark.name === 'FHS')
  const count = batchCount()
  count.see(bytes, marks)
  return {
    kind: 'batch',
    messages: membersOf(bytes, marks),
    issues: count.issues,
    ...(opening ? { header: lineAt(bytes, opening.at) } : {}),
  }
}

/** The same for a file of any length, given piece by piece: what is held is a few messages at most. */
export type BatchReader = {
  /** Whole messages that are certain now, in order. */
  readonly push: (chunk: Buffer) => readonly Buffer[]
  /** The rest. */
  readonly end: () => readonly Buffer[]
  /** As `Batch.issues`; complete after `end`. */
  readonly issues: readonly Issue[]
  /** Bytes held back because their message may go on. */
  readonly heldBytes: () => number
}

const pieceBytes = 1024 * 1024

export function batchReader(): BatchReader {
  const count = batchCount()
  let chunks: Buffer[] = []
  let size = 0
  let wanted = pieceBytes
  let isInWrapper = false
  let isFirst = true
  const hold = (rest: Buffer) => {
    chunks = [rest]
    size = rest.length
  }
  const take = (piece: Buffer): readonly Buffer[] => {
    const marks = findMarks(piece, isInWrapper)
    isInWrapper ||= marks.some(mark => mark.kind === 'wrapper')
    count.see(piece, marks)
    return membersOf(piece, marks)
  }
  return {
    issues: count.issues,
    heldBytes: () => size,
    push: chunk => {
      chunks.push(chunk)
      size += chunk.length
      if (size < wanted) return []
      const held = Buffer.concat(chunks)
      const cut = lastMessageStart(held)
      hold(held.subarray(Math.max(cut, 0)))
      // Joined again only when it has doubled: a long message must not be copied with every piece of it.
      wanted = Math.max(pieceBytes, size * 2)
      if (cut <= 0) return []
      isFirst = false
      return take(held.subarray(0, cut))
    },
    end: () => {
      const held = Buffer.concat(chunks)
      hold(Buffer.alloc(0))
      return isFirst && isOneMessage(findMarks(held, false)) ? [held] : take(held)
    },
  }
}

function isOneMessage(marks: readonly Mark[]): boolean {
  return marks.length === 0 || (marks.length === 1 && marks[0]?.kind === 'message')
}

function membersOf(bytes: Buffer, marks: readonly Mark[]): Buffer[] {
  return marks.flatMap((mark, index) =>
    mark.kind === 'message' ? [withoutBlankLines(bytes.subarray(mark.at, marks[index + 1]?.at ?? bytes.length))] : [],
  )
}

function lastMessageStart(bytes: Buffer): number {
  for (let at = bytes.lastIndexOf('MSH'); at > 0; at = bytes.lastIndexOf('MSH', at - 1)) {
    if (at + 24 <= bytes.length && isLineStart(bytes, at) && hasEncodingCharacters(headText(bytes, at))) return at
  }
  return -1
}

function findMarks(bytes: Buffer, isInWrapper: boolean): Mark[] {
  const marks: Mark[] = []
  for (const at of lineStarts(bytes)) {
    const name = bytes.toString('latin1', at, at + 3)
    if (name === 'MSH') {
      if (marks.length === 0 ? readDelimiters(headText(bytes, at)) : hasEncodingCharacters(headText(bytes, at))) {
        marks.push({ kind: 'message', name, at })
      }
    } else if ((name === 'BHS' || name === 'FHS') && hasEncodingCharacters(headText(bytes, at))) {
      marks.push({ kind: 'wrapper', name, at })
    } else if (
      (name === 'BTS' || name === 'FTS') &&
      (isInWrapper || marks.some(mark => mark.kind === 'wrapper')) &&
      isTrailer(bytes, at)
    ) {
      marks.push({ kind: 'wrapper', name, at })
    }
  }
  return marks
}

/** Starts of all lines that could open a message or a wrapper; looks for the few letters instead of walking every line. */
function* lineStarts(bytes: Buffer): Generator<number> {
  const starts: number[] = []
  for (const name of lineNames) {
    for (let at = bytes.indexOf(name); at >= 0; at = bytes.indexOf(name, at + 3)) {
      if (isLineStart(bytes, at)) starts.push(at)
    }
  }
  yield* starts.sort((a, b) => a - b)
}

const lineNames = ['MSH', 'BHS', 'FHS', 'BTS', 'FTS'].map(name => Buffer.from(name))

function isLineStart(bytes: Buffer, at: number): boolean {
  for (let before = at - 1; before >= 0; before--) {
    const byte = bytes[before]
    if (byte === 0x0a || byte === 0x0d) return true
    // A byte-order mark, NULs and blanks may stand before the first line.
    if (byte !== 0 && byte !== 0x20 && byte !== 0x09 && !(before < 3 && (byte ?? 0) >= 0xbb)) return false
  }
  return true
}

function headText(bytes: Buffer, at: number): string {
  return bytes.toString('latin1', at, at + 24)
}

function hasEncodingCharacters(head: string): boolean {
  const delimiters = readDelimiters(head)
  return delimiters !== undefined && /^[^A-Za-z0-9\s]{2,5}$/.test(head.slice(4).split(delimiters.field, 1)[0] ?? '')
}

function isTrailer(bytes: Buffer, at: number): boolean {
  return !/[A-Za-z0-9]/.test(bytes.toString('latin1', at + 3, at + 4))
}

function lineAt(bytes: Buffer, at: number): Buffer {
  const ends = [bytes.indexOf(0x0d, at), bytes.indexOf(0x0a, at)].filter(end => end >= 0)
  return bytes.subarray(at, Math.min(bytes.length, ...ends))
}

function withoutBlankLines(part: Buffer): Buffer {
  let end = part.length
  while (end > 0 && [0, 0x09, 0x20, 0x0a, 0x0d].includes(part[end - 1] ?? 1)) end -= 1
  while (end < part.length && part[end] !== 0x0d && part[end] !== 0x0a) end += 1
  if (part[end] === 0x0d && part[end + 1] === 0x0a) return part.subarray(0, end + 2)
  return part.subarray(0, Math.min(end + 1, part.length))
}

/** Only where a count was given: BTS-1 counts the messages since its BHS, FTS-1 the batches since FHS (or, as many senders have it, the messages). */
function batchCount(): {
  readonly issues: readonly Issue[]
  readonly see: (bytes: Buffer, marks: readonly Mark[]) => void
} {
  const issues: Issue[] = []
  let total = 0
  let inBatch = 0
  let batches = 0
  let delimiters: Delimiters | undefined
  const compare = (declared: number | undefined, found: readonly number[], where: string) => {
    if (declared !== undefined && !found.includes(declared)) issues.push(issue('batch-count-differs', where))
  }
  const see = (bytes: Buffer, mark: Mark) => {
    if (isHeaderName(mark.name)) delimiters = readDelimiters(headText(bytes, mark.at)) ?? delimiters
    if (mark.kind === 'message') {
      total += 1
      inBatch += 1
    } else if (mark.name === 'BHS') inBatch = 0
    else if (mark.name === 'BTS') {
      batches += 1
      compare(declaredCount(bytes, mark, delimiters), [inBatch], 'BTS-1')
      inBatch = 0
    } else if (mark.name === 'FTS') compare(declaredCount(bytes, mark, delimiters), [batches, total], 'FTS-1')
  }
  return {
    issues,
    see: (bytes, marks) => {
      for (const mark of marks) see(bytes, mark)
    },
  }
}

function declaredCount(bytes: Buffer, mark: Mark, delimiters: Delimiters | undefined): number | undefined {
  const field = lineAt(bytes, mark.at)
    .toString('latin1')
    .split(delimiters?.field ?? '|', 2)[1]
  const text = field?.split(delimiters?.component ?? '^', 1)[0]?.trim() ?? ''
  return /^\d+$/.test(text) ? Number(text) : undefined
}
