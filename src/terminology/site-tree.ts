/** One group of `terminology/fracture-site/sites.json`. */
export type SiteGroup = {
  readonly id: string
  readonly label: string
  /** Class of the KPIs. */
  readonly reportingClass: 'hip' | 'spine' | 'other' | 'unknown' | 'excluded'
  readonly default: 'include' | 'review' | 'exclude'
  /** Group of the wider term the same bone is often coded with; empty at the top. */
  readonly parent: string
  readonly members: readonly string[]
  /** Sites that may describe the same fracture at another level of detail; a group id stands for its members, `*` for any. */
  readonly compatible: readonly string[]
  readonly readPrefixes: readonly string[]
}

/** The fracture sites as a tree: `hip.neck` → `hip.unspecified` → `femur.unspecified` → `lower_limb.unspecified` → `unspecified`. */
export type SiteTree = {
  readonly groups: readonly SiteGroup[]
  /** Every site id that codes map to. */
  readonly sites: readonly string[]
  readonly groupOf: (site: string) => SiteGroup | undefined
  /** Wider sites, nearest first, without the site itself; excluded sites have none. */
  readonly ancestorsOf: (site: string) => readonly string[]
  /** Equal, one an ancestor of the other, generic inside a group, or listed as compatible. Excluded sites are compatible with nothing else. */
  readonly isCompatible: (a: string, b: string) => boolean
  readonly isExcluded: (site: string) => boolean
  /** The narrowest site that is an ancestor of (or equal to) all of them; `unspecified` when there is none. */
  readonly commonOf: (sites: readonly string[]) => string
}

/** Builds the tree once from the groups of sites.json. */
export function makeSiteTree(groups: readonly SiteGroup[]): SiteTree {
  const byId = new Map(groups.map(group => [group.id, group]))
  const bySite = new Map(groups.flatMap(group => group.members.map(member => [member, group] as const)))
  const groupOf = (site: string): SiteGroup | undefined => bySite.get(site) ?? byId.get(site)
  const ancestors = new Map([...bySite.keys()].map(site => [site, climb(site, byId, bySite)]))
  const ancestorsOf = (site: string): readonly string[] => ancestors.get(site) ?? []
  const isExcluded = (site: string): boolean => groupOf(site)?.default === 'exclude'
  const lists = (from: string, to: string): boolean =>
    groupOf(from)?.compatible.some(entry => entry === '*' || entry === to || entry === groupOf(to)?.id) ?? false
  return {
    groups,
    sites: [...bySite.keys()],
    groupOf,
    ancestorsOf,
    isExcluded,
    isCompatible: (a, b) => {
      if (a === b) return true
      if (isExcluded(a) || isExcluded(b)) return false
      if (ancestorsOf(a).includes(b) || ancestorsOf(b).includes(a)) return true
      return isGenericInGroup(a, b, groupOf) || lists(a, b) || lists(b, a)
    },
    commonOf: sites => commonOf(sites, ancestorsOf, isExcluded),
  }
}

/** `hip.neck` is what GPs use for any proximal femur fracture (terminology.md 1.2, to be confirmed by a clinician). */
const generic: ReadonlySet<string> = new Set(['hip.neck'])

function isGenericInGroup(a: string, b: string, groupOf: SiteTree['groupOf']): boolean {
  return groupOf(a) !== undefined && groupOf(a) === groupOf(b) && (generic.has(a) || generic.has(b))
}

/** The site that stands for a group as a whole: `<id>.unspecified`, or the only member. */
function wholeOf(group: SiteGroup): string {
  return group.members.find(member => member === `${group.id}.unspecified`) ?? group.members[0] ?? group.id
}

function climb(
  site: string,
  byId: ReadonlyMap<string, SiteGroup>,
  bySite: ReadonlyMap<string, SiteGroup>,
): readonly string[] {
  const path: string[] = []
  let group = bySite.get(site)
  while (group && group.default !== 'exclude') {
    const whole = wholeOf(group)
    if (whole !== site) path.push(whole)
    group = byId.get(group.parent)
  }
  return path
}

function commonOf(
  sites: readonly string[],
  ancestorsOf: SiteTree['ancestorsOf'],
  isExcluded: SiteTree['isExcluded'],
): string {
  const counted = sites.filter(site => !isExcluded(site))
  const [first, ...rest] = counted.length > 0 ? counted : sites
  if (first === undefined) return 'unspecified'
  const chain = [first, ...ancestorsOf(first)]
  return (
    chain.find(candidate => rest.every(site => site === candidate || ancestorsOf(site).includes(candidate))) ??
    'unspecified'
  )
}
