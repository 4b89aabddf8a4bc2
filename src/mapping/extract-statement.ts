import {
  type DayDate,
  daysOf,
  type Instant,
  londonDate,
  type PartialDate,
  parseInstant,
  parsePartialDate,
} from '../fls/dates.ts'
import type { Fact, OdsCode, RecordKey, Revision, Source, When } from '../fls/fact.ts'
import { type Issue, type IssueCode, issue } from '../fls/issue.ts'
import type { InboxEntry } from '../sources/arrival.ts'
import type { Terminology, Translation } from '../terminology/terminology.ts'
import type { Codebook } from './extract-codebook.ts'
import { type Cell, type NeutralRow, placeIn, type RowFactKind } from './extract-row.ts'
import type { ExtractTables } from './extract-tables.ts'
import { factId } from './fact-id.ts'

/** What is the same for all rows of a chunk. */
export type ChunkFrame = {
  readonly entry: InboxEntry
  readonly practice: OdsCode
  readonly extractId: string
  /** The extract its rows are filed under: its id, or that of a withheld one (extract-record.ts). */
  readonly rowsOf: string
  readonly asOf: Instant
  /** EMIS: the organisation id bound to the practice; rows of others are refused. */
  readonly organisationId?: string
  readonly tables: ExtractTables
  readonly codebook: Codebook
  /** London date of receipt: later dates are told. */
  readonly receivedOn: DayDate
  readonly terminology: Terminology
  /** What codings of this chunk mean, by codes, term and sets asked: a code is looked up once a chunk. */
  readonly translations: Map<string, Translation>
}

/** What one row said: facts, issues, a refusal, or the code it waits for. */
export type Statement = {
  readonly facts: readonly Fact[]
  readonly issues: readonly Issue[]
  readonly isRefused?: true
  readonly waitsFor?: string
}

export function gpRecord(practice: OdsCode, patientId: string): RecordKey {
  return `${practice}|gp|${patientId}` as RecordKey
}

/** Where a delete stands that names no patient: moved to the owner's record by src/store/extract-rows.ts. */
export function rowRecord(practice: OdsCode, file: string, rowId: string): RecordKey {
  return `${practice}|gp-row|${file}/${rowId}` as RecordKey
}

/** One row while it is read: its cells under the name of one kind of statement, and the issues found so far. */
export class RowReading {
  readonly row: NeutralRow
  readonly frame: ChunkFrame
  readonly issues: Issue[]
  readonly #prefix: RowFactKind
  /** Columns may be of one kind of statement alone (`registration:date`) only where a row makes several. */
  readonly #isSplit: boolean

  constructor(row: NeutralRow, frame: ChunkFrame, prefix: RowFactKind, issues: Issue[]) {
    this.row = row
    this.frame = frame
    this.issues = issues
    this.#prefix = prefix
    this.#isSplit = row.kind.facts.length > 1
  }

  cell(name: string): Cell | undefined {
    const own = this.#isSplit ? this.row.cells.get(`${this.#prefix}:${name}`) : undefined
    return own ?? this.row.cells.get(name)
  }

  text(name: string): string | undefined {
    return this.cell(name)?.text
  }

  is(name: string): boolean {
    return this.text(name) === 'yes'
  }

  where(name: string): string {
    return placeIn(this.row.number, this.cell(name))
  }

  add(code: IssueCode, name: string, hint?: string): void {
    this.issues.push(issue(code, this.where(name), hint ? { hint } : {}))
  }

  /** The date of a cell; an instant becomes its London date. Raises `date-after-receipt`. */
  date(name: string): PartialDate | undefined {
    const text = this.text(name)
    const instant = text && text.length > 10 ? parseInstant(text) : undefined
    const date = instant ? londonDate(instant) : text ? parsePartialDate(text) : undefined
    if (date && daysOf(date).first > this.frame.receivedOn) this.add('date-after-receipt', name)
    return date
  }

  get rowId(): string {
    return this.text('rowId') ?? ''
  }

  get isDelete(): boolean {
    return this.text('action') === 'delete'
  }

  get record(): RecordKey {
    const patient = this.text('patientId')
    return patient
      ? gpRecord(this.frame.practice, patient)
      : rowRecord(this.frame.practice, this.row.kind.covers, this.rowId)
  }

  /** Everything a fact of this row carries besides its content. `set` separates several independent facts of one row. */
  frameOf(name: string, more: { set?: string; thing?: string } = {}) {
    const { entry, practice, extractId, rowsOf, asOf, tables } = this.frame
    const file = this.row.kind.covers
    const order = Number(this.text('order'))
    const cell = this.cell(name)
    const path = `${this.rowId}#${placeIn(this.row.number, cell)}`
    const row = `gp-extract/${this.row.kind.shape}/${cell?.row ?? this.row.kind.file}/${this.#prefix}`
    const revision: Revision = {
      asOf,
      ...(Number.isSafeInteger(order) && this.text('order') ? { order } : {}),
      set: `${practice}/${file}/${this.rowId}${more.set ? `/${more.set}` : ''}`,
      ...(more.thing ? { thing: more.thing } : {}),
      row: {
        file: more.set ? `${file}-period` : file,
        id: more.set ? `${this.rowId}/${more.set}` : this.rowId,
        extract: rowsOf,
      },
    }
    const source: Source = {
      inboxId: entry.id,
      path,
      row,
      tableHash: tables.mapping.hash,
      sender: entry.sender,
      controlId: extractId,
    }
    return {
      id: factId(entry.id, path, row),
      record: this.record,
      organisation: practice,
      side: 'gp' as const,
      status: this.isDelete ? ('retracted' as const) : ('active' as const),
      revision,
      source,
    }
  }

  /** Name shared by an entry and the rows that add to it. */
  thingOf(kind: string, id: string): string {
    return `${this.frame.practice}/${kind}/${id}/entry`
  }

  /** When it happened and when it was typed; raises `recorded-before-event`. */
  dated(kind: When['kind']): { when?: When; recorded?: PartialDate } {
    const date = this.date('date')
    const recorded = this.date('recordedAt')
    if (date && recorded && daysOf(recorded).last < daysOf(date).first) this.add('recorded-before-event', 'recordedAt')
    return { ...(date ? { when: { date, kind } } : {}), ...(recorded ? { recorded } : {}) }
  }
}
