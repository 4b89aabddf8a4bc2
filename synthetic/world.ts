import type { Delivery, Sent, TruthLine } from './delivery.ts'
import type { Setting } from './households.ts'
import { type Knobs, knobsOf, type WorldName } from './knobs.ts'
import { dayOf } from './moments.ts'
import { type Roster, rosterOf } from './roster.ts'
import { walk } from './walk.ts'

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

/**
 * A year of fractures in a country that does not exist: 12 trusts, 40 practices, as many index episodes as asked for (within 3 %).
 * The same options give the same bytes. NHS numbers are of the 999 range only.
 */
export function makeWorld(options: WorldOptions): World {
  const setting = settingOf(options)
  return {
    knobs: setting.knobs,
    sent: () => walk(setting),
    deliveries: function* () {
      for (const { delivery } of walk(setting)) yield delivery
    },
    truth: function* () {
      for (const { truth } of walk(setting)) yield* truth
    },
    roster: () => rosterOf(setting),
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
