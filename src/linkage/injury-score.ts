import { densityOf } from './date-density.ts'
import type { FractureModel } from './models.ts'
import { type SiteEvidence, siteSupport } from './site-evidence.ts'
import type { Statement } from './statements.ts'

/** Natural logarithms that add up to the score of one injury: `events` = how often such an event happens, per day. */
export type InjuryScore = {
  readonly events: number
  readonly date: number
  readonly owed: number
  readonly site: number
  readonly side: number
  readonly rules: number
}
export const scoreFields = [
  'owed',
  'events',
  'date',
  'site',
  'side',
  'rules',
] as const satisfies readonly (keyof InjuryScore)[]
/** Fractures of one injury: each a list of statements in canonical order. */
export type Injury = readonly (readonly Statement[])[]
/** What persons decided and what cannot be one fracture: large enough to decide, in nats. */
export type Rules = (one: Statement, two: Statement) => 'same' | 'different' | undefined

const never = -1e6
const decisive = 1000
/** Keeps products of many densities inside the range of a number. */
const scale = 365

export function totalOf(score: InjuryScore): number {
  return score.events + score.date + score.owed + score.site + score.side + score.rules
}

/**
 * ln likelihood of the records of one injury (linkage.md 3.2): rate of events × integral over the event's day of the product of date
 * densities × for each fracture the records its sources owe, the support of site codes and the support of sides, each relative to records
 * that have nothing to do with each other. A second fracture of the injury costs `otherSite` or, same site and other side, `otherSide`.
 */
export function scoreInjury(injury: Injury, evidence: SiteEvidence, model: FractureModel, rules: Rules): InjuryScore {
  const statements = injury.flat()
  const opening = Math.max(...statements.map(statement => statement.opening))
  const parts = injury.map((fracture, index) =>
    scoreFracture(fracture, index > 0 ? injury[0] : undefined, evidence, model),
  )
  const isMixed = statements.some(one => one.isPathological) && statements.some(one => !one.isPathological)
  const sum = (read: (part: (typeof parts)[number]) => number) => parts.reduce((total, part) => total + read(part), 0)
  return {
    events: Math.log(model.eventsPerDay * opening) + (isMixed ? Math.log(model.pathologicalMix) : 0),
    date: logDates(statements),
    owed: sum(part => part.owed),
    site: sum(part => part.site),
    side: sum(part => part.side),
    rules: injury.reduce((total, fracture) => total + ruleSum(fracture, rules), 0),
  }
}

function scoreFracture(
  fracture: readonly Statement[],
  first: readonly Statement[] | undefined,
  evidence: SiteEvidence,
  model: FractureModel,
) {
  const site = siteSupport(evidence, ratiosOf(fracture))
  const side = Math.log(sideSupport(fracture))
  const owed = Math.log(owedRecords(fracture, model))
  if (!first) return { owed, site, side }
  const { otherSite, otherSide } = model.simultaneous
  const both = siteSupport(evidence, ratiosOf([...first, ...fracture])) - siteSupport(evidence, ratiosOf(first))
  const opposite = sideSupport(first, fracture) / sideSupport(first)
  const isApart = Math.log(otherSite) + site + side
  const isTwin = Math.log(otherSide) + both + Math.log(opposite)
  return isApart >= isTwin
    ? { owed, site: Math.log(otherSite) + site, side }
    : { owed, site: Math.log(otherSide) + both, side: Math.log(opposite) }
}

function ratiosOf(fracture: readonly Statement[]): Float64Array[] {
  return fracture.map(statement => statement.siteRatio)
}

/** Support the stated sides give each other, 1 when at most one states a side; `other` is judged as the opposite side of the same bone. */
export function sideSupport(fracture: readonly Statement[], other: readonly Statement[] = []): number {
  const likelihood = (side: 'left' | 'right') => {
    const opposite = side === 'left' ? 'right' : 'left'
    return (
      fracture.reduce((product, one) => product * sideRatio(one, side), 1) *
      other.reduce((product, one) => product * sideRatio(one, opposite), 1)
    )
  }
  return (likelihood('left') + likelihood('right')) / 2
}

export function sideRatio(statement: Statement, side: 'left' | 'right'): number {
  if (!statement.side) return 1
  return 2 * (statement.side === side ? statement.rightSide : 1 - statement.rightSide)
}

/** Product over sources (department of an organisation) of the records an event owes them: by visit, then a share for repeats within a visit. */
function owedRecords(fracture: readonly Statement[], model: FractureModel): number {
  const bySource = Map.groupBy(fracture, statement => `${statement.department}|${statement.fact.organisation}`)
  let product = 1
  for (const statements of bySource.values()) {
    const visits = new Set(statements.map(visitOf)).size
    const { records } = model.departments[statements[0]?.department ?? 'inpatient']
    for (let visit = 0; visit < visits; visit++) product *= records[Math.min(visit, records.length - 1)] ?? 1
    product *= model.sameVisitRecords ** (statements.length - visits)
  }
  return product
}

function visitOf(statement: Statement): string {
  return statement.fact.revision.visit ?? statement.fact.id
}

/** ln of the integral over the event's day; `never` when no day fits all dates. */
function logDates(statements: readonly Statement[]): number {
  // A density sums to 1 over all days the event may have been on.
  if (statements.length === 1) return 0
  const from = Math.max(...statements.map(one => one.first - one.density.late))
  const to = Math.min(...statements.map(one => one.last + one.density.early))
  let sum = 0
  for (let day = from; day <= to; day++) {
    let product = 1
    for (const one of statements) product *= scale * densityOf(one.density, one.first, one.last, day)
    sum += product
  }
  return sum > 0 ? Math.log(sum) - statements.length * Math.log(scale) : never
}

function ruleSum(fracture: readonly Statement[], rules: Rules): number {
  let sum = 0
  fracture.forEach((one, index) => {
    for (const two of fracture.slice(index + 1)) {
      const rule = rules(one, two)
      sum += rule === 'same' ? decisive : rule === 'different' ? -decisive : 0
    }
  })
  return sum
}
