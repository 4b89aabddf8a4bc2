import type { OdsCode, Side } from '../../fls/fact.ts'
import { issue } from '../../fls/issue.ts'
import { Refusal } from '../../http/refusal.ts'
import type { FhirCall } from './call.ts'

/** Who an arrival is from, by its token alone. */
export type Sender = {
  readonly sender: string
  readonly organisation: OdsCode
  readonly side: Side
  /** GP side: the practice whose opt-in decides. */
  readonly practice?: OdsCode
}

/**
 * The enrolled feed and organisation of a call. `NHSD-End-User-Organisation-ODS`, when sent, must be one the token may speak for, else 403
 * (fhir.md 5.3). A GP supplier speaks for a practice: the header's, else its only one. A client without a feed is 403.
 */
export function senderOf(call: Pick<FhirCall, 'principal' | 'headers'>): Sender {
  const { principal, headers } = call
  const [sender] = principal.feeds
  if (sender === undefined) throw new Refusal(403, [issue('forbidden', '', { hint: 'this client has no feed' })])
  const named = headers['nhsd-end-user-organisation-ods']?.trim().toUpperCase()
  const isGp = principal.role === 'gp-supplier'
  const mine = isGp ? principal.practices : principal.organisations
  const organisation =
    named === undefined ? (isGp && mine.length !== 1 ? undefined : mine[0]) : mine.find(ods => ods === named)
  if (organisation !== undefined)
    return { sender, organisation, side: isGp ? 'gp' : 'hospital', ...(isGp ? { practice: organisation } : {}) }
  if (named === undefined && isGp) {
    throw new Refusal(422, [
      issue('extract-not-declared', 'NHSD-End-User-Organisation-ODS', { hint: 'name the practice' }),
    ])
  }
  throw new Refusal(403, [issue('forbidden', named === undefined ? '' : 'NHSD-End-User-Organisation-ODS')])
}
