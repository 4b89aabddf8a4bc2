/** The Markdown our own guides use, as a tree: headings, paragraphs, lists, tables, code, quotes. No HTML passes through. */
export type Inline =
  | { readonly kind: 'text' | 'code' | 'strong' | 'emphasis'; readonly text: string }
  | { readonly kind: 'link'; readonly text: string; readonly to: string }
export type Block =
  | { readonly kind: 'heading'; readonly level: number; readonly id: string; readonly content: readonly Inline[] }
  | { readonly kind: 'paragraph' | 'quote'; readonly content: readonly Inline[] }
  | { readonly kind: 'list'; readonly isOrdered: boolean; readonly items: readonly (readonly Inline[])[] }
  | {
      readonly kind: 'table'
      readonly head: readonly (readonly Inline[])[]
      readonly rows: readonly (readonly (readonly Inline[])[])[]
    }
  | { readonly kind: 'code'; readonly text: string }
  | { readonly kind: 'rule' }

const fence = /^ {0,3}```/
const listItem = /^\s*(?:[-*+]|(\d{1,3})[.)])\s+(.*)$/

/** Parses a guide. Anything not recognised is a paragraph of plain text: nothing is lost, nothing runs. */
export function parseMarkdown(text: string): Block[] {
  const lines = text.replace(/\r\n?/g, '\n').split('\n')
  const blocks: Block[] = []
  let at = 0
  while (at < lines.length) {
    const line = lines[at] ?? ''
    if (line.trim() === '') {
      at += 1
      continue
    }
    const { block, next } = readBlock(lines, at)
    blocks.push(block)
    at = Math.max(next, at + 1)
  }
  return blocks
}

function readBlock(lines: readonly string[], at: number): { block: Block; next: number } {
  const line = lines[at] ?? ''
  if (fence.test(line)) return readCode(lines, at)
  const heading = /^(#{1,6})\s+(.*?)\s*#*$/.exec(line)
  if (heading) {
    const [, marks = '#', words = ''] = heading
    return {
      block: { kind: 'heading', level: marks.length, id: slug(words), content: parseInline(words) },
      next: at + 1,
    }
  }
  if (/^ {0,3}(?:-{3,}|\*{3,}|_{3,})\s*$/.test(line)) return { block: { kind: 'rule' }, next: at + 1 }
  if (line.startsWith('|') && /^\|[\s:|-]+\|?\s*$/.test(lines[at + 1] ?? '')) return readTable(lines, at)
  if (listItem.test(line)) return readList(lines, at)
  return readText(lines, at)
}

function readCode(lines: readonly string[], at: number): { block: Block; next: number } {
  let end = at + 1
  while (end < lines.length && !fence.test(lines[end] ?? '')) end += 1
  return { block: { kind: 'code', text: lines.slice(at + 1, end).join('\n') }, next: end + 1 }
}

function readTable(lines: readonly string[], at: number): { block: Block; next: number } {
  let end = at + 2
  while (end < lines.length && (lines[end] ?? '').startsWith('|')) end += 1
  const cells = (line: string) => splitCells(line).map(cell => parseInline(cell.trim()))
  return {
    block: { kind: 'table', head: cells(lines[at] ?? ''), rows: lines.slice(at + 2, end).map(cells) },
    next: end,
  }
}

/** Cells of a table row; a bar inside backticks or after a backslash belongs to the cell. */
function splitCells(line: string): string[] {
  const cells: string[] = ['']
  let isCode = false
  for (let at = 0; at < line.length; at++) {
    const character = line[at] ?? ''
    if (character === '`') isCode = !isCode
    if (character === '\\' && line[at + 1] === '|') {
      cells[cells.length - 1] += '|'
      at += 1
    } else if (character === '|' && !isCode) cells.push('')
    else cells[cells.length - 1] += character
  }
  const inner = cells.slice(1)
  return inner.at(-1)?.trim() === '' ? inner.slice(0, -1) : inner
}

function readList(lines: readonly string[], at: number): { block: Block; next: number } {
  const isOrdered = listItem.exec(lines[at] ?? '')?.[1] !== undefined
  const items: string[] = []
  let end = at
  for (; end < lines.length; end++) {
    const line = lines[end] ?? ''
    const item = listItem.exec(line)
    if (item) items.push(item[2] ?? '')
    else if (/^\s+\S/.test(line) && items.length > 0) items[items.length - 1] += ` ${line.trim()}`
    else break
  }
  return { block: { kind: 'list', isOrdered, items: items.map(parseInline) }, next: end }
}

function readText(lines: readonly string[], at: number): { block: Block; next: number } {
  const isQuote = (lines[at] ?? '').startsWith('>')
  let end = at
  const words: string[] = []
  for (; end < lines.length; end++) {
    const line = lines[end] ?? ''
    const isOther =
      line.trim() === '' || fence.test(line) || /^#{1,6}\s/.test(line) || listItem.test(line) || line.startsWith('|')
    if (end > at && isOther) break
    words.push(line.replace(/^>\s?/, '').trim())
  }
  return { block: { kind: isQuote ? 'quote' : 'paragraph', content: parseInline(words.join(' ')) }, next: end }
}

const inline = /`([^`]+)`|\*\*([^*]+)\*\*|\*([^*\s][^*]*)\*|\[([^\]]+)\]\(([^()\s]+)\)/g

/** Code, strong, emphasis and links of one line of text. */
export function parseInline(text: string): Inline[] {
  const parts: Inline[] = []
  let from = 0
  for (const match of text.matchAll(inline)) {
    const [whole, code, strong, emphasis, words, to] = match
    if (match.index > from) parts.push({ kind: 'text', text: text.slice(from, match.index) })
    if (code !== undefined) parts.push({ kind: 'code', text: code })
    else if (strong !== undefined) parts.push({ kind: 'strong', text: strong })
    else if (emphasis !== undefined) parts.push({ kind: 'emphasis', text: emphasis })
    else if (words !== undefined && to !== undefined) parts.push(linkOf(words, to))
    from = match.index + whole.length
  }
  if (from < text.length) parts.push({ kind: 'text', text: text.slice(from) })
  return parts
}

/** Guides link to each other as files; only web addresses and places on this site become links. */
function linkOf(text: string, to: string): Inline {
  const guide = /^(?:\.{1,2}\/)*(?:docs\/)?(?:guides\/)?([a-z0-9-]+)\.md(#[\w-]*)?$/.exec(to)
  if (guide) return { kind: 'link', text, to: `/docs/${guide[1]}${guide[2] ?? ''}` }
  return /^(?:https?:\/\/|\/(?!\/)|#)/.test(to) ? { kind: 'link', text, to } : { kind: 'text', text }
}

function slug(words: string): string {
  return words
    .toLowerCase()
    .replace(/[^a-z0-9]+/g, '-')
    .replace(/^-|-$/g, '')
}
