import { createPrivateKey } from 'node:crypto'
import {
  allowInsecureRequests,
  Configuration,
  clientCredentialsGrant,
  customFetch,
  modifyAssertion,
  PrivateKeyJwt,
} from 'openid-client'

export type TokenSource = {
  readonly tokenEndpoint: string
  readonly clientId: string
  /** PKCS#8 PEM. */
  readonly privateKey: string
  readonly keyId?: string | undefined
  readonly algorithm: 'RS384' | 'ES384' | 'RS512'
  readonly scope: string
}

const hashes = { RS384: 'SHA-384', RS512: 'SHA-512' } as const
const assertionSeconds = 300
/** A token is not used up to its last moment. */
const spareSeconds = 30

/**
 * Tokens of SMART Backend Services (private_key_jwt, RFC 7523), kept until shortly before they expire. `isAgain`: the source refused the last
 * one. The assertion names the token endpoint as its audience and lives 300 s at most (fhir.md 4.2).
 */
export function privateKeyToken(source: TokenSource): (isAgain: boolean) => Promise<string> {
  let held: { readonly token: string; readonly until: number } | undefined
  return async isAgain => {
    if (held && !isAgain && Date.now() < held.until) return held.token
    const configuration = await configurationOf(source)
    const answer = await clientCredentialsGrant(configuration, { scope: source.scope })
    const seconds = Math.min(answer.expires_in ?? assertionSeconds, 3_600)
    held = { token: answer.access_token, until: Date.now() + 1_000 * Math.max(0, seconds - spareSeconds) }
    return held.token
  }
}

async function configurationOf({
  tokenEndpoint,
  clientId,
  privateKey,
  keyId,
  algorithm,
}: TokenSource): Promise<Configuration> {
  const { origin, hostname } = new URL(tokenEndpoint)
  const key = await crypto.subtle.importKey(
    'pkcs8',
    createPrivateKey(privateKey).export({ type: 'pkcs8', format: 'der' }),
    algorithm === 'ES384'
      ? { name: 'ECDSA', namedCurve: 'P-384' }
      : { name: 'RSASSA-PKCS1-v1_5', hash: hashes[algorithm] },
    false,
    ['sign'],
  )
  const authentication = PrivateKeyJwt(keyId ? { key, kid: keyId } : key, {
    [modifyAssertion]: (_header, payload) => {
      payload['aud'] = tokenEndpoint
      payload['exp'] = Math.floor(Date.now() / 1_000) + assertionSeconds
    },
  })
  const server = { issuer: origin, token_endpoint: tokenEndpoint }
  const configuration = new Configuration(server, clientId, undefined, authentication)
  if (['127.0.0.1', 'localhost'].includes(hostname)) allowInsecureRequests(configuration)
  // A token endpoint that sends us elsewhere would carry our assertion along.
  configuration[customFetch] = (url, init) => fetch(url, { ...init, redirect: 'error' } as RequestInit)
  return configuration
}
