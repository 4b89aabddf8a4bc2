import type { OdsCode, RecordKey, Side } from '../fls/fact.ts'
import type { NhsNumber } from '../fls/nhs-number.ts'
import { readNhsNumber } from '../fls/nhs-number.ts'
import { type JsonObject, objectAt, objectsAt, textAt } from '../sources/fhir/json.ts'
import { nhsNumberSystem } from '../sources/fhir/token.ts'
import { identifiersOf } from '../sources/fhir/written.ts'
import type { FeedSource } from './feed.ts'
import { knownRecordKey } from './record-key.ts'

/** Whose resources these are and how the feed numbers its patients. */
export type FhirWho = {
  readonly sender: string
  readonly organisation: OdsCode
  readonly side: Side
  readonly practice?: OdsCode
  readonly feed: FeedSource
  readonly acceptTestNumbers: boolean
}
export type LocalNumber = { readonly authority: string; readonly number: string }

/** Both spellings of the ODS systems occur (terminology.md 5.2). */
const odsSystem = /\/ods-(organi[sz]ation|site)-code$/i
const nhsSystems: ReadonlySet<string> = new Set([
  nhsNumberSystem.toLowerCase(),
  'http://fhir.nhs.uk/id/nhs-number',
  'http://fhir.nhs.net/id/nhs-number',
  'urn:oid:2.16.840.1.113883.2.1.4.1',
])
const nhsOldSystem = 'urn:oid:2.16.840.1.113883.2.1.3.2.4.3'
const defaultNumberTypes = ['MR', 'PI']

export function isNhsIdentifier(identifier: JsonObject): boolean {
  const system = textAt(identifier, 'system')?.toLowerCase() ?? ''
  if (nhsSystems.has(system) || system === nhsOldSystem) return true
  return system === '' && typeCodes(identifier).some(code => code === 'NH' || code === 'NHS')
}

/** NHS numbers of a patient or a logical reference that are not marked old, with their place among the identifiers. */
export function nhsIdentifiers(patient: JsonObject): { identifier: JsonObject; index: number }[] {
  return identifiersOf(patient)
    .map((identifier, index) => ({ identifier, index }))
    .filter(
      ({ identifier }) =>
        isNhsIdentifier(identifier) && textAt(identifier, 'use') !== 'old' && textAt(identifier, 'value'),
    )
}

/**
 * The hospital number and who numbers it (decisions.md 11): a system the feed's source.json names, else type MR (or the feed's
 * `numberTypes`, in that order). The authority is the feed's unless the system or the assigner's ODS code says otherwise.
 */
export function localNumberIn(
  patient: JsonObject,
  who: Pick<FhirWho, 'organisation' | 'feed'>,
): { local: LocalNumber; index: number } | undefined {
  const all = identifiersOf(patient).map((identifier, index) => ({ identifier, index }))
  const usable = all.filter(({ identifier }) => {
    return (
      !isNhsIdentifier(identifier) &&
      textAt(identifier, 'use') !== 'old' &&
      (textAt(identifier, 'value') ?? '').trim() !== ''
    )
  })
  const named = usable.find(({ identifier }) => systemAuthority(identifier, who.feed) !== undefined)
  const types = who.feed.numberTypes ?? defaultNumberTypes
  const typed = types.flatMap(type => usable.filter(({ identifier }) => typeCodes(identifier).includes(type)))[0]
  const chosen = named ?? typed
  if (!chosen) return undefined
  const number = (textAt(chosen.identifier, 'value') ?? '').trim().toUpperCase()
  return { local: { authority: authorityOf(chosen.identifier, who), number }, index: chosen.index }
}

function systemAuthority(identifier: JsonObject, feed: FeedSource): string | undefined {
  return feed.identifierSystems?.[textAt(identifier, 'system') ?? '']
}

function authorityOf(identifier: JsonObject, who: Pick<FhirWho, 'organisation' | 'feed'>): string {
  const named = systemAuthority(identifier, who.feed)
  if (named) return named
  const assigner = objectAt(objectAt(identifier, 'assigner'), 'identifier')
  const stated = odsSystem.test(textAt(assigner, 'system') ?? '')
    ? textAt(assigner, 'value')?.trim().toUpperCase()
    : undefined
  if (stated && stated !== who.organisation) return who.feed.authorities?.[stated] ?? stated
  return who.feed.authority ?? who.organisation
}

/** The ODS code of an identifier in either spelling of its system. */
export function odsCodeIn(identifier: JsonObject | undefined): string | undefined {
  if (!odsSystem.test(textAt(identifier, 'system') ?? '')) return undefined
  return textAt(identifier, 'value')?.trim().toUpperCase()
}

function typeCodes(identifier: JsonObject): string[] {
  return objectsAt(objectAt(identifier, 'type'), 'coding').map(coding => textAt(coding, 'code')?.toUpperCase() ?? '')
}

/** The one valid NHS number; two different valid ones, or none, is undefined. */
function validNhsNumber(patient: JsonObject, acceptTestNumbers: boolean): NhsNumber | undefined {
  const numbers = nhsIdentifiers(patient).flatMap(({ identifier }) => {
    const reading = readNhsNumber(textAt(identifier, 'value') ?? '')
    const isUsable = reading.kind === 'valid' || (reading.kind === 'test-range' && acceptTestNumbers)
    return isUsable ? [reading.value] : []
  })
  const distinct = new Set(numbers)
  return distinct.size === 1 ? [...distinct][0] : undefined
}

/**
 * The record of a patient (decisions.md 1): by hospital number, else NHS number, else `place`, which is the patient's resource identity
 * (`Patient/<id>`): unlike an HL7 message, a patient without any number still is the same resource when it is sent again.
 */
export function patientRecordKey(patient: JsonObject, place: string, who: FhirWho): RecordKey {
  const local = localNumberIn(patient, who)?.local
  const nhsNumber = validNhsNumber(patient, who.acceptTestNumbers)
  const identity = { ...(local ? { localNumber: local } : {}), ...(nhsNumber ? { nhsNumber } : {}) }
  return knownRecordKey(identity, who) ?? (`${who.sender}|${place}` as RecordKey)
}
