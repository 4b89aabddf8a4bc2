import type { Instant } from '../../fls/dates.ts'
import type { OdsCode, RecordKey } from '../../fls/fact.ts'
import type { InboxEntry } from '../arrival.ts'
import { type JsonObject, listAt, objectAt, objectsAt, textAt } from '../fhir/json.ts'
import { nhsNumberSystem } from '../fhir/token.ts'

/** What the door notes beside a kept response (`Arrival.meta`), so that reading needs nothing else. */
export type FormNotes = {
  /** Id of the response; of the episode when an assembled one was edited. */
  readonly response: string
  /** 1 for the first version, and so on. */
  readonly ordinal: number
  /** As-of of the version before: a correction is never older than what it corrects. */
  readonly notBefore?: Instant
  readonly record?: RecordKey
  /** Records that older versions of this response stood in. */
  readonly movedFrom?: readonly RecordKey[]
  /** A person pinned it to this episode. */
  readonly episode?: string
  /** Edit of an assembled response: only these questions were changed. */
  readonly items?: readonly string[]
}

export function formNotesOf(entry: Pick<InboxEntry, 'id' | 'meta'>, resource: JsonObject): FormNotes {
  const meta: unknown = entry.meta ?? {}
  const record = textAt(meta, 'record')
  const episode = textAt(meta, 'episode')
  const notBefore = textAt(meta, 'notBefore')
  const ordinal = entry.meta?.['ordinal']
  const items = entry.meta?.['items'] === undefined ? undefined : texts(meta, 'items')
  return {
    response: textAt(meta, 'response') ?? textAt(resource, 'id') ?? entry.id,
    ordinal: typeof ordinal === 'number' ? ordinal : 1,
    movedFrom: texts(meta, 'movedFrom') as RecordKey[],
    ...(record ? { record: record as RecordKey } : {}),
    ...(episode ? { episode } : {}),
    ...(notBefore ? { notBefore: notBefore as Instant } : {}),
    ...(items ? { items } : {}),
  }
}

function texts(holder: unknown, name: string): string[] {
  return listAt(holder, name).filter(value => typeof value === 'string')
}

/** Numbers that identify the patient: `subject.identifier`, and 1.01 for the NHS number. `local`: the FLS's own number, system left out. */
export type SubjectNumbers = { readonly nhsNumber?: string; readonly local?: string }

export function subjectNumbers(resource: JsonObject): SubjectNumbers {
  const identifier = objectAt(objectAt(resource, 'subject'), 'identifier')
  const value = textAt(identifier, 'value')?.trim()
  const isNhs = textAt(identifier, 'system') === nhsNumberSystem
  const stated = answerText(resource, '1.01')?.replace(/[\s-]/g, '')
  const nhsNumber = stated ?? (isNhs ? value?.replace(/[\s-]/g, '') : undefined)
  return { ...(nhsNumber ? { nhsNumber } : {}), ...(value && !isNhs ? { local: value } : {}) }
}

function answerText(holder: JsonObject, linkId: string): string | undefined {
  for (const item of objectsAt(holder, 'item')) {
    const [answer] = objectsAt(item, 'answer')
    if (item['linkId'] === linkId) return answer && textAt(answer, 'valueString')
    const inner = answerText(item, linkId)
    if (inner !== undefined) return inner
  }
  return undefined
}

/**
 * One record per local number of the FLS, else per NHS number, else per response. The organisation stands for the sender, so that colleagues
 * who fill in one patient's forms write into one record. Patient data: never log it.
 */
export function formRecordKey(organisation: OdsCode, numbers: SubjectNumbers, response: string): RecordKey {
  if (numbers.local) return `${organisation}|fls|${numbers.local}` as RecordKey
  if (numbers.nhsNumber) return `${organisation}|fls|nhs|${numbers.nhsNumber}` as RecordKey
  return `${organisation}|fls|response|${response}` as RecordKey
}
