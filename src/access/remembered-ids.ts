import type { Keys } from './keys.ts'

const most = 200_000

/**
 * The same ids, each computed once while it is remembered: a person solved again asks for every id it ever had, and each costs an HMAC.
 * Forgets everything when full (200,000 ids, some 60 MB): simpler than remembering which were used last, and as good.
 */
export function rememberedIds(id: Keys['id']): Keys['id'] {
  const known = new Map<string, string>()
  return (kind, ...parts) => {
    const key = JSON.stringify([kind, parts])
    const found = known.get(key)
    if (found !== undefined) return found
    if (known.size >= most) known.clear()
    const made = id(kind, ...parts)
    known.set(key, made)
    return made
  }
}
