import { isObject, type JsonObject, type JsonValue, literalOf, type NumberLiterals } from '../sources/fhir/json.ts'

/** A value met on the way: `where` is its path from the start; `holder` and `key` find the number's literal. */
export type PathNode = {
  readonly value: JsonValue
  readonly where: string
  readonly holder?: object
  readonly key?: string | number
  /** The resource this node stands in: references inside it resolve from there. */
  readonly home: JsonObject
}
export type PathStep =
  | { readonly kind: 'member'; readonly name: string }
  | { readonly kind: 'extension'; readonly suffix: string }
  | { readonly kind: 'hop' }

/** Follows a Reference to a resource that is at hand (contained, or in the same Bundle). */
export type Follow = (
  reference: JsonObject,
  home: JsonObject,
) => { readonly resource: JsonObject; readonly where: string } | undefined

/**
 * Paths of the `fhir-r4` tables: `onsetPeriod.start`, `code.coding.code` (lists are walked), `extension(EthnicCategory).valueCodeableConcept`
 * (an extension whose address ends like that), `encounter->class.code` (the resource a reference leads to).
 */
export function parsePath(path: string): readonly PathStep[] {
  return path
    .replaceAll('->', '.->.')
    .split('.')
    .filter(step => step !== '')
    .map((step): PathStep => {
      const suffix = /^(?:modifierE|e)xtension\(([^)]+)\)$/.exec(step)?.[1]
      if (step === '->') return { kind: 'hop' }
      return suffix === undefined ? { kind: 'member', name: step } : { kind: 'extension', suffix }
    })
}

export function walk(start: PathNode, steps: readonly PathStep[], follow: Follow): readonly PathNode[] {
  return steps.reduce<readonly PathNode[]>((nodes, step) => nodes.flatMap(node => take(node, step, follow)), [start])
}

function take(node: PathNode, step: PathStep, follow: Follow): readonly PathNode[] {
  if (!isObject(node.value)) return []
  if (step.kind === 'hop') {
    const target = follow(node.value, node.home)
    return target ? [{ value: target.resource, where: target.where, home: target.resource }] : []
  }
  if (step.kind === 'member') return members(node, node.value, step.name)
  return members(node, node.value, 'extension').filter(({ value }) => {
    const url = isObject(value) ? value['url'] : undefined
    return typeof url === 'string' && url.endsWith(step.suffix)
  })
}

function members(node: PathNode, holder: JsonObject, name: string): readonly PathNode[] {
  const value = Object.hasOwn(holder, name) ? holder[name] : undefined
  if (value === undefined || value === null) return []
  const where = node.where === '' || node.where.endsWith('#') ? `${node.where}${name}` : `${node.where}.${name}`
  if (!Array.isArray(value)) return [{ value, where, holder, key: name, home: node.home }]
  return value.flatMap((member: JsonValue, index: number) =>
    member === null ? [] : [{ value: member, where: `${where}[${index}]`, holder: value, key: index, home: node.home }],
  )
}

/** The node as text: numbers with the places they were sent with; empty for structures. */
export function textOfNode(node: PathNode, literals: NumberLiterals): string {
  const { value, holder, key } = node
  if (typeof value === 'string') return value
  if (typeof value === 'boolean') return String(value)
  if (typeof value !== 'number') return ''
  return holder !== undefined && key !== undefined ? literalOf(literals, holder, key, value) : String(value)
}
