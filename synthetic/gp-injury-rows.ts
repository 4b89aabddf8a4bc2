import { statedSide } from './diagnosis.ts'
import { calciumVitaminD } from './drugs.ts'
import { gpConcept, gpDrug } from './gp-concepts.ts'
import type { CodedRow, GpRow, Precision } from './gp-rows.ts'
import type { Household, Person, Setting } from './households.ts'
import type { Fracture, Journey } from './journey.ts'
import { type Day, momentOf } from './moments.ts'
import type { Practice } from './places.ts'
import { makeRandom, type Random } from './random.ts'

/** What the practice types about one injury: the fracture, falls, referrals, scan results, issues. */
export function injuryRows(
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
export function arrivedRows(
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
