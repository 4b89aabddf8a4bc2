import { createHmac } from 'node:crypto'

/**
 * A release's own name for an episode or person: HMAC-SHA-256 over our internal id (never over an NHS number), 128 bits as hex.
 * Equal ids give equal pseudonyms within one release; without the key two releases cannot be joined (trust.md row 26).
 */
export function pseudonym(releaseKey: Buffer, kind: 'episode' | 'person' | 'fracture', id: string): string {
  return createHmac('sha256', releaseKey).update(`${kind}\n${id}`).digest('hex').slice(0, 32)
}

/** The key of one named release, derived from the deployment's pseudonym key; the name (`2026Q3`) alone reveals nothing. */
export function releaseKeyOf(deploymentKey: Buffer, release: string): Buffer {
  return createHmac('sha256', deploymentKey).update(`release\n${release}`).digest()
}

/** Keyed search field for an NHS number, so that lists of them can be kept and looked up without holding one (trust.md rows 24, 27). */
export function nhsNumberKey(deploymentKey: Buffer, nhsNumber: string): string {
  return createHmac('sha256', deploymentKey).update(`nhs-number\n${nhsNumber}`).digest('hex')
}
