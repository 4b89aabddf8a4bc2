import { hash } from 'node:crypto'
import type { InboxId } from '../../fls/fact.ts'
import type { IndexedResource } from '../../store/resources.ts'
import type { InboxEntry } from '../arrival.ts'
import { isObject, type JsonObject, type JsonValue, listAt, objectsAt, textAt } from './json.ts'
import { referenceTexts } from './rewrite.ts'
import { searchParametersOf } from './search-parameters.ts'
import { searchTermsOf } from './search-terms.ts'
import { tokenOf } from './token.ts'

/**
 * What the door notes beside the bytes (`Arrival.meta`), so that reading needs nothing else.
 * `resources`: what this entry wrote, and only that; a conditional create that found its resource is not among them.
 * `references`: reference as sent → `Type/id`, for all that are not `Type/id` of ours already.
 * `patients`, `medications`: identifiers and codes of resources posted earlier that this entry refers to.
 */
export type FhirNotes = {
  readonly resources: readonly WrittenResource[]
  readonly references: Readonly<Record<string, string>>
  readonly patients: Readonly<Record<string, JsonObject>>
  readonly medications: Readonly<Record<string, JsonObject>>
  /** Mapping folder named at enrolment. */
  readonly mapping?: string
}
export type WrittenResource = { readonly path: string; readonly type: string; readonly id: string }

/** The notes of an entry; entries of this door always have them. */
export function notesOf(entry: Pick<InboxEntry, 'meta'>): FhirNotes {
  const meta: unknown = entry.meta ?? {}
  const resources = objectsAt(meta, 'resources').flatMap(written => {
    const type = textAt(written, 'type')
    const id = textAt(written, 'id')
    return type && id ? [{ path: textAt(written, 'path') ?? '', type, id }] : []
  })
  const mapping = textAt(meta, 'mapping')
  return {
    resources,
    references: texts(isObject(meta) ? meta['references'] : undefined),
    patients: objects(isObject(meta) ? meta['patients'] : undefined),
    medications: objects(isObject(meta) ? meta['medications'] : undefined),
    ...(mapping ? { mapping } : {}),
  }
}

/** Opaque, and the same whenever the entry is indexed. */
export function versionIdOf(inboxId: InboxId, path: string): string {
  return hash('sha256', `version\n${inboxId}\n${path}`, 'hex').slice(0, 16)
}

/** `system|value` and `*|value` for each identifier with a value: what a token search may ask for. */
export function identifierTokens(resource: JsonObject): string[] {
  const tokens = identifiersOf(resource).flatMap(identifier => {
    const value = textAt(identifier, 'value')
    return value === undefined ? [] : [tokenOf(textAt(identifier, 'system') ?? '', value), tokenOf('*', value)]
  })
  return [...new Set(tokens)]
}

/** `identifier` may be one (QuestionnaireResponse, Bundle) or a list. */
export function identifiersOf(resource: JsonObject): readonly JsonObject[] {
  return listAt(resource, 'identifier').filter(isObject)
}

/** The resource at a path of the parsed body: empty, or `entry[3].resource`. */
export function resourceAt(root: JsonValue, path: string): JsonObject | undefined {
  if (path === '') return isObject(root) ? root : undefined
  const index = Number(/^entry\[(\d+)\]\.resource$/.exec(path)?.[1] ?? Number.NaN)
  const inner = listAt(root, 'entry')[index]
  return isObject(inner) && isObject(inner['resource']) ? inner['resource'] : undefined
}

/** Everything an entry wrote, as index documents. Pure: bytes and notes say it all. `root`: the bytes as JSON, where they are read already. */
export function writtenResources(
  entry: InboxEntry,
  root: JsonValue = JSON.parse(entry.bytes.toString('utf8').replace(/^\ufeff/, '')),
): IndexedResource[] {
  const notes = notesOf(entry)
  return notes.resources.flatMap(({ path, type, id }) => {
    const resource = resourceAt(root, path)
    if (!resource) return []
    const references = ownReferences(resource, notes.references)
    const became = new Map(references)
    const resolved = (text: string): string => became.get(text) ?? text
    return [
      {
        type,
        id,
        sender: entry.sender,
        organisation: entry.organisation,
        search: {
          ...searchTermsOf(resource, searchParametersOf(type), resolved),
          identifier: identifierTokens(resource),
        },
        ...(type === 'Patient' ? { patient: { identifier: identifiersOf(resource) } } : {}),
        ...(type === 'Medication' && isObject(resource['code']) ? { medication: { code: resource['code'] } } : {}),
        version: {
          versionId: versionIdOf(entry.id, path),
          inboxId: entry.id,
          path,
          at: new Date(entry.receivedAt),
          ...(references.length > 0 ? { references } : {}),
        },
      },
    ]
  })
}

/** The part of the Bundle's resolutions that this resource uses, as pairs: addresses make poor field names. */
function ownReferences(resource: JsonObject, all: Readonly<Record<string, string>>): (readonly [string, string])[] {
  const own = new Map<string, string>()
  for (const text of referenceTexts(resource)) {
    const became = Object.hasOwn(all, text) ? all[text] : undefined
    if (became !== undefined) own.set(text, became)
  }
  return [...own]
}

function texts(value: unknown): Record<string, string> {
  if (!isObject(value)) return {}
  return Object.fromEntries(
    Object.entries(value).filter((pair): pair is [string, string] => typeof pair[1] === 'string'),
  )
}

function objects(value: unknown): Record<string, JsonObject> {
  if (!isObject(value)) return {}
  return Object.fromEntries(Object.entries(value).filter((pair): pair is [string, JsonObject] => isObject(pair[1])))
}
