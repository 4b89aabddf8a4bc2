const prefixScale = 0.1
const prefixMax = 4
const boostFrom = 0.7
const longestMasked = 31
const letterMasks = new Int32Array(26)

/**
 * Jaro-Winkler similarity, 0 (nothing alike) to 1 (equal). Winkler 1990: prefix of at most 4 letters, scale 0.1, applied above 0.7.
 * Symmetrical. Two empty texts are equal; one empty text is like nothing. Case matters: normalise before.
 * Bit masks per letter for a–z up to 31 letters; longer or other texts take the plain form with the same result.
 */
export function jaroWinkler(left: string, right: string): number {
  if (left === right) return 1
  const [short, long] = inOrder(left, right)
  if (short.length === 0) return 0
  const jaro = isMaskable(short) && isMaskable(long) ? maskedJaro(short, long) : plainJaro(short, long)
  if (jaro <= boostFrom) return jaro
  let prefix = 0
  while (prefix < prefixMax && prefix < short.length && short.charCodeAt(prefix) === long.charCodeAt(prefix)) prefix++
  return jaro + prefix * prefixScale * (1 - jaro)
}

function inOrder(left: string, right: string): [string, string] {
  if (left.length !== right.length) return left.length < right.length ? [left, right] : [right, left]
  return left < right ? [left, right] : [right, left]
}

function isMaskable(text: string): boolean {
  if (text.length > longestMasked) return false
  for (let index = 0; index < text.length; index++) {
    const letter = text.charCodeAt(index)
    if (letter < 97 || letter > 122) return false
  }
  return true
}

function maskedJaro(short: string, long: string): number {
  for (let index = 0; index < long.length; index++) {
    const letter = long.charCodeAt(index) - 97
    letterMasks[letter] = (letterMasks[letter] ?? 0) | (1 << index)
  }
  const reach = Math.max(0, (long.length >> 1) - 1)
  let taken = 0
  let matched = 0
  let common = 0
  for (let index = 0; index < short.length; index++) {
    const low = Math.max(0, index - reach)
    const width = Math.min(long.length - 1, index + reach) - low + 1
    if (width <= 0) continue
    const window = width >= 31 ? -1 : ((1 << width) - 1) << low
    const free = (letterMasks[short.charCodeAt(index) - 97] ?? 0) & window & ~taken
    if (free === 0) continue
    taken |= free & -free
    matched |= 1 << index
    common++
  }
  for (let index = 0; index < long.length; index++) letterMasks[long.charCodeAt(index) - 97] = 0
  if (common === 0) return 0
  return jaroOf(common, halfTranspositions(short, long, matched, taken), short.length, long.length)
}

function halfTranspositions(short: string, long: string, matched: number, taken: number): number {
  let unlike = 0
  let rest = taken
  for (let index = 0; index < short.length; index++) {
    if ((matched & (1 << index)) === 0) continue
    const place = 31 - Math.clz32(rest & -rest)
    rest &= rest - 1
    if (short.charCodeAt(index) !== long.charCodeAt(place)) unlike++
  }
  return unlike
}

function plainJaro(short: string, long: string): number {
  const reach = Math.max(0, (long.length >> 1) - 1)
  const taken = new Uint8Array(long.length)
  const matched: number[] = []
  for (let index = 0; index < short.length; index++) {
    const last = Math.min(long.length - 1, index + reach)
    for (let place = Math.max(0, index - reach); place <= last; place++) {
      if (taken[place] || short.charCodeAt(index) !== long.charCodeAt(place)) continue
      taken[place] = 1
      matched.push(index)
      break
    }
  }
  if (matched.length === 0) return 0
  let unlike = 0
  let place = 0
  for (const index of matched) {
    while (!taken[place]) place++
    if (short.charCodeAt(index) !== long.charCodeAt(place)) unlike++
    place++
  }
  return jaroOf(matched.length, unlike, short.length, long.length)
}

function jaroOf(common: number, unlike: number, shortLength: number, longLength: number): number {
  return (common / shortLength + common / longLength + (common - unlike / 2) / common) / 3
}
