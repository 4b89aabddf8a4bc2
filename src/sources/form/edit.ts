import type { Episode } from '../../fls/episode.ts'
import { items } from '../../fls/items.ts'
import { type JsonObject, literalOf, type NumberLiterals, objectsAt, textAt } from '../fhir/json.ts'
import { markOf, marksOf, shownValues } from './assemble.ts'
import { valueIn } from './form.ts'

/** What a PUT on an assembled response changes: questions, or the questions somebody else has changed meanwhile. */
export type Edit =
  | { readonly kind: 'changed'; readonly items: readonly string[] }
  | { readonly kind: 'conflict'; readonly items: readonly string[] }
  | { readonly kind: 'unknown-version' }

/**
 * Compares a client's response with the current answers and with the version it was made from (Decision "FHIR"). A question that differs from
 * the current answer is changed when the current answer is still that of the version named; when it has moved since, the client either never
 * touched it (it still says what it said then), or there is a conflict.
 */
export function editOf(resource: JsonObject, literals: NumberLiterals, episode: Episode, versionId: string): Edit {
  const named = marksOf(versionId)
  if (!named) return { kind: 'unknown-version' }
  const given = answersOf(resource, literals)
  const changed: string[] = []
  const conflicts: string[] = []
  for (const item of items) {
    const theirs = markOf(item, given.get(item.id) ?? [])
    const current = shownValues(item, episode)
    if (isSame(given.get(item.id) ?? [], current)) continue
    const currentMark = markOf(item, current)
    const base = named.get(item.id) ?? 0
    if (currentMark === base) changed.push(item.id)
    else if (theirs !== base) conflicts.push(item.id)
  }
  return conflicts.length > 0 ? { kind: 'conflict', items: conflicts } : { kind: 'changed', items: changed }
}

function isSame(a: readonly string[], b: readonly string[]): boolean {
  return a.length === b.length && a.every(value => b.includes(value))
}

/** Values by question number, numbers as they were written. */
export function answersOf(resource: JsonObject, literals: NumberLiterals): ReadonlyMap<string, readonly string[]> {
  const found = new Map<string, readonly string[]>()
  const walk = (holder: JsonObject): void => {
    for (const item of objectsAt(holder, 'item')) {
      const values = objectsAt(item, 'answer').flatMap(answer => textOf(answer, literals) ?? [])
      if (values.length > 0) found.set(textAt(item, 'linkId') ?? '', values)
      walk(item)
    }
  }
  walk(resource)
  return found
}

function textOf(answer: JsonObject, literals: NumberLiterals): string | undefined {
  const held = valueIn(answer)
  if (!held) return undefined
  const { name, value } = held
  if (typeof value === 'number') return literalOf(literals, answer, name, value)
  return typeof value === 'string' ? value : textAt(value, 'code')
}
