import type { SiteTree } from '../terminology/site-tree.ts'
import type { Fact, FactId } from './fact.ts'
import { placeOf } from './fracture-ids.ts'
import type { PersonFracture } from './injury.ts'

/** A statement that stands no longer, and the member of the fracture that replaced it. */
export type EarlierVersion = { readonly fact: Fact; readonly became: FactId }

/**
 * Which fracture each replaced statement has become part of: the working diagnosis of an attendance belongs where the final one of the same
 * list stands, an edited row where its newest version does. Of several fractures of one place, that of the same code, else the only one of a
 * compatible site; a list left with one fracture has corrected its site. What was cancelled or refuted became nothing.
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
  const found = past.filter(isFractureStatement).flatMap(fact => {
    const heir = heirOf(fact, standing.get(placeOf(fact)) ?? [], sites)
    return heir ? [{ fractureId: heir.fractureId, version: { fact, became: heir.fact.id } }] : []
  })
  const byFracture = Map.groupBy(found, one => one.fractureId)
  return new Map([...byFracture].map(([id, versions]) => [id, versions.map(one => one.version)]))
}

type Heir = { readonly fractureId: string; readonly fact: Fact }

function heirOf(fact: Fact, heirs: readonly Heir[], sites: SiteTree): Heir | undefined {
  const site = fact.concept?.id ?? ''
  const same = heirs.filter(heir => heir.fact.concept?.id === site && isSameSide(heir.fact, fact))
  if (same.length > 0) return same[0]
  const alike = heirs.filter(
    heir => isSameSide(heir.fact, fact) && sites.isCompatible(heir.fact.concept?.id ?? '', site),
  )
  const candidates = alike.length > 0 ? alike : heirs
  return new Set(candidates.map(heir => heir.fractureId)).size === 1 ? candidates[0] : undefined
}

function isSameSide(one: Fact, two: Fact): boolean {
  return one.laterality === undefined || two.laterality === undefined || one.laterality === two.laterality
}

function isFractureStatement(fact: Fact): boolean {
  return fact.kind === 'diagnosis' && fact.concept?.set === 'fracture-site' && fact.certainty !== 'refuted'
}
