/** One line of `terminology/ranges.csv`: what a value of a concept (and all below it) can be, in a unit (empty = any). */
export type Range = {
  readonly concept: string
  readonly unit: string
  readonly min: number
  readonly max: number
  /** A value in this unit is of the concept `becomes` instead: g/cm2 under a T-score code is a density. */
  readonly otherUnit: string
  readonly becomes: string
}

export type Plausibility =
  | { readonly kind: 'fits' }
  | { readonly kind: 'outside' }
  | { readonly kind: 'other-concept'; readonly concept: string }

/** Judges a value by the ranges of its concept. Values without a known range or in a unit we have no range for fit. */
export function judgeValue(concept: string, value: string, unit: string, ranges: readonly Range[]): Plausibility {
  const spelt = plainUnit(unit)
  for (const range of ranges) {
    if (concept !== range.concept && !concept.startsWith(`${range.concept}.`)) continue
    if (range.otherUnit !== '' && spelt === range.otherUnit) {
      return { kind: 'other-concept', concept: `${range.becomes}${concept.slice(range.concept.length)}` }
    }
    if (range.unit !== '' && range.unit !== spelt) continue
    const number = Number(value)
    return number < range.min || number > range.max ? { kind: 'outside' } : { kind: 'fits' }
  }
  return { kind: 'fits' }
}

/** `g/cm²`, `g/cm^2`, `G/CM2` → `g/cm2`. */
function plainUnit(unit: string): string {
  return unit.trim().toLowerCase().replace('²', '2').replace('^', '').replace(/\s/g, '')
}
