import { type ListId, type Option, optionsOf } from './lists.ts'

/** Case, blanks, punctuation and apostrophes lost to a wrong code page (`Donít know`, `Don´t know`, `Don?t know`) do not count. */
function plain(text: string): string {
  return text
    .normalize('NFKC')
    .toLowerCase()
    .replace(/don.t\b/g, 'dont')
    .replace(/[^\p{L}\p{N}+]+/gu, '')
}

const byPlain = new Map<ListId, ReadonlyMap<string, string>>()

/**
 * The code of a list from a code, label or accepted synonym as it occurs in real files; undefined when it is none of them.
 * Codes win over labels, labels over synonyms.
 */
export function readOption(list: ListId, text: string): string | undefined {
  let known = byPlain.get(list)
  if (!known) {
    known = indexOf(optionsOf(list))
    byPlain.set(list, known)
  }
  return known.get(plain(text))
}

function indexOf(options: readonly Option[]): ReadonlyMap<string, string> {
  const index = new Map<string, string>()
  const learn = (text: string, code: string): void => {
    if (!index.has(plain(text))) index.set(plain(text), code)
  }
  for (const { code } of options) learn(code, code)
  for (const { code, label } of options) learn(label, code)
  for (const { code, synonyms } of options) for (const synonym of synonyms ?? []) learn(synonym, code)
  return index
}
