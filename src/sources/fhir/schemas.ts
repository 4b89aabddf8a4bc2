import { existsSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { Ajv, type ErrorObject, type SchemaValidateFunction, type ValidateFunction } from 'ajv'
import { isFhirDate, isFhirDateTime, isFhirInstant, isFhirTime } from './primitives.ts'

const folder = fileURLToPath(new URL('../../../profiles/schemas/', import.meta.url))
type SchemaFile = { readonly $defs: Readonly<Record<string, { readonly $id: string }>> }
type ElementGroup = { readonly element: string; readonly of: readonly string[]; readonly min: number }

let loaded: Ajv | undefined
const compiled = new Map<string, ValidateFunction>()
let typeNames: ReadonlySet<string> | undefined

/** Every resource type of R4 4.0.1; names are case sensitive. */
export function resourceTypes(): ReadonlySet<string> {
  if (!typeNames) {
    const file: { types: string[] } = JSON.parse(readFileSync(join(folder, 'resource-types.json'), 'utf8'))
    typeNames = new Set(file.types)
  }
  return typeNames
}

/** The generated schema of a resource type, compiled on first use; `undefined` for a name that is no R4 type. */
export function schemaOf(type: string): ValidateFunction | undefined {
  const known = compiled.get(type)
  if (known) return known
  if (!resourceTypes().has(type)) return undefined
  loaded ??= newAjv()
  addFile(loaded, `${type}.json`)
  const made = loaded.getSchema(type)
  if (made) compiled.set(type, made)
  return made
}

function newAjv(): Ajv {
  const ajv = new Ajv({ allErrors: true, strict: false, validateSchema: false, inlineRefs: false, logger: false })
  ajv.addFormat('fhir-date', isFhirDate)
  ajv.addFormat('fhir-dateTime', isFhirDateTime)
  ajv.addFormat('fhir-instant', isFhirInstant)
  ajv.addFormat('fhir-time', isFhirTime)
  ajv.addKeyword({
    keyword: 'fhirElements',
    type: 'object',
    schemaType: 'array',
    errors: true,
    validate: checkElements,
  })
  ajv.addKeyword({ keyword: 'fhirResource', schemaType: 'boolean', validate: () => true })
  addFile(ajv, 'datatypes.json')
  return ajv
}

function addFile(ajv: Ajv, name: string): void {
  const path = join(folder, name)
  if (!existsSync(path)) throw new Error(`profiles/schemas/${name} is missing: run npm run generate`)
  const file: SchemaFile = JSON.parse(readFileSync(path, 'utf8'))
  ajv.addSchema(Object.values(file.$defs))
}

/** At most one type of a choice; at least one where required. A primitive is there when it or its `_sibling` is. */
const checkElements: SchemaValidateFunction = (
  groups: readonly ElementGroup[],
  value: Readonly<Record<string, unknown>>,
) => {
  const errors: Partial<ErrorObject>[] = []
  for (const { element, of, min } of groups) {
    const present = of.filter(name => Object.hasOwn(value, name) || Object.hasOwn(value, `_${name}`)).length
    if (present < min) errors.push({ keyword: 'fhirElements', params: { element, problem: 'missing' } })
    if (present > 1) errors.push({ keyword: 'fhirElements', params: { element, problem: 'several' } })
  }
  checkElements.errors = errors
  return errors.length === 0
}
