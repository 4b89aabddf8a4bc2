import type { Fact } from '../fls/fact.ts'
import { distinctIssues, type Issue } from '../fls/issue.ts'
import type { RawRow } from '../sources/extract/rows.ts'
import { codedOf, extensionOf, issueOf, referralOf } from './extract-clinical.ts'
import type { CodebookRow } from './extract-codebook.ts'
import { addressRow, deathOf, identityOf, registrationOf } from './extract-patient.ts'
import type { NeutralRow, RowFactKind } from './extract-row.ts'
import { type ChunkFrame, RowReading, rowRecord, type Statement } from './extract-statement.ts'

/** What became of one row. `record` and `rowId` are patient data: for counting, never for logs. */
export type RowOutcome = {
  readonly number: number
  readonly outcome: 'kept' | 'rejected' | 'held'
  readonly isDelete: boolean
  readonly file: string
  readonly rowId: string
  readonly record?: string
  readonly isFullRegistration?: true
  readonly raw: RawRow
  readonly issues: readonly Issue[]
}
export type ReadRow = {
  outcome: RowOutcome
  facts: readonly Fact[]
  waitsFor?: string
  code?: CodebookRow
  order: number
}

const readers: Readonly<Record<Exclude<RowFactKind, 'coding'>, (reading: RowReading) => Statement>> = {
  identity: identityOf,
  registration: registrationOf,
  death: deathOf,
  address: addressRow,
  coded: codedOf,
  issue: issueOf,
  referral: referralOf,
  problem: reading => extensionOf(reading, 'problem'),
  'referral-extension': reading => extensionOf(reading, 'referral-extension'),
  course: reading => extensionOf(reading, 'course'),
}

/** Everything one row says, after the checks that come before any reading of content. */
export function readStatements(row: NeutralRow, raw: RawRow, frame: ChunkFrame): ReadRow {
  const issues = [...row.issues]
  const first = new RowReading(row, frame, row.kind.facts[0] ?? 'coded', issues)
  const refusal = refusalOf(first)
  let facts: readonly Fact[] = []
  let isRefused = refusal !== undefined
  let waitsFor: string | undefined
  let isFullRegistration = false
  if (refusal === 'retract') facts = [tombstone(first)]
  if (refusal === undefined) {
    for (const kind of row.kind.facts) {
      if (kind === 'coding') continue
      const reading = new RowReading(row, frame, kind, issues)
      const said = readers[kind](reading)
      facts = facts.length === 0 ? said.facts : [...facts, ...said.facts]
      waitsFor ??= said.waitsFor
      isFullRegistration ||= kind === 'registration' && reading.text('status') === 'gms'
      if (said.isRefused) {
        isRefused = true
        // The row as it stands now cannot be used; an older version of it must not live on.
        if (said.facts.length === 0 && first.rowId) facts = [...facts, tombstone(first)]
        break
      }
    }
  }
  const { number } = row
  const order = Number(row.cells.get('order')?.text ?? number)
  return {
    outcome: {
      number,
      outcome: isRefused ? 'rejected' : waitsFor ? 'held' : 'kept',
      isDelete: first.isDelete,
      file: row.kind.covers,
      rowId: first.rowId,
      ...(first.text('patientId') ? { record: first.record } : {}),
      ...(isFullRegistration ? { isFullRegistration } : {}),
      raw,
      issues: distinctIssues(issues),
    },
    facts,
    order,
    ...(waitsFor ? { waitsFor } : {}),
  }
}

/** Checks that come before any reading of content (2.4). `silent`: no fact; `retract`: what was held of this row goes. */
function refusalOf(reading: RowReading): 'silent' | 'retract' | undefined {
  const { practice, organisationId } = reading.frame
  if (!reading.rowId) {
    reading.add('row-id-missing', 'rowId')
    return 'silent'
  }
  const bound = reading.text('organisationId')
  const visible = reading.text('practice')
  if ((bound && organisationId && bound !== organisationId) || (visible && visible !== practice)) {
    reading.add('practice-disagrees', bound ? 'organisationId' : 'practice')
    return 'silent'
  }
  if (reading.isDelete) return undefined
  if (!reading.text('patientId')) {
    reading.add('patient-id-missing', 'patientId')
    return 'silent'
  }
  const at = reading.text('registeredAt')
  if (at && at !== practice && reading.row.kind.facts[0] !== 'registration') {
    reading.add('practice-disagrees', 'registeredAt')
    return 'silent'
  }
  if (reading.row.kind.role === 'rows' && reading.is('confidential')) {
    reading.add('confidential-row', 'confidential')
    return 'retract'
  }
  const by = reading.text('recordedBy')
  if (by && by !== practice) reading.add('recorded-elsewhere', 'recordedBy')
  if (reading.text('text') && !reading.frame.tables.textAgreed.has(practice)) reading.add('text-not-accepted', 'text')
  return undefined
}

function tombstone(reading: RowReading): Fact {
  const { record, ...common } = reading.frameOf('rowId')
  const at = reading.text('patientId')
    ? record
    : rowRecord(reading.frame.practice, reading.row.kind.covers, reading.rowId)
  return { ...common, record: at, status: 'retracted', kind: 'observation' }
}
