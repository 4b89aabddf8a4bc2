/** The parts of R4 ValueSet and CodeSystem that enumerating a required binding needs. */
type ConceptTree = { readonly code: string; readonly concept?: readonly ConceptTree[] }
type CodeSystem = { readonly url?: string; readonly concept?: readonly ConceptTree[] }
type Include = {
  readonly system?: string
  readonly concept?: readonly { readonly code: string }[]
  readonly valueSet?: readonly string[]
  readonly filter?: readonly unknown[]
}
type ValueSet = {
  readonly url?: string
  readonly compose?: { readonly include: readonly Include[]; readonly exclude?: readonly Include[] }
}
export type Definitions = {
  readonly systems: ReadonlyMap<string, CodeSystem>
  readonly valueSets: ReadonlyMap<string, ValueSet>
  /** Names of resource types, abstract ones included. */
  readonly resources: ReadonlySet<string>
}

/**
 * The codes of a value set, sorted; undefined when it cannot be listed from the definitions alone (filters, foreign code systems,
 * an open grammar such as MIME types). `canonical` may carry `|version`, which R4 pins and we ignore.
 */
export function codesOf(canonical: string, known: Definitions): readonly string[] | undefined {
  const compose = known.valueSets.get(canonical.split('|')[0] ?? '')?.compose
  if (!compose || compose.exclude) return undefined
  const codes = new Set<string>()
  for (const part of compose.include) {
    const found = codesOfInclude(part, known)
    if (!found) return undefined
    for (const code of found) codes.add(code)
  }
  return codes.size > 0 ? [...codes].sort() : undefined
}

function codesOfInclude(part: Include, known: Definitions): readonly string[] | undefined {
  if (part.filter) return undefined
  if (part.valueSet) {
    const lists = part.valueSet.map(canonical => codesOf(canonical, known))
    return lists.every(list => list !== undefined) ? lists.flat() : undefined
  }
  if (part.concept) return part.concept.map(concept => concept.code)
  const concepts = known.systems.get(part.system ?? '')?.concept
  return concepts ? flatten(concepts) : undefined
}

function flatten(concepts: readonly ConceptTree[]): string[] {
  return concepts.flatMap(concept => [concept.code, ...flatten(concept.concept ?? [])])
}
