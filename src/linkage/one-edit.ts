/** Whether one letter more, less or other, or two neighbours exchanged, turns one text into the other. Equal texts are not one edit apart. */
export function isOneEdit(one: string, two: string): boolean {
  const [short, long] = one.length <= two.length ? [one, two] : [two, one]
  if (long.length - short.length > 1 || one === two) return false
  let first = 0
  while (first < short.length && short[first] === long[first]) first++
  if (long.length > short.length) return short.slice(first) === long.slice(first + 1)
  if (short.slice(first + 1) === long.slice(first + 1)) return true
  const isExchanged = short[first] === long[first + 1] && short[first + 1] === long[first]
  return isExchanged && short.slice(first + 2) === long.slice(first + 2)
}
