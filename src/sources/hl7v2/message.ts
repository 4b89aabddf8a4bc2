import { decode, utf16Of } from './charset.ts'
import { type Delimiters, readDelimiters } from './delimiters.ts'
import { Segment } from './segment.ts'

/** What the feed's profile says about reading its messages. */
export type ReadingProfile = {
  /** Overrules MSH-18, for senders that mislabel. HL7 table 0211 or a common name. */
  readonly charset?: string
  /** `false`: a line feed is always text, for senders whose report lines may look like segments. Default `true`. */
  readonly isLoneLineFeedTolerated?: boolean
}

/** MSH, unescaped first components unless noted. Empty text where the sender gave nothing. */
export type MessageHeader = {
  readonly sendingApplication: string
  readonly sendingFacility: string
  readonly receivingApplication: string
  readonly receivingFacility: string
  /** MSH-7 as sent. */
  readonly sentAt: string
  /** MSH-9.1, upper case, `ADT`. */
  readonly type: string
  /** MSH-9.2, upper case, `A01`. Never taken from EVN-1. */
  readonly trigger: string
  /** MSH-9.3, `ADT_A01`. */
  readonly structure: string
  /** MSH-10, the whole field. */
  readonly controlId: string
  /** MSH-11.1: P, T or D. */
  readonly processingId: string
  /** MSH-12.1. */
  readonly version: string
  /** MSH-13: a whole number, -1 or more; undefined where the sender does not number its messages. */
  readonly sequenceNumber: number | undefined
  /** MSH-15 and MSH-16, upper case: AL, NE, ER, SU or empty. */
  readonly acceptCondition: string
  readonly applicationCondition: string
  /** MSH-18, first repetition, as sent. */
  readonly charset: string
}

/** One HL7 v2 message: indexed by segment, cut on touch. Never throws on content. */
export class Message {
  readonly delimiters: Delimiters
  /** Every segment in the order sent. */
  readonly all: readonly Segment[]
  /** WHATWG name of the encoding the text was read with. */
  readonly charset: string
  readonly isCharsetMislabelled: boolean
  readonly text: string
  readonly #byName: ReadonlyMap<string, readonly Segment[]>
  #header: MessageHeader | undefined

  constructor(
    text: string,
    delimiters: Delimiters,
    charset: string,
    isCharsetMislabelled: boolean,
    isLoneLineFeedTolerated: boolean,
  ) {
    this.text = text
    this.delimiters = delimiters
    this.charset = charset
    this.isCharsetMislabelled = isCharsetMislabelled
    const { all, byName } = indexSegments(text, delimiters, isLoneLineFeedTolerated)
    this.all = all
    this.#byName = byName
  }

  get header(): MessageHeader {
    this.#header ??= headerOf(this.all[0])
    return this.#header
  }

  /** All segments of a name in the order sent; none is an empty list. */
  segments(name: string): readonly Segment[] {
    return this.#byName.get(name) ?? []
  }

  first(name: string): Segment | undefined {
    return this.#byName.get(name)?.[0]
  }

  /** The nearest earlier segment of that name: the OBR of an OBX, the ORC of an RXE, the PID of an MRG. */
  before(segment: Segment, name: string): Segment | undefined {
    for (let at = segment.position - 1; at >= 0; at--) if (this.all[at]?.name === name) return this.all[at]
    return undefined
  }

  /** Segments that follow up to the next one of the same name or of a name in `until`: what belongs to an OBR, an ORC, a PR1. */
  following(segment: Segment, until: readonly string[] = []): readonly Segment[] {
    const from = segment.position + 1
    const rest = this.all.slice(from)
    const end = rest.findIndex(next => next.name === segment.name || until.includes(next.name))
    return end < 0 ? rest : rest.slice(0, end)
  }

  /** Escape sequences left as sent because nobody knows them. */
  countUnknownEscapes(): number {
    let unknown = 0
    for (const segment of this.all) unknown += segment.countUnknownEscapes()
    return unknown
  }
}

/**
 * Reads one message: the payload of a frame, a file, a batch member. Blanks, line ends, NULs and a byte-order mark before MSH are passed over.
 * Undefined when no MSH with a usable separator comes first (issue `message-unreadable`); whatever follows MSH is accepted.
 */
