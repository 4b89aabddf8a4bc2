import type { Principal } from './principal.ts'

const longestMs = 60_000
const most = 10_000

/** Tokens found good, and whose they are. */
export type RememberedTokens = {
  readonly get: (token: string, now: Date) => Principal | undefined
  /** `end`: the token's own, whichever of its claims ends it first. */
  readonly add: (token: string, principal: Principal, span: { readonly now: Date; readonly end: Date }) => void
}

/** A signature is checked once a minute instead of once a call. Forgets everything when full (10,000 tokens). */
export function rememberedTokens(): RememberedTokens {
  const known = new Map<string, { readonly principal: Principal; readonly from: number; readonly until: number }>()
  return {
    get: (token, now) => {
      const found = known.get(token)
      if (!found) return undefined
      if (now.getTime() >= found.from && now.getTime() < found.until) return found.principal
      known.delete(token)
      return undefined
    },
    add: (token, principal, { now, end }) => {
      if (known.size >= most) known.clear()
      const from = now.getTime()
      known.set(token, { principal, from, until: Math.min(end.getTime(), from + longestMs) })
    },
  }
}
