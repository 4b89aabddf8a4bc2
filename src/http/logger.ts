import { type DestinationStream, pino } from 'pino'
import { hasValidCheckDigit } from '../fls/nhs-number.ts'

/** One finished HTTP call: ids, codes and times; never an address with its query, a header or a body. */
export type CallLine = {
  readonly requestId: string
  readonly route: string
  readonly status: number
  readonly milliseconds: number
  readonly role: string
}

export type Logger = {
  readonly call: (line: CallLine) => void
  /** A fault of ours: reference, error class and code, stack frames without the message (it may quote a value). */
  readonly failure: (reference: string, error: unknown) => void
  /** A named event with plain ids, codes and counts. */
  readonly event: (name: string, facts?: Readonly<Record<string, string | number | boolean>>) => void
}

/**
 * The log sink: JSON lines through an allow-list of fields, then a backstop that blanks anything shaped like an NHS number or a date of
 * birth in every text (trust.md row 23). On stdout, lines of one moment go out in one write; a failure goes out at once with all before it.
 */
export function createLogger(
  options: { readonly level?: string; readonly destination?: DestinationStream } = {},
): Logger {
  const settings = { level: options.level ?? 'info', timestamp: pino.stdTimeFunctions.isoTime }
  const gathered = options.destination ? undefined : gatherLines(pino.destination({ fd: 1, sync: true }))
  const sink = pino(settings, gathered ?? options.destination)
  return {
    call: ({ requestId, route, status, milliseconds, role }) =>
      sink.info({ requestId: blank(requestId), route, status, milliseconds: Math.round(milliseconds), role }, 'call'),
    failure: (reference, error) => {
      sink.error({ reference, ...describe(error) }, 'failure')
      gathered?.flush()
    },
    event: (name, facts = {}) => sink.info(blankAll(facts), name),
  }
}

const gatherMs = 20
const gatheredAtMost = 64 * 1024

/** One write per line is a tenth of the time of a busy door. Nothing is lost when the process ends, by its own will or by an exception. */
function gatherLines(out: DestinationStream): DestinationStream & { readonly flush: () => void } {
  let lines = ''
  let timer: NodeJS.Timeout | undefined
  const flush = () => {
    clearTimeout(timer)
    timer = undefined
    const text = lines
    lines = ''
    if (text !== '') out.write(text)
  }
  process.once('exit', flush)
  return {
    flush,
    write: line => {
      lines += line
      if (lines.length > gatheredAtMost) flush()
      else timer ??= setTimeout(flush, gatherMs).unref()
    },
  }
}

/** Blanks ten-digit numbers with a valid NHS check digit and dates before 2015 in a text. Other numbers and recent dates stay readable. */
export function blank(text: string): string {
  return text
    .replace(/(?<!\d)\d{3}[ -]?\d{3}[ -]?\d{4}(?!\d)/g, found =>
      hasValidCheckDigit(found.replace(/\D/g, '')) ? '[number]' : found,
    )
    .replace(/(?<!\d)(?:18|19|200|201[0-4])\d{0,2}-?(?:0[1-9]|1[0-2])-?(?:0[1-9]|[12]\d|3[01])(?!\d)/g, found =>
      found.replace(/\D/g, '').length === 8 ? '[date]' : found,
    )
}

function blankAll(
  facts: Readonly<Record<string, string | number | boolean>>,
): Record<string, string | number | boolean> {
  const blanked: Record<string, string | number | boolean> = {}
  for (const [name, value] of Object.entries(facts)) blanked[name] = typeof value === 'string' ? blank(value) : value
  return blanked
}

function describe(error: unknown): Record<string, string | string[]> {
  if (!(error instanceof Error)) return { error: typeof error }
  const code =
    'code' in error && (typeof error.code === 'string' || typeof error.code === 'number') ? String(error.code) : ''
  const frames = (error.stack ?? '').split('\n').filter(line => /^\s+at /.test(line))
  return {
    error: error.name,
    ...(code ? { code: blank(code) } : {}),
    frames: frames.slice(0, 12).map(frame => frame.trim()),
    ...(error.cause instanceof Error ? { cause: error.cause.name } : {}),
  }
}
