import { hash } from 'node:crypto'

/**
 * A bounded sample of the rows of one file kind: the `size` smallest row hashes, each with a hash of its content. Up to `size` rows it is the
 * whole set and every answer is exact; beyond, answers are estimates with a relative error of about 1/√size, 1.6 % (bottom-k sketch,
 * Beyer et al., SIGMOD 2007). It is what lets a full extract be compared with the last one in constant memory.
 */
export class RowSketch {
  readonly #rows = new Map<string, string>()
  #largest = ''
  count = 0

  static readonly size = 4_096

  /** `content` is asked only for rows of the sample. */
  add(rowId: string, content: () => string): void {
    this.count++
    const key = shortHash(rowId, 12)
    if (this.#rows.size >= RowSketch.size && key > this.#largest) return
    this.#rows.set(key, shortHash(content(), 8))
    if (key > this.#largest) this.#largest = key
    if (this.#rows.size > RowSketch.size * 2) this.#shrink()
  }

  #shrink(): void {
    const kept = [...this.#rows].sort(([a], [b]) => (a < b ? -1 : 1)).slice(0, RowSketch.size)
    this.#rows.clear()
    for (const [key, content] of kept) this.#rows.set(key, content)
    this.#largest = kept.at(-1)?.[0] ?? ''
  }

  /** Twenty characters a row, smallest first. */
  text(): string {
    this.#shrink()
    return [...this.#rows].map(([key, content]) => key + content).join('')
  }
}

export type RowCount = { readonly count: number; readonly sketch: string }

/** How many rows of `before` are not in `now`, and how many are there with the same content. */
export function compareSketches(
  before: RowCount,
  now: RowCount,
): { absent: number; unchanged: number; isExact: boolean } {
  const old = parse(before.sketch)
  const current = parse(now.sketch)
  const isExact = old.size < RowSketch.size && current.size < RowSketch.size
  // Both samples speak only for hashes up to the smaller of their largest.
  const limit = isExact ? 'g' : ([[...old.keys()].at(-1) ?? 'g', [...current.keys()].at(-1) ?? 'g'].sort()[0] ?? 'g')
  const comparable = [...old].filter(([key]) => key <= limit)
  if (comparable.length === 0) return { absent: now.count === 0 ? before.count : 0, unchanged: 0, isExact }
  const scale = isExact ? 1 : before.count / comparable.length
  const absent = comparable.filter(([key]) => !current.has(key)).length
  const unchanged = comparable.filter(([key, content]) => current.get(key) === content).length
  return { absent: Math.round(absent * scale), unchanged: Math.round(unchanged * scale), isExact }
}

function parse(text: string): Map<string, string> {
  const rows = new Map<string, string>()
  for (let at = 0; at < text.length; at += 20) rows.set(text.slice(at, at + 12), text.slice(at + 12, at + 20))
  return rows
}

function shortHash(text: string, length: number): string {
  return hash('sha1', text, 'hex').slice(0, length)
}
