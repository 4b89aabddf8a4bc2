import { dayNumber, daysOf, londonDate, type PartialDate } from '../fls/dates.ts'
import type { DateKind, Fact, FactOf, Laterality } from '../fls/fact.ts'
import { isReportText } from '../fls/report-text.ts'
import type { SiteTree } from '../terminology/site-tree.ts'
import type { DateDensity } from './date-density.ts'
import type { Department } from './fracture-numbers.ts'
import type { CurrentFacts } from './linkage.ts'
import type { FractureModel } from './models.ts'
import { knownSite, type SiteEvidence } from './site-evidence.ts'

export type Diagnosis = FactOf['diagnosis']
/** One diagnosis read for fracture linkage: who said it, which site and side, which days it may mean. A bilateral one makes two. */
export type Statement = {
  readonly fact: Diagnosis
  /** Place in the canonical order of the person's statements. */
  readonly order: number
  /** Which half of a bilateral statement; empty otherwise. */
  readonly half: 'left' | 'right' | ''
  readonly department: Department
  readonly date: PartialDate
  readonly dateKind: DateKind
  /** Day numbers the date may mean. */
  readonly first: number
  readonly last: number
  readonly density: DateDensity
  readonly site: string
  readonly siteRatio: Float64Array
  readonly side?: 'left' | 'right'
  readonly rightSide: number
  readonly opening: number
  readonly isSuspected: boolean
  readonly isHistory: boolean
  readonly isPathological: boolean
  readonly isAfterDeath: boolean
}
export type Statements = {
  readonly dated: readonly Statement[]
  /** History entries that say no onset: they point nowhere. */
  readonly undated: readonly Diagnosis[]
}
type Reader = {
  readonly tree: SiteTree
  readonly evidence: SiteEvidence
  readonly model: FractureModel
  readonly deathDay?: number
}

/**
 * The coded fracture diagnoses of one person in canonical order (date, then payload hash, then fact id). Left out: retracted and refuted
 * entries, suspicions a refutation answers, and radiology text, which only supports.
 */
export function readStatements(
  facts: CurrentFacts,
  tree: SiteTree,
  evidence: SiteEvidence,
  model: FractureModel,
): Statements {
  const deaths = facts.flatMap(fact =>
    fact.kind === 'death' && fact.status !== 'retracted' && fact.when ? [dayNumber(daysOf(fact.when.date).last)] : [],
  )
  // Of several stated deaths the latest: a slip of one of them must not make a fracture of the living a fracture of the dead.
  const reader: Reader = { tree, evidence, model, ...(deaths.length > 0 ? { deathDay: Math.max(...deaths) } : {}) }
  const distinct = [...new Map(facts.filter(isFractureDiagnosis).map(fact => [fact.id, fact])).values()]
  const refuted = distinct.filter(fact => fact.certainty === 'refuted')
  const standing = distinct.filter(
    fact => fact.certainty !== 'refuted' && !refuted.some(other => refutes(other, fact, reader)),
  )
  const isUndated = (fact: Diagnosis) =>
    fact.concept?.kind === 'history' &&
    (!fact.when || ['recorded', 'received', 'attendance', 'admission', 'clinic'].includes(fact.when.kind))
  const dated = standing.filter(fact => !isUndated(fact)).flatMap(fact => statementsOf(fact, reader))
  return {
    dated: dated.sort(canonical).map((statement, order) => ({ ...statement, order })),
    undated: standing.filter(isUndated).sort((left, right) => compareText(left.id, right.id)),
  }
}

export function isFractureDiagnosis(fact: Fact): fact is Diagnosis {
  return (
    fact.kind === 'diagnosis' &&
    fact.status !== 'retracted' &&
    fact.concept?.set === 'fracture-site' &&
    !isReportText(fact)
  )
}

/** The department that spoke; without one the side and the kind of date tell. */
export function departmentOf(fact: Diagnosis): Department {
  if (fact.detail?.department) return fact.detail.department
  if (fact.side !== 'hospital') return fact.side === 'gp' ? 'gp' : 'fls'
  return fact.when?.kind === 'attendance' ? 'emergency' : fact.when?.kind === 'clinic' ? 'outpatient' : 'inpatient'
}

