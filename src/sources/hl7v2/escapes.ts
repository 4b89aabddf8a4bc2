import { decodeLoose } from './charset.ts'
import type { Delimiters } from './delimiters.ts'

/**
 * Replaces HL7 escape sequences (HL7 2.x chapter 2, "use of escape sequences in text fields"). Only exact tokens count: separators, `\X…\`
 * (bytes, read as UTF-8 when they are), `\H\` `\N\` (dropped), formatting commands (line feeds and blanks).
 * Everything else, a lone escape character included, stays as sent: Windows paths are common in report text.
 */
export function unescapeText(text: string, delimiters: Delimiters): string {
  const mark = delimiters.escape
  if (mark === undefined || !text.includes(mark)) return text
  const parts: string[] = []
  walkEscapes(text, mark, (plain, token, next) => {
    parts.push(plain)
    if (token === undefined) return undefined
    const hex = hexRun(text, mark, token, next)
    if (hex) {
      parts.push(decodeLoose(hex.bytes))
      return hex.end
    }
    const meaning = meaningOf(token, delimiters)
    parts.push(meaning ?? mark + token)
    return meaning === undefined ? next - 1 : next
  })
  return parts.join('')
}

/** How many closed escape sequences of a text are not understood and were left as sent. A lone escape character is text. */
export function countUnknownEscapes(text: string, delimiters: Delimiters): number {
  const mark = delimiters.escape
  if (mark === undefined) return 0
  let unknown = 0
  walkEscapes(text, mark, (_plain, token, next) => {
    if (token === undefined) return undefined
    if (hexBytes(token) || meaningOf(token, delimiters) !== undefined) return next
    unknown += 1
    return next - 1
  })
  return unknown
}

/**
 * Calls `visit` with the plain text before each closed token, the token and the position behind it; `visit` says where to go on.
 * The last call has no token and the remaining text.
 */
function walkEscapes(
  text: string,
  mark: string,
  visit: (plain: string, token: string | undefined, next: number) => number | undefined,
): void {
  let at = 0
  for (;;) {
    const open = text.indexOf(mark, at)
    const close = open < 0 ? -1 : text.indexOf(mark, open + 1)
    if (close < 0) break
    at = visit(text.slice(at, open), text.slice(open + 1, close), close + 1) ?? close + 1
  }
  visit(text.slice(at), undefined, text.length)
}

function hexBytes(token: string): Buffer | undefined {
  return /^X(?:[0-9A-Fa-f]{2})+$/.test(token) ? Buffer.from(token.slice(1), 'hex') : undefined
}

/** Adjoining hexadecimal tokens are one run of bytes: a character may be spread over two of them. */
function hexRun(text: string, mark: string, token: string, next: number): { bytes: Buffer; end: number } | undefined {
  const first = hexBytes(token)
  if (!first) return undefined
  const run = [first]
  let end = next
  while (text.startsWith(`${mark}X`, end)) {
    const close = text.indexOf(mark, end + 1)
    const more = close < 0 ? undefined : hexBytes(text.slice(end + 1, close))
    if (!more) break
    run.push(more)
    end = close + 1
  }
  return { bytes: run.length === 1 ? first : Buffer.concat(run), end }
}

function meaningOf(token: string, delimiters: Delimiters): string | undefined {
  switch (token) {
    case 'F':
      return delimiters.field
    case 'S':
      return delimiters.component
    case 'T':
      return delimiters.subcomponent ?? '&'
    case 'R':
      return delimiters.repetition
    case 'E':
      return delimiters.escape
    case 'P':
      return delimiters.truncation
    case 'H':
    case 'N':
      return ''
    default:
      return token.startsWith('.') ? layoutOf(token) : undefined
  }
}

function layoutOf(token: string): string | undefined {
  const [, command = '', count = ''] = /^\.([A-Za-z]{2})\+?(-?\d{0,3})$/.exec(token) ?? []
  const times = Math.min(Math.max(Number(count === '' ? 1 : count) || 0, 0), 100)
  switch (command.toLowerCase()) {
    case 'br':
    case 'ce':
      return '\n'
    case 'sp':
      return '\n'.repeat(Math.max(times, 1))
    case 'sk':
      return ' '.repeat(times)
    case 'fi':
    case 'nf':
    case 'in':
    case 'ti':
      return ''
    default:
      return undefined
  }
}

/** Text made safe for a field: separators, the escape character and line ends as escape sequences; blanks where there is no escape character. */
export function escapeText(text: string, delimiters: Delimiters): string {
  const mark = delimiters.escape
  const tokens = new Map<string | undefined, string>([
    [delimiters.field, 'F'],
    [delimiters.component, 'S'],
    [delimiters.repetition, 'R'],
    [delimiters.subcomponent, 'T'],
    [mark, 'E'],
    ['\r', 'X0D'],
    ['\n', '.br'],
  ])
  let escaped = ''
  for (const character of text) {
    const token = tokens.get(character)
    escaped += token === undefined ? character : mark === undefined ? ' ' : mark + token + mark
  }
  return escaped
}
