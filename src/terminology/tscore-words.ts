export type TScoreRegion = 'hip' | 'spine' | 'forearm' | 'heel'

// biome-ignore format: a table, one region a line
const regions: readonly (readonly [words: RegExp, region: TScoreRegion])[] = [
  [/\b(forearm|radius|radial|ulna|wrist)\b/, 'forearm'],
  [/\b(heel|calcane)/, 'heel'],
  [/\b(lumbar|spine|vertebra|l[1-4]\s*(-|–|to)\s*l?[1-5])\b/, 'spine'],
  [/\b(hips?|femoral|femur|femora|nof|trochanter)\b/, 'hip'],
]

/**
 * T-scores a report states in words ("Total hip T-score -2.7"), lowest of each region, decimal places kept. Only numbers from -8 to +6 in a clause
 * that names its region, in a sentence that says T-score; Z-scores and densities are passed over.
 */
export function tScoresIn(text: string): ReadonlyMap<TScoreRegion, string> {
  const lowest = new Map<TScoreRegion, string>()
  for (const sentence of text.toLowerCase().split(/\.(?=\s|$)|\r|\n|;|\\\.br\\/)) {
    if (!/\bt\s*[-– ]?\s*scores?\b/.test(sentence)) continue
    let region: TScoreRegion | undefined
    for (const clause of clausesOf(sentence)) {
      region = regions.find(([words]) => words.test(clause))?.[1] ?? region
      const value = valueIn(clause)
      if (!region || value === undefined) continue
      const known = lowest.get(region)
      if (known === undefined || Number(value) < Number(known)) lowest.set(region, value)
    }
  }
  return lowest
}

function clausesOf(sentence: string): readonly string[] {
  return sentence
    .replace(/\bz\s*[-– ]?\s*scores?[^,;)]*/g, ' ')
    .replace(/\d+[.,]\d+\s*(g\/cm.?2?|%)/g, ' ')
    .split(/,(?!\d)| and /)
}

function valueIn(clause: string): string | undefined {
  const withoutLevels = clause.replace(/\bl[1-5]\b(\s*(-|–|to)\s*l?[1-5]\b)?/g, ' ')
  const match = /(?:^|[\s(:=])([-−–+]?\s?\d{1,2}[.,]\d{1,2})(?=$|[\s).,])/.exec(withoutLevels)
  if (!match?.[1]) return undefined
  const value = match[1].replace(/\s/g, '').replace(/[−–]/, '-').replace(',', '.').replace(/^\+/, '')
  return Number(value) >= -8 && Number(value) <= 6 ? value : undefined
}
