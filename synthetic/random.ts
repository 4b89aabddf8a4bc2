/**
 * Seeded pseudo-random numbers (sfc32, seeded by a 128-bit string hash). The same seed gives the same world on every machine.
 * `fork` makes an independent stream from a label, so that adding a draw in one place never moves the draws of another.
 */
export type Random = {
  /** Uniform in [0, 1). */
  readonly next: () => number
  /** Whole number, both ends included. */
  readonly int: (low: number, high: number) => number
  readonly chance: (probability: number) => boolean
  readonly pick: <T>(list: readonly T[]) => T
  readonly weighted: <T>(list: readonly (readonly [T, number])[]) => T
  readonly normal: (mean: number, sd: number) => number
  readonly exponential: (mean: number) => number
  readonly fork: (label: string | number) => Random
}

export function makeRandom(seed: string): Random {
  const [s1, s2, s3, s4] = hash128(seed)
  let a = s1
  let b = s2
  let c = s3
  let d = s4
  const next = (): number => {
    const t = (((a + b) | 0) + d) | 0
    d = (d + 1) | 0
    a = b ^ (b >>> 9)
    b = (c + (c << 3)) | 0
    c = (c << 21) | (c >>> 11)
    c = (c + t) | 0
    return (t >>> 0) / 4294967296
  }
  for (let turn = 0; turn < 8; turn++) next()
  const random: Random = {
    next,
    int: (low, high) => low + Math.floor(next() * (high - low + 1)),
    chance: probability => next() < probability,
    pick: list => at(list, Math.floor(next() * list.length)),
    weighted: list => weighted(list, next()),
    normal: (mean, sd) => mean + sd * Math.sqrt(-2 * Math.log(1 - next())) * Math.cos(2 * Math.PI * next()),
    exponential: mean => -mean * Math.log(1 - next()),
    fork: label => makeRandom(`${seed}/${label}`),
  }
  return random
}

/** A version 4-shaped UUID, upper case, that depends on the label only. */
export function uuidOf(label: string): string {
  const hex = hash128(label)
    .map(part => (part >>> 0).toString(16).padStart(8, '0'))
    .join('')
    .toUpperCase()
  return `${hex.slice(0, 8)}-${hex.slice(8, 12)}-4${hex.slice(13, 16)}-A${hex.slice(17, 20)}-${hex.slice(20)}`
}

function at<T>(list: readonly T[], index: number): T {
  const value = list[index]
  if (value === undefined) throw new RangeError('an empty list has no pick')
  return value
}

function weighted<T>(list: readonly (readonly [T, number])[], unit: number): T {
  let rest = unit * list.reduce((sum, [, weight]) => sum + weight, 0)
  for (const [value, weight] of list) {
    rest -= weight
    if (rest < 0) return value
  }
  return at(list, list.length - 1)[0]
}

/** cyrb128: four well-mixed 32-bit numbers from a text. Not for secrets. */
function hash128(text: string): [number, number, number, number] {
  let h1 = 1779033703
  let h2 = 3144134277
  let h3 = 1013904242
  let h4 = 2773480762
  for (let index = 0; index < text.length; index++) {
    const code = text.charCodeAt(index)
    h1 = h2 ^ Math.imul(h1 ^ code, 597399067)
    h2 = h3 ^ Math.imul(h2 ^ code, 2869860233)
    h3 = h4 ^ Math.imul(h3 ^ code, 951274213)
    h4 = h1 ^ Math.imul(h4 ^ code, 2716044179)
  }
  h1 = Math.imul(h3 ^ (h1 >>> 18), 597399067)
  h2 = Math.imul(h4 ^ (h2 >>> 22), 2869860233)
  h3 = Math.imul(h1 ^ (h3 >>> 17), 951274213)
  h4 = Math.imul(h2 ^ (h4 >>> 19), 2716044179)
  return [h1 ^ h2 ^ h3 ^ h4, h2 ^ h1, h3 ^ h1, h4 ^ h1]
}
