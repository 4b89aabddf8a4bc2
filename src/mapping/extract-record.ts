import { daysOf } from '../fls/dates.ts'
import type { Fact, FactOf, OdsCode } from '../fls/fact.ts'
import { compareText, compareVersions } from '../fls/order.ts'
import { leftOutConcepts } from './extract-patient.ts'

/** What is known of one extract of one practice, from the register (src/store/extracts.ts). */
export type ExtractInForce = {
  readonly practice: OdsCode
  readonly extractId: string
  readonly mode: 'full' | 'delta'
  /** The time the sender says it speaks for: an Instant. */
  readonly asOf: string
  /** File kinds that came whole; for a delta empty. */
  readonly covers: readonly string[]
  /** Every chunk was kept: an interrupted extract never says that something is absent. */
  readonly isComplete: boolean
  /** Its deletes and absences wait for a person, or were refused by one (`mass-delete-held`). */
  readonly isHeld: boolean
  /** Of one held whole: a person has confirmed it. */
  readonly isReleased?: boolean
}

/** What rows of an extract held whole are filed under: without effect until a confirmed extract of this id is known. */
export function withheld(extractId: string): string {
  return `${extractId}/held`
}

/**
 * A row whose newest version is older than a complete full extract of its practice that covers its kind of file: the sender no longer has it.
 * Held extracts say nothing. Does not know rule 3.3 (out of scope): use `standingGpFacts` for a whole record.
 */
export function isAbsentFromFull(fact: Fact, extracts: readonly ExtractInForce[]): boolean {
  const { row, asOf } = fact.revision
  if (!row || fact.side !== 'gp') return false
  return extracts.some(
    one =>
      one.mode === 'full' &&
      one.isComplete &&
      !one.isHeld &&
      one.practice === fact.organisation &&
      one.covers.includes(row.file) &&
      one.extractId !== row.extract &&
      one.asOf > asOf,
  )
}

/** The facts of one GP record that may speak, and which of them newer extracts took away. */
export type StandingFacts = { readonly facts: readonly Fact[]; readonly isAbsent: (fact: Fact) => boolean }

/**
 * The rules of a GP record that need all of it (gp-extracts.md 2, 3.3), a pure function of its facts and the extracts, in any order:
 * extracts held whole say nothing before a person confirms them; type 1 objectors, test and confidential patients are left out whole until the mark is withdrawn; a patient deleted or absent takes every
 * row along, unless a registration had ended or death was known (out of scope: facts stay); held deletes do nothing; what an
 * authorisation says (stop date, course type) is written on its issues; a date before birth is dropped.
 */
export function standingGpFacts(facts: readonly Fact[], extracts: readonly ExtractInForce[]): StandingFacts {
  const own = facts.filter(fact => fact.side === 'gp' && fact.revision.row)
  if (own.length === 0) return { facts, isAbsent: () => false }
  const heldIds = new Set(
    extracts.filter(one => one.isHeld && one.isReleased === undefined).map(one => `${one.practice}\n${one.extractId}`),
  )
  const isHeldDelete = (fact: Fact): boolean =>
    fact.status === 'retracted' && heldIds.has(`${fact.organisation}\n${fact.revision.row?.extract}`)
  const released = new Set(extracts.filter(one => one.isReleased).map(one => withheld(one.extractId)))
  const isWithheld = (fact: Fact): boolean => {
    const extract = fact.revision.row?.extract
    return fact.side === 'gp' && extract !== undefined && extract.endsWith(withheld('')) && !released.has(extract)
  }
  const spoken = facts.filter(fact => !isHeldDelete(fact) && !isWithheld(fact))
  const standing = newestOfSets(spoken)
  if (isLeftOut(standing)) return { facts: [], isAbsent: () => false }
  const isGone = patientIsGone(standing, extracts)
  const isOutOfScope = isGone && hadEnded(spoken)
  const kept = isOutOfScope ? spoken.filter(fact => !isPatientTombstone(fact)) : spoken
  return {
    facts: withoutImpossibleDates(withCourses(kept, newestOfSets(kept))),
    isAbsent: isOutOfScope ? () => false : fact => isGoneWith(fact, isGone) || isAbsentFromFull(fact, extracts),
  }
}

