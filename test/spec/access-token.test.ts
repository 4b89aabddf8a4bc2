import { beforeAll, describe, expect, test } from '@jest/globals'
import { createLocalJWKSet, exportJWK, generateKeyPair, type JWTPayload, SignJWT } from 'jose'
import { principalFromClaims } from '../../src/access/claims.ts'
import { type Authenticate, createAuthenticate, IdentityProviderUnavailable } from '../../src/access/token.ts'

/** One claim or header wrong at a time; everything else as in the token that is accepted. */
const issuer = 'https://sign-in.test'
const audience = 'https://fls-db.test'
const now = 1_790_000_000
const clock = () => new Date(now * 1_000)
const good = {
  iss: issuer,
  aud: audience,
  sub: 'nurse-1',
  iat: now - 10,
  exp: now + 290,
  role: 'nurse',
  organisations: ['RXX'],
}

type Key = Awaited<ReturnType<typeof generateKeyPair>>['privateKey']
let key: Key
let strangersKey: Key
let authenticate: Authenticate

beforeAll(async () => {
  const ours = await generateKeyPair('ES256')
  const theirs = await generateKeyPair('ES256')
  key = ours.privateKey
  strangersKey = theirs.privateKey
  const jwks = { keys: [{ ...(await exportJWK(ours.publicKey)), kid: 'k1', alg: 'ES256' }] }
  authenticate = createAuthenticate({
    issuer,
    audience,
    keys: createLocalJWKSet(jwks),
    tokenType: 'at+jwt',
    maxAgeSeconds: 600,
    clock,
  })
})

const sign = (claims: JWTPayload, header: Record<string, unknown> = {}, signedBy = key) =>
  new SignJWT(claims).setProtectedHeader({ alg: 'ES256', typ: 'at+jwt', kid: 'k1', ...header }).sign(signedBy)
const without = (claim: keyof typeof good) =>
  Object.fromEntries(Object.entries(good).filter(([name]) => name !== claim))

describe('access tokens', () => {
  test('the good one is the nurse of RXX', async () => {
    expect(await authenticate(`Bearer ${await sign(good)}`)).toEqual({
      subject: 'nurse-1',
      role: 'nurse',
      organisations: ['RXX'],
      feeds: [],
      practices: [],
    })
  })

  test.each<{ what: string; claims: JWTPayload; header?: Record<string, unknown> }>([
    { what: 'another issuer', claims: { ...good, iss: 'https://other.test' } },
    { what: 'issuer with a slash more', claims: { ...good, iss: `${issuer}/` } },
    { what: 'another audience', claims: { ...good, aud: 'https://other.test' } },
    { what: 'no audience', claims: without('aud') },
    { what: 'expired', claims: { ...good, exp: now - 6 } },
    { what: 'no expiry', claims: without('exp') },
    { what: 'no time of issue', claims: without('iat') },
    { what: 'issued too long ago', claims: { ...good, iat: now - 700 } },
    { what: 'issued in the future', claims: { ...good, iat: now + 60 } },
    { what: 'not valid yet', claims: { ...good, nbf: now + 60 } },
    { what: 'no subject', claims: without('sub') },
    { what: 'empty subject', claims: { ...good, sub: '' } },
    { what: 'no role', claims: without('role') },
    { what: 'unknown role', claims: { ...good, role: 'admin' } },
    { what: 'role of another spelling', claims: { ...good, role: 'Nurse' } },
    { what: 'two roles', claims: { ...good, role: ['nurse', 'analyst'] } },
    { what: 'a role named like an object member', claims: { ...good, role: 'constructor' } },
    { what: 'organisations as text', claims: { ...good, organisations: 'RXX' } },
    { what: 'an organisation that is an operator', claims: { ...good, organisations: [{ $ne: '' }] } },
    { what: 'an organisation in lower case', claims: { ...good, organisations: ['rxx'] } },
    { what: 'feeds as object', claims: { ...good, feeds: { 0: 'rxx01-pas' } } },
    { what: 'practices with null', claims: { ...good, practices: [null] } },
    { what: 'an identity token', claims: good, header: { typ: 'JWT' } },
    { what: 'an unknown key id', claims: good, header: { kid: 'k2' } },
  ])('$what is nobody', async ({ claims, header }) => {
    expect(await authenticate(`Bearer ${await sign(claims, header)}`)).toBeUndefined()
  })

  test('five seconds of clock difference are forgiven, no more', async () => {
    expect(await authenticate(`Bearer ${await sign({ ...good, exp: now - 4 })}`)).toBeDefined()
    expect(await authenticate(`Bearer ${await sign({ ...good, exp: now - 5 })}`)).toBeUndefined()
  })

  test.each<[string, () => Promise<string | undefined>]>([
    ['no header', async () => undefined],
    ['another scheme', async () => `Basic ${await sign(good)}`],
    ['not a token', async () => 'Bearer abc'],
    ['signed by a stranger', async () => `Bearer ${await sign(good, {}, strangersKey)}`],
    ['unsigned', async () => `Bearer ${encode({ alg: 'none', typ: 'at+jwt' })}.${encode(good)}.x`],
    ['HMAC with the public key as secret', async () => `Bearer ${await hmacWithPublicKey()}`],
    ['changed after signing', async () => changed(await sign(good))],
    ['very long', async () => `Bearer ${'a'.repeat(20_000)}.b.c`],
  ])('%s is nobody', async (_what, header) => {
    expect(await authenticate(await header())).toBeUndefined()
  })

  test('keys that cannot be read are our fault, not a wrong token', async () => {
    const unreachable = createAuthenticate({
      issuer,
      audience,
      clock,
      keys: async () => Promise.reject(new TypeError('fetch failed')),
    })
    await expect(unreachable(`Bearer ${await sign(good)}`)).rejects.toBeInstanceOf(IdentityProviderUnavailable)
  })
})

