import { addDays, type DayDate, daysBetween, isDay } from './dates.ts'
import type { Episode, EpisodeFracture, SideEntry } from './episode.ts'
import type { OdsCode } from './fact.ts'

/** Days from 1.09 by which a fracture should stand in the GP record, and by which care after it is looked for. */
export const coverageDays = { coded: 90, care: 365 } as const

export type CoverageEpisode = Pick<Episode, 'status' | 'diagnosedOn' | 'fractures' | 'hospital' | 'gp'>

/** How the practice's record holds a fracture that a hospital confirmed. */
export type GpCoding = 'within' | 'later' | 'undated' | 'absent'

/** What a practice's record says of its patients after a fracture: which entries count. */
export const careKinds = {
  osteoporosis: ({ kind, concept }) => kind === 'diagnosis' && concept === 'dx.osteoporosis',
  dxa: ({ concept }) => /^dxa\.(bmd|panel|procedure|report|result|tscore)(\.|$)/.test(concept),
  falls: ({ concept }) => /^falls\.(assessment|event|history|prevention|recurrent)$/.test(concept),
  boneDrug: ({ kind, concept }) =>
    (kind === 'medication' || concept.startsWith('admin.')) &&
    /^(drug|admin)\./.test(concept) &&
    !/^drug\.(calcium|vitamin_d|calcium_vitamin_d)$/.test(concept),
} as const satisfies Record<string, (entry: Pick<SideEntry, 'kind'> & { readonly concept: string }) => boolean>
export type CareKind = keyof typeof careKinds

/** Exact counts: never to leave without the small-number rule (disclosure.ts). */
export type Coverage = {
  /** Fractures a hospital confirmed (or the FLS answered) whose 1.09 is not known or at least 90 days before the cut, by how the GP record holds them. */
  readonly hospitalConfirmed: Readonly<Record<GpCoding, number>>
  /** Hospital-confirmed fractures of the last 90 days: too early to say, in no share. */
  readonly tooRecent: number
  /** Fractures the practice coded that no hospital or FLS confirmed; what a hospital only suspects is in neither. */
  readonly gpOnly: number
  /** Episodes with 1.09 at least 365 days before the cut. */
  readonly episodes: number
  /** Of these, with such an entry of the practice dated 0 to 365 days from 1.09. */
  readonly care: Readonly<Record<CareKind, number>>
  /**
   * Of these, with an issue of a bone drug whose supply is known (`treated`), and of those with a repeat gap: an issue that came after the
   * supply of all before it had run out, grace included, both within the 365 days. A treatment that ends is no gap.
   */
  readonly repeats: { readonly treated: number; readonly withGap: number }
}

export const noCoverage: Coverage = {
  hospitalConfirmed: { within: 0, later: 0, undated: 0, absent: 0 },
  tooRecent: 0,
  gpOnly: 0,
  episodes: 0,
  care: { osteoporosis: 0, dxa: 0, falls: 0, boneDrug: 0 },
  repeats: { treated: 0, withGap: 0 },
}

/**
 * How one practice identifies fragility fractures, counted one episode at a time: `episodes.reduce(…, noCoverage)`. `cut`: the day up to
 * which arrivals had been read. Excluded and withdrawn episodes count nowhere.
 */
export function addToCoverage(total: Coverage, episode: CoverageEpisode, practice: OdsCode, cut: DayDate): Coverage {
  if (episode.status === 'excluded' || episode.status === 'withdrawn') return total
  const own = episode.gp.filter(entry => entry.organisation === practice)
  return episode.fractures.reduce(
    (sum, fracture) => addFracture(sum, episode, fracture, own, cut),
    addCare(total, episode, own, cut),
  )
}

