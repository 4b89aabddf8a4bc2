import type { PartialDate } from '../fls/dates.ts'
import type { Laterality } from '../fls/fact.ts'
import type { SiteTree } from '../terminology/site-tree.ts'
import { sideRatio } from './injury-score.ts'
import type { FractureStatus } from './linkage.ts'
import type { FractureModel } from './models.ts'
import { leafWeights, type SiteEvidence } from './site-evidence.ts'
import type { Diagnosis, Statement } from './statements.ts'

/**
 * The site as specific as the evidence: of the specific sites stated the one with the best posterior (equal: the weightier sources, then the name);
 * when only wide terms were stated, the narrowest of them.
 */
export function siteOf(
  fracture: readonly Statement[],
  evidence: SiteEvidence,
  tree: SiteTree,
  model: FractureModel,
): string {
  const weights = leafWeights(
    evidence,
    fracture.map(statement => statement.siteRatio),
  )
  const votes = (site: string) =>
    fracture.filter(one => one.site === site).reduce((sum, one) => sum + model.departments[one.department].vote, 0)
  const stated = [...new Set(fracture.map(statement => statement.site))]
  const specific = stated.filter(evidence.isLeaf)
  const best = (sites: readonly string[], weigh: (site: string) => number) =>
    [...sites].sort(
      (left, right) => weigh(right) - weigh(left) || votes(right) - votes(left) || (left < right ? -1 : 1),
    )[0]
  return (
    best(specific, site => weights.get(site) ?? 0) ??
    best(stated, site => tree.ancestorsOf(site).length) ??
    'unspecified'
  )
}

/** The side with the larger posterior; a tie falls to the weightiest single source; undefined when nobody states one. */
export function lateralityOf(fracture: readonly Statement[]): Laterality | undefined {
  const stated = fracture.filter(statement => statement.side)
  if (stated.length === 0) return undefined
  const weigh = (side: 'left' | 'right') => stated.reduce((product, one) => product * sideRatio(one, side), 1)
  const [left, right] = [weigh('left'), weigh('right')]
  if (Math.abs(left - right) > 1e-9 * Math.max(left, right)) return left > right ? 'left' : 'right'
  return stated.reduce((most, one) => (one.rightSide > most.rightSide ? one : most)).side
}

/** Hospital word (not only a suspicion) confirms; a GP entry alone is a candidate; only suspicions are provisional; only history is old. */
export function statusOf(fracture: readonly Statement[]): FractureStatus {
  const recent = fracture.filter(statement => !statement.isHistory)
  if (recent.length === 0) return 'old'
  const certain = recent.filter(statement => !statement.isSuspected)
  if (certain.length === 0) return 'provisional'
  return certain.some(statement => statement.fact.side !== 'gp') ? 'confirmed' : 'candidate'
}

const acuteKinds: readonly string[] = ['injury', 'attendance', 'admission', 'onset', 'event']

/** Earliest acute hospital date, else GP onset, else any hospital date, else what the GP typed; a full date before a coarse one within a tier. */
export function dateOf(
  fracture: readonly Statement[],
): { readonly date: PartialDate; readonly fact: Diagnosis } | undefined {
  const candidates = fracture.map(statement => ({ statement, tier: tierOf(statement) }))
  const [first] = candidates.sort(
    (left, right) =>
      left.tier - right.tier ||
      left.statement.first - right.statement.first ||
      left.statement.order - right.statement.order,
  )
  return first ? { date: first.statement.date, fact: first.statement.fact } : undefined
}

function tierOf({ fact, dateKind, department, date, isHistory }: Statement): number {
  const isAcute =
    acuteKinds.includes(dateKind) &&
    !((department === 'outpatient' || department === 'fls') && dateKind === 'attendance')
  const coarse = date.length < 10 ? 4 : 0
  if (isHistory) return 8 + coarse
  if (fact.side !== 'gp') return (isAcute ? 0 : 2) + coarse
  return (isAcute ? 1 : 3) + coarse
}
