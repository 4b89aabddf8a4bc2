import type { Certainty, Laterality } from '../fls/fact.ts'

const both =
  /\bbilateral(ly)?\b|\bboth (sides|hips|wrists|ankles|knees|shoulders|elbows|feet|hands|legs|arms)\b|\b(left|lt) (and|&|\+) (right|rt)\b|\b(right|rt) (and|&|\+) (left|lt)\b|\bl ?[+&] ?r\b|\br ?[+&] ?l\b/i
const leftWord = /\b(left|lt|lhs)\b/i
const rightWord = /\b(right|rt|rhs)\b/i
/** A lone capital: "L #NOF", "(R) wrist", "R. hip"; "L spine", "L1" and "C&R" are other things. */
const leftLetter = /(^|[\s([/,;:-])L(?=$|[\s)\].,;:/#-])(?![\s.-]*(spine|sp\b|vert|\d))/
const rightLetter = /(^|[\s([/,;:-])R(?=$|[\s)\].,;:/#-])(?![\s.]*\d)/

/**
 * The side a short clinical text states: words (left, Lt, right, RT, bilateral, both hips) or lone capitals (L, (R)). Both sides named without
 * saying both: undefined, as is nothing. For texts beside a code, not for reports.
 */
export function sideIn(text: string): Laterality | undefined {
  if (both.test(text)) return 'bilateral'
  const left = leftWord.test(text) || leftLetter.test(text)
  const right = rightWord.test(text) || rightLetter.test(text)
  if (left === right) return undefined
  return left ? 'left' : 'right'
}

const refuted =
  /\bno (evidence|sign|signs|radiological evidence) of\b|\bno (acute |obvious |definite |displaced )?(fracture|#|bony injury)|\b(fracture|#) ?(was |has been |is )?(excluded|ruled out|not seen|not confirmed)\b|\b(excluded|ruled out)\b|\bnot fractured\b/i
const suspected =
  /\?|\b(suspected|suspicion|suspicious|query|queried|possible|possibly|probable|probably|likely|presumed|susp|poss|provisional|working diagnosis|rule out|to exclude|r\/o)\b/i

/**
 * What a short clinical text says of its own certainty: `refuted` for no evidence of, excluded, ruled out; `suspected` for a question mark,
 * suspected, query, possible, probable, to exclude; undefined when it states nothing.
 */
export function certaintyIn(text: string): Certainty | undefined {
  if (/\b(to|and) (be )?(exclude|rule out)\b|\bcannot be excluded\b|\bnot excluded\b/i.test(text)) return 'suspected'
  if (refuted.test(text)) return 'refuted'
  return suspected.test(text) ? 'suspected' : undefined
}
