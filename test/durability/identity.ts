import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { exportJWK, generateKeyPair, SignJWT } from 'jose'

export const audience = 'flsdb-durability'

/** An identity provider that stands outside what is killed, as it does in a deployment: discovery, keys, and a token for the FHIR sender. */
export type Identity = { readonly issuer: string; readonly token: () => Promise<string>; readonly close: () => void }

/** `feed`, `organisation`: whom the token speaks for. */
export async function openIdentity(feed: string, organisation: string): Promise<Identity> {
  const { publicKey, privateKey } = await generateKeyPair('ES256')
  const jwk = { ...(await exportJWK(publicKey)), alg: 'ES256', use: 'sig', kid: 'durability' }
  const server = createServer((request, response) => {
    const isDiscovery = request.url?.startsWith('/.well-known/')
    response.setHeader('content-type', 'application/json')
    response.end(JSON.stringify(isDiscovery ? { issuer, jwks_uri: `${issuer}/keys` } : { keys: [jwk] }))
  })
  await new Promise<void>(resolve => server.listen(0, '127.0.0.1', resolve))
  const issuer = `http://127.0.0.1:${(server.address() as AddressInfo).port}`
  let held: { token: string; until: number } | undefined
  const token = async (): Promise<string> => {
    if (held && held.until > Date.now()) return held.token
    const signed = await new SignJWT({ role: 'hospital', organisations: [organisation], feeds: [feed] })
      .setProtectedHeader({ alg: 'ES256', kid: 'durability' })
      .setIssuer(issuer)
      .setAudience(audience)
      .setSubject('durability-sender')
      .setIssuedAt()
      .setExpirationTime('10m')
      .sign(privateKey)
    held = { token: signed, until: Date.now() + 300_000 }
    return signed
  }
  return {
    issuer,
    token,
    close: () => {
      server.closeAllConnections()
      server.close()
    },
  }
}