test('claims in a row: only what the table names becomes a principal', () => {
  const principal = principalFromClaims({ ...good, organisation: 'RYY', tenant: 'RYY', role2: 'operator' })
  expect(principal).toEqual({ subject: 'nurse-1', role: 'nurse', organisations: ['RXX'], feeds: [], practices: [] })
})

function encode(part: object): string {
  return Buffer.from(JSON.stringify(part)).toString('base64url')
}

async function hmacWithPublicKey(): Promise<string> {
  return new SignJWT(good)
    .setProtectedHeader({ alg: 'HS256', typ: 'at+jwt', kid: 'k1' })
    .sign(new TextEncoder().encode('k'.repeat(32)))
}

function changed(token: string): string {
  const [header, , signature] = token.split('.')
  return `Bearer ${header}.${encode({ ...good, role: 'ig-lead' })}.${signature}`
}

describe('a token found good is remembered', () => {
  const at = (seconds: number) => new Date((now + seconds) * 1_000)

  test.each<{ why: string; claims: JWTPayload; second: number; checks: number; isGood: boolean }>([
    { why: 'within the minute', claims: good, second: 59, checks: 1, isGood: true },
    { why: 'a minute later', claims: good, second: 60, checks: 2, isGood: true },
    { why: 'not beyond its expiry', claims: { ...good, exp: now + 20 }, second: 26, checks: 2, isGood: false },
    { why: 'not beyond its age', claims: { ...good, iat: now - 580 }, second: 26, checks: 2, isGood: false },
    { why: 'not before it was checked', claims: good, second: -1, checks: 2, isGood: true },
  ])('$why: checked $checks times, good $isGood', async ({ claims, second, checks, isGood }) => {
    let time = at(0)
    let keysAsked = 0
    const { privateKey, publicKey } = await generateKeyPair('ES256')
    const jwks = createLocalJWKSet({ keys: [{ ...(await exportJWK(publicKey)), kid: 'k1', alg: 'ES256' }] })
    const remembering = createAuthenticate({
      issuer,
      audience,
      keys: async (...asked) => {
        keysAsked++
        return jwks(...asked)
      },
      maxAgeSeconds: 600,
      clock: () => time,
    })
    const header = `Bearer ${await sign(claims, {}, privateKey)}`
    expect(await remembering(header)).toBeDefined()
    time = at(second)
    expect((await remembering(header)) !== undefined).toBe(isGood)
    expect(keysAsked).toBe(checks)
  })

  test('one that was refused is checked each time, and another signature over the same claims is another token', async () => {
    const token = await sign(good)
    const forged = await sign(good, {}, strangersKey)
    expect(await authenticate(`Bearer ${token}`)).toBeDefined()
    expect(await authenticate(`Bearer ${forged}`)).toBeUndefined()
    expect(await authenticate(`Bearer ${token.slice(0, -4)}AAAA`)).toBeUndefined()
  })
})
