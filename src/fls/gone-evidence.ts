import type { SiteTree } from '../terminology/site-tree.ts'
import { daysBetween, daysOf } from './dates.ts'
import type { Fact } from './fact.ts'
import type { MakeId } from './fracture-ids.ts'
import { type PersonIds, placeOf } from './fracture-ids.ts'
import type { PersonFracture } from './injury.ts'
import { compareText } from './order.ts'

/** Two statements of compatible sites this near in time were told of one fracture, so ids founded on the one lead to the other. */
const sameFractureDays = 60

/** A confirmed or suspected fracture code: what an episode can be founded on. */
export function isIndexEvidence(fact: Fact): boolean {
  return (
    fact.kind === 'diagnosis' &&
    fact.concept?.set === 'fracture-site' &&
    fact.concept.kind === 'include' &&
    fact.certainty !== 'refuted'
  )
}

/** Index evidence that stands no longer and was not replaced by a newer version of its list, thing or row. */
export function goneEvidence(facts: readonly Fact[], past: readonly Fact[]): Fact[] {
  const living = new Set(facts.filter(isIndexEvidence).map(placeOf))
  return past.filter(fact => isIndexEvidence(fact) && !living.has(placeOf(fact)))
}

/**
 * Fractures with the ids they had, or would have had, while a statement now taken back was their founder: an FLS form entered in error, a
 * deleted GP row beside the hospital's own. Without this the id handed out then would be a withdrawn episode beside the one that lives on.
 */
export function withGoneIds(
  fractures: readonly PersonFracture[],
  gone: readonly Fact[],
  { personId, personAliases, id, sites }: PersonIds & { readonly id: MakeId; readonly sites: SiteTree },
): PersonFracture[] {
  const heirs = Map.groupBy(gone, fact => heirOf(fact, fractures, sites))
  return fractures.map(fracture => {
    const facts = heirs.get(fracture) ?? []
    if (facts.length === 0) return fracture
    const ids = [personId, ...personAliases].flatMap(person => facts.map(fact => id('fracture', person, fact.id)))
    const aliases = new Set([...fracture.aliases, ...ids])
    aliases.delete(fracture.fractureId)
    return { ...fracture, aliases: [...aliases].sort(compareText) }
  })
}

/** The nearest fracture in time of a compatible site and side; undefined when none is near, or one of them has no date. */
function heirOf(fact: Fact, fractures: readonly PersonFracture[], sites: SiteTree): PersonFracture | undefined {
  const near = fractures.flatMap(fracture => {
    const days = distance(fact, fracture)
    const isAlike = sites.isCompatible(fracture.site, fact.concept?.id ?? '') && isSameSide(fracture, fact)
    return isAlike && days !== undefined && days <= sameFractureDays ? [{ fracture, days }] : []
  })
  return near.sort((a, b) => a.days - b.days || compareText(a.fracture.founder, b.fracture.founder))[0]?.fracture
}

function isSameSide(fracture: PersonFracture, fact: Fact): boolean {
  return fracture.laterality === undefined || fact.laterality === undefined || fracture.laterality === fact.laterality
}

/** Days between the nearest days the two dates may mean. */
function distance(fact: Fact, fracture: PersonFracture): number | undefined {
  if (!fact.when || !fracture.date) return undefined
  const [a, b] = [daysOf(fact.when.date), daysOf(fracture.date)]
  return Math.max(0, daysBetween(a.last, b.first), daysBetween(b.last, a.first))
}
