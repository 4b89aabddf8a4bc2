import { z } from 'zod'
import type { AssertionDetail, Fact, RecordKey } from '../fls/fact.ts'
import { issue } from '../fls/issue.ts'
import type { InboxEntry } from '../sources/arrival.ts'
import { factId, factIdLength } from './fact-id.ts'
import type { EntryReading } from './read.ts'

/** A reviewer's decision as the inbox keeps it (JSON): two record keys, or two fact ids, and what was decided. */
export const decisionEntry = z.strictObject({
  assertion: z.enum(['same-patient', 'not-same-patient', 'fracture-same', 'fracture-different']),
  a: z.string().min(1).max(500),
  b: z.string().min(1).max(500),
  /** Record the assertion is filed under: that of `a`. */
  record: z.string().min(1).max(500),
  by: z.string(),
  reason: z.string().max(1_000),
  review: z.string().max(100),
})
export type DecisionEntry = z.infer<typeof decisionEntry>

/** A human decision is one assertion about the pair; of several about the same pair the latest counts. */
export function readDecision(entry: InboxEntry, tableHash: string): EntryReading {
  const parsed = decisionEntry.safeParse(jsonOf(entry.bytes))
  if (!parsed.success) return { facts: [], issues: [issue('json-invalid', 'body')] }
  const { assertion, record } = parsed.data
  const isAboutFractures = assertion.startsWith('fracture-')
  // Decisions taken before fact ids were shortened name them by their longer form, which begins alike.
  const [a, b] = isAboutFractures
    ? [parsed.data.a.slice(0, factIdLength), parsed.data.b.slice(0, factIdLength)]
    : [parsed.data.a, parsed.data.b]
  const detail: AssertionDetail = { assertion, other: b, by: 'human', ...(isAboutFractures ? { fact: a } : {}) }
  const fact: Fact = {
    id: factId(entry.id, 'decision', 'decision'),
    record: record as RecordKey,
    organisation: entry.organisation,
    side: 'site',
    kind: 'assertion',
    status: 'active',
    detail,
    revision: {
      asOf: entry.receivedAt,
      set: `decision/${isAboutFractures ? 'fracture' : 'person'}/${[a, b].sort().join('/')}`,
    },
    source: {
      inboxId: entry.id,
      path: 'decision',
      row: 'decision',
      tableHash,
      sender: entry.sender,
      controlId: entry.controlId,
    },
  }
  return { facts: [fact], issues: [] }
}

function jsonOf(bytes: Buffer): unknown {
  try {
    return JSON.parse(bytes.toString('utf8'))
  } catch {
    // Unreadable is told as an issue by the caller.
    return undefined
  }
}
