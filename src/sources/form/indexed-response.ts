import { createHash } from 'node:crypto'
import type { InboxId } from '../../fls/fact.ts'
import type { IndexedResponse, ResponseSearch } from '../../store/responses.ts'
import type { InboxEntry } from '../arrival.ts'
import { isObject, type JsonObject, objectAt, textAt } from '../fhir/json.ts'
import { tokenOf } from '../fhir/token.ts'
import { identifierTokens } from '../fhir/written.ts'
import { dateRange } from './date-limits.ts'
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
    search: searchOf(resource),
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

function searchOf(resource: JsonObject): ResponseSearch {
  const questionnaire = textAt(resource, 'questionnaire')
  const authored = dateRange(textAt(resource, 'authored') ?? '')
  return {
    ...(questionnaire === undefined
      ? {}
      : { questionnaire: [...new Set([questionnaire, questionnaire.replace(/\|.*$/, '')])] }),
    status: textAt(resource, 'status') ?? '',
    subject: referenceTokens(objectAt(resource, 'subject')),
    author: referenceTokens(objectAt(resource, 'author')),
    identifier: identifierTokens(resource),
    ...(authored ? { authoredFirst: authored.first, authoredLast: authored.last } : {}),
  }
}

/** `Type/id` of a reference, and `system|value` and `*|value` of its identifier. */
function referenceTokens(reference: JsonObject | undefined): string[] {
  const literal = /([A-Z][A-Za-z]+\/[A-Za-z0-9.-]{1,64})(?:\/_history\/[^/]+)?$/.exec(
    textAt(reference, 'reference') ?? '',
  )?.[1]
  const identifier = objectAt(reference, 'identifier')
  const value = textAt(identifier, 'value')
  return [
    ...(literal ? [literal] : []),
    ...(value === undefined ? [] : [tokenOf(textAt(identifier, 'system') ?? '', value), tokenOf('*', value)]),
  ]
}
