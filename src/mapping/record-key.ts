import type { Identity, InboxId, OdsCode, RecordKey, Side } from '../fls/fact.ts'

/** What identifies a record, in order of preference (decisions.md 1). */
export type RecordIdentity = Pick<Identity, 'localNumber' | 'nhsNumber'>

/**
 * `<authority>|<number>`; without a local number `<sender>|nhs|<NHS number>`; else one record per message (`<inbox id>|<path>`).
 * GP side: `<practice>|gp|<patient id>`, where the authority of the local number is the practice. Patient data: never log it.
 */
export function recordKeyOf(
  identity: RecordIdentity,
  whose: { readonly sender: string; readonly inboxId: InboxId; readonly path: string; readonly side?: Side; readonly practice?: OdsCode },
): RecordKey {
  const { localNumber, nhsNumber } = identity
  if (localNumber && whose.side === 'gp') return `${whose.practice ?? localNumber.authority}|gp|${localNumber.number}` as RecordKey
  if (localNumber) return `${localNumber.authority}|${localNumber.number}` as RecordKey
  if (nhsNumber) return `${whose.sender}|nhs|${nhsNumber}` as RecordKey
  return `${whose.inboxId}|${whose.path}` as RecordKey
}