export function parseMessage(bytes: Uint8Array, profile: ReadingProfile = {}): Message | undefined {
  const { text, charset, isMislabelled } = decode(bytes, declaredCharset(bytes), profile.charset)
  const start = contentStart(text)
  const delimiters = text.startsWith('MSH', start) ? readDelimiters(text, start) : undefined
  if (!delimiters) return undefined
  const body = start === 0 ? text : text.slice(start)
  return new Message(body, delimiters, charset, isMislabelled, profile.isLoneLineFeedTolerated ?? true)
}

function contentStart(text: string): number {
  let at = 0
  while (at < text.length && '\uFEFF\0\r\n\t '.includes(text.charAt(at))) at += 1
  return at
}

/** MSH-18, first repetition, read on the bytes because it decides how they become text. */
function declaredCharset(bytes: Uint8Array): string {
  if (utf16Of(bytes)) return ''
  let start = 0
  while (start < bytes.length && isBeforeContent(bytes[start] ?? 0)) start += 1
  const buffer = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength)
  const cr = buffer.indexOf(0x0d, start)
  // A header longer than this carries no character set anyone could name.
  const line = buffer.toString('latin1', start, Math.min(cr < 0 ? buffer.length : cr, start + 4096))
  const delimiters = line.startsWith('MSH') ? readDelimiters(line) : undefined
  if (!delimiters) return ''
  const field = line.split(delimiters.field, 18)[17] ?? ''
  return (field.split(delimiters.repetition, 1)[0] ?? '').split('\n', 1)[0] ?? ''
}

/** Blanks, line ends, NULs and the three bytes of a UTF-8 byte-order mark. */
function isBeforeContent(byte: number): boolean {
  return byte <= 0x20 || byte === 0xef || byte === 0xbb || byte === 0xbf
}

function indexSegments(text: string, delimiters: Delimiters, isLoneLineFeedTolerated: boolean) {
  const all: Segment[] = []
  const byName = new Map<string, Segment[]>()
  const separator = delimiters.field
  const add = (line: string) => {
    if (line === '') return
    const cut = line.indexOf(separator)
    const name = (cut === 3 ? line.slice(0, 3) : cut < 0 ? line : line.slice(0, cut)).trim()
    if (name === '' && cut < 0) return
    const same = byName.get(name)
    const segment = new Segment(name, same ? same.length + 1 : 1, all.length, line, delimiters)
    all.push(segment)
    if (same) same.push(segment)
    else byName.set(name, [segment])
  }
  if (!text.includes('\n')) {
    for (const line of text.split('\r')) add(line)
  } else {
    const terminator = lineFeedTerminator(separator, isLoneLineFeedTolerated)
    for (const piece of text.split('\r')) {
      for (const line of piece.split(terminator)) add(line.startsWith('\n') ? line.replace(/^\n+/, '') : line)
    }
  }
  return { all, byName }
}

/** A line feed ends a segment at the end of a line, or where three segment-id characters and the separator follow; else it is text. */
function lineFeedTerminator(separator: string, isLoneLineFeedTolerated: boolean): RegExp {
  const escaped = separator.replace(/[\\^$.*+?()[\]{}|/-]/g, '\\$&')
  // Tried once per run of line feeds: a report of ten thousand empty lines would else be tried from each of them.
  return new RegExp(isLoneLineFeedTolerated ? `(?<!\\n)\\n+(?=[A-Z][A-Z0-9]{2}${escaped}|$)` : '(?<!\\n)\\n+$')
}

function headerOf(msh: Segment | undefined): MessageHeader {
  const first = (field: number, component = 1) => msh?.component(field, 1, component, 1) ?? ''
  return {
    sendingApplication: first(3),
    sendingFacility: first(4),
    receivingApplication: first(5),
    receivingFacility: first(6),
    sentAt: first(7),
    type: first(9).trim().toUpperCase(),
    trigger: first(9, 2).trim().toUpperCase(),
    structure: first(9, 3).trim(),
    controlId: msh?.field(10).text ?? '',
    processingId: first(11).trim().toUpperCase(),
    version: first(12).trim(),
    sequenceNumber: sequenceNumberOf(first(13)),
    acceptCondition: first(15).trim().toUpperCase(),
    applicationCondition: first(16).trim().toUpperCase(),
    charset: msh?.component(18) ?? '',
  }
}

function sequenceNumberOf(text: string): number | undefined {
  return /^\s*(?:-1|\d{1,15})\s*$/.test(text) ? Number(text) : undefined
}
