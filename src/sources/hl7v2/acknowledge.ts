import type { Instant } from '../../fls/dates.ts'
import { describeIssue, type Issue } from '../../fls/issue.ts'
import { utf16Of } from './charset.ts'
import { type Delimiters, readDelimiters, usualDelimiters } from './delimiters.ts'
import { errorSegment } from './error-segment.ts'
import { escapeText } from './escapes.ts'

/**
 * What became of a message (Decision "acknowledgement"). `kept`, whatever reading finds in it: an AE would only bring the same bytes again;
 * `not-kept`: temporary, the sender may send it again; `refused`: not ours to take, nothing kept.
 */
export type Verdict = 'kept' | 'not-kept' | 'refused'
export type AcknowledgementCode = 'AA' | 'AE' | 'AR' | 'CA' | 'CE' | 'CR'

export type AcknowledgementRequest = {
  /** The message, or as much of it as came; its header may be unreadable. */
  readonly message: Buffer
  readonly verdict: Verdict
  readonly issues: readonly Issue[]
  /** Unique MSH-10 of the answer. */
  readonly controlId: string
  readonly at: Instant
}

/** `payload` is absent when the sender asked for no answer in this case (MSH-15, MSH-16). */
export type Acknowledgement = { readonly code: AcknowledgementCode; readonly payload?: Buffer }

/** MSH-15/16 of a message: original mode answers A., enhanced mode C., each under its condition. */
type AnswerMode = { readonly letter: 'A' | 'C'; readonly answers: 'always' | 'errors' | 'success' | 'never' }

const mostErrors = 100
const longestHeader = 8_192

/**
 * The only builder of acknowledgements. MSH-3..6 swapped, `ACK^trigger`, delimiters, processing id, version and character set echoed, MSA-2
 * byte for byte the MSH-10 of the message; VT, FS and CR never pass through. An unreadable header gets AR with an empty MSA-2.
 * A stored message is AA or CA whatever was found in it; what was found stands in its ERR segments (profile `applied`).
 */
export function acknowledge(request: AcknowledgementRequest): Acknowledgement {
  const header = readRawHeader(request.message)
  const mode = modeOf(header)
  const code = codeOf(mode.letter, request.verdict)
  const isPositive = code === 'AA' || code === 'CA'
  if (mode.answers === 'never') return { code }
  if (mode.answers === (isPositive ? 'errors' : 'success')) return { code }
  return { code, payload: build(request, header, code) }
}

/** Whether a message asks for an answer whatever becomes of it. Acknowledgements ask for none. */
export function answerIsCertain(message: Buffer): boolean {
  const header = readRawHeader(message)
  const type = header?.field(9).split(header.delimiters.component, 1)[0]?.trim().toUpperCase()
  return type !== 'ACK' && type !== 'MCF' && modeOf(header).answers === 'always'
}

/**
 * One answer for a whole batch: the batch header turned round, its BHS-11 as BHS-12, one acknowledgement per message, BTS with their number.
 */
export function acknowledgeBatch(
  batchHeader: Buffer | undefined,
  answers: readonly Buffer[],
  controlId: string,
  at: Instant,
): Buffer {
  const header = batchHeader ? readRawHeader(batchHeader) : undefined
  const delimiters = header?.delimiters ?? usualDelimiters
  const raw = (number: number) => header?.field(number) ?? ''
  const opening = [
    'BHS',
    encodingOf(delimiters),
    raw(5),
    raw(6),
    raw(3),
    raw(4),
    stampOf(at),
    '',
    '',
    '',
    controlId,
    raw(11),
  ]
  const closing = ['BTS', String(answers.length)]
  return Buffer.concat([
    Buffer.from(`${opening.join(delimiters.field)}\r`, 'latin1'),
    ...answers,
    Buffer.from(`${closing.join(delimiters.field)}\r`, 'latin1'),
  ])
}

