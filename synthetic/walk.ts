import { type Chapter, chaptersOf, leadDays } from './chapters.ts'
import type { Parcel, Sent } from './delivery.ts'
import { sendExtract } from './gp-extract.ts'
import { type GpRow, gpChapters } from './gp-rows.ts'
import { type Household, makeHousehold, practiceOf, type Setting } from './households.ts'
import { journeysOf } from './journey.ts'
import { instantAt, type Moment, momentOf } from './moments.ts'
import { type Practice, practices } from './places.ts'
import { makeQueue, type Queue } from './queue.ts'
import { makeRandom } from './random.ts'

type Due = { readonly at: Moment; readonly chapter: Chapter } | (Parcel & { readonly chapter?: undefined })

/** Households wake in order of their index day; whatever is due first is made and sent. Practices are served at their own days. */
export function* walk(setting: Setting): Generator<Sent> {
  const queue: Queue<Due> = makeQueue()
  const practiceRows = new Map<Practice, GpRow[]>()
  const wakeAt = (index: number): Moment =>
    momentOf(setting.start + Math.floor((index / setting.households) * setting.knobs.yearDays) - leadDays, 0)
  const end = momentOf(setting.until, 0)
  for (const practice of practices) if (practice.isOptedIn) planExtracts(setting, practice, queue, practiceRows)
  let index = 0
  for (;;) {
    while (index < setting.households && wakeAt(index) <= queue.firstAt()) {
      for (const chapter of chaptersOf(setting, makeHousehold(setting, index)))
        queue.add({ at: Math.max(chapter.at, wakeAt(index)), chapter })
      index++
    }
    const due = queue.take()
    if (!due) return
    if (due.chapter) openChapter(setting, due.chapter, queue, practiceRows)
    else if (due.at < end) yield* withNoise(setting, due, queue)
  }
}

function openChapter(
  setting: Setting,
  chapter: Chapter,
  queue: Queue<Due>,
  practiceRows: Map<Practice, GpRow[]>,
): void {
  const { parcels, rows } = chapter.open()
  for (const parcel of parcels) queue.add(parcel)
  const baseline = momentOf(setting.start - 30, 0)
  for (const row of rows) {
    const isInBaseline =
      row.recorded < baseline + row.practice.index * 60_000 && row.practice === row.person.practices[0]?.practice
    if (!isInBaseline) listOf(practiceRows, row.practice).push(row)
  }
}

/** Late and repeated messages: a late one waits a few days, a repeat comes byte for byte some minutes after. */
function* withNoise(setting: Setting, due: Parcel, queue: Queue<Due>): Generator<Sent> {
  const sent = due.make()
  if (due.isSettled || sent.delivery.door === 'extract') {
    yield sent
    return
  }
  const random = makeRandom(`${setting.seed}/arrival/${sent.delivery.feed}/${sent.delivery.controlId}`)
  const again = { ...sent, truth: [] }
  const shift = (later: number): Sent => ({ ...sent, delivery: { ...sent.delivery, at: instantAt(due.at + later) } })
  if (random.chance(setting.knobs.lateShare)) {
    const later = random.exponential(setting.knobs.lateDays) * 86_400_000
    queue.add({ at: due.at + later, make: () => shift(later), isSettled: true })
    return
  }
  if (random.chance(setting.knobs.repeatShare)) queue.add({ at: due.at + 300_000, make: () => again, isSettled: true })
  yield sent
}

/** A full extract before the year begins, then deltas. */
function planExtracts(
  setting: Setting,
  practice: Practice,
  queue: Queue<Due>,
  practiceRows: Map<Practice, GpRow[]>,
): void {
  const first = momentOf(setting.start - 30, 0) + practice.index * 60_000
  queue.add({ at: first, make: () => baseline(setting, practice, first) })
  for (
    let from = first, on = first + setting.extractEveryDays * 86_400_000;
    from < momentOf(setting.until - 1, 0);
    from = on, on += setting.extractEveryDays * 86_400_000
  ) {
    const since = from
    const at = Math.min(on, momentOf(setting.until - 1, 60))
    queue.add({ at, make: () => delta(setting, practice, since, at, practiceRows) })
    if (at !== on) return
  }
}

function baseline(setting: Setting, practice: Practice, at: Moment): Sent {
  const rows: GpRow[] = []
  const households = new Map<number, Household>()
  for (let index = 0; index < setting.households; index++) {
    if (practiceOf(setting, index) !== practice) continue
    const household = makeHousehold(setting, index)
    households.set(index, household)
    const journeys = journeysOf(setting, household)
    for (const person of [household.subject, ...household.relatives]) {
      for (const chapter of gpChapters(setting, household, person, journeys)) {
        if (chapter.from === Number.NEGATIVE_INFINITY) rows.push(...chapter.open().filter(row => row.recorded < at))
      }
    }
  }
  return sendExtract(
    setting,
    practice,
    'full',
    Number.NEGATIVE_INFINITY,
    at,
    newest(rows),
    person => households.get(Math.floor(person.serial / 4)) ?? makeHousehold(setting, Math.floor(person.serial / 4)),
  )
}

function delta(
  setting: Setting,
  practice: Practice,
  from: Moment,
  at: Moment,
  practiceRows: Map<Practice, GpRow[]>,
): Sent {
  const waiting = listOf(practiceRows, practice)
  const rows = waiting
    .filter(row => row.recorded < at)
    .sort((a, b) => a.recorded - b.recorded || a.person.serial - b.person.serial || a.ordinal - b.ordinal)
  practiceRows.set(
    practice,
    waiting.filter(row => row.recorded >= at),
  )
  return sendExtract(setting, practice, 'delta', from, at, newest(rows), person =>
    makeHousehold(setting, Math.floor(person.serial / 4)),
  )
}

/** A patient changed twice since the last extract is one row: the last. */
function newest(rows: readonly GpRow[]): GpRow[] {
  const last = new Map<string, GpRow>()
  for (const row of rows) if (row.kind === 'patient') last.set(row.person.id, row)
  return rows.filter(row => row.kind !== 'patient' || last.get(row.person.id) === row)
}

function listOf(map: Map<Practice, GpRow[]>, practice: Practice): GpRow[] {
  const list = map.get(practice) ?? []
  map.set(practice, list)
  return list
}
