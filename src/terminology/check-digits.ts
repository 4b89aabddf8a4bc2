const multiplication = [
  [0, 1, 2, 3, 4, 5, 6, 7, 8, 9],
  [1, 2, 3, 4, 0, 6, 7, 8, 9, 5],
  [2, 3, 4, 0, 1, 7, 8, 9, 5, 6],
  [3, 4, 0, 1, 2, 8, 9, 5, 6, 7],
  [4, 0, 1, 2, 3, 9, 5, 6, 7, 8],
  [5, 9, 8, 7, 6, 0, 4, 3, 2, 1],
  [6, 5, 9, 8, 7, 1, 0, 4, 3, 2],
  [7, 6, 5, 9, 8, 2, 1, 0, 4, 3],
  [8, 7, 6, 5, 9, 3, 2, 1, 0, 4],
  [9, 8, 7, 6, 5, 4, 3, 2, 1, 0],
]
const permutation = permutations([0, 1, 2, 3, 4, 5, 6, 7, 8, 9], [1, 5, 7, 6, 2, 8, 3, 0, 9, 4])

function permutations(identity: readonly number[], first: readonly number[]): readonly (readonly number[])[] {
  const rows = [identity, first]
  while (rows.length < 8) rows.push((rows.at(-1) ?? []).map(digit => first[digit] ?? 0))
  return rows
}

/**
 * A SNOMED CT or dm+d concept id: 6 to 18 digits, concept partition (`00` or `10`), Verhoeff check digit (SNOMED CT technical
 * implementation guide). Well formed only: it does not prove that the concept exists or is active.
 */
export function isConceptId(text: string): boolean {
  if (!/^[1-9]\d{5,17}$/.test(text) || !/^[01]0$/.test(text.slice(-3, -1))) return false
  let check = 0
  for (let index = 0; index < text.length; index++) {
    const digit = permutation[index % 8]?.[Number(text.at(-1 - index))] ?? 0
    check = multiplication[check]?.[digit] ?? 0
  }
  return check === 0
}

/** A LOINC code: one to seven digits, hyphen, check digit by modulus 10 (LOINC users' guide). */
export function isLoinc(text: string): boolean {
  const match = /^(\d{1,7})-(\d)$/.exec(text)
  if (!match?.[1]) return false
  const sum = [...match[1]].reverse().reduce((total, character, index) => {
    const value = index % 2 === 1 ? Number(character) : Number(character) * 2
    return total + (value > 9 ? value - 9 : value)
  }, 0)
  return (10 - (sum % 10)) % 10 === Number(match[2])
}
