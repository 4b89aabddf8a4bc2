import { readFileSync } from 'node:fs'

/** Text of a hand-written file with the part between `<!-- generated:NAME -->` and `<!-- /generated:NAME -->` replaced. Throws when the marks are missing. */
export function withGenerated(file: string, name: string, content: string): string {
  const text = readFileSync(file, 'utf8')
  const [open, close] = [`<!-- generated:${name} -->`, `<!-- /generated:${name} -->`]
  const [start, end] = [text.indexOf(open), text.indexOf(close)]
  if (start < 0 || end < start) throw new Error(`${file}: no marks ${open} … ${close}`)
  return `${text.slice(0, start + open.length)}\n${content.trim()}\n${text.slice(end)}`
}

/** A Markdown table; bars inside cells are escaped. */
export function markdownTable(head: readonly string[], rows: readonly (readonly string[])[]): string {
  const line = (cells: readonly string[]) => `| ${cells.map(cell => cell.replaceAll('|', '\\|')).join(' | ')} |`
  return [line(head), `|${head.map(() => '---').join('|')}|`, ...rows.map(line)].join('\n')
}
