/**
 * Builds HL7 v2 messages from values: every value is escaped here and nowhere else, so no sender text can break the framing.
 * A field is a text, a list of components (`undefined` = empty; a nested list = sub-components), or repetitions. `deleted` is `""`.
 */
export type Component = string | undefined | readonly (string | undefined)[]
export type Field =
  | string
  | undefined
  | readonly Component[]
  | { readonly repeat: readonly (string | readonly Component[])[] }
  | typeof deleted
export type Segment = readonly [name: string, fields: Readonly<Record<number, Field>>]

export const deleted = Symbol('""')

export type Header = {
  readonly application: string
  readonly facility: string
  readonly sentAt: string
  readonly message: string
  readonly trigger: string
  readonly controlId: string
  readonly version: string
  /** MSH-18: also decides the bytes. */
  readonly charset?: 'UNICODE UTF-8' | '8859/1'
  /** MSH-15, MSH-16. */
  readonly acknowledge?: readonly [string, string]
  readonly processing?: 'P' | 'T' | 'D'
}

/** One message, segments ended by CR. */
export function buildMessage(header: Header, segments: readonly Segment[]): Buffer {
  const lines = [headerLine(header), ...segments.map(segmentLine)]
  return Buffer.from(`${lines.join('\r')}\r`, header.charset === '8859/1' ? 'latin1' : 'utf8')
}

function headerLine(header: Header): string {
  const [accept, application] = header.acknowledge ?? [undefined, undefined]
  const rest = segmentLine([
    'MSH',
    {
      2: header.application,
      3: header.facility,
      4: 'FLSDB',
      5: 'NOGW',
      6: header.sentAt,
      8: [header.message, header.trigger],
      9: header.controlId,
      10: header.processing ?? 'P',
      11: header.version,
      14: accept,
      15: application,
      16: 'GBR',
      17: header.charset,
    },
  ])
  return `MSH|^~\\&${rest.slice(4)}`
}

function segmentLine([name, fields]: Segment): string {
  const last = Math.max(0, ...Object.keys(fields).map(Number))
  const cells: string[] = []
  for (let index = 1; index <= last; index++) cells.push(fieldText(fields[index]))
  return `${name}|${cells.join('|').replace(/\|+$/, '')}`
}

function fieldText(field: Field): string {
  if (field === undefined) return ''
  if (field === deleted) return '""'
  if (typeof field === 'string') return escapeText(field)
  if ('repeat' in field)
    return field.repeat.map(one => (typeof one === 'string' ? escapeText(one) : components(one))).join('~')
  return components(field)
}

function components(list: readonly Component[]): string {
  return list
    .map(part =>
      part === undefined
        ? ''
        : typeof part === 'string'
          ? escapeText(part)
          : part.map(sub => escapeText(sub ?? '')).join('&'),
    )
    .join('^')
    .replace(/\^+$/, '')
}

const special: Readonly<Record<string, string>> = {
  '\\': '\\E\\',
  '|': '\\F\\',
  '^': '\\S\\',
  '&': '\\T\\',
  '~': '\\R\\',
  '\r': '\\X0D\\',
  '\n': '\\.br\\',
}
function escapeText(text: string): string {
  return /[\\|^&~\r\n]/.test(text) ? text.replace(/[\\|^&~\r\n]/g, sign => special[sign] ?? sign) : text
}
