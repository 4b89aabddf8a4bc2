import { fork } from 'node:child_process'
import { generateKeyPairSync, randomBytes } from 'node:crypto'
import { exportJWK } from 'jose'
import type { DemoIdentities } from './demo-identities.ts'
import type { DemoProviderSettings } from './demo-provider-configuration.ts'

/** The demo provider is never for production: its users sign in with one click. */
export class DemoProviderRefused extends Error {
  readonly code = 'demo-provider-refused'
}

export type DemoProvider = {
  /** Where the child listens, for the proxy at `/idp` and for the key set: `http://127.0.0.1:<port>`. */
  readonly target: string
  readonly issuer: string
  readonly audience: string
  readonly tokenUrl: string
  readonly jwksUrl: string
  readonly close: () => Promise<void>
}

export type DemoProviderOptions = {
  readonly profile: 'demo' | 'test' | 'production'
  /** Public address of the service, without a slash at the end. */
  readonly publicUrl: string
  readonly identities: DemoIdentities
}

/** Starts the identity provider as a child process and resolves when it listens. Throws `DemoProviderRefused` in production. */
export async function startDemoProvider(options: DemoProviderOptions): Promise<DemoProvider> {
  if (options.profile === 'production')
    throw new DemoProviderRefused('demo identities are refused in the production profile')
  const settings = await settingsOf(options)
  const entry = new URL('./demo-provider-main.ts', import.meta.url)
  const child = fork(entry, {
    stdio: ['ignore', 'ignore', 'inherit', 'ipc'],
    execArgv: ['--disable-warning=ExperimentalWarning'],
  })
  const ended = new Promise<void>(resolve => child.once('exit', () => resolve()))
  const port = await new Promise<number>((resolve, reject) => {
    child.once('message', message => resolve(portOf(message)))
    child.once('error', reject)
    child.once('exit', code => reject(new Error(`the demo identity provider ended with ${code}`)))
    child.send(settings)
  })
  const target = `http://127.0.0.1:${port}`
  return {
    target,
    issuer: settings.issuer,
    audience: settings.audience,
    tokenUrl: `${settings.issuer}/token`,
    jwksUrl: `${target}/idp/jwks`,
    close: async () => {
      child.kill('SIGTERM')
      await ended
    },
  }
}

/** A fresh ES256 key as private JWK, for the demo's private_key_jwt client. */
export async function newPrivateKey(): Promise<Record<string, unknown>> {
  const { privateKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' })
  return { ...(await exportJWK(privateKey)), alg: 'ES256', use: 'sig', kid: randomBytes(8).toString('hex') }
}

async function settingsOf({ publicUrl, identities }: DemoProviderOptions): Promise<DemoProviderSettings> {
  return {
    issuer: `${publicUrl}/idp`,
    audience: publicUrl,
    redirectUris: [`${publicUrl}/assets/oauth2-redirect.html`, 'http://127.0.0.1/callback'],
    identities,
    signingKey: await newPrivateKey(),
    cookieKeys: [randomBytes(32).toString('base64url')],
  }
}

function portOf(message: unknown): number {
  if (typeof message === 'object' && message !== null && 'port' in message && typeof message.port === 'number')
    return message.port
  throw new Error('the demo identity provider named no port')
}
