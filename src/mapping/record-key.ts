import type { Identity, InboxId, OdsCode, RecordKey, Side } from '../fls/fact.ts'

/** What identifies a record, in order of preference (decisions.md 1). */
export type RecordIdentity = Pick<Identity, 'localNumber' | 'nhsNumber'>

/**
 * `<authority>|<number>`; without a local number `<sender>|nhs|<NHS number>`; undefined without either.
 * GP side: `<practice>|gp|<patient id>`. Patient data: never log it.
 */
export function knownRecordKey(
  identity: RecordIdentity,
  whose: { readonly sender: string; readonly side?: Side; readonly practice?: OdsCode },
): RecordKey | undefined {
  const { localNumber, nhsNumber } = identity
  if (localNumber && whose.side === 'gp')
    return `${whose.practice ?? localNumber.authority}|gp|${localNumber.number}` as RecordKey
  if (localNumber) return `${localNumber.authority}|${localNumber.number}` as RecordKey
  return nhsNumber ? (`${whose.sender}|nhs|${nhsNumber}` as RecordKey) : undefined
}

/** As `knownRecordKey`; a patient nobody identifies is one record per message and place (`<inbox id>|<path>`). */
export function recordKeyOf(
  identity: RecordIdentity,
  whose: {
    readonly sender: string
    readonly inboxId: InboxId
    readonly path: string
    readonly side?: Side
    readonly practice?: OdsCode
  },
): RecordKey {
  return knownRecordKey(identity, whose) ?? (`${whose.inboxId}|${whose.path}` as RecordKey)
}
