import type { FactKind } from '../fls/fact.ts'

/**
 * One row of a mapping table (`mappings/<kind or feed>/*.csv`), see `mappings/README.md`. Conditions, readers and attributes come from the
 * closed registries conditions.ts, readers.ts and attributes.ts; there are no expressions.
 */
export type MappingRow = {
  /** Unique in its kind; a feed replaces a default row by using its id. */
  readonly row: string
  /** Only on rows with `to` = `fact`: where to look (`DG1`, `Condition`, `row`). */
  readonly each: string
  /** `<kind>.<name>`: rows that share it fill one fact per context. */
  readonly fact: string
  readonly when: readonly Call[]
  /** Paths: `A+B` collects all, `A|B` takes the first that is there. */
  readonly from: readonly (readonly string[])[]
  readonly reader: Call | undefined
  /** Terminology sets (for `coding`) or a value table (for words), in order of preference. */
  readonly lookup: readonly string[]
  /** `fact` declares the fact; everything else is a path of attributes.ts. */
  readonly to: string
  readonly onUnknown: OnUnknown
  /** Row of the HL7 v2-to-FHIR guide, for readers of the table. */
  readonly igRow: string
  readonly note: string
  /** `mappings/hl7v2/adt.csv:12`, for messages. */
  readonly at: string
}

/** `keep`: fact without concept and an issue. `quiet`: the fact alone. `issue`: no fact, an issue. `skip`: neither. */
export type OnUnknown = 'keep' | 'quiet' | 'issue' | 'skip'

/** A name of a registry with at most one plain argument: `trigger:A01|A04`, `!has:PV1-19`. */
export type Call = { readonly name: string; readonly argument: string; readonly isNegated: boolean }

export const factKinds: readonly FactKind[] = [
  ...(['identity', 'encounter', 'diagnosis', 'procedure', 'observation', 'medication'] as const),
  ...(['request', 'appointment', 'document', 'death', 'answer', 'assertion'] as const),
]

/** The kind is what stands before the first dot of `fact`. */
export function kindOf(fact: string): FactKind | undefined {
  const name = fact.split('.')[0]
  return factKinds.find(kind => kind === name)
}

/** `name`, `name:argument`, `!name:argument`. */
export function parseCall(text: string): Call {
  const isNegated = text.startsWith('!')
  const plain = isNegated ? text.slice(1) : text
  const colon = plain.indexOf(':')
  if (colon < 0) return { name: plain, argument: '', isNegated }
  return { name: plain.slice(0, colon), argument: plain.slice(colon + 1), isNegated }
}

/** `PID-3+PID-2|PID-19`: alternatives of collections. */
export function parseFrom(text: string): readonly (readonly string[])[] {
  return text === '' ? [] : text.split('|').map(group => group.split('+'))
}
