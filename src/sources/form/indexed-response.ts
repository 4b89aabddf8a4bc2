import { createHash } from 'node:crypto'
import type { InboxId } from '../../fls/fact.ts'
import type { IndexedResponse } from '../../store/responses.ts'
import type { InboxEntry } from '../arrival.ts'
import { isObject, type JsonObject } from '../fhir/json.ts'
import { searchParametersOf } from '../fhir/search-parameters.ts'
import { searchTermsOf } from '../fhir/search-terms.ts'
import { formNotesOf, formRecordKey, subjectNumbers } from './form-notes.ts'

/** Opaque, the same whenever the entry is indexed. */
export function responseVersionId(inboxId: InboxId): string {
  return createHash('sha256').update(`response\n${inboxId}`).digest('hex').slice(0, 16)
}

/** What the index holds of a kept response; undefined for edits of assembled ones, which have no versions of their own. */
export function indexedResponse(entry: InboxEntry): IndexedResponse | undefined {
  const resource = parsed(entry.bytes)
  if (resource?.['resourceType'] !== 'QuestionnaireResponse') return undefined
  const notes = formNotesOf(entry, resource)
  if (notes.items !== undefined) return undefined
  const record =
    notes.record ?? entry.recordKey ?? formRecordKey(entry.organisation, subjectNumbers(resource), notes.response)
  return {
    _id: notes.response,
    organisation: entry.organisation,
    search: searchTermsOf(resource, searchParametersOf('QuestionnaireResponse')),
    version: {
      versionId: responseVersionId(entry.id),
      inboxId: entry.id,
      at: new Date(entry.receivedAt),
      ordinal: notes.ordinal,
      asOf: entry.receivedAt,
      record,
    },
  }
}

function parsed(bytes: Buffer): JsonObject | undefined {
  try {
    const value: unknown = JSON.parse(bytes.toString('utf8').replace(/^\ufeff/, ''))
    return isObject(value) ? value : undefined
  } catch (cause) {
    if (cause instanceof SyntaxError) return undefined
    throw cause
  }
}
