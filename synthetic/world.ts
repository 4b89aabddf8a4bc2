import type { OdsCode } from '../src/fls/fact.ts'
import { type Chapter, chaptersOf, leadDays } from './chapters.ts'
import type { Delivery, Parcel, Sent, TruthLine } from './delivery.ts'
import { sendExtract } from './gp-extract.ts'
import { type GpRow, gpChapters } from './gp-rows.ts'
import { type Household, makeHousehold, practiceOf, type Setting } from './households.ts'
import { journeysOf } from './journey.ts'
import { type Knobs, knobsOf, type WorldName } from './knobs.ts'
import { dayOf, instantAt, type Moment, momentOf } from './moments.ts'
import { type Practice, practices, trusts } from './places.ts'
import { makeQueue, type Queue } from './queue.ts'
import { makeRandom } from './random.ts'

export type WorldOptions = {
  readonly seed: string
  readonly size: 'full' | 'small' | { readonly episodes: number }
  readonly world?: WorldName
  readonly knobs?: Partial<Knobs>
  /** Index fractures fall in this year; nothing is sent after 31 October of the next. Default 2025. */
  readonly year?: number
}

export type World = {
  /** In order of sending, made as they are asked for. */
  readonly deliveries: () => Iterable<Delivery>
  readonly truth: () => Iterable<TruthLine>
  /** Both at once: one walk instead of two. */
  readonly sent: () => Iterable<Sent>
  readonly roster: () => Roster
  readonly knobs: Knobs
}

export type Roster = {
  readonly feeds: readonly {
    readonly id: string
    readonly organisation: OdsCode
    readonly protocol: 'hl7v2' | 'fhir' | 'extract'
    readonly sendingApplications: readonly string[]
    readonly sendingFacilities: readonly string[]
    readonly mapping: string
  }[]
  readonly sites: readonly {
    readonly ods: OdsCode
    readonly name: string
    readonly organisation: OdsCode
    readonly fls: OdsCode
    readonly hipFractures: number
  }[]
  readonly practices: readonly {
    readonly ods: OdsCode
    readonly name: string
    readonly supplier: string
    readonly shape: 'emis' | 'tpp' | 'neutral'
    readonly optedIn: boolean
    readonly from: string
    readonly fls: OdsCode
  }[]
}

/**
 * A year of fractures in a country that does not exist: 12 trusts, 40 practices, as many index episodes as asked for (within 3 %).
 * The same options give the same bytes. NHS numbers are of the 999 range only.
 */
export function makeWorld(options: WorldOptions): World {
  const setting = settingOf(options)
  return {
    knobs: setting.knobs,
    sent: () => run(setting),
    deliveries: function* () {
      for (const { delivery } of run(setting)) yield delivery
    },
    truth: function* () {
      for (const { truth } of run(setting)) yield* truth
    },
    roster: () => roster(setting),
  }
}

export function settingOf(options: WorldOptions): Setting {
  const { seed, size, world = 'hospital-led', year = 2025 } = options
  const knobs = knobsOf(world, options.knobs)
  const episodes = size === 'full' ? 18_000 : size === 'small' ? 300 : size.episodes
  const perHousehold = 1 + knobs.refractureYearOne * 0.86 + 0.3 * 0.02
  const others = 1 + knobs.edNotFractureShare + knobs.excludedSiteShare + knobs.underFiftyShare
  return {
    seed: `${seed}/${world}`,
    knobs,
    start: dayOf(`${year}-01-01`),
    until: dayOf(`${year + 1}-10-31`),
    households: Math.max(1, Math.round((episodes / perHousehold) * others)),
    extractEveryDays: episodes > 2_000 ? 28 : 91,
  }
}

type Due = { readonly at: Moment; readonly chapter: Chapter } | (Parcel & { readonly chapter?: undefined })

/** Households wake in order of their index day; whatever is due first is made and sent. Practices are served at their own days. */
function* run(setting: Setting): Generator<Sent> {
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

function roster(setting: Setting): Roster {
  const from = instantAt(momentOf(setting.start - 90, 0)).slice(0, 10)
  return {
    feeds: [
      ...trusts.flatMap(trust => [
        {
          id: trust.pasFeed,
          organisation: trust.ods,
          protocol: 'hl7v2' as const,
          sendingApplications: ['PAS'],
          sendingFacilities: [trust.site],
          mapping: mappingOf(trust.pasFeed),
        },
        {
          id: trust.risFeed,
          organisation: trust.ods,
          protocol: 'hl7v2' as const,
          sendingApplications: ['RIS'],
          sendingFacilities: [trust.site],
          mapping: mappingOf(trust.pasFeed),
        },
        {
          id: trust.flsFeed,
          organisation: trust.ods,
          protocol: 'fhir' as const,
          sendingApplications: [],
          sendingFacilities: [],
          mapping: 'fhir-r4',
        },
      ]),
      ...(['gp-emis', 'gp-tpp'] as const).map(id => ({
        id,
        organisation: id.toUpperCase() as OdsCode,
        protocol: 'extract' as const,
        sendingApplications: [],
        sendingFacilities: [],
        mapping: 'gp-extract',
      })),
    ],
    sites: trusts.map(trust => ({
      ods: trust.site,
      name: trust.name,
      organisation: trust.ods,
      fls: trust.ods,
      hipFractures: trust.hipFractures,
    })),
    practices: practices.map(({ ods, name, supplier, shape, isOptedIn, trust }) => ({
      ods,
      name,
      supplier,
      shape,
      optedIn: isOptedIn,
      from,
      fls: trust.ods,
    })),
  }
}

/** The two demo hospitals have folders of their own; the others need none. */
function mappingOf(feed: string): string {
  return feed === 'rxx01-pas' || feed === 'ryy02-pas' ? feed : 'hl7v2'
}
