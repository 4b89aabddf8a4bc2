import { hash } from 'node:crypto'
import { issue } from '../../fls/issue.ts'
import { Refusal } from '../../http/refusal.ts'
import { inboxIdOf } from '../../store/inbox.ts'
import { type Accepted, type Arrival, StorageUncertain } from '../arrival.ts'
import type { FormDeps } from './door.ts'

/**
 * Keeps a form that follows `version` (`Type/id/version`). Of all who amend the same version at once one may; the others are 412 when
 * `isRequired` (If-Match), else they are kept after it.
 */
export async function acceptFollowing(
  arrival: Arrival,
  version: string,
  isRequired: boolean,
  { accept, clock, responses }: Pick<FormDeps, 'accept' | 'clock' | 'responses'>,
): Promise<Accepted> {
  const by = inboxIdOf(arrival.sender, arrival.controlId, hash('sha256', arrival.bytes, 'hex'))
  const isClaimed = await responses.claim(version, by, clock())
  if (!isClaimed && isRequired) throw new Refusal(412, [issue('version-conflict', 'If-Match')])
  try {
    return await accept(arrival)
  } catch (error) {
    if (isClaimed && !(error instanceof StorageUncertain)) await responses.release(version, by)
    throw error
  }
}
