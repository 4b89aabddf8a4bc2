import type { FractureSolution } from '../linkage/linkage.ts'
import type { SiteTree } from '../terminology/site-tree.ts'
import type { Current } from './current.ts'
import type { Fact, FactId } from './fact.ts'
import { type PersonFracture, siteOption } from './injury.ts'
import { compareFacts, compareText } from './order.ts'

/** Keyed hash of parts; the deployment's key makes ids that nobody can guess. */
export type MakeId = (kind: string, ...parts: readonly string[]) => string
export type PersonIds = { readonly personId: string; readonly personAliases: readonly string[] }

/**
 * A fracture with its facts and ids. The founder is the smallest member in canonical order, older versions of its members included, so that
 * a resent diagnosis list does not move the id. Aliases: ids it had or would have had under another founder or another name of its person.
 */
export function personFracture(
  solution: FractureSolution,
  current: Current,
  earlier: ReadonlyMap<string, readonly Fact[]>,
  { personId, personAliases, id, sites }: PersonIds & { readonly id: MakeId; readonly sites: SiteTree },
): PersonFracture {
  const wanted = new Set(solution.members.map(member => member.factId))
  const support = new Set(solution.supporting)
  const memberFacts = current.facts.filter(fact => wanted.has(fact.id))
  const lineage = [...memberFacts, ...memberFacts.flatMap(fact => earlier.get(lineageKey(fact)) ?? [])].sort(
    compareFacts,
  )
  const founders = [...new Set(lineage.map(fact => fact.id))]
  const founder = founders[0] ?? solution.members[0]?.factId ?? ('' as FactId)
  const fractureId = id('fracture', personId, founder)
  const others = [personId, ...personAliases].flatMap(person => founders.map(fact => id('fracture', person, fact)))
  const option = siteOption(solution.site, sites)
  return {
    ...solution,
    fractureId,
    aliases: [...new Set(others)].filter(other => other !== fractureId).sort(compareText),
    memberFacts,
    supportingFacts: current.facts.filter(fact => support.has(fact.id)),
    founder,
    ...(option ? { option } : {}),
  }
}

/** Earlier versions of statements, by what makes them versions of one another. */
export function lineages(past: readonly Fact[]): ReadonlyMap<string, readonly Fact[]> {
  return Map.groupBy(
    past.filter(fact => fact.kind === 'diagnosis' && fact.concept?.set === 'fracture-site'),
    lineageKey,
  )
}

/** One list, thing, or row of a record, and the site it names: another site in the same list is another fracture. */
export function lineageKey(fact: Fact): string {
  return `${placeOf(fact)}\n${fact.concept?.id ?? ''}`
}

/** The list, thing or row a statement stands in, whatever site it names. */
export function placeOf(fact: Fact): string {
  const { set, thing, row } = fact.revision
  return `${fact.record}\n${set ?? thing ?? (row ? `${row.file}\n${row.id}` : fact.id)}`
}
