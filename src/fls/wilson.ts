/** A share of a count, with its 95 % interval; all three are numbers from 0 to 1, rounded to 4 places. */
export type Share = { readonly share: number; readonly low: number; readonly high: number }

/** 97.5 % point of the normal distribution. */
const z = 1.959964

/**
 * Wilson score interval, 95 % (Wilson 1927, J Am Stat Assoc 22:209): stays inside 0–1 and holds for small counts and shares of 0 or 1.
 * Undefined when nobody is counted: there is no share of nothing.
 */
export function wilson(count: number, n: number): Share | undefined {
  if (n <= 0) return undefined
  const p = count / n
  const centre = p + (z * z) / (2 * n)
  const half = z * Math.sqrt((p * (1 - p)) / n + (z * z) / (4 * n * n))
  const scale = 1 + (z * z) / n
  return {
    share: places(p),
    low: places(Math.max(0, (centre - half) / scale)),
    high: places(Math.min(1, (centre + half) / scale)),
  }
}

function places(value: number): number {
  return Math.round(value * 10_000) / 10_000
}
