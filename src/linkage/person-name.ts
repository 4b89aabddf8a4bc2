const titles = new Set(
  'mr mrs ms miss mx dr prof professor rev revd reverend fr sir dame lord lady master sr jr jnr snr esq'.split(' '),
)
const ordinals = new Set(['ii', 'iii', 'iv'])
/** Joined to the word after them: `O Brien`, `Mc Donald`, `St John`. */
const prefixes = new Set(['o', 'mc', 'mac', 'st', 'fitz', 'd', 'ap'])
/** Part of the whole name, but nothing by themselves: `van der Berg`. */
const particles = new Set(
  'van von der den de del della di da do dos du la le les ter ten el al ul ur bin ibn bint binte abu y e'.split(' '),
)
const placeholders = new Set(
  'unknown unk unidentified notknown notgiven notstated noname nosurname noforename nofixed baby babyof babyboy babygirl infant twin male female man woman boy girl patient temporary temp nk na nfn nln xx xxx xxxx xxxxx surname forename firstname lastname none nil null trauma'.split(
    ' ',
  ),
)
const letters: Readonly<Record<string, string>> = {
  ß: 'ss',
  ø: 'o',
  ł: 'l',
  æ: 'ae',
  œ: 'oe',
  đ: 'd',
  ð: 'd',
  þ: 'th',
  ı: 'i',
}

/** A name ready to compare: `whole` without spaces, `parts` = the words that stand for themselves. */
export type ComparableName = { readonly whole: string; readonly parts: readonly string[] }

/**
 * A surname in lower case without accents, apostrophes, titles and suffixes; hyphens and spaces part it.
 * Undefined when nothing is left or the text is a placeholder such as "Unknown".
 */
export function comparableSurname(text: string | undefined): ComparableName | undefined {
  const joined = joinPrefixes(wordsOf(text))
  const whole = joined.join('')
  if (whole === '' || placeholders.has(whole)) return undefined
  const parts = joined.filter(word => !particles.has(word) && word.length > 1)
  return { whole, parts: parts.length > 0 ? parts : [whole] }
}

/** Forenames in order, the first first; initials stay one letter. Placeholders are left out. */
export function comparableForenames(names: readonly string[] | undefined): readonly string[] {
  const words = (names ?? []).flatMap(name => wordsOf(name))
  if (placeholders.has(words.join(''))) return []
  return words.filter(word => !placeholders.has(word) && !ordinals.has(word))
}

function wordsOf(text: string | undefined): string[] {
  if (!text) return []
  const folded = text
    .toLowerCase()
    .normalize('NFD')
    .replace(/\p{M}/gu, '')
    .replace(/[ßøłæœđðþı]/g, letter => letters[letter] ?? letter)
    .replace(/['’`´]/g, '')
  const words = folded.split(/[^\p{L}]+/u).filter(word => word !== '')
  const named = words.filter(word => !titles.has(word))
  return named.length > 0 ? named : words
}

function joinPrefixes(words: readonly string[]): string[] {
  const joined: string[] = []
  for (let index = 0; index < words.length; index++) {
    const word = words[index] ?? ''
    const next = words[index + 1]
    if (prefixes.has(word) && next !== undefined) {
      joined.push(word + next)
      index++
    } else if (!(ordinals.has(word) && index > 0)) joined.push(word)
  }
  return joined
}