function statementsOf(fact: Diagnosis, reader: Reader): Statement[] {
  const site = knownSite(fact.concept?.id ?? 'unspecified', reader.tree)
  const isMidline = reader.model.midlineGroups.includes(reader.tree.groupOf(site)?.id ?? '')
  const side: Laterality | undefined = isMidline ? undefined : fact.laterality
  const whole = statementOf(fact, site, reader)
  if (side === 'bilateral')
    return [
      { ...whole, half: 'left', side: 'left' },
      { ...whole, half: 'right', side: 'right' },
    ]
  return [side ? { ...whole, side } : whole]
}

function statementOf(fact: Diagnosis, site: string, reader: Reader): Statement {
  const { model, evidence, deathDay } = reader
  const department = departmentOf(fact)
  const when =
    fact.when ??
    (fact.recorded
      ? { date: fact.recorded, kind: 'recorded' as const }
      : { date: londonDate(fact.revision.asOf), kind: 'received' as const })
  const { first, last } = daysOf(when.date)
  const isHistory = fact.concept?.kind === 'history'
  const isAfterDeath = deathDay !== undefined && dayNumber(first) > deathDay
  return {
    fact,
    order: 0,
    half: '',
    department,
    date: when.date,
    dateKind: when.kind,
    first: dayNumber(first),
    last: dayNumber(last),
    density: densityFor(fact, department, when.kind, isHistory, model),
    site,
    siteRatio: evidence.ratioOf(site),
    rightSide: model.departments[department].rightSide,
    opening: isAfterDeath ? model.opening.afterDeath : openingOf(fact, department, when.kind, site, model),
    isSuspected: fact.certainty === 'suspected',
    isHistory: isHistory || isRetrospective(fact, dayNumber(last), model),
    isPathological: fact.concept?.specificity?.some(word => /patholog|osteoporo|fragility/i.test(word)) ?? false,
    isAfterDeath,
  }
}

function densityFor(
  fact: Diagnosis,
  department: Department,
  kind: DateKind,
  isHistory: boolean,
  model: FractureModel,
): DateDensity {
  if (isHistory) return model.tables.history
  if (kind === 'received') return model.tables.received
  const name =
    model.densityFor[
      department === 'gp' ? 'gp' : department === 'outpatient' || department === 'fls' ? 'clinic' : 'hospital'
    ][kind]
  // An onset equal to the day of typing may be the system's default rather than a statement.
  return model.tables[name === 'gp-onset' && fact.recorded === fact.when?.date ? 'gp-same-day' : name]
}

function openingOf(
  fact: Diagnosis,
  department: Department,
  kind: DateKind,
  site: string,
  model: FractureModel,
): number {
  if (fact.concept?.kind === 'history') return model.opening.history
  const { episodicity } = fact.detail ?? {}
  const isReview = episodicity === 'review' || episodicity === 'end'
  const isClinic = kind === 'clinic' && department !== 'outpatient'
  const factors = [
    isReview ? model.opening.review : 1,
    isClinic ? model.opening.clinic : 1,
    site === 'unspecified' ? model.opening.unspecific : 1,
  ]
  return factors.reduce((product, factor) => product * factor, model.departments[department].opening)
}

/** Typed over a year after its onset: history, whatever its code says. Only a stated day of typing counts; late delivery is no sign. */
function isRetrospective(fact: Diagnosis, lastDay: number, model: FractureModel): boolean {
  const isOnset = fact.when?.kind === 'onset' || fact.when?.kind === 'event'
  return (
    isOnset &&
    fact.recorded !== undefined &&
    dayNumber(daysOf(fact.recorded).first) - lastDay > model.days.retrospective
  )
}

/** "No fracture" answers a suspicion of a compatible site in the same record, of the same or an earlier day. */
function refutes(refutation: Diagnosis, fact: Diagnosis, reader: Reader): boolean {
  if (fact.certainty !== 'suspected' || fact.record !== refutation.record || !fact.when || !refutation.when)
    return false
  const days = dayNumber(daysOf(refutation.when.date).last) - dayNumber(daysOf(fact.when.date).first)
  const [one, two] = [fact, refutation].map(diagnosis => knownSite(diagnosis.concept?.id ?? 'unspecified', reader.tree))
  return days >= 0 && days <= reader.model.days.refutes && reader.tree.isCompatible(one ?? '', two ?? '')
}

function canonical(left: Statement, right: Statement): number {
  return (
    left.first - right.first ||
    left.last - right.last ||
    compareText(left.fact.source.inboxId, right.fact.source.inboxId) ||
    compareText(left.fact.id, right.fact.id) ||
    compareText(left.half, right.half)
  )
}

function compareText(left: string, right: string): number {
  return left < right ? -1 : left > right ? 1 : 0
}