function isGoneWith(fact: Fact, isGone: boolean): boolean {
  return isGone && fact.side === 'gp' && fact.revision.row !== undefined
}

function newestOfSets(facts: readonly Fact[]): readonly Fact[] {
  const newest = new Map<string, Fact>()
  for (const fact of facts) {
    const key = fact.revision.set ?? fact.id
    const known = newest.get(key)
    if (!known || compareVersions(fact, known) > 0) newest.set(key, fact)
  }
  return facts.filter(fact => {
    const best = newest.get(fact.revision.set ?? fact.id)
    return best !== undefined && compareVersions(fact, best) === 0
  })
}

/** Latest of the pair wins by its date (terminology.md 5.6); a flag on the patient row dates from its extract. */
function isLeftOut(standing: readonly Fact[]): boolean {
  const marks = standing.filter(
    fact => fact.kind === 'observation' && fact.status !== 'retracted' && fact.concept?.set === 'optout',
  )
  const never: readonly string[] = [leftOutConcepts['test-patient'], leftOutConcepts['confidential-row']]
  if (marks.some(fact => never.includes(fact.concept?.id ?? ''))) return true
  const objections = marks
    .filter(fact => fact.concept?.id.startsWith(leftOutConcepts['type-1-objection']))
    .sort((a, b) => compareText(a.when?.date ?? '', b.when?.date ?? '') || compareVersions(a, b))
  return objections.at(-1)?.concept?.id === leftOutConcepts['type-1-objection']
}

/** A row that says a patient is one of the practice's: a file of their own, or a resource among others. */
function isPatientRow({ kind, revision: { row } }: Fact): boolean {
  return kind === 'identity' && (row?.file === 'patient' || (row?.file === 'fhir' && row.id.startsWith('Patient/')))
}

function isPatientTombstone(fact: Fact): boolean {
  return isPatientRow(fact) && fact.status === 'retracted'
}

function patientIsGone(standing: readonly Fact[], extracts: readonly ExtractInForce[]): boolean {
  const rows = standing.filter(isPatientRow)
  return rows.length > 0 && rows.every(fact => fact.status === 'retracted' || isAbsentFromFull(fact, extracts))
}

/** A death is known, or there were registrations and none is open. */
function hadEnded(facts: readonly Fact[]): boolean {
  const active = newestOfSets(facts.filter(fact => !isPatientTombstone(fact))).filter(
    fact => fact.status !== 'retracted',
  )
  if (active.some(fact => fact.kind === 'death')) return true
  const registrations = active.filter(
    (fact): fact is FactOf['encounter'] => fact.kind === 'encounter' && fact.detail.class === 'gp.registration',
  )
  return registrations.length > 0 && registrations.every(fact => fact.detail.end)
}

/** Course rows are no facts: their stop date and type go onto the issues of the course. */
function withCourses(facts: readonly Fact[], standing: readonly Fact[]): readonly Fact[] {
  const isCourse = (fact: Fact): fact is FactOf['medication'] =>
    fact.kind === 'medication' && fact.revision.row?.file === 'course'
  const courses = new Map(
    standing
      .filter(isCourse)
      .filter(fact => fact.status !== 'retracted')
      .map(fact => [fact.detail.courseId, fact.detail]),
  )
  return facts
    .filter(fact => fact.revision.row?.file !== 'course')
    .map(fact => {
      const course = fact.kind === 'medication' && fact.detail.courseId ? courses.get(fact.detail.courseId) : undefined
      if (fact.kind !== 'medication' || !course) return fact
      const { courseType, stoppedOn } = course
      const detail = { ...(courseType ? { courseType } : {}), ...(stoppedOn ? { stoppedOn } : {}), ...fact.detail }
      return { ...fact, detail }
    })
}

function withoutImpossibleDates(facts: readonly Fact[]): readonly Fact[] {
  const births = facts.flatMap(fact =>
    fact.kind === 'identity' && fact.status !== 'retracted' ? (fact.detail.birthDate ?? []) : [],
  )
  const [birth] = births.sort()
  if (!birth) return facts
  const { first } = daysOf(birth)
  return facts.map(fact => {
    if (fact.side !== 'gp' || !fact.when || daysOf(fact.when.date).last >= first) return fact
    const { when: _when, ...undated } = fact
    return undated as Fact
  })
}
