import { daysOf, type PartialDate } from '../fls/dates.ts'
import type { Fact } from '../fls/fact.ts'
import { type Issue, issue } from '../fls/issue.ts'
import { compareText } from '../fls/order.ts'
import type { ExtractReading } from './extract.ts'

type Placed = { readonly date: PartialDate; readonly where: string }
type Period = { readonly start: PartialDate; readonly end: PartialDate | undefined; readonly where: string }

/** What the rows of one patient say that only other rows of the same patient can contradict. */
type Patient = {
  birth?: PartialDate
  nhsNumber?: string
  deaths: Map<PartialDate, string>
  /** Clinical entries alone. */
  earliest?: Placed
  latest?: Placed
  registrations: Period[]
}

/** Entries compared for repeats; a practice's own bulk stays far below it, as only codes the audit knows are. */
const mostCompared = 200_000

/**
 * The checks that need more than one row (gp-extracts.md 2.4), over all chunks of an extract in any order, in memory that grows with its
 * patients. Each is told once a patient, at the row that shows it: `date-before-birth` at the earliest entry, `date-after-death` at the latest,
 * `death-disagrees`, `registration-overlap`, `nhs-number-changed`; `possible-repeat` once a repeat.
 */
export class TogetherChecks {
  readonly #patients = new Map<string, Patient>()
  readonly #seen = new Map<string, string>()
  readonly #found: Issue[] = []
  readonly #placeOf: (fact: Fact) => string

  /** `placeOf`: where a fact stands, in the sender's terms. */
  constructor(placeOf: (fact: Fact) => string = rowOf) {
    this.#placeOf = placeOf
  }

  add({ facts, rowOutcomes }: Pick<ExtractReading, 'facts' | 'rowOutcomes'>): void {
    const full = new Set(rowOutcomes.flatMap(row => (row.isFullRegistration ? [row.rowId] : [])))
    for (const fact of facts) {
      if (fact.status === 'retracted') continue
      const patient = this.#patients.get(fact.record) ?? { deaths: new Map(), registrations: [] }
      this.#patients.set(fact.record, patient)
      this.#hear(patient, fact, full)
    }
  }

  /** The numbers stated, by record: whoever knows earlier ones compares. */
  *nhsNumbers(): Generator<readonly [record: string, nhsNumber: string]> {
    for (const [record, { nhsNumber }] of this.#patients) if (nhsNumber) yield [record, nhsNumber]
  }

  issues(): readonly Issue[] {
    return [...this.#found, ...[...this.#patients.values()].flatMap(contradictions)]
  }

  #hear(patient: Patient, fact: Fact, full: ReadonlySet<string>): void {
    const where = this.#placeOf(fact)
    if (fact.kind === 'identity') {
      const { birthDate, nhsNumber } = fact.detail
      if (birthDate) patient.birth ??= birthDate
      if (nhsNumber && patient.nhsNumber && nhsNumber !== patient.nhsNumber)
        this.#found.push(issue('nhs-number-changed', where))
      if (nhsNumber) patient.nhsNumber ??= nhsNumber
    } else if (fact.kind === 'death') {
      if (fact.when) patient.deaths.set(fact.when.date, where)
    } else if (fact.kind === 'encounter') {
      const { start, end } = fact.detail
      const row = fact.revision.row?.id.split('/')[0] ?? ''
      if (start && full.has(row)) patient.registrations.push({ start, end: end ?? undefined, where })
    } else if (fact.when) {
      const placed = { date: fact.when.date, where }
      if (!patient.earliest || placed.date < patient.earliest.date) patient.earliest = placed
      if (!patient.latest || placed.date > patient.latest.date) patient.latest = placed
      this.#compare(fact, where)
    }
  }

  #compare(fact: Fact, where: string): void {
    const row = fact.revision.row
    if (!fact.concept || !row || fact.kind === 'medication' || fact.when?.date.length !== 10) return
    const key = `${fact.record}\n${fact.kind}\n${fact.concept.id}\n${fact.when.date}\n${fact.value ?? ''}`
    const known = this.#seen.get(key)
    if (known !== undefined && known !== row.id) this.#found.push(issue('possible-repeat', where))
    else if (this.#seen.size < mostCompared) this.#seen.set(key, row.id)
  }
}

function contradictions({ birth, deaths, earliest, latest, registrations }: Patient): readonly Issue[] {
  const found: Issue[] = []
  const [died] = [...deaths.keys()].sort(compareText)
  if (birth && earliest && daysOf(earliest.date).last < daysOf(birth).first)
    found.push(issue('date-before-birth', earliest.where))
  if (birth && died && daysOf(died).last < daysOf(birth).first)
    found.push(issue('date-before-birth', deaths.get(died) ?? ''))
  if (died && latest && daysOf(latest.date).first > daysOf(died).last)
    found.push(issue('date-after-death', latest.where))
  if (deaths.size > 1) found.push(issue('death-disagrees', [...deaths.values()].at(-1) ?? ''))
  const overlap = overlapping(registrations)
  if (overlap) found.push(issue('registration-overlap', overlap.where))
  return found
}

/** The first registration that begins before the one before it has ended. The same start said twice is one registration. */
function overlapping(registrations: readonly Period[]): Period | undefined {
  const byStart = new Map([...registrations].sort(endedLast).map(one => [one.start, one]))
  const inOrder = [...byStart.values()].sort((a, b) => compareText(a.start, b.start))
  return inOrder.find((one, index) => {
    const before = inOrder[index - 1]
    return before !== undefined && (before.end === undefined || daysOf(before.end).last > daysOf(one.start).last)
  })
}

/** Of two statements of one registration the one that knows its end stands. */
function endedLast(a: Period, b: Period): number {
  return Number(a.end !== undefined) - Number(b.end !== undefined)
}

/** `row 12`, behind the row id in the path of its fact: which of its cells is wrong cannot be told. */
function rowOf({ source }: Fact): string {
  return source.path.slice(source.path.lastIndexOf('#') + 1).split(',')[0] ?? ''
}
