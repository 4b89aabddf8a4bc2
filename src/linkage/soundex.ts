import talismanSoundex from 'talisman/phonetics/soundex.js'

/** Soundex (Russell) of a name, one letter and three digits; undefined when the name has no Latin letter. */
export function soundexOf(name: string): string | undefined {
  return /[a-z]/i.test(name) ? talismanSoundex(name) : undefined
}
