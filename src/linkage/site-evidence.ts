import type { SiteTree } from '../terminology/site-tree.ts'
import type { FractureNumbers } from './fracture-numbers.ts'

/**
 * What a site code says about the bone that is really broken (linkage.md 3.2): true leaves with a prior, and the share with which each leaf
 * is coded as each site. `ratio[code][leaf]` = E(code | leaf) / p(code): above 1 speaks for the leaf, a code that says nothing is 1 everywhere.
 */
export type SiteEvidence = {
  readonly leaves: readonly string[]
  readonly prior: Float64Array
  readonly ratioOf: (site: string) => Float64Array
  readonly isLeaf: (site: string) => boolean
}

type Relation = keyof FractureNumbers['siteShares']

/** Tabulates E for every site of the tree. Shares of a class are divided among its codes; an empty class gives its share to the others. */
export function siteEvidence(tree: SiteTree, numbers: FractureNumbers): SiteEvidence {
  const sites = [...tree.sites].sort()
  const leaves = sites.filter(site => !isWhole(site, tree))
  const prior = priorOf(leaves, tree, numbers)
  const emission = leaves.map(leaf => emissionOf(leaf, sites, tree, numbers))
  const ratios = new Map(
    sites.map((site, code) => {
      const background = leaves.reduce((sum, _, leaf) => sum + (prior[leaf] ?? 0) * (emission[leaf]?.[code] ?? 0), 0)
      return [site, Float64Array.from(leaves, (_, leaf) => (emission[leaf]?.[code] ?? 0) / background)]
    }),
  )
  const nothing = new Float64Array(leaves.length).fill(1)
  return { leaves, prior, isLeaf: site => leaves.includes(site), ratioOf: site => ratios.get(site) ?? nothing }
}

/** log of the support several codes give each other: ln sum_z prior(z) prod E(c|z)/p(c). 0 for a single code or none. */
export function siteSupport(evidence: SiteEvidence, ratios: readonly Float64Array[]): number {
  let sum = 0
  for (let leaf = 0; leaf < evidence.leaves.length; leaf++) {
    let product = evidence.prior[leaf] ?? 0
    for (const ratio of ratios) product *= ratio[leaf] ?? 0
    sum += product
  }
  return Math.log(sum)
}

/** Posterior weight of each leaf after several codes, not normalised; order of the codes does not matter. */
export function leafWeights(evidence: SiteEvidence, ratios: readonly Float64Array[]): ReadonlyMap<string, number> {
  return new Map(
    evidence.leaves.map((leaf, index) => [
      leaf,
      ratios.reduce((product, ratio) => product * (ratio[index] ?? 0), evidence.prior[index] ?? 0),
    ]),
  )
}

/** Brings any site text to an id of the tree: a group id means the group as a whole, an unknown member its group, else `unspecified`. */
export function knownSite(site: string, tree: SiteTree): string {
  if (tree.sites.includes(site)) return site
  const [group = ''] = site.split('.')
  const whole = [`${group}.unspecified`, group].find(candidate => tree.sites.includes(candidate))
  return whole ?? 'unspecified'
}

/** A site that stands for several bones: `hip.unspecified`, `upper_limb.unspecified`, `unspecified`. */
function isWhole(site: string, tree: SiteTree): boolean {
  if (site === 'unspecified') return true
  const group = tree.groupOf(site)
  const isOnly = group?.members.length === 1
  const hasBelow = tree.sites.some(other => other !== site && tree.ancestorsOf(other).includes(site))
  return site.endsWith('.unspecified') && (!isOnly || hasBelow)
}

function relationOf(code: string, leaf: string, tree: SiteTree, numbers: FractureNumbers): Relation {
  if (code === leaf) return 'same'
  if (code === 'unspecified') return 'unspecified'
  const isSameGroup = tree.groupOf(code)?.id === tree.groupOf(leaf)?.id
  if (isSameGroup && (isWhole(code, tree) || numbers.genericSites.includes(code))) return 'parent'
  if (isSameGroup) return 'sibling'
  if (tree.isExcluded(leaf) || tree.isExcluded(code)) return 'floor'
  if (tree.ancestorsOf(leaf).includes(code) || (isWhole(code, tree) && tree.isCompatible(code, leaf))) return 'ancestor'
  return tree.isCompatible(code, leaf) ? 'cousin' : 'floor'
}

function emissionOf(leaf: string, sites: readonly string[], tree: SiteTree, numbers: FractureNumbers): Float64Array {
  const relations = sites.map(site => relationOf(site, leaf, tree, numbers))
  const counts = Map.groupBy(relations, relation => relation)
  const weights = Float64Array.from(
    relations,
    relation => numbers.siteShares[relation] / (counts.get(relation)?.length ?? 1),
  )
  const sum = weights.reduce((total, weight) => total + weight, 0)
  return weights.map(weight => weight / sum)
}

function priorOf(leaves: readonly string[], tree: SiteTree, numbers: FractureNumbers): Float64Array {
  const groupOf = (leaf: string) => tree.groupOf(leaf)?.id ?? 'other'
  const sizes = Map.groupBy(leaves, groupOf)
  const weights = Float64Array.from(
    leaves,
    leaf =>
      (numbers.sitePriors[groupOf(leaf)] ?? numbers.sitePriors.other ?? 0.01) / (sizes.get(groupOf(leaf))?.length ?? 1),
  )
  const sum = weights.reduce((total, weight) => total + weight, 0)
  return weights.map(weight => weight / sum)
}
