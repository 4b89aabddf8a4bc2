import { hash } from 'node:crypto'
import type { FactId, InboxId } from '../fls/fact.ts'

/** Hex digits of a fact id: 128 bits. Every answer, link and explanation repeats these ids, so their length is felt in every document. */
export const factIdLength = 32

/** The first 128 bits of SHA-256 over inbox id, path and mapping row, separated so that no two triples can meet. Same entry, same tables: same ids. */
export function factId(inboxId: InboxId, path: string, row: string): FactId {
  return hash('sha256', `${inboxId}\u0000${path}\u0000${row}`, 'hex').slice(0, factIdLength) as FactId
}
