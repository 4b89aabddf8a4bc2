import type { Fact, FactOf, RecordKey } from './fact.ts'
import { compareFacts, compareVersions } from './order.ts'

type Move = {
  readonly from: RecordKey
  readonly to: RecordKey
  readonly visit: string
  readonly toVisit: string
}

/**
 * The facts of all records with every visit where the sources moved it last (A42, A45, A50; hl7v2.md 1.3): record and visit number change,
 * nothing else. The moves are applied in the order they were true, to every statement about the visit whenever it was made, so a message that
 * comes late under the old number lands right and a visit moved back is back. Pure; the order of the facts does not matter.
 */
export function withMovedVisits(facts: readonly Fact[]): readonly Fact[] {
  const moves = facts.filter(isMove).sort((a, b) => compareVersions(a, b) || compareFacts(a, b))
  if (moves.length === 0) return facts
  const inOrder = moves.flatMap(moveOf)
  return facts.map(fact => (isMove(fact) ? fact : inOrder.reduce(moved, fact)))
}

function isMove(fact: Fact): fact is FactOf['assertion'] {
  return fact.kind === 'assertion' && fact.detail.assertion === 'visit-moved'
}

function moveOf({ record, status, detail: { other, visit, toVisit } }: FactOf['assertion']): Move[] {
  if (status === 'retracted' || visit === undefined || toVisit === undefined) return []
  return [{ from: record, to: other as RecordKey, visit, toVisit }]
}

function moved(fact: Fact, { from, to, visit, toVisit }: Move): Fact {
  if (fact.record !== from || fact.revision.visit !== visit) return fact
  // Things and sets of a visit carry its number: `visit:V1`, `visit:V1/dg1`.
  const renamed = (key: string): string =>
    key === visit || key.startsWith(`${visit}/`) ? `${toVisit}${key.slice(visit.length)}` : key
  const { thing, set } = fact.revision
  const revision = {
    ...fact.revision,
    visit: toVisit,
    ...(thing === undefined ? {} : { thing: renamed(thing) }),
    ...(set === undefined ? {} : { set: renamed(set) }),
  }
  return { ...fact, record: to, revision }
}
