import type { Instant } from '../fls/dates.ts'
import type { Fact, Identity, InboxId, RecordKey } from '../fls/fact.ts'
import { distinctIssues, type Issue, issue } from '../fls/issue.ts'
import type { InboxEntry } from '../sources/arrival.ts'
import { readHl7Instant } from '../sources/hl7v2/dates.ts'
import { type Message, parseMessage } from '../sources/hl7v2/message.ts'
import { assemble, type Frame } from './assemble.ts'
import { plansFor } from './compile.ts'
import { contradictionsIn } from './contradictions.ts'
import { type Draft, draftFacts } from './draft.ts'
import { hl7Document, type PatientGroup, patientGroups } from './hl7-document.ts'
import type { EntryReading } from './read.ts'
import { recordKeyOf } from './record-key.ts'
import { type FeedTables, type MappingTables, tablesFor } from './tables.ts'

/**
 * Reads one HL7 v2 message into facts. Pure; the tables decide what is read. Never throws on content: a message nobody can read, of a type
 * the tables do not name, or sent for testing (MSH-11 T, D) gives no facts and an issue.
 */
export function readHl7v2(entry: InboxEntry, tables: MappingTables): EntryReading {
  const feed = tablesFor(entry, 'hl7v2', tables)
  const charset = typeof entry.meta?.['charset'] === 'string' ? entry.meta['charset'] : feed?.source.charset
  const message = parseMessage(entry.bytes, charset ? { charset } : {})
  if (!message || !feed) return { facts: [], issues: [issue('message-unreadable', 'MSH')] }
  const { type, trigger, processingId } = message.header
  if (plansFor(feed, `${type}^${trigger}`).length === 0)
    return { facts: [], issues: [issue('trigger-not-used', 'MSH-9')] }
  if (processingId === 'T' || processingId === 'D')
    return { facts: [], issues: [issue('processing-id-not-production', 'MSH-11')] }
  const time = asOf(message, entry.receivedAt)
  const facts: Fact[] = []
  const issues: Issue[] = [...time.issues]
  const rows = new Set<string>()
  for (const group of patientGroups(message)) {
    const read = readPatient(message, group, entry, feed, tables, time)
    facts.push(...read.facts)
    issues.push(...read.issues)
    for (const row of read.rows) rows.add(row)
  }
  return { facts, issues: distinctIssues([...issues, ...contradictionsIn(facts, entry)]), rows }
}

type Time = { readonly asOf: Instant; readonly order?: number; readonly issues: readonly Issue[] }

function readPatient(
  message: Message,
  group: PatientGroup,
  entry: InboxEntry,
  feed: FeedTables,
  tables: MappingTables,
  time: Time,
) {
  if (!group.pid) return { facts: [], issues: [issue('segment-missing', 'PID')], rows: [] }
  const { organisation, sender, receivedAt } = entry
  const known = { organisation, sender, receivedAt, acceptTestNumbers: tables.acceptTestNumbers }
  const { drafts, issues, rows } = draftFacts(hl7Document(message, group), feed, known)
  const facts: Fact[] = []
  const found: Issue[] = [...issues]
  const frame: Frame = {
    inboxId: entry.id,
    record: recordOf(drafts, entry, group.pid.index),
    organisation,
    side: entry.side,
    sender,
    controlId: entry.controlId,
    tableHash: tables.hash,
    asOf: time.asOf,
    ...(time.order === undefined ? {} : { order: time.order }),
  }
  if (!drafts.some(draft => draft.kind === 'identity' && isIdentifying(draft)))
    found.push(issue('patient-missing', 'PID'))
  else if (!drafts.some(draft => draft.kind === 'identity' && isNumbered(draft)))
    found.push(issue('patient-missing', 'PID-3', { severity: 'warning' }))
  for (const draft of drafts) {
    const fact = assemble(draft, frame)
    if ('missing' in fact) found.push(issue('segment-missing', draft.path, { hint: fact.missing }))
    else facts.push(fact)
  }
  return { facts, issues: found, rows }
}

/** The record of the message: what its identity draft says (decisions.md 1). */
function recordOf(drafts: readonly Draft[], entry: { sender: string; id: InboxId }, pid: number): RecordKey {
  const identity = drafts.find(draft => draft.kind === 'identity')
  const localNumber = identity?.values.get('detail.localNumber')
  const nhsNumber = identity?.values.get('detail.nhsNumber')
  const known = {
    ...(isLocalNumber(localNumber) ? { localNumber } : {}),
    ...(isNhsNumber(nhsNumber) ? { nhsNumber } : {}),
  }
  return recordKeyOf(known, { sender: entry.sender, inboxId: entry.id, path: pid === 1 ? 'PID' : `PID[${pid}]` })
}

function isIdentifying(draft: Draft): boolean {
  return isNumbered(draft) || draft.values.has('detail.familyName')
}

function isNumbered(draft: Draft): boolean {
  return draft.values.has('detail.localNumber') || draft.values.has('detail.nhsNumber')
}

function isLocalNumber(value: unknown): value is NonNullable<Identity['localNumber']> {
  return typeof value === 'object' && value !== null && 'authority' in value && 'number' in value
}

function isNhsNumber(value: unknown): value is NonNullable<Identity['nhsNumber']> {
  return typeof value === 'string'
}

const cancels: ReadonlySet<string> = new Set(['A11', 'A12', 'A13', 'A23', 'A38'])

/**
 * When the statement was true: EVN-6, else EVN-2, else MSH-7, else when it was received (hl7v2.md 1.4). A cancel is true from the latest of
 * EVN-6 and EVN-2, because senders put the time of the cancelled event into EVN-6. A time more than a day ahead of receipt is a mistake and
 * must not outrank what is said later: it is passed over. `order`: MSH-7 in seconds, for statements of one moment.
 */
function asOf(message: Message, receivedAt: Instant): Time {
  const evn = message.first('EVN')
  const issues: Issue[] = []
  const latest = Date.parse(receivedAt) + 86_400_000
  const read = (text: string | undefined, where: string): Instant | undefined => {
    if (!text) return undefined
    const instant = readHl7Instant(text)
    if (!instant) issues.push(issue('unreadable-date', where))
    if (instant && Date.parse(instant) > latest) {
      issues.push(issue('date-after-receipt', where))
      return undefined
    }
    return instant
  }
  const happened = read(evn?.component(6, 1, 1, 1), 'EVN-6')
  const recorded = read(evn?.component(2, 1, 1, 1), 'EVN-2')
  const sent = read(message.header.sentAt, 'MSH-7')
  const isCancel = cancels.has(message.header.trigger) && happened !== undefined && recorded !== undefined
  const first = isCancel && recorded > happened ? recorded : (happened ?? recorded)
  const order = sent === undefined ? undefined : Math.round(Date.parse(sent) / 1000)
  return { asOf: first ?? sent ?? receivedAt, ...(order === undefined ? {} : { order }), issues }
}
