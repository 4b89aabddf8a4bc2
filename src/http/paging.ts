import { createCipheriv, createDecipheriv, createHash, randomBytes } from 'node:crypto'
import type { Keys } from '../access/keys.ts'
import type { Principal } from '../access/principal.ts'
import { badParameter } from './query.ts'

/** Where the next page starts. Opaque, and good only for the caller and query it was given for (trust.md row 11). */
export type Paging = {
  readonly seal: (position: readonly string[], query: string) => string
  /** Throws a 400 refusal for a token that was altered, or made for another caller or query. */
  readonly open: (token: string, query: string) => readonly string[]
}

/** AES-256-GCM under a key of this deployment; the caller's subject and the query are bound in as associated text. */
export function pagingFor(principal: Principal, keys: Keys): Paging {
  const key = createHash('sha256').update(keys.id('paging-key')).digest()
  const boundTo = (query: string) => Buffer.from(JSON.stringify([principal.subject, principal.role, query]))
  return {
    seal: (position, query) => {
      const nonce = randomBytes(12)
      const cipher = createCipheriv('aes-256-gcm', key, nonce).setAAD(boundTo(query))
      const sealed = Buffer.concat([cipher.update(JSON.stringify(position)), cipher.final()])
      return Buffer.concat([nonce, cipher.getAuthTag(), sealed]).toString('base64url')
    },
    open: (token, query) => {
      const bytes = Buffer.from(token, 'base64url')
      if (bytes.length < 29) throw badParameter('page')
      try {
        const decipher = createDecipheriv('aes-256-gcm', key, bytes.subarray(0, 12))
        decipher.setAAD(boundTo(query)).setAuthTag(bytes.subarray(12, 28))
        const position: unknown = JSON.parse(
          Buffer.concat([decipher.update(bytes.subarray(28)), decipher.final()]).toString(),
        )
        if (Array.isArray(position) && position.every(part => typeof part === 'string')) return position
      } catch {
        // Falls through: an altered token is the caller's fault and says nothing more.
      }
      throw badParameter('page')
    },
  }
}
