import type { Candidate } from './derive.ts'
import type { EpisodeAnswer, Origin } from './episode.ts'
import type { Fact } from './fact.ts'
import type { Item, Precedence } from './items.ts'
import { compareText } from './order.ts'

/** A candidate with who stands behind it: a site's own answer, or a side's facts through a rule. */
export type Claim = Pick<Candidate, 'values' | 'facts'> & {
  readonly by: 'site' | 'hospital' | 'gp'
  readonly rule: string
}

const ranks: Readonly<Record<Precedence, readonly Claim['by'][]>> = {
  'site-hospital-gp': ['site', 'hospital', 'gp'],
  'site-gp-hospital': ['site', 'gp', 'hospital'],
  'gp-site-hospital': ['gp', 'site', 'hospital'],
}

/**
 * The answer of one item: the best claim by the item's precedence, each side's claims in the order given. "Unknown" never beats a known value
 * (Decision 2). Claims of the same value stand together as origins; all other values are kept as losing. Undefined without a claim.
 */
export function answerOf(item: Item, claims: readonly Claim[]): EpisodeAnswer | undefined {
  const order = ranks[item.derivation?.precedence ?? 'site-hospital-gp']
  const ranked = [...claims].sort(
    (a, b) => Number(isUnknown(a)) - Number(isUnknown(b)) || order.indexOf(a.by) - order.indexOf(b.by),
  )
  const merged = new Map<string, { values: readonly string[]; origins: Origin[] }>()
  for (const claim of ranked) {
    const values = item.type === 'codes' ? [...claim.values].sort(compareText) : claim.values
    const key = values.join('\n')
    const known = merged.get(key) ?? { values, origins: [] }
    for (const origin of claim.facts.map(fact => originOf(fact, claim.rule)))
      if (!known.origins.some(one => one.factId === origin.factId && one.rule === origin.rule))
        known.origins.push(origin)
    merged.set(key, known)
  }
  const [winner, ...losing] = merged.values()
  return winner && { ...winner, losing }
}

function isUnknown(claim: Claim): boolean {
  return claim.values.length === 1 && claim.values[0] === 'unknown'
}

export function originOf(fact: Fact, rule: string): Origin {
  const { inboxId, path, row, tableHash } = fact.source
  return { factId: fact.id, inboxId, path, row, tableHash, side: fact.side, organisation: fact.organisation, rule }
}

/** A derived candidate as a claim; facts of the audit form stand on the hospital's side. */
export function claimOf(candidate: Candidate, rule: string): Claim {
  return { values: candidate.values, facts: candidate.facts, by: candidate.side === 'gp' ? 'gp' : 'hospital', rule }
}
