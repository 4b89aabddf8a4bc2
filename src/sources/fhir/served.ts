import { instantOf } from '../../fls/dates.ts'
import { issue } from '../../fls/issue.ts'
import { Refusal } from '../../http/refusal.ts'
import { findVersion } from '../../store/resource-versions.ts'
import type { ResourceDocument, ResourceVersion } from '../../store/resources.ts'
import type { FhirAnswer } from './call.ts'
import { type FhirDeps, fhirBase } from './door.ts'
import { isObject, type JsonObject, type NumberLiterals, objectAt } from './json.ts'
import { rewriteReferences, withLiteralsOf } from './rewrite.ts'
import { decodeUtf8, readStrictJson } from './strict-json.ts'
import { resourceAt } from './written.ts'

type Filling = {
  readonly id: string
  readonly versionId: string
  readonly at: Date
  readonly references: ReadonlyMap<string, string>
}

/** The resource as it was sent, with our id, version and time, and the references of its Bundle resolved. */
export function filled(resource: JsonObject, filling: Filling, literals: NumberLiterals): JsonObject {
  const { resourceType, id: _theirs, meta: _meta, ...rest } = rewriteReferences(resource, filling.references, literals)
  const whole = {
    resourceType: resourceType ?? '',
    id: filling.id,
    meta: { ...objectAt(resource, 'meta'), versionId: filling.versionId, lastUpdated: instantOf(filling.at) },
    ...rest,
  }
  return withLiteralsOf(resource, whole, literals)
}

/**
 * One version (by default the current one) read back from the inbox bytes, with ETag and Last-Modified. 404 for a version that never was.
 */
export async function servedVersion(
  document: ResourceDocument,
  versionId: string | undefined,
  deps: FhirDeps,
): Promise<FhirAnswer> {
  const version = versionId === undefined ? document.current : await findVersion(deps.db, document, versionId)
  if (!version) throw new Refusal(404, [issue('not-found', document.type)])
  return servedKept(document, version, deps)
}

/** A version we know of, read back from the inbox bytes; 410 when they expired by retention. */
export async function servedKept(
  document: ResourceDocument,
  version: ResourceVersion,
  deps: FhirDeps,
): Promise<FhirAnswer> {
  const bytes = await deps.rawBytes(version.inboxId)
  const read = bytes && readStrictJson(decodeUtf8(bytes) ?? '').read
  const resource = read && resourceAt(read.value, version.path)
  if (!read || !resource) throw new Refusal(410, [issue('gone', document.type)])
  const references = new Map(version.references ?? [])
  return {
    status: 200,
    headers: versionHeaders(version),
    resource: filled(resource, { id: document.id, ...version, references }, read.literals),
    literals: read.literals,
  }
}

export function versionHeaders(version: ResourceVersion): Readonly<Record<string, string>> {
  return { ETag: `W/"${version.versionId}"`, 'Last-Modified': version.at.toUTCString() }
}

export function urlOf(document: ResourceDocument, deps: Pick<FhirDeps, 'baseUrl'>): string {
  return `${fhirBase(deps)}/${document.type}/${document.id}`
}

/** A resource we built ourselves, as plain JSON. */
export function jsonOf(resource: object): JsonObject {
  const plain: unknown = JSON.parse(JSON.stringify(resource))
  if (!isObject(plain)) throw new Error('a resource is an object')
  return plain
}
