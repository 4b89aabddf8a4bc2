/** Comma-separated text by RFC 4180. `always` quotes every value, as EMIS does; the line end is CRLF. */
export function csvText(
  header: readonly string[],
  rows: Iterable<Readonly<Record<string, string | undefined>>>,
  quoting: 'always' | 'needed',
): string {
  const quote = quoting === 'always' ? (value: string): string => `"${value.replaceAll('"', '""')}"` : quoteWhenNeeded
  const lines = [header.map(quote).join(',')]
  for (const row of rows) lines.push(header.map(name => quote(row[name] ?? '')).join(','))
  return `${lines.join('\r\n')}\r\n`
}

function quoteWhenNeeded(value: string): string {
  return /[",\r\n]/.test(value) ? `"${value.replaceAll('"', '""')}"` : value
}
