import { isUtf8 } from 'node:buffer'

/** How the bytes of a message were turned into text. */
export type Decoded = {
  readonly text: string
  /** The encoding used, by its WHATWG name. */
  readonly charset: string
  /** The declared character set is unknown to us, or the bytes contradict it. */
  readonly isMislabelled: boolean
}

/** HL7 table 0211 and what senders write instead, without blanks and punctuation, to WHATWG names. */
const charsetNames = new Map<string, string>([
  ['ASCII', 'utf-8'],
  ['USASCII', 'utf-8'],
  ['ANSI', 'windows-1252'],
  ['CP1252', 'windows-1252'],
  ['WINDOWS1252', 'windows-1252'],
  ['LATIN1', 'windows-1252'],
  ['UNICODE', 'utf-8'],
  ['UNICODEUTF8', 'utf-8'],
  ['UTF8', 'utf-8'],
  ['ISO106461', 'utf-8'],
  ['UNICODEUTF16', 'utf-8'],
  ['UTF16', 'utf-8'],
  ['UNICODEUTF32', 'utf-8'],
  ['UTF32', 'utf-8'],
  ['GB18030', 'gb18030'],
  ['GB180302000', 'gb18030'],
  ['BIG5', 'big5'],
  ['KSX1001', 'euc-kr'],
])

/**
 * The encoding a character-set label means. `8859/1` to `8859/16` in any spelling; 8859/1 is read as its superset Windows-1252.
 * Undefined for labels nobody knows (a time stamp has been seen in MSH-18).
 */
export function charsetOf(label: string): string | undefined {
  const plain = label.toUpperCase().replace(/[^A-Z0-9]/g, '')
  const part = /^(?:ISO)?8859(\d{1,2})$/.exec(plain)?.[1]
  if (part === '1') return 'windows-1252'
  if (part !== undefined && Number(part) <= 16 && Number(part) !== 12) return `iso-8859-${Number(part)}`
  return charsetNames.get(plain)
}

/**
 * Decodes a message once. The label of the feed's profile wins over MSH-18. Without either: UTF-8 when the bytes are valid UTF-8, else
 * Windows-1252. Bytes that contradict UTF-8 are read as Windows-1252 one by one, so that the rest of the text stays right;
 * bytes under an 8859 label that are flawless UTF-8 beyond ASCII are UTF-8 (senders mislabel). Never throws, never loses a byte.
 */
export function decode(bytes: Uint8Array, declared: string, profile?: string): Decoded {
  const utf16 = utf16Of(bytes)
  if (utf16) return { text: new TextDecoder(utf16).decode(bytes), charset: utf16, isMislabelled: false }
  const buffer = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength)
  const valid = isUtf8(buffer)
  if (profile) {
    const charset = charsetOf(profile) ?? 'utf-8'
    return { text: decodeAs(buffer, charset, valid), charset, isMislabelled: false }
  }
  const charset = charsetOf(declared)
  if (valid)
    return {
      text: buffer.toString('utf8'),
      charset: 'utf-8',
      isMislabelled: contradictsUtf8(buffer, declared, charset),
    }
  if (charset === undefined) {
    return { text: decodeWindows1252(buffer), charset: 'windows-1252', isMislabelled: declared !== '' }
  }
  return { text: decodeAs(buffer, charset, false), charset, isMislabelled: charset === 'utf-8' }
}

/** Text of hexadecimal escapes and other loose bytes: UTF-8 when valid, else Windows-1252. */
export function decodeLoose(bytes: Buffer): string {
  return isUtf8(bytes) ? bytes.toString('utf8') : decodeWindows1252(bytes)
}

/** UTF-16 is recognised by its byte-order mark or by the NUL beside the first letter of the first segment. */
export function utf16Of(bytes: Uint8Array): 'utf-16le' | 'utf-16be' | undefined {
  const [first, second, , fourth] = bytes
  if (first === 0xff && second === 0xfe) return 'utf-16le'
  if (first === 0xfe && second === 0xff) return 'utf-16be'
  if (second === 0 && fourth === 0 && isCapital(first)) return 'utf-16le'
  if (first === 0 && isCapital(second) && bytes[2] === 0 && isCapital(fourth)) return 'utf-16be'
  return undefined
}

function isCapital(byte: number | undefined): boolean {
  return byte !== undefined && byte >= 0x41 && byte <= 0x5a
}

function contradictsUtf8(buffer: Buffer, declared: string, charset: string | undefined): boolean {
  if (charset === 'utf-8' || declared === '') return false
  return charset === undefined || buffer.some(byte => byte > 0x7f)
}

function decodeAs(buffer: Buffer, charset: string, isValidUtf8: boolean): string {
  if (charset === 'windows-1252') return decodeWindows1252(buffer)
  if (charset !== 'utf-8') return new TextDecoder(charset).decode(buffer)
  return isValidUtf8 ? buffer.toString('utf8') : decodeBrokenUtf8(buffer)
}

const upper1252 =
  '\u20ac\u0081\u201a\u0192\u201e\u2026\u2020\u2021\u02c6\u2030\u0160\u2039\u0152\u008d\u017d\u008f' +
  '\u0090\u2018\u2019\u201c\u201d\u2022\u2013\u2014\u02dc\u2122\u0161\u203a\u0153\u009d\u017e\u0178'

function decodeWindows1252(buffer: Buffer): string {
  // Node's own decoder of this name has been plain Latin-1 in some releases, which loses quotation marks and the euro sign.
  return buffer.toString('latin1').replace(/[\x80-\x9f]/g, found => upper1252.charAt(found.charCodeAt(0) - 0x80))
}

function decodeBrokenUtf8(buffer: Buffer): string {
  const parts: string[] = []
  let from = 0
  for (let at = 0; at < buffer.length; ) {
    const length = sequenceLength(buffer, at)
    if (length > 0) {
      at += length
      continue
    }
    parts.push(buffer.toString('utf8', from, at), decodeWindows1252(buffer.subarray(at, at + 1)))
    at += 1
    from = at
  }
  parts.push(buffer.toString('utf8', from))
  return parts.join('')
}

/** Bytes of the valid UTF-8 sequence at `at`; 0 when there is none. */
function sequenceLength(buffer: Buffer, at: number): number {
  const lead = buffer[at] ?? 0
  if (lead < 0x80) return 1
  const length = lead >= 0xf0 ? 4 : lead >= 0xe0 ? 3 : lead >= 0xc2 ? 2 : 0
  if (length === 0 || at + length > buffer.length) return 0
  return isUtf8(buffer.subarray(at, at + length)) ? length : 0
}
