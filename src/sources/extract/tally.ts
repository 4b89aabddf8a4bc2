import { ConformanceTally, type Filled } from '../../fls/conformance.ts'
import type { Fact } from '../../fls/fact.ts'
import { type IssueCode, issueCodes } from '../../fls/issue.ts'
import { compareText, compareVersions } from '../../fls/order.ts'
import type { ExtractReading } from '../../mapping/extract.ts'
import { leftOutConcepts } from '../../mapping/extract-patient.ts'
import { TogetherChecks } from '../../mapping/extract-together.ts'
import type { Receipt } from '../../store/jobs.ts'

/** Deletes compared with what was ever had; more are mass deletes and held. */
const mostDeletes = 50_000

/** Of what this extract says: numbers that were others before, deletes of rows nobody ever sent. */
export type Before = { readonly numbersChanged: number; readonly deletesUnseen: number }

/**
 * Counts what became of every row over all chunks, in any order. Rows of patients who object, of test and of confidential patients are
 * moved to rejected at the end, because the mark may stand in another file; rows of patients nobody has seen are held.
 */
export class Tally {
  readonly #codes = new Map<IssueCode, number>()
  readonly #rows = new Map<string, number>()
  readonly #patients = new Set<string>()
  readonly #together = new TogetherChecks()
  readonly #conformance = new ConformanceTally()
  readonly #deleted: string[] = []
  readonly #marks = new Map<string, Fact[]>()
  #kept = 0
  #rejected = 0
  #held = 0
  #deletes = 0
  readonly #heldPart: 'all' | 'deletes' | undefined

  /** `heldPart`: what of the extract waits for a person, or was refused by one. */
  constructor(heldPart?: 'all' | 'deletes') {
    this.#heldPart = heldPart
  }

  add(reading: ExtractReading): void {
    for (const row of reading.rowOutcomes) {
      for (const found of row.issues) this.#count(found.code)
      const isHeld = this.#heldPart === 'all' || (this.#heldPart === 'deletes' && row.isDelete)
      if (row.outcome === 'rejected') this.#rejected++
      else if (row.outcome === 'held' || isHeld) this.#held++
      else {
        this.#kept++
        if (row.isDelete) {
          this.#deletes++
          if (this.#deleted.length < mostDeletes) this.#deleted.push(`${row.file}/${row.rowId}`)
        } else if (row.record && row.file !== 'patient')
          this.#rows.set(row.record, (this.#rows.get(row.record) ?? 0) + 1)
      }
    }
    this.#together.add(reading)
    this.#conformance.add(reading.facts)
    for (const fact of reading.facts) {
      if (fact.kind === 'identity' && fact.status !== 'retracted') this.#patients.add(fact.record)
      if (fact.concept?.set === 'optout') this.#marks.set(fact.record, [...(this.#marks.get(fact.record) ?? []), fact])
    }
  }

  /** Records with rows but without a patient row in this extract: ask which of them we know. */
  unseen(): readonly string[] {
    return [...this.#rows.keys()].filter(record => !this.#patients.has(record) && !this.#marks.has(record))
  }

  /** What was said before, as far as this extract can be compared with it. */
  claims(): { readonly nhsNumbers: ReadonlyMap<string, string>; readonly deletedRows: readonly string[] } {
    return { nhsNumbers: new Map(this.#together.nhsNumbers()), deletedRows: this.#deleted }
  }

  /** The receipt; `unknown`: of `unseen`, those no earlier extract brought a patient row for. */
  receipt(
    unknown: readonly string[],
    unchanged: { count: number; isExact: boolean },
    before: Before = { numbersChanged: 0, deletesUnseen: 0 },
  ): Receipt {
    for (const { code } of this.#together.issues()) this.#count(code)
    if (before.numbersChanged > 0) this.#count('nhs-number-changed', before.numbersChanged)
    if (before.deletesUnseen > 0) this.#count('delete-of-unseen', before.deletesUnseen)
    const rowsOf = (record: string): number => this.#rows.get(record) ?? 0
    const held = unknown.reduce((sum, record) => sum + rowsOf(record), 0)
    if (unknown.length > 0) this.#count('patient-not-seen', unknown.length)
    let leftOut = 0
    for (const [record, marks] of this.#marks) {
      const reason = reasonOf(marks)
      if (reason && rowsOf(record) > 0) {
        leftOut += rowsOf(record)
        this.#count(reason, rowsOf(record))
      }
    }
    return {
      in: this.#kept + this.#rejected + this.#held,
      kept: this.#kept - held - leftOut,
      rejected: this.#rejected + leftOut,
      held: this.#held + held,
      unchanged: Math.min(unchanged.count, this.#kept),
      ...(unchanged.isExact ? {} : { isUnchangedEstimate: true as const }),
      deletes: this.#deletes,
    }
  }

  /** One count a line of the conformance table. */
  filled(): readonly Filled[] {
    return this.#conformance.filled()
  }

  issues(): Partial<Record<IssueCode, number>> {
    const known = Object.keys(issueCodes)
    return Object.fromEntries([...this.#codes].sort(([a], [b]) => known.indexOf(a) - known.indexOf(b)))
  }

  #count(code: IssueCode, times = 1): void {
    this.#codes.set(code, (this.#codes.get(code) ?? 0) + times)
  }
}

function reasonOf(marks: readonly Fact[]): IssueCode | undefined {
  const last = [...marks]
    .sort((a, b) => compareText(a.when?.date ?? '', b.when?.date ?? '') || compareVersions(a, b))
    .at(-1)
  const found = Object.entries(leftOutConcepts).find(([, concept]) => concept === last?.concept?.id)?.[0]
  return found === 'type-1-objection' || found === 'test-patient' || found === 'confidential-row' ? found : undefined
}
