/** The separators a message declares for itself. A two-character MSH-2 has no escape character and no sub-components. */
export type Delimiters = {
  readonly field: string
  readonly component: string
  readonly repetition: string
  readonly escape: string | undefined
  readonly subcomponent: string | undefined
  /** Fifth character of MSH-2, from HL7 2.7. */
  readonly truncation: string | undefined
}

/** What answers use when the header could not be read. */
export const usualDelimiters: Delimiters = {
  field: '|',
  component: '^',
  repetition: '~',
  escape: '\\',
  subcomponent: '&',
  truncation: undefined,
}

/** Segments whose field 1 is the separator itself and field 2 the encoding characters. */
export function isHeaderName(name: string): boolean {
  return name === 'MSH' || name === 'BHS' || name === 'FHS'
}

/**
 * Reads the separators of a header segment starting at `start` of `text`. An empty MSH-2 means the usual ones.
 * Undefined when no header segment stands there, or the fourth character cannot separate (letter, digit, blank, control).
 */
export function readDelimiters(text: string, start = 0): Delimiters | undefined {
  if (!isHeaderName(text.slice(start, start + 3))) return undefined
  // Nearly every message there is.
  if (text.startsWith('|^~\\&|', start + 3)) return usualDelimiters
  const field = text.charAt(start + 3)
  if (field === '' || /[\p{L}\p{N}\s\p{Cc}]/u.test(field)) return undefined
  const rest = text.slice(start + 4, start + 24)
  const cut = rest.split(field, 1)[0] ?? ''
  // A control character separates nothing: answers repeat these characters, and VT or FS would break their frame.
  const encoding = /^\P{Cc}*/u.exec(cut)?.[0] ?? ''
  if (encoding === '') return { ...usualDelimiters, field }
  const [component = '^', repetition = '~', escapeMark, subcomponent, truncation] = encoding
  return { field, component, repetition, escape: escapeMark, subcomponent, truncation }
}