function build(request: AcknowledgementRequest, header: RawHeader | undefined, code: AcknowledgementCode): Buffer {
  const delimiters = header?.delimiters ?? usualDelimiters
  const raw = (number: number) => header?.field(number) ?? ''
  const trigger = raw(9).split(delimiters.component)[1] ?? ''
  const version = raw(12) || '2.4'
  const charset = raw(18)
  const msh = [
    'MSH',
    encodingOf(delimiters),
    raw(5),
    raw(6),
    raw(3),
    raw(4),
    stampOf(request.at),
    '',
    trigger === '' ? 'ACK' : `ACK${delimiters.component}${trigger}`,
    escapeText(request.controlId, delimiters),
    raw(11) || 'P',
    version,
    ...(charset === '' ? [] : ['', '', '', '', '', charset]),
  ]
  const [worst] = request.issues
  const text = code.endsWith('A') || !worst ? [] : [escapeText(describeIssue(worst).text.slice(0, 80), delimiters)]
  const segments = [
    msh.join(delimiters.field),
    ['MSA', code, raw(10), ...text].join(delimiters.field),
    ...request.issues.slice(0, mostErrors).map(found => errorSegment(found, version, delimiters)),
  ]
  // Latin-1 both ways keeps every byte of what is echoed, whatever its character set.
  return Buffer.from(segments.map(segment => `${segment}\r`).join(''), 'latin1')
}

function codeOf(letter: 'A' | 'C', verdict: Verdict): AcknowledgementCode {
  switch (verdict) {
    case 'kept':
      return `${letter}A`
    case 'not-kept':
      return `${letter}E`
    case 'refused':
      return `${letter}R`
  }
}

function modeOf(header: RawHeader | undefined): AnswerMode {
  const condition = (number: number) => header?.field(number).trim().toUpperCase() ?? ''
  switch (condition(15)) {
    case 'AL':
      return { letter: 'C', answers: 'always' }
    case 'ER':
      return { letter: 'C', answers: 'errors' }
    case 'SU':
      return { letter: 'C', answers: 'success' }
    case 'NE':
      return { letter: 'A', answers: originalAnswers(condition(16)) }
    default:
      // Neither empty nor unknown says "stay silent", and silence is what senders complain of most.
      return { letter: 'A', answers: 'always' }
  }
}

function originalAnswers(condition: string): AnswerMode['answers'] {
  return condition === 'AL' ? 'always' : condition === 'ER' ? 'errors' : condition === 'SU' ? 'success' : 'never'
}

type RawHeader = { readonly delimiters: Delimiters; readonly field: (number: number) => string }

/** The header segment as Latin-1 text, one character per byte. */
function readRawHeader(bytes: Buffer): RawHeader | undefined {
  const utf16 = utf16Of(bytes)
  const head = utf16
    ? Buffer.from(new TextDecoder(utf16).decode(bytes.subarray(0, longestHeader)), 'utf8').toString('latin1')
    : bytes.toString('latin1', 0, headerEnd(bytes))
  const start = /^(?:\xef\xbb\xbf)?[\0\s]*/.exec(head)?.[0].length ?? 0
  const delimiters = readDelimiters(head, start)
  if (!delimiters) return undefined
  const line = head.slice(start).split(/\r|\n(?=[A-Z][A-Z0-9]{2})|\n$/, 1)[0] ?? ''
  const fields = withoutFraming(line).split(delimiters.field)
  return { delimiters, field: number => fields[number - 1] ?? '' }
}

/** Where the first segment ends, when the message begins with it; else as far as a header is looked for. */
function headerEnd(bytes: Buffer): number {
  const isAtStart = bytes[0] === 0x4d
  const end = isAtStart ? bytes.indexOf(0x0d) : -1
  return end < 0 ? longestHeader : Math.min(end, longestHeader)
}

function withoutFraming(text: string): string {
  return text.replaceAll('\v', '').replaceAll('\u001c', '').replaceAll('\r', '')
}

function encodingOf(delimiters: Delimiters): string {
  const { component, repetition, escape: mark = '', subcomponent = '', truncation = '' } = delimiters
  return component + repetition + mark + subcomponent + truncation
}

function stampOf(at: Instant): string {
  return `${at.slice(0, 19).replace(/[-:T]/g, '')}+0000`
}
