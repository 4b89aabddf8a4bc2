import type { FractureSolution } from '../linkage/linkage.ts'
import type { SiteTree } from '../terminology/site-tree.ts'
import { daysOf, isDay, type PartialDate } from './dates.ts'
import type { Fact, FactId } from './fact.ts'
import { isOption } from './lists.ts'
import { compareText } from './order.ts'

/** One fracture of a person with its facts at hand. `option`: its code of CL-SITE; undefined for excluded sites. */
export type PersonFracture = Omit<FractureSolution, 'members' | 'supporting'> & {
  readonly fractureId: string
  readonly aliases: readonly string[]
  readonly members: FractureSolution['members']
  readonly memberFacts: readonly Fact[]
  readonly supportingFacts: readonly Fact[]
  readonly founder: FactId
  readonly option?: string
}

/** Fractures of one injury: one diagnosis date, one episode. */
export type Injury = { readonly fractures: readonly PersonFracture[]; readonly date?: PartialDate }

/** Order in which the sites of one injury are asked (Decision 1): hip > spine > pelvis > humerus > wrist > other. */
const siteOrder = ['hip', 'spine', 'pelvis', 'humerus', 'wrist']

export function siteRank(option: string | undefined): number {
  if (option === undefined) return siteOrder.length + 1
  const rank = siteOrder.indexOf(option)
  return rank < 0 ? siteOrder.length : rank
}

/** CL-SITE code of a site: its group where the audit has it, else `other`; undefined when the site is outside the audit. */
export function siteOption(site: string, sites: SiteTree): string | undefined {
  if (sites.isExcluded(site)) return undefined
  const group = sites.groupOf(site)?.id
  return group !== undefined && isOption('CL-SITE', group) ? group : 'other'
}

/** Injuries by their number, in order of date, then founder; fractures inside in the order of the form. */
export function injuriesOf(fractures: readonly PersonFracture[]): Injury[] {
  const groups = Map.groupBy(
    fractures.filter(fracture => fracture.status !== 'old'),
    fracture => fracture.injury,
  )
  return [...groups.values()]
    .map(group => {
      const ordered = group.sort(compareInInjury)
      const date = earliest(ordered.flatMap(fracture => (fracture.date ? [fracture.date] : [])))
      return { fractures: ordered, ...(date ? { date } : {}) }
    })
    .sort((a, b) => compareText(a.date ?? '9999', b.date ?? '9999') || compareText(firstFounder(a), firstFounder(b)))
}

function compareInInjury(a: PersonFracture, b: PersonFracture): number {
  return (
    siteRank(a.option) - siteRank(b.option) ||
    compareText(a.date ?? '9999', b.date ?? '9999') ||
    compareText(a.founder, b.founder)
  )
}

function firstFounder(injury: Injury): string {
  return injury.fractures[0]?.founder ?? ''
}

/** A date known to the day before any coarser one; then the earliest. */
export function earliest(dates: readonly PartialDate[]): PartialDate | undefined {
  return [...dates].sort(
    (a, b) => Number(isDay(b)) - Number(isDay(a)) || compareText(daysOf(a).first, daysOf(b).first),
  )[0]
}
