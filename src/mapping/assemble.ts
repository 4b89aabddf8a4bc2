import type { Instant } from '../fls/dates.ts'
import type { Fact, FactKind, InboxId, OdsCode, RecordKey, Side } from '../fls/fact.ts'
import type { Draft } from './draft.ts'
import { factId } from './fact-id.ts'

/** Whose document this is and when it was true. Column `record` of a row (merges) overrides `record`. */
export type Frame = {
  readonly inboxId: InboxId
  readonly record: RecordKey
  readonly organisation: OdsCode
  readonly side: Side
  readonly sender: string
  readonly controlId: string
  readonly tableHash: string
  readonly asOf: Instant
  readonly order?: number
  /** GP extract row identity. */
  readonly extractRow?: { readonly file: string; readonly id: string; readonly extract: string }
}

/** Attributes without which a fact of the kind says nothing. */
export const requiredAttributes: Readonly<Partial<Record<FactKind, readonly string[]>>> = {
  medication: ['detail.state'],
  appointment: ['detail.clinic', 'detail.state'],
  document: ['detail.type'],
  answer: ['detail.item', 'detail.values', 'detail.response'],
  assertion: ['detail.assertion', 'detail.other', 'detail.by'],
}

const kindsWithDetail: ReadonlySet<FactKind> = new Set([
  ...(['identity', 'encounter', 'medication', 'appointment', 'document', 'answer', 'assertion'] as const),
])

/** The fact of a draft, or the name of the attribute it lacks. */
export function assemble(draft: Draft, frame: Frame): Fact | { readonly missing: string } {
  const missing = requiredAttributes[draft.kind]?.find(path => !draft.values.has(path))
  if (missing) return { missing }
  const { record, ...attributesTree } = tree(draft.values)
  const { revision, detail, ...plain } = attributesTree
  const fact = {
    id: factId(frame.inboxId, draft.path, draft.row),
    kind: draft.kind,
    record: record ?? frame.record,
    organisation: frame.organisation,
    side: frame.side,
    status: 'active',
    ...plain,
    revision: {
      asOf: frame.asOf,
      ...(frame.order === undefined ? {} : { order: frame.order }),
      ...(frame.extractRow ? { row: frame.extractRow } : {}),
      ...(isTree(revision) ? revision : {}),
    },
    ...(detail ? { detail } : kindsWithDetail.has(draft.kind) ? { detail: {} } : {}),
    source: {
      inboxId: frame.inboxId,
      path: draft.path,
      row: draft.row,
      tableHash: frame.tableHash,
      sender: frame.sender,
      controlId: frame.controlId,
    },
  }
  // Every value came through a typed reader into an attribute that takes that type, checked when the tables were loaded.
  return fact as unknown as Fact
}

type Tree = { [name: string]: unknown }

/** `detail.familyName` → `{ detail: { familyName } }`, at most two levels deep. */
function tree(values: ReadonlyMap<string, unknown>): Tree {
  const root: Tree = {}
  for (const [path, value] of values) {
    const dot = path.indexOf('.')
    if (dot < 0) {
      root[path] = value
      continue
    }
    const branch = root[path.slice(0, dot)]
    const grown: Tree = isTree(branch) ? branch : {}
    grown[path.slice(dot + 1)] = value
    root[path.slice(0, dot)] = grown
  }
  return root
}

function isTree(value: unknown): value is Tree {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}
