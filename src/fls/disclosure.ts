import { type Share, wilson } from './wilson.ts'

/** A count as it may leave: 0, a multiple of 5, or `*` for 1 to 7. */
export type ReleasedCount = number | '*'

/** A share of released counts; `*` where either count is hidden, absent where nobody is counted. */
export type ReleasedShare = {
  readonly count: ReleasedCount
  readonly n: ReleasedCount
  readonly share?: Share | '*'
}

/**
 * Small-number rule for output below national level (HES rule since September 2018, as the trust design states it): zero shown, 1 to 7
 * becomes `*`, anything else the nearest multiple of 5. Totals are rounded on their own, so no hidden count follows by subtraction.
 */
export function releasedCount(count: number): ReleasedCount {
  if (count === 0) return 0
  return count <= 7 ? '*' : Math.round(count / 5) * 5
}

/** The share and its interval are made of the released counts: an exact share would give the exact count away. */
export function releasedShare(exact: number, of: number): ReleasedShare {
  const count = releasedCount(exact)
  const n = releasedCount(of)
  if (count === '*' || n === '*') return { count, n, share: '*' }
  const share = wilson(count, n)
  return { count, n, ...(share ? { share } : {}) }
}
