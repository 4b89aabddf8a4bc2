import type { SiteTree } from '../terminology/site-tree.ts'
import type { Fact, FactId } from './fact.ts'
import { placeOf } from './fracture-ids.ts'
import type { PersonFracture } from './injury.ts'

/** A statement that stands no longer, and the member of the fracture that replaced it. */
export type EarlierVersion = { readonly fact: Fact; readonly became: FactId }

/**
 * Which fracture each replaced statement has become part of: the working diagnosis of an attendance belongs where the final one of the same
 * list stands, an edited row where its newest version does. Of several fractures of one place, that of the same code, else the only one of a
 * compatible site, else of compatible ones that of the same place in the list; those of the same code as another of the older list are left
 * to it. A list left with one fracture has corrected its site.
 * What was cancelled or refuted became nothing.
 */
export function earlierVersions(
  fractures: readonly PersonFracture[],
  past: readonly Fact[],
  sites: SiteTree,
): ReadonlyMap<string, readonly EarlierVersion[]> {
  const standing = Map.groupBy(
    fractures.flatMap(({ fractureId, memberFacts }) => memberFacts.map(fact => ({ fractureId, fact }))),
    ({ fact }) => placeOf(fact),
  )
  const lists = Map.groupBy(past.filter(isFractureStatement), fact => `${placeOf(fact)}\n${fact.source.inboxId}`)
  const found = [...lists.values()].flatMap(list =>
    heirsOf(list, list[0] ? (standing.get(placeOf(list[0])) ?? []) : [], sites).map(({ fact, heir }) => ({
      fractureId: heir.fractureId,
      version: { fact, became: heir.fact.id },
    })),
  )
  const byFracture = Map.groupBy(found, one => one.fractureId)
  return new Map([...byFracture].map(([id, versions]) => [id, versions.map(one => one.version)]))
}

type Heir = { readonly fractureId: string; readonly fact: Fact }

/** One older list and what stands in its place now: first what kept its code, then the rest among what is left. */
function heirsOf(
  list: readonly Fact[],
  standing: readonly Heir[],
  sites: SiteTree,
): readonly { readonly fact: Fact; readonly heir: Heir }[] {
  const same = list.flatMap(fact => {
    const heir = standing.find(one => one.fact.concept?.id === fact.concept?.id && isSameSide(one.fact, fact))
    return heir ? [{ fact, heir }] : []
  })
  const taken = new Set(same.map(({ heir }) => heir.fractureId))
  const left = standing.filter(heir => !taken.has(heir.fractureId))
  const others = list.flatMap(fact => {
    if (same.some(one => one.fact === fact)) return []
    const heir = likeliest(fact, left.length > 0 ? left : standing, sites)
    return heir ? [{ fact, heir }] : []
  })
  return [...same, ...others]
}

function likeliest(fact: Fact, heirs: readonly Heir[], sites: SiteTree): Heir | undefined {
  const site = fact.concept?.id ?? ''
  const alike = heirs.filter(
    heir => isSameSide(heir.fact, fact) && sites.isCompatible(heir.fact.concept?.id ?? '', site),
  )
  const candidates = alike.length > 0 ? alike : heirs
  const isSettled = new Set(candidates.map(heir => heir.fractureId)).size === 1
  return isSettled ? candidates[0] : alike.find(heir => heir.fact.source.path === fact.source.path)
}

function isSameSide(one: Fact, two: Fact): boolean {
  return one.laterality === undefined || two.laterality === undefined || one.laterality === two.laterality
}

function isFractureStatement(fact: Fact): boolean {
  return fact.kind === 'diagnosis' && fact.concept?.set === 'fracture-site' && fact.certainty !== 'refuted'
}
