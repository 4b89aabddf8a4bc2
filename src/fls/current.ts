import type { Fact } from './fact.ts'
import { compareFacts, compareVersions } from './order.ts'

/** What only the registers know: rows missing from a newer full extract, practices that withdrew. */
export type CurrentContext = {
  readonly isAbsent?: (fact: Fact) => boolean
  readonly isSealed?: (fact: Fact) => boolean
}

/**
 * `facts`: what stands now, canonical order, none retracted. `past`: what stood once and was replaced, cancelled, deleted or withdrawn,
 * needed to keep ids stable and to tell a withdrawn episode from one that never was. Sealed facts are in neither.
 */
export type Current = { readonly facts: readonly Fact[]; readonly past: readonly Fact[] }

/**
 * Folds all statements about a patient into what is current, by `Revision` alone; the same facts in any order give the same result.
 *
 * 1. the newest version of a row, and of a set, replaces the older ones whole; 2. statements about one thing are folded field by field,
 * `null` deletes, a tombstone empties; 3. a retracted encounter takes with it what its visit carried up to then; 4. rows absent from a
 * newer full extract go. Which answer of a site counts is decided per episode (answers.ts).
 */
export function currentFacts(facts: readonly Fact[], context: CurrentContext = {}): Current {
  const open = context.isSealed ? facts.filter(fact => !context.isSealed?.(fact)) : facts
  const kept = newestOf(newestOf(open, rowKey), setKey)
  const standing = withoutCancelledVisits(kept).filter(fact => !context.isAbsent?.(fact))
  const folded = foldThings(standing).filter(fact => fact.status !== 'retracted')
  const live = new Set(folded.map(fact => fact.id))
  const past = open.filter(fact => !live.has(fact.id) && fact.status !== 'retracted')
  return { facts: folded.sort(compareFacts), past: past.sort(compareFacts) }
}

function rowKey({ revision, organisation }: Fact): string | undefined {
  return revision.row && `${organisation}\n${revision.row.file}\n${revision.row.id}`
}

function setKey({ revision, record }: Fact): string | undefined {
  return revision.set === undefined ? undefined : `${record}\n${revision.set}`
}

function newestOf(facts: readonly Fact[], keyOf: (fact: Fact) => string | undefined): Fact[] {
  const newest = new Map<string, Fact>()
  for (const fact of facts) {
    const key = keyOf(fact)
    if (key === undefined) continue
    const known = newest.get(key)
    if (!known || compareVersions(fact, known) > 0) newest.set(key, fact)
  }
  return facts.filter(fact => {
    const best = newest.get(keyOf(fact) ?? '')
    return best === undefined || compareVersions(fact, best) === 0
  })
}

function withoutCancelledVisits(facts: readonly Fact[]): Fact[] {
  const cancelledAt = new Map<string, Fact>()
  for (const fact of facts) {
    if (fact.kind !== 'encounter' || fact.status !== 'retracted' || fact.revision.visit === undefined) continue
    const key = `${fact.record}\n${fact.revision.visit}`
    const known = cancelledAt.get(key)
    if (!known || compareVersions(fact, known) > 0) cancelledAt.set(key, fact)
  }
  if (cancelledAt.size === 0) return [...facts]
  return facts.filter(fact => {
    const cancelled =
      fact.revision.visit === undefined ? undefined : cancelledAt.get(`${fact.record}\n${fact.revision.visit}`)
    return !cancelled || (fact.status !== 'retracted' && isLater(fact, cancelled))
  })
}

/** Later by what the sources say; equal times belong to what was cancelled. */
function isLater(fact: Fact, cancelled: Fact): boolean {
  const { asOf, order = 0 } = fact.revision
  const limit = cancelled.revision
  return asOf > limit.asOf || (asOf === limit.asOf && order > (limit.order ?? 0))
}

function foldThings(facts: readonly Fact[]): Fact[] {
  const single: Fact[] = []
  const things = new Map<string, Fact[]>()
  for (const fact of facts) {
    if (fact.revision.thing === undefined) {
      single.push(fact)
      continue
    }
    const key = `${fact.record}\n${fact.kind}\n${fact.revision.thing}`
    const statements = things.get(key)
    if (statements) statements.push(fact)
    else things.set(key, [fact])
  }
  for (const statements of things.values()) {
    const folded = foldThing(statements.sort((a, b) => compareVersions(a, b) || compareFacts(a, b)))
    if (folded) single.push(folded)
  }
  return single
}

function foldThing(oldestFirst: readonly Fact[]): Fact | undefined {
  let whole: Fact | undefined
  for (const fact of oldestFirst) {
    // A deleted row has taken its own older versions along; what other rows say of the thing stands.
    if (fact.status === 'retracted') whole = fact.revision.row ? whole : undefined
    else whole = whole ? overlay(whole, fact) : fact
  }
  return whole && ({ ...whole, ...(whole.detail ? { detail: withoutNulls(whole.detail) } : {}) } as Fact)
}

/** The newer statement with what only the older one said. Both are of one kind, so the result is of that kind. */
function overlay(older: Fact, newer: Fact): Fact {
  const detail = { ...definedOf(older.detail), ...definedOf(newer.detail) }
  const isEmpty = Object.keys(detail).length === 0
  return { ...definedOf(older), ...definedOf(newer), ...(isEmpty ? {} : { detail }) } as Fact
}

function definedOf(record: object | undefined): Record<string, unknown> {
  return Object.fromEntries(Object.entries(record ?? {}).filter(([, value]) => value !== undefined))
}

function withoutNulls(record: object): object {
  return Object.fromEntries(Object.entries(record).filter(([, value]) => value !== null))
}
