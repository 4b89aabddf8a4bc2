import type { ErrorObject } from 'ajv'
import type { Issue, IssueCode } from '../../fls/issue.ts'
import { issue } from '../../fls/issue.ts'
import { brokenInvariants } from './invariants.ts'
import { isObject, type JsonObject, objectsAt, textAt } from './json.ts'
import { resourceTypes, schemaOf } from './schemas.ts'
import { joinPath } from './strict-json.ts'
import { stu3Hint } from './stu3.ts'

/** One outcome never lists more than this. */
export const mostIssues = 200

/**
 * Whether a resource is R4: its own schema, the resources inside it (contained, Bundle entries, Parameters), and the invariants of the base
 * specification that schemas cannot say. Empty means valid. `where`: FHIRPath of the resource, by default its type.
 * Issues: `structure-invalid`, `element-*`, `word-not-allowed`, `value-not-numeric`, `unreadable-date`, `resource-type-*`. All are structural (400), none is about profiles.
 */
export function validateResource(resource: unknown, where?: string): Issue[] {
  const type = textAt(resource, 'resourceType')
  if (!isObject(resource) || type === undefined) return [issue('resource-type-wrong', where ?? 'resourceType')]
  const schema = schemaOf(type)
  const at = where ?? (schema ? type : 'resourceType')
  if (!schema) return [issue('resource-type-unknown', at, hintOf(stu3Hint(resource)))]
  const isValid = schema(resource)
  const own = isValid ? brokenInvariants(type, resource, at) : translateErrors(schema.errors ?? [], at)
  const foreign = isValid ? undefined : stu3Hint(resource)
  if (foreign) own.unshift(issue('structure-invalid', at, { hint: foreign }))
  const nested = nestedResources(type, resource).flatMap(inner =>
    validateResource(inner.resource, `${at}.${inner.path}`),
  )
  return [...own, ...nested].slice(0, mostIssues)
}

/** True for every R4 type name, whether or not it is used here. */
export function isResourceType(name: string): boolean {
  return resourceTypes().has(name)
}

function nestedResources(type: string, resource: JsonObject): { resource: unknown; path: string }[] {
  const found = objectsAt(resource, 'contained').map((inner, index) => ({
    resource: inner,
    path: `contained[${index}]`,
  }))
  if (type === 'Bundle') {
    objectsAt(resource, 'entry').forEach((entry, index) => {
      if (isObject(entry['resource'])) found.push({ resource: entry['resource'], path: `entry[${index}].resource` })
    })
  }
  if (type === 'Parameters') {
    const inside = (holder: JsonObject, list: string, at: string): void =>
      objectsAt(holder, list).forEach((parameter, index) => {
        const path = `${at}${list}[${index}]`
        if (isObject(parameter['resource'])) found.push({ resource: parameter['resource'], path: `${path}.resource` })
        inside(parameter, 'part', `${path}.`)
      })
    inside(resource, 'parameter', '')
  }
  return found
}

function translateErrors(errors: readonly ErrorObject[], at: string): Issue[] {
  const issues = new Map<string, Issue>()
  for (const error of errors) {
    // The null branch of a primitive array is never what the sender meant.
    if (error.keyword === 'anyOf' || error.schemaPath.includes('/anyOf/1/')) continue
    const found = translateError(error, joinPath(at, fhirPath(error.instancePath)))
    const key = `${found.code} ${found.where}`
    if (!issues.has(key)) issues.set(key, found)
    if (issues.size >= mostIssues) break
  }
  return [...issues.values()]
}

const numberTypes: ReadonlySet<unknown> = new Set(['number', 'integer'])
const emptyKeywords: ReadonlySet<string> = new Set(['minLength', 'minItems', 'minProperties'])

function translateError(error: ErrorObject, where: string): Issue {
  const { keyword, params } = error
  if (keyword === 'additionalProperties')
    return issue('element-unknown', joinPath(where, safeName(params['additionalProperty'])))
  if (keyword === 'required') return issue('element-required', joinPath(where, safeName(params['missingProperty'])))
  if (keyword === 'fhirElements') {
    const place = joinPath(where, safeName(params['element']))
    return params['problem'] === 'missing'
      ? issue('element-required', place)
      : issue('structure-invalid', place, { hint: 'only one type of this element at a time' })
  }
  if (keyword === 'format') {
    const code: IssueCode = params['format'] === 'fhir-time' ? 'structure-invalid' : 'unreadable-date'
    return issue(code, where, { hint: dateHint(params['format']) })
  }
  if (emptyKeywords.has(keyword)) return issue('element-empty', where)
  if (keyword === 'enum') return issue('word-not-allowed', where, { hint: 'not a code of the required value set' })
  if (keyword === 'type' && numberTypes.has(params['type'])) return issue('value-not-numeric', where)
  return issue('structure-invalid', where, { hint: hintFor(keyword, params) })
}

function dateHint(format: unknown): string {
  if (format === 'fhir-dateTime')
    return 'YYYY, YYYY-MM, YYYY-MM-DD, or with time, seconds and zone; the date must exist'
  if (format === 'fhir-instant') return 'YYYY-MM-DDThh:mm:ss with zone; the date must exist'
  return format === 'fhir-time' ? 'hh:mm:ss' : 'YYYY, YYYY-MM or YYYY-MM-DD; the date must exist'
}

function hintFor(keyword: string, params: Readonly<Record<string, unknown>>): string {
  if (keyword === 'type') return `must be ${String(params['type'])}`
  if (keyword === 'pattern') return 'wrong shape for its type'
  return keyword === 'maxItems' ? 'too many' : 'outside the range of its type'
}

/** JSON pointer to FHIRPath: `/name/0/given` → `name[0].given`. */
function fhirPath(pointer: string): string {
  return pointer
    .split('/')
    .slice(1)
    .reduce((path, step) => (/^\d+$/.test(step) ? `${path}[${step}]` : joinPath(path, safeName(step))), '')
}

/** Names of elements only: a key that is no element name could hold anything. */
function safeName(name: unknown): string {
  return typeof name === 'string' && /^[A-Za-z_][A-Za-z0-9_[\]]{0,63}$/.test(name) ? name : '?'
}

function hintOf(hint: string | undefined): { hint?: string } {
  return hint ? { hint } : {}
}
