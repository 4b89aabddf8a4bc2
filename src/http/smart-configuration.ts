import { z } from 'zod'
import { tokenAlgorithms } from '../access/token.ts'
import { issue } from '../fls/issue.ts'
import { Refusal } from './refusal.ts'
import type { Route } from './route.ts'

/** What we need of the provider's own discovery document (OpenID Connect Discovery 1.0 section 3). */
const discovery = z.object({
  issuer: z.string(),
  authorization_endpoint: z.url(),
  token_endpoint: z.url(),
  jwks_uri: z.url(),
})
type Discovery = z.infer<typeof discovery>

const keptMs = 600_000

/**
 * `GET /fhir/.well-known/smart-configuration` (SMART App Launch 2.2, section 3): where to sign in, taken from the configured provider's
 * discovery document. 503 while the provider cannot be asked.
 */
export function smartConfigurationRoutes({ issuer }: { readonly issuer: string }): Route[] {
  let known: { at: number; found: Discovery } | undefined
  const discover = async (): Promise<Discovery> => {
    if (!known || performance.now() - known.at > keptMs) known = { at: performance.now(), found: await ask(issuer) }
    return known.found
  }
  return [
    {
      key: 'GET /fhir/.well-known/smart-configuration',
      summary: 'Where and how to sign in.',
      touchesPatientData: false,
      handle: async ({ response }) => {
        const { authorization_endpoint, token_endpoint, jwks_uri } = await discover()
        response.json({
          issuer,
          jwks_uri,
          authorization_endpoint,
          token_endpoint,
          token_endpoint_auth_methods_supported: ['client_secret_basic', 'client_secret_post', 'private_key_jwt'],
          token_endpoint_auth_signing_alg_values_supported: [...tokenAlgorithms],
          grant_types_supported: ['authorization_code', 'client_credentials'],
          response_types_supported: ['code'],
          code_challenge_methods_supported: ['S256'],
          scopes_supported: ['openid', 'system/*.cruds', 'user/*.cruds'],
          capabilities: ['client-public', 'client-confidential-asymmetric', 'permission-v2'],
        })
      },
    },
  ]
}

async function ask(issuer: string): Promise<Discovery> {
  try {
    const answer = await fetch(`${issuer.replace(/\/$/, '')}/.well-known/openid-configuration`, {
      redirect: 'error',
      signal: AbortSignal.timeout(5_000),
    })
    return discovery.parse(await answer.json())
  } catch {
    throw new Refusal(503, [issue('internal-error', 'identity provider')], { 'Retry-After': '5' })
  }
}
