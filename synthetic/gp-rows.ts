import { statedSide } from './diagnosis.ts'
import { calciumVitaminD } from './drugs.ts'
import { type GpConcept, type GpDrug, gpConcept, gpDrug } from './gp-concepts.ts'
import type { Household, Person, Setting } from './households.ts'
import type { Fracture, Journey, Side } from './journey.ts'
import { type Day, type Moment, momentOf } from './moments.ts'
import type { Practice } from './places.ts'
import { makeRandom, type Random } from './random.ts'

type Precision = 'day' | 'month' | 'year'
type Common = {
  readonly recorded: Moment
  readonly person: Person
  readonly practice: Practice /** Counts the rows of one patient in one practice. */
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

function injuryRows(
  setting: Setting,
  household: Household,
  journey: Journey,
  practice: Practice,
  start: number,
  leftOn: Day | undefined,
): GpRow[] {
  const { knobs } = setting
  const { person, day } = journey
  const random = makeRandom(`${setting.seed}/gp/${journey.injuryId}`)
  let ordinal = start
  const rows: GpRow[] = []
  const until = Math.min(leftOn ?? Number.POSITIVE_INFINITY, person.deathOn ?? Number.POSITIVE_INFINITY)
  const code = (id: string, on: Day, change: Partial<CodedRow> = {}): void => {
    rows.push({
      person,
      practice,
      kind: 'coded',
      recorded: momentOf(on, random.int(9 * 60, 17 * 60)),
      ordinal: ordinal++,
      concept: gpConcept(id),
      on,
      precision: 'day',
      ...change,
    })
  }
  for (const fracture of journey.fractures) {
    if (!random.chance(knobs.gpCodedShare)) continue
    const typed =
      day + (random.chance(knobs.gpLateShare) ? 3 + Math.floor(random.exponential(knobs.gpLateDays)) : random.int(0, 6))
    fractureRow(random, knobs, journey, fracture, typed, code)
    if (random.chance(knobs.gpReviewShare))
      fractureRow(random, knobs, journey, fracture, typed + random.int(14, 120), code, true)
    if (random.chance(knobs.gpWrongPatientShare) && household.relatives[0])
      wrongPatient(rows, household.relatives[0], ordinal)
  }
  if (random.chance(0.25)) code('fall', day + random.int(0, 3))
  if (random.chance(0.06)) code('falls.recurrent', day + random.int(0, 60))
  if (random.chance(0.15))
    rows.push({
      person,
      practice,
      kind: 'referral',
      recorded: momentOf(day + 20, 700),
      ordinal: ordinal++,
      concept: gpConcept(random.pick(['dxa.referral', 'falls.referral', 'fls.referral'])),
      on: day + 20,
    })
  if (journey.dxa.day !== undefined && random.chance(0.4)) {
    const typed = Math.max(day, journey.dxa.day + random.int(7, 30))
    code('dxa.tscore.hip', journey.dxa.day, {
      recorded: momentOf(typed, 800),
      value: journey.dxa.hip.toFixed(1),
      group: `d${start}`,
      fromDocument: true,
    })
    code('dxa.tscore.lumbar', journey.dxa.day, {
      recorded: momentOf(typed, 800),
      value: journey.dxa.spine.toFixed(1),
      group: `d${start}`,
      fromDocument: true,
    })
    if (Math.min(journey.dxa.hip, journey.dxa.spine) <= -2.5) code('osteoporosis', typed)
  }
  ordinal = Math.max(ordinal, start + 50)
  rows.push(...issues(random, journey, practice, ordinal))
  return rows.filter(row => row.recorded < momentOf(Math.min(until, 99_999), 0))
}

type AddCode = (id: string, on: Day, change?: Partial<CodedRow>) => void

/** One entry of a fracture as GPs write it: late, coarse, dated by typing, from a letter, again at a review. */
function fractureRow(
  random: Random,
  knobs: Setting['knobs'],
  journey: Journey,
  fracture: Fracture,
  typed: Day,
  code: AddCode,
  isReview = false,
): void {
  const generic = random.chance(knobs.gpGenericShare)
  const id = generic
    ? random.chance(0.08)
      ? 'fracture.unspecified'
      : `fracture.${fracture.site.id}.generic`
    : `fracture.${fracture.site.id}`
  const isEntryDated = random.chance(knobs.gpOnsetIsEntryShare) || (isReview && random.chance(0.7))
  const precision: Precision = isEntryDated
    ? 'day'
    : random.chance(knobs.gpYearShare)
      ? 'year'
      : random.chance(knobs.gpMonthShare)
        ? 'month'
        : 'day'
  const side = random.chance(knobs.gpSideShare)
    ? statedSide(random, { ...knobs, sideMissingShare: 0 }, fracture.side)
    : undefined
  code(id, isEntryDated ? typed : (journey.edDay ?? journey.day), {
    recorded: momentOf(typed, random.int(8 * 60, 18 * 60)),
    precision,
    fracture,
    injuryDay: journey.day,
    episodicity: isReview ? 'review' : random.chance(0.5) ? 'first' : 'new',
    ...(side ? { side } : {}),
    ...(random.chance(knobs.gpDocumentShare) ? { fromDocument: true as const } : {}),
  })
}

/** The entry lands in a relative's record and is removed three weeks later: only its id is left. */
function wrongPatient(rows: GpRow[], relative: Person, ordinal: number): void {
  const last = rows.findLast((row): row is CodedRow => row.kind === 'coded')
  if (!last) return
  const { fracture: _fracture, ...kept } = last
  rows.push({ ...kept, person: relative, ordinal: ordinal + 150, recorded: last.recorded - 3_600_000 })
  rows.push({
    kind: 'delete',
    of: 'coded',
    person: relative,
    practice: last.practice,
    ordinal: ordinal + 150,
    recorded: last.recorded + 21 * 86_400_000,
  })
}

/** Repeat issues every four weeks while the patient takes the drug; calcium beside it in half. */
function issues(random: Random, journey: Journey, practice: Practice, start: number): GpRow[] {
  const { advice, startDay, person } = journey
  if (startDay === undefined || typeof advice !== 'object') return []
  const rows: GpRow[] = []
  let ordinal = start
  const add = (dmd: string, course: string, first: Day): void => {
    const drug = gpDrug(dmd)
    const last = Math.min(journey.stopDay ?? first + 400, first + 400)
    for (let on = first; on < last; on += drug.days + random.int(-2, 6)) {
      rows.push({
        person,
        practice,
        kind: 'issue',
        recorded: momentOf(on, 10 * 60 + random.int(0, 300)),
        ordinal: ordinal++,
        drug,
        on,
        course,
      })
    }
  }
  if (!advice.isGivenInHospital) add(advice.dmd[0], `c${start}`, startDay + random.int(0, 10))
  if (random.chance(0.5)) add(calciumVitaminD[0], `k${start}`, startDay + random.int(0, 14))
  return rows
}

/** What reaches the new practice: the registration, and the fractures once more with a fresh entry date. */
function arrivedRows(
  setting: Setting,
  person: Person,
  practice: Practice,
  from: Day,
  journeys: readonly Journey[],
): GpRow[] {
  const random = makeRandom(`${setting.seed}/gp-arrived/${person.serial}`)
  const rows: GpRow[] = [
    { person, practice, kind: 'patient', recorded: momentOf(from, 600), ordinal: 0, registeredOn: from },
  ]
  let ordinal = 10
  for (const journey of journeys.filter(one => one.day < from)) {
    for (const fracture of journey.fractures) {
      if (!random.chance(0.7)) continue
      rows.push({
        person,
        practice,
        kind: 'coded',
        recorded: momentOf(from + random.int(5, 60), 640),
        ordinal: ordinal++,
        concept: gpConcept(`fracture.${fracture.site.id}`),
        on: journey.day,
        precision: 'day',
        fracture,
        injuryDay: journey.day,
        episodicity: 'first',
      })
    }
  }
  if (person.deathOn !== undefined && person.deathOn > from)
    rows.push({
      person,
      practice,
      kind: 'patient',
      recorded: momentOf(person.deathOn + 9, 700),
      ordinal: 0,
      registeredOn: from,
      deathOn: person.deathOn,
      leftOn: person.deathOn,
    })
  return rows
}
