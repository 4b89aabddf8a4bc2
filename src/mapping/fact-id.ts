import { hash } from 'node:crypto'
import type { FactId, InboxId } from '../fls/fact.ts'

/** SHA-256 over inbox id, path and mapping row, separated so that no two triples can meet. Same entry, same tables: same ids. */
export function factId(inboxId: InboxId, path: string, row: string): FactId {
  return hash('sha256', `${inboxId}\u0000${path}\u0000${row}`, 'hex') as FactId
}