function addFracture(
  total: Coverage,
  episode: CoverageEpisode,
  fracture: EpisodeFracture,
  own: readonly SideEntry[],
  cut: DayDate,
): Coverage {
  const members = new Set(fracture.facts.map(({ factId }) => factId))
  const coded = own.filter(entry => entry.kind === 'diagnosis' && members.has(entry.factId))
  if (fracture.status === 'candidate' && coded.length > 0) return { ...total, gpOnly: total.gpOnly + 1 }
  if (fracture.status !== 'confirmed') return total
  if (!isPast(episode.diagnosedOn, coverageDays.coded, cut)) return { ...total, tooRecent: total.tooRecent + 1 }
  const coding = gpCoding(episode.diagnosedOn, coded)
  const { hospitalConfirmed } = total
  return { ...total, hospitalConfirmed: { ...hospitalConfirmed, [coding]: hospitalConfirmed[coding] + 1 } }
}

/**
 * Lag in whole days from 1.09 to the earliest day the practice entered the fracture (`recorded`, the date of coding, not of the event).
 * Day 90 is within; coded before 1.09 is within. `undated` when 1.09 or every coding date is not known to the day.
 */
export function gpCoding(diagnosedOn: DayDate | undefined, coded: readonly Pick<SideEntry, 'recorded'>[]): GpCoding {
  if (coded.length === 0) return 'absent'
  const [first] = coded.flatMap(({ recorded }) => (isDay(recorded) ? [recorded] : [])).sort()
  if (!diagnosedOn || !first) return 'undated'
  return daysBetween(diagnosedOn, first) <= coverageDays.coded ? 'within' : 'later'
}

function addCare(total: Coverage, { diagnosedOn }: CoverageEpisode, own: readonly SideEntry[], cut: DayDate): Coverage {
  if (!diagnosedOn || !isPast(diagnosedOn, coverageDays.care, cut)) return total
  const after = own.filter(({ when }) => isDay(when) && isWithinCare(daysBetween(diagnosedOn, when)))
  const seen = (kind: CareKind) => (after.some(entry => isDone(entry, kind)) ? 1 : 0)
  const { care, repeats } = total
  const gaps = repeatGaps(after.filter(entry => isDone(entry, 'boneDrug')))
  return {
    ...total,
    episodes: total.episodes + 1,
    care: {
      osteoporosis: care.osteoporosis + seen('osteoporosis'),
      dxa: care.dxa + seen('dxa'),
      falls: care.falls + seen('falls'),
      boneDrug: care.boneDrug + seen('boneDrug'),
    },
    repeats: {
      treated: repeats.treated + (gaps === undefined ? 0 : 1),
      withGap: repeats.withGap + (gaps ? 1 : 0),
    },
  }
}

/** How often an issue came after everything issued before had run out; undefined when no issue says how long it lasts. */
export function repeatGaps(issues: readonly Pick<SideEntry, 'when' | 'suppliedTo'>[]): number | undefined {
  const supplies = issues.flatMap(({ when, suppliedTo }) => (isDay(when) && suppliedTo ? [{ when, suppliedTo }] : []))
  const [first, ...others] = supplies.sort((a, b) => (a.when < b.when ? -1 : 1))
  if (!first) return undefined
  let [gaps, until] = [0, first.suppliedTo]
  for (const { when, suppliedTo } of others) {
    if (when > addDays(until, 1)) gaps++
    if (suppliedTo > until) until = suppliedTo
  }
  return gaps
}

function isWithinCare(days: number): boolean {
  return days >= 0 && days <= coverageDays.care
}

/** A cancelled, recommended or only noted drug was not issued; a request is a plan. */
const notDone: ReadonlySet<string> = new Set(['cancelled', 'recommended', 'noted', 'refuted', 'suspected'])

function isDone({ concept, kind, value }: SideEntry, care: CareKind): boolean {
  if (concept === undefined || kind === 'request' || notDone.has(value ?? '')) return false
  return careKinds[care]({ kind, concept })
}

/** An unknown 1.09 cannot be too recent. */
function isPast(diagnosedOn: DayDate | undefined, days: number, cut: DayDate): boolean {
  return diagnosedOn === undefined || addDays(diagnosedOn, days) <= cut
}
