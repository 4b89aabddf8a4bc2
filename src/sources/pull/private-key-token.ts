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
  readonly key: CryptoKey
  readonly keyId?: string | undefined
  readonly scope: string
}

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
    const configuration = configurationOf(source)
    const answer = await clientCredentialsGrant(configuration, { scope: source.scope })
    const seconds = Math.min(answer.expires_in ?? assertionSeconds, 3_600)
    held = { token: answer.access_token, until: Date.now() + 1_000 * Math.max(0, seconds - spareSeconds) }
    return held.token
  }
}

function configurationOf({ tokenEndpoint, clientId, key, keyId }: TokenSource): Configuration {
  const { origin, hostname } = new URL(tokenEndpoint)
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
