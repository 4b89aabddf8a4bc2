import { readFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import type { FhirAnswer, FhirCall } from './call.ts'
import { isObject, type JsonObject, type JsonValue, type NumberLiterals, objectAt, objectsAt, textAt } from './json.ts'
import { withLiteralsOf } from './rewrite.ts'
import { badParameter } from './search-conditions.ts'

type Elements = { readonly summary: readonly string[]; readonly always: readonly string[] }
let known: Readonly<Record<string, Elements>> | undefined

/** Top-level elements by type, generated from the R4 definitions (profiles/elements.json). */
function elementsOf(type: string): Elements {
  known ??= JSON.parse(readFileSync(fileURLToPath(new URL('../../../profiles/elements.json', import.meta.url)), 'utf8'))
  return known?.[type] ?? { summary: [], always: [] }
}

const summaries = ['true', 'text', 'data', 'count', 'false'] as const
type Shape = { readonly summary?: (typeof summaries)[number]; readonly elements?: readonly string[] }

/** `_summary` and `_elements` of a call; 400 for a value nobody defined. `_elements` with a type in front holds for that type alone. */
export function shapeOf(call: Pick<FhirCall, 'query'>): Shape {
  const stated = call.query.get('_summary')
  const summary = summaries.find(one => one === stated)
  if (stated !== null && summary === undefined) throw badParameter('_summary', summaries.join(', '))
  const elements = call.query.getAll('_elements').flatMap(text => text.split(','))
  if (elements.some(one => !/^([A-Z]\w{1,40}\.)?[a-z]\w{0,40}(\[x\])?$/.test(one.trim())))
    throw badParameter('_elements')
  return {
    ...(summary ? { summary } : {}),
    ...(elements.length > 0 ? { elements: elements.map(one => one.trim()) } : {}),
  }
}

/** The answer in the shape asked for: matches of a searchset or history one by one, any other resource as a whole. Subsets say so. */
export function shaped(answer: FhirAnswer, shape: Shape): FhirAnswer {
  const { resource } = answer
  if (!resource || answer.status !== 200) return answer
  const literals: NumberLiterals = answer.literals ?? new WeakMap()
  const one = (each: JsonObject): JsonObject => subset(each, shape, literals)
  if (resource['resourceType'] !== 'Bundle') return { ...answer, resource: one(resource), literals }
  const entries = objectsAt(resource, 'entry')
  if (entries.length === 0) return answer
  const entry = entries.map((each): JsonValue => {
    const inner = each['resource']
    const isMatch = textAt(objectAt(each, 'search'), 'mode') !== 'outcome'
    return isMatch && isObject(inner) ? { ...each, resource: one(inner) } : each
  })
  return { ...answer, resource: { ...resource, entry }, literals }
}

function subset(resource: JsonObject, shape: Shape, literals: NumberLiterals): JsonObject {
  const type = textAt(resource, 'resourceType') ?? ''
  const keeps = keeping(type, shape)
  if (!keeps) return resource
  const members = Object.entries(resource).filter(([name]) => keeps(name.replace(/^_/, '')))
  const meta = objectAt(resource, 'meta')
  const tag = [...objectsAt(meta, 'tag'), { system: observationValue, code: 'SUBSETTED' }]
  const kept: JsonObject = { ...Object.fromEntries(members), meta: { ...meta, tag } }
  return withLiteralsOf(resource, kept, literals)
}

const observationValue = 'http://terminology.hl7.org/CodeSystem/v3-ObservationValue'
const anyway: ReadonlySet<string> = new Set(['resourceType', 'id', 'meta'])

/** Which elements stay; undefined when all do. */
function keeping(type: string, { summary, elements }: Shape): ((name: string) => boolean) | undefined {
  const { summary: inSummary, always } = elementsOf(type)
  const stays = (name: string): boolean => anyway.has(name) || always.includes(name)
  if (elements) {
    const wanted = elements.map(one => one.replace(`${type}.`, '').replace('[x]', '')).filter(one => !one.includes('.'))
    // `onset` stands for whichever onset[x] is there.
    const isWanted = (name: string): boolean =>
      wanted.some(one => name === one || (name.startsWith(one) && /^[A-Z]/.test(name.slice(one.length))))
    return name => stays(name) || isWanted(name)
  }
  if (summary === 'true') return name => stays(name) || inSummary.includes(name)
  if (summary === 'text') return name => stays(name) || name === 'text'
  if (summary === 'data') return name => name !== 'text'
  return undefined
}
