import type { FactId, FactOf } from '../fls/fact.ts'
import type { SiteTree } from '../terminology/site-tree.ts'
import type { Rules } from './injury-score.ts'
import type { CurrentFacts } from './linkage.ts'
import type { Statement } from './statements.ts'

/**
 * Constraints, not weights (linkage.md 3.2): what a person decided about two facts; two diagnoses of one visit or one message set with sites that
 * cannot be one bone or with different sides; two emergency attendances of one day with different sides; the halves of a bilateral code.
 * A human decision stands as an `assertion` fact whose `fact` is one fact id and whose `other` is the second; the later statement of a pair wins.
 */
export function readRules(facts: CurrentFacts, tree: SiteTree): { rules: Rules; decided: ReadonlySet<FactId> } {
  const said = facts.filter(
    (fact): fact is FactOf['assertion'] =>
      fact.kind === 'assertion' && fact.status !== 'retracted' && fact.detail.assertion.startsWith('fracture-'),
  )
  const sorted = [...said].sort(
    (left, right) => compareText(left.revision.asOf, right.revision.asOf) || compareText(left.id, right.id),
  )
  const human = new Map(
    sorted.map(fact => [
      pairOf(fact.detail.fact ?? '', fact.detail.other),
      fact.detail.assertion === 'fracture-same' ? ('same' as const) : ('different' as const),
    ]),
  )
  const decided = new Set([...human.keys()].flatMap(key => key.split('|') as FactId[]))
  const rules: Rules = (one, two) => {
    const known = human.get(pairOf(one.fact.id, two.fact.id))
    if (known && one.fact !== two.fact) return known
    return cannotBeOne(one, two, tree) ? 'different' : undefined
  }
  return { rules, decided }
}

function cannotBeOne(one: Statement, two: Statement, tree: SiteTree): boolean {
  if (one.fact === two.fact) return true
  const areOpposite = one.side !== undefined && two.side !== undefined && one.side !== two.side
  const areUnlike = !tree.isCompatible(one.site, two.site) && tree.groupOf(one.site) !== tree.groupOf(two.site)
  if (areTogether(one, two)) return areOpposite || areUnlike
  const areEmergency =
    one.department === 'emergency' && two.department === 'emergency' && one.first === two.first && one.last === two.last
  return areEmergency && areOpposite
}

function areTogether(one: Statement, two: Statement): boolean {
  const [left, right] = [one.fact.revision, two.fact.revision]
  if (one.fact.record !== two.fact.record) return false
  return (left.visit !== undefined && left.visit === right.visit) || (left.set !== undefined && left.set === right.set)
}

function pairOf(one: string, two: string): string {
  return one < two ? `${one}|${two}` : `${two}|${one}`
}

function compareText(left: string, right: string): number {
  return left < right ? -1 : left > right ? 1 : 0
}
