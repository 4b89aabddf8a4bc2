import { type GpConcept, type GpDrug, gpConcept } from './gp-concepts.ts'
import { arrivedRows, injuryRows } from './gp-injury-rows.ts'
import type { Household, Person, Setting } from './households.ts'
import type { Fracture, Journey, Side } from './journey.ts'
import { type Day, type Moment, momentOf } from './moments.ts'
import type { Practice } from './places.ts'
import { makeRandom } from './random.ts'

export type Precision = 'day' | 'month' | 'year'
type Common = {
  readonly recorded: Moment
  readonly person: Person
  readonly practice: Practice
  /** Counts the rows of one patient in one practice. */
  readonly ordinal: number
}
export type PatientRow = Common & {
  readonly kind: 'patient'
  readonly registeredOn: Day
  readonly deathOn?: Day
  readonly leftOn?: Day
}
export type CodedRow = Common & {
  readonly kind: 'coded'
  readonly concept: GpConcept
  readonly on: Day
  readonly precision: Precision
  readonly side?: Side
  readonly episodicity?: 'first' | 'new' | 'review'
  readonly fromDocument?: true
  readonly value?: string
  readonly unit?: string
  readonly group?: string
  readonly fracture?: Fracture
  readonly injuryDay?: Day
  readonly isHistory?: true
}
export type IssueRow = Common & {
  readonly kind: 'issue'
  readonly drug: GpDrug
  readonly on: Day
  readonly course: string
}
export type ReferralRow = Common & { readonly kind: 'referral'; readonly concept: GpConcept; readonly on: Day }
export type DeleteRow = Common & { readonly kind: 'delete'; readonly of: 'coded' }
export type GpRow = PatientRow | CodedRow | IssueRow | ReferralRow | DeleteRow

/** The rows of one injury begin at this moment at the earliest. */
export type GpChapter = { readonly from: Moment; readonly open: () => GpRow[] }

/** All a practice ever types about one of its patients, in chapters: registration and background, then one per injury. */
export function gpChapters(
  setting: Setting,
  household: Household,
  person: Person,
  journeys: readonly Journey[],
): GpChapter[] {
  const own = journeys.filter(journey => journey.person.serial === person.serial)
  const home = person.practices[0]
  if (!home) return []
  const next = person.practices[1]
  const leftOn = next?.from
  const chapters: GpChapter[] = []
  if (home.practice.isOptedIn) {
    chapters.push({
      from: Number.NEGATIVE_INFINITY,
      open: () => background(setting, person, home.practice, home.from, household.indexDay, leftOn),
    })
    for (const [index, journey] of own.entries())
      chapters.push({
        from: momentOf(journey.day, 0),
        open: () => injuryRows(setting, household, journey, home.practice, 200 + index * 300, leftOn),
      })
  }
  if (next?.practice.isOptedIn && next.practice !== home.practice)
    chapters.push({
      from: momentOf(next.from, 0),
      open: () => arrivedRows(setting, person, next.practice, next.from, own),
    })
  return chapters
}

function background(
  setting: Setting,
  person: Person,
  practice: Practice,
  registeredOn: Day,
  indexDay: Day,
  leftOn: Day | undefined,
): GpRow[] {
  const random = makeRandom(`${setting.seed}/gp/${person.serial}`)
  const registered = momentOf(registeredOn, 600)
  const common = { person, practice }
  const rows: GpRow[] = [{ ...common, kind: 'patient', recorded: registered, ordinal: 0, registeredOn }]
  let ordinal = 10
  const code = (id: string, on: Day, change: Partial<CodedRow> = {}): void => {
    rows.push({
      ...common,
      kind: 'coded',
      recorded: momentOf(on, 660),
      ordinal: ordinal++,
      concept: gpConcept(id),
      on,
      precision: 'day',
      ...change,
    })
  }
  if (random.chance(0.6)) {
    const on = indexDay - random.int(60, 700)
    code('height', on, {
      value: random.normal(person.sex === 'female' ? 160 : 173, 7).toFixed(0),
      unit: 'cm',
      group: `g${ordinal}`,
    })
    code('weight', on, {
      value: random.normal(person.sex === 'female' ? 66 : 79, 12).toFixed(1),
      unit: 'kg',
      group: `g${ordinal - 1}`,
    })
  }
  if (random.chance(0.7))
    code(
      random.weighted([
        ['smoker', 0.13],
        ['smoker.ex', 0.32],
        ['smoker.never', 0.55],
      ]),
      indexDay - random.int(30, 1500),
    )
  if (random.chance(0.06)) code('parent.hip', indexDay - random.int(100, 2000))
  if (random.chance(setting.knobs.gpHistoryShare)) {
    const on = indexDay - random.int(800, 6000)
    const typed = random.chance(0.5) ? on + random.int(30, 300) : indexDay + random.int(-100, 200)
    const id = random.weighted([
      ['history.fragility', 0.5],
      ['history.hip', 0.25],
      ['history.vertebral', 0.25],
    ])
    code(id, on, { recorded: momentOf(typed, 700), precision: random.chance(0.7) ? 'year' : 'month', isHistory: true })
  }
  const change = (on: Day, state: Partial<PatientRow>): void => {
    rows.push({ ...common, kind: 'patient', recorded: momentOf(on, 720), ordinal: 0, registeredOn, ...state })
  }
  for (const moved of person.homes.slice(1)) change(moved.from + random.int(2, 60), {})
  if (person.renamed) change(person.renamed.on + random.int(5, 90), {})
  if (leftOn !== undefined) change(leftOn + random.int(1, 20), { leftOn })
  else if (person.deathOn !== undefined)
    change(person.deathOn + random.int(2, 21), { deathOn: person.deathOn, leftOn: person.deathOn })
  return rows
}
