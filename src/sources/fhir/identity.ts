import { hash } from 'node:crypto'
import { type JsonObject, textAt } from './json.ts'
import { nhsNumberSystem, tokenOf } from './token.ts'
import { identifiersOf } from './written.ts'

/** HMAC with the deployment's key over the parts, as lower-case hex. */
export type Hmac = (...parts: readonly string[]) => string

/** What founds the id of a new resource: an identifier, else the bytes it came in and its place there. */
export type Founding = { readonly token: string } | { readonly bytes: Buffer; readonly index: number }

/**
 * Decision "FHIR": HMAC(key, sender, type, founding evidence), 128 bits. The same evidence gives the same id, so a repeat changes nothing.
 * `sender`: the feed, with the practice where a supplier sends for several.
 */
export function resourceIdOf(hmac: Hmac, sender: string, type: string, founding: Founding): string {
  const evidence =
    'token' in founding
      ? ['identifier', founding.token]
      : ['bytes', hash('sha256', founding.bytes, 'hex'), String(founding.index)]
  return hmac('resource', sender, type, ...evidence).slice(0, 32)
}

/**
 * The identifier that founds a resource's id: the first with system and value that is not `old`; for a patient a local number before the NHS
 * number, which may be corrected later. `undefined` when there is none.
 */
export function foundingToken(resource: JsonObject): string | undefined {
  const usable = identifiersOf(resource).filter(
    identifier => textAt(identifier, 'system') && textAt(identifier, 'value') && textAt(identifier, 'use') !== 'old',
  )
  const chosen = usable.find(identifier => textAt(identifier, 'system') !== nhsNumberSystem) ?? usable[0]
  return chosen && tokenOf(textAt(chosen, 'system') ?? '', textAt(chosen, 'value') ?? '')
}
