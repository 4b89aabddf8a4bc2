import { availableParallelism } from 'node:os'
import path from 'node:path'
import { z } from 'zod'

/** Limits of decisions.md 5, one table. Bytes unless the name says otherwise. */
export const limits = {
  mllpMessage: 16 * 1024 * 1024,
  mllpFrameTimeoutMs: 30_000,
  mllpConnections: 256,
  mllpConnectionsPerAddress: 64,
  fhirResource: 2 * 1024 * 1024,
  fhirBundle: 20 * 1024 * 1024,
  fhirBundleEntries: 1_000,
  jsonDepth: 64,
  extract: 1024 * 1024 * 1024,
  extractChunk: 256 * 1024,
  upload: 20 * 1024 * 1024,
  uploadRows: 50_000,
  inboxBody: 8 * 1024 * 1024,
  shutdownMs: 10_000,
  groupCommitBytes: 1024 * 1024,
} as const

const port = z.coerce.number().int().min(0).max(65_535)
const text = z.string().min(1)

/** Every setting: how it is read, what it means. Defaults that depend on the profile are filled in by `readConfig`. The README section is generated from this. */
export const settings = {
  FLSDB_PROFILE: {
    read: z.enum(['demo', 'production', 'test']),
    default: 'demo for npm start, else production',
    meaning:
      'demo: embedded MongoDB and identity provider, loopback only, synthetic data. production: refuses demo identities, plain-text off-host ports, weak write concern. test: demo without data, free ports',
  },
  FLSDB_SEED: {
    read: z.enum(['full', 'small', 'none']),
    default: 'full in demo, else none',
    meaning: 'full: about 18,000 synthetic episodes; small: a few hundred; none',
  },
  MONGODB_URI: { read: text, default: '–', meaning: 'use this MongoDB replica set instead of the embedded one' },
  FLSDB_DATABASE: { read: z.string().regex(/^[A-Za-z0-9_-]{1,38}$/), default: 'flsdb', meaning: 'database name' },
  FLSDB_DATA: { read: text, default: '.flsdb', meaning: 'data folder: embedded server, generated keys, spool files' },
  FLSDB_HTTP_PORT: { read: port, default: '3000', meaning: 'HTTP port; 0 = a free one' },
  FLSDB_MLLP_PORT: { read: port, default: '2575', meaning: 'MLLP port; 0 = a free one' },
  FLSDB_MLLP_TLS_CERT: { read: text, default: '–', meaning: 'PEM file: MLLP over TLS 1.2+ with this certificate' },
  FLSDB_MLLP_TLS_KEY: { read: text, default: '–', meaning: 'PEM file of its key' },
  FLSDB_MLLP_TLS_CA: {
    read: text,
    default: '–',
    meaning: 'PEM file of the authority that signs client certificates; when set, clients must present one',
  },
  FLSDB_BIND: { read: text, default: '127.0.0.1', meaning: 'address to listen on' },
  FLSDB_TRUSTED_PROXIES: {
    read: text,
    default: '–',
    meaning: 'addresses or subnets of the proxies in front, by commas: only their X-Forwarded-For says who calls',
  },
  FLSDB_PUBLIC_URL: { read: z.url(), default: 'the HTTP address', meaning: 'base of every absolute URL' },
  FLSDB_KEY_FILE: {
    read: text,
    default: 'keys.json in FLSDB_DATA in demo',
    meaning: 'HMAC and pseudonym keys; required in production, part of the backup',
  },
  FLSDB_WORKERS: {
    read: z.coerce.number().int().min(0).max(64),
    default: 'one per core',
    meaning: 'worker processes in this instance; 0 = intake only',
  },

  FLSDB_MAPPINGS: {
    read: text,
    default: 'mappings of this release',
    meaning: "folder of mapping tables to read with instead: a copy of mappings/ with a deployment's own rows",
  },
  FLSDB_RETENTION_DAYS: {
    read: z.coerce.number().int().min(31).max(36_500),
    default: '400',
    meaning: 'days after which what came in about patients without any fracture evidence expires',
  },
  OIDC_ISSUER: { read: z.url(), default: 'embedded in demo', meaning: 'identity provider whose tokens are accepted' },
  OIDC_AUDIENCE: { read: text, default: 'FLSDB_PUBLIC_URL', meaning: 'audience tokens must name' },
  FLSDB_LOG_LEVEL: {
    read: z.enum(['debug', 'info', 'warn', 'error', 'silent']),
    default: 'info',
    meaning: 'least severe log line written',
  },
} as const satisfies Record<string, { read: z.ZodType; default: string; meaning: string }>

export type Profile = 'demo' | 'production' | 'test'
export type Config = {
  readonly profile: Profile
  readonly seed: 'full' | 'small' | 'none'
  readonly mongodbUri?: string
  readonly database: string
  readonly dataFolder: string
  readonly httpPort: number
  readonly mllpPort: number
  readonly mllpTls?: { readonly cert: string; readonly key: string; readonly ca?: string }
  readonly bind: string
  readonly publicUrl?: string
  readonly trustedProxies: readonly string[]
  readonly keyFile?: string
  readonly workers: number
  readonly mappingsFolder?: string
  readonly retentionDays: number
  readonly oidcIssuer?: string
  readonly oidcAudience?: string
  readonly logLevel: string
}

