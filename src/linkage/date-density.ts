import type { DensityComponent } from './fracture-numbers.ts'

/** Furthest day tabulated after the event; an exponential's rest beyond it is cut and the table normalised. */
const furthest = 1500

/**
 * Density of (stated date − event date) in whole days, tabulated. `early` and `late` bound its support:
 * from `early` days before the event to `late` days after it.
 */
export type DateDensity = {
  readonly early: number
  readonly late: number
  readonly at: Float64Array
  readonly upTo: Float64Array
}

/** Tabulates a mixture of components whose shares sum to 1; the table sums to 1. */
export function tabulate(components: readonly DensityComponent[]): DateDensity {
  const early = Math.max(0, ...components.map(reachBefore))
  const late = Math.max(0, ...components.map(reachAfter))
  const at = new Float64Array(early + late + 1)
  for (const component of components) {
    const weights = at.map((_, index) => weightAt(component, index - early))
    const sum = weights.reduce((total, weight) => total + weight, 0)
    weights.forEach((weight, index) => {
      at[index] = (at[index] ?? 0) + (component.share * weight) / sum
    })
  }
  const upTo = new Float64Array(at.length + 1)
  at.forEach((value, index) => {
    upTo[index + 1] = (upTo[index] ?? 0) + value
  })
  return { early, late, at, upTo }
}

/**
 * Density per day of a date stated as the interval `first`…`last` (day numbers) for an event on day `event`: the mean over the interval's days,
 * so that a month or year neither gains nor loses against a day.
 */
export function densityOf(density: DateDensity, first: number, last: number, event: number): number {
  const from = first - event + density.early
  if (first === last) return density.at[from] ?? 0
  const size = density.at.length
  const low = Math.min(size, Math.max(0, from))
  const high = Math.min(size, Math.max(0, last - event + density.early + 1))
  return ((density.upTo[high] ?? 0) - (density.upTo[low] ?? 0)) / (last - first + 1)
}

function reachBefore(component: DensityComponent): number {
  return component.shape === 'around'
    ? Math.ceil(component.scale * 12)
    : component.shape === 'floor'
      ? component.reach
      : 0
}

function reachAfter(component: DensityComponent): number {
  if (component.shape === 'late') return Math.min(furthest, Math.ceil(component.mean * 12))
  return component.shape === 'day' ? 0 : reachBefore(component)
}

function weightAt(component: DensityComponent, days: number): number {
  switch (component.shape) {
    case 'day':
      return days === 0 ? 1 : 0
    case 'late':
      return days >= 0 ? Math.exp(-days / component.mean) : 0
    case 'around':
      return Math.exp(-Math.abs(days) / component.scale)
    case 'floor':
      return Math.abs(days) <= component.reach ? 1 : 0
  }
}
