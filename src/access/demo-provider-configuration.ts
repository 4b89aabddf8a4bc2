import type { JWK } from 'jose'
import {
  type ClientMetadata,
  type Configuration,
  interactionPolicy,
  type KoaContextWithOIDC,
  type ResourceServer,
} from 'oidc-provider'
import { claimsTable } from './claims.ts'
import { type DemoIdentities, demoScope } from './demo-identities.ts'

export type DemoProviderSettings = {
  /** `<public address>/idp`. */
  readonly issuer: string
  /** `aud` of the access tokens. */
  readonly audience: string
  /** Addresses a browser may be sent back to after sign-in. */
  readonly redirectUris: readonly string[]
  readonly identities: DemoIdentities
  /** Signing key (private, ES256) and cookie keys of this run. */
  readonly signingKey: JWK
  readonly cookieKeys: readonly string[]
}

/** Public client for people: authorisation code with PKCE, no secret. */
export const webClientId = 'fls-db-web'
/** Seconds; trust.md row 5. */
const accessTokenSeconds = 300
const scopes = [
  'openid',
  'profile',
  demoScope,
  'system/*.cruds',
  'system/*.rs',
  'system/*.c',
  'user/*.cruds',
  'user/*.rs',
]

/** oidc-provider settings: JWT access tokens for our API with the claims of the claims table; PKCE S256 always; no dynamic registration. */
export function providerConfiguration(settings: DemoProviderSettings): Configuration {
  const { identities, audience, signingKey, cookieKeys } = settings
  const clients = new Map(identities.clients.map(client => [client.clientId, client]))
  const users = new Map(identities.users.map(user => [user.username, user]))
  const claimsOf = (identity: {
    role: string
    organisations: readonly string[]
    feeds?: readonly string[]
    practices?: readonly string[]
  }) => ({
    [claimsTable.role]: identity.role,
    [claimsTable.organisations]: [...identity.organisations],
    [claimsTable.feeds]: [...(identity.feeds ?? [])],
    [claimsTable.practices]: [...(identity.practices ?? [])],
  })
  return {
    clients: clientMetadata(settings),
    scopes,
    claims: { openid: ['sub'], profile: ['name', claimsTable.role] },
    jwks: { keys: [signingKey] },
    cookies: { keys: [...cookieKeys] },
    clientDefaults: { id_token_signed_response_alg: 'ES256' },
    enabledJWA: { clientAuthSigningAlgValues: ['RS256', 'RS384', 'PS256', 'ES256', 'ES384'] },
    clientAuthMethods: ['client_secret_basic', 'client_secret_post', 'private_key_jwt', 'none'],
    pkce: { required: () => true },
    ttl: {
      AccessToken: accessTokenSeconds,
      ClientCredentials: accessTokenSeconds,
      Session: 28_800,
      Grant: 28_800,
      Interaction: 600,
    },
    features: {
      devInteractions: { enabled: false },
      clientCredentials: { enabled: true },
      resourceIndicators: {
        enabled: true,
        defaultResource: () => audience,
        useGrantedResource: () => true,
        getResourceServerInfo: (): ResourceServer => ({
          scope: scopes.join(' '),
          audience,
          accessTokenFormat: 'jwt',
          accessTokenTTL: accessTokenSeconds,
          jwt: { sign: { alg: 'ES256' } },
        }),
      },
    },
    interactions: {
      policy: promptsWithoutConsent(),
      url: (_ctx, interaction) => `/idp/interaction/${interaction.uid}`,
    },
    findAccount: (_ctx, id) => {
      const user = users.get(id)
      return user ? { accountId: id, claims: () => ({ sub: id, name: id, [claimsTable.role]: user.role }) } : undefined
    },
    extraTokenClaims: (_ctx, token) => {
      if (token.kind === 'AccessToken') {
        const user = users.get(token.accountId)
        return user ? claimsOf(user) : undefined
      }
      const client = clients.get(token.clientId ?? '')
      return client ? claimsOf(client) : undefined
    },
    loadExistingGrant: ctx => grantEverything(ctx, audience),
    renderError: (ctx, out) => {
      ctx.type = 'text/plain'
      ctx.body = `Sign-in failed: ${out.error}`
    },
  }
}

/** Our own API is the only audience: nobody is asked for consent. */
async function grantEverything(ctx: KoaContextWithOIDC, audience: string) {
  const { provider, session, client, params } = ctx.oidc
  if (!session?.accountId || !client) return undefined
  const known = session.grantIdFor(client.clientId)
  const existing = known ? await provider.Grant.find(known) : undefined
  if (existing) return existing
  const grant = new provider.Grant({ clientId: client.clientId, accountId: session.accountId })
  grant.addOIDCScope(String(params?.['scope'] ?? 'openid'))
  grant.addResourceScope(audience, scopes.join(' '))
  await grant.save()
  return grant
}

/** Scripts on this machine are native clients, which would be asked for consent at each sign-in. */
function promptsWithoutConsent(): interactionPolicy.DefaultPolicy {
  const policy = interactionPolicy.base()
  policy.get('consent')?.checks.remove('native_client_prompt')
  return policy
}

function clientMetadata({ identities, redirectUris }: DemoProviderSettings): ClientMetadata[] {
  const machines = identities.clients.map(client => ({
    client_id: client.clientId,
    grant_types: ['client_credentials'],
    response_types: [],
    redirect_uris: [],
    ...(client.privateKey
      ? { token_endpoint_auth_method: 'private_key_jwt' as const, jwks: { keys: [publicPart(client.privateKey)] } }
      : { token_endpoint_auth_method: 'client_secret_basic' as const, client_secret: client.clientSecret }),
  }))
  const people: ClientMetadata = {
    client_id: webClientId,
    application_type: 'native',
    token_endpoint_auth_method: 'none',
    grant_types: ['authorization_code'],
    response_types: ['code'],
    redirect_uris: [...redirectUris],
  }
  return [...machines, people]
}

function publicPart(key: Readonly<Record<string, unknown>>): JWK {
  const { d: _d, p: _p, q: _q, dp: _dp, dq: _dq, qi: _qi, ...open } = key
  return open as JWK
}