/** A setting that cannot be used; `message` names it, why, and what is allowed. The service does not start. */
export class BadSetting extends Error {
  readonly code = 'bad-setting'
}

type Environment = Readonly<Record<string, string | undefined>>

/** Reads and checks the environment once. `fallback`: the profile when none is named (`npm start` says demo). */
export function readConfig(environment: Environment, fallback: Profile = 'production'): Config {
  const value = <K extends keyof typeof settings>(name: K): z.output<(typeof settings)[K]['read']> | undefined => {
    const raw = environment[name]
    if (raw === undefined || raw === '') return undefined
    const read = settings[name].read.safeParse(raw)
    if (!read.success)
      throw new BadSetting(
        `${name} cannot be used: ${read.error.issues[0]?.message ?? 'not allowed'}. ${settings[name].meaning}`,
      )
    return read.data as z.output<(typeof settings)[K]['read']>
  }
  const profile = value('FLSDB_PROFILE') ?? fallback
  const isTest = profile === 'test'
  const dataFolder = path.resolve(value('FLSDB_DATA') ?? '.flsdb')
  const mappings = value('FLSDB_MAPPINGS')
  const [cert, key, ca] = [value('FLSDB_MLLP_TLS_CERT'), value('FLSDB_MLLP_TLS_KEY'), value('FLSDB_MLLP_TLS_CA')]
  const config: Config = {
    profile,
    seed: value('FLSDB_SEED') ?? (profile === 'demo' ? 'full' : 'none'),
    ...optional('mongodbUri', value('MONGODB_URI')),
    database: value('FLSDB_DATABASE') ?? 'flsdb',
    dataFolder,
    httpPort: value('FLSDB_HTTP_PORT') ?? (isTest ? 0 : 3000),
    mllpPort: value('FLSDB_MLLP_PORT') ?? (isTest ? 0 : 2575),
    ...(cert && key ? { mllpTls: { cert, key, ...optional('ca', ca) } } : {}),
    bind: value('FLSDB_BIND') ?? '127.0.0.1',
    ...optional('publicUrl', value('FLSDB_PUBLIC_URL')),
    trustedProxies: (value('FLSDB_TRUSTED_PROXIES') ?? '')
      .split(',')
      .map(one => one.trim())
      .filter(one => one !== ''),
    ...optional('keyFile', value('FLSDB_KEY_FILE')),
    workers: value('FLSDB_WORKERS') ?? availableParallelism(),
    ...optional('mappingsFolder', mappings && path.resolve(mappings)),
    retentionDays: value('FLSDB_RETENTION_DAYS') ?? 400,
    ...optional('oidcIssuer', value('OIDC_ISSUER')),
    ...optional('oidcAudience', value('OIDC_AUDIENCE')),
    logLevel: value('FLSDB_LOG_LEVEL') ?? 'info',
  }
  if (profile === 'production') refuseUnsafe(config)
  return config
}

/** With which tables this deployment reads: synthetic NHS numbers (999 range) are numbers everywhere but in production. */
export function tableSettingsOf(config: Config): {
  readonly acceptTestNumbers: boolean
  readonly mappingsFolder?: string
} {
  return { acceptTestNumbers: config.profile !== 'production', ...optional('mappingsFolder', config.mappingsFolder) }
}

function optional<K extends string, V>(key: K, value: V | undefined): { [key in K]?: V } {
  return value === undefined ? {} : ({ [key]: value } as { [key in K]?: V })
}

function refuseUnsafe(config: Config): void {
  const isLoopback = ['127.0.0.1', '::1', 'localhost'].includes(config.bind)
  const faults = [
    config.mongodbUri ? '' : 'MONGODB_URI is required: the embedded server is for demo and test',
    config.keyFile ? '' : 'FLSDB_KEY_FILE is required',
    config.oidcIssuer ? '' : 'OIDC_ISSUER is required: the embedded identity provider is for demo and test',
    config.oidcIssuer?.startsWith('http:') ? 'OIDC_ISSUER must be https' : '',
    config.seed === 'none' ? '' : 'FLSDB_SEED must be none: synthetic data never enters a production database',
    isLoopback || config.mllpTls ? '' : 'FLSDB_BIND off this host needs FLSDB_MLLP_TLS_CERT and FLSDB_MLLP_TLS_KEY',
    /[?&]w=(?!majority)/.test(config.mongodbUri ?? '') || /[?&]journal=false/.test(config.mongodbUri ?? '')
      ? 'MONGODB_URI weakens the write concern; leave w and journal out'
      : '',
  ].filter(Boolean)
  if (faults.length > 0) throw new BadSetting(`The production profile does not start: ${faults.join('; ')}.`)
}
