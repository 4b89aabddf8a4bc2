/**
 * One measured number. `limit`: what the machine itself gives for the same bytes, measured in the same run; `ratio` = value / limit
 * (for times, limit / value). `about`: what one must know to repeat it (sizes, counts, settings).
 */
export type Figure = {
  readonly figure: string
  readonly value: number
  readonly unit: string
  readonly limit: number
  readonly ratio: number
  readonly about?: Readonly<Record<string, string | number>>
}

/** What every benchmark is given. `say`: progress for a person, on stderr. */
export type Bench = {
  readonly mongodbUri: string
  /** Messages of `linked` and entries of `replay`. */
  readonly messages: number
  /** GP rows of `extract`. */
  readonly rows: number
  /** Length of one timed round of the acknowledgement figures. */
  readonly seconds: number
  readonly say: (line: string) => void
}

/** Measures one or more figures; each call is a fresh database. */
export type Measure = (bench: Bench) => Promise<readonly Figure[]>

export function figure(name: string, value: number, unit: string, limit: number, about?: Figure['about']): Figure {
  const isTime = unit === 'ms'
  const ratio = isTime ? limit / value : value / limit
  return {
    figure: name,
    value: rounded(value),
    unit,
    limit: rounded(limit),
    ratio: Math.round(ratio * 1000) / 1000,
    ...(about ? { about } : {}),
  }
}

/** The value below which `share` of the sorted-or-not `values` lie; 0 when there are none. */
export function percentile(values: readonly number[], share: number): number {
  const sorted = [...values].sort((a, b) => a - b)
  return sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * share))] ?? 0
}

export function median(values: readonly number[]): number {
  return percentile(values, 0.5)
}

function rounded(value: number): number {
  return value >= 100 ? Math.round(value) : Math.round(value * 100) / 100
}
