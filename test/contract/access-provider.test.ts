import { createHash, randomBytes } from 'node:crypto'
import { mkdtemp, rm, stat } from 'node:fs/promises'
import { createServer } from 'node:http'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals'
import express from 'express'
import { importJWK, SignJWT } from 'jose'
import { readDemoAddresses, readDemoIdentities, writeDemoFile } from '../../src/access/demo-file.ts'
import { type DemoClient, type DemoIdentities, demoIdentities } from '../../src/access/demo-identities.ts'
import {
  type DemoProvider,
  DemoProviderRefused,
  newPrivateKey,
  startDemoProvider,
} from '../../src/access/demo-provider.ts'
import { roles } from '../../src/access/principal.ts'
import { type Authenticate, createAuthenticate, remoteKeys } from '../../src/access/token.ts'
import type { OdsCode } from '../../src/fls/fact.ts'
import { proxyTo } from '../../src/http/idp-proxy.ts'

/** The demo's sign-in, as scripts and browsers use it: through `/idp` of the service. */
const roster = {
  hospitals: [
    { organisation: 'RXX' as OdsCode, feeds: ['rxx01-fls'] },
    { organisation: 'RYY' as OdsCode, feeds: ['ryy02-fls'] },
  ],
  supplierGroups: [
    { name: 'emis', feed: 'gp-emis', practices: ['P81001' as OdsCode] },
    { name: 'tpp', feed: 'gp-tpp', practices: ['P81002' as OdsCode] },
  ],
}

let identities: DemoIdentities
let provider: DemoProvider
let authenticate: Authenticate
let url: string
let close: () => Promise<void>

beforeAll(async () => {
  identities = demoIdentities(roster, undefined, await newPrivateKey())
  const app = express()
  const server = createServer(app)
  await new Promise<void>(resolve => server.listen(0, '127.0.0.1', resolve))
  const address = server.address()
  url = `http://127.0.0.1:${typeof address === 'object' && address ? address.port : 0}`
  provider = await startDemoProvider({ profile: 'test', publicUrl: url, identities })
  app.use('/idp', proxyTo(provider.target))
  authenticate = createAuthenticate({
    issuer: provider.issuer,
    audience: provider.audience,
    keys: remoteKeys(provider.jwksUrl),
    tokenType: 'at+jwt',
  })
  close = async () => {
    await provider.close()
    await new Promise(resolve => server.close(resolve))
  }
})
afterAll(() => close())

const tokenRequest = (body: Record<string, string>, headers: Record<string, string> = {}) =>
  fetch(provider.tokenUrl, { method: 'POST', headers, body: new URLSearchParams(body) })
const basic = ({ clientId, clientSecret }: Pick<DemoClient, 'clientId' | 'clientSecret'>) => ({
  Authorization: `Basic ${Buffer.from(`${clientId}:${clientSecret}`).toString('base64')}`,
})
const clientOf = (clientId: string): DemoClient => {
  const client = identities.clients.find(one => one.clientId === clientId)
  if (!client) throw new Error(`no such client: ${clientId}`)
  return client
}

describe('machine clients', () => {
  test('there is one for every role, for two hospitals and two supplier groups', () => {
    expect(new Set(identities.clients.map(client => client.role))).toEqual(new Set(roles))
    for (const role of ['hospital', 'nurse', 'lead', 'engineer']) {
      const own = identities.clients.filter(client => client.role === role).flatMap(client => client.organisations)
      expect(new Set(own)).toEqual(new Set(['RXX', 'RYY']))
    }
  })

  test('each gets a token that says its role and organisations, for five minutes', async () => {
    for (const client of identities.clients.filter(one => one.clientSecret !== '')) {
      const answer = await tokenRequest({ grant_type: 'client_credentials', scope: client.scope }, basic(client))
      const { access_token, expires_in } = await answer.json()
      expect(expires_in).toBe(300)
      const { role, organisations, feeds, practices } = client
      expect(await authenticate(`Bearer ${access_token}`)).toEqual({
        subject: client.clientId,
        role,
        organisations,
        feeds,
        practices,
      })
    }
  })

  test('secret in the body and no scope work too', async () => {
    const { clientId, clientSecret } = clientOf('analyst')
    const answer = await tokenRequest({
      grant_type: 'client_credentials',
      client_id: clientId,
      client_secret: clientSecret,
    })
    expect(await authenticate(`Bearer ${(await answer.json()).access_token}`)).toMatchObject({ role: 'analyst' })
  })

  test.each([
    ['a wrong secret', { clientId: 'analyst', clientSecret: 'x' }],
    ['an unknown client', { clientId: 'admin', clientSecret: 'x' }],
    ['a client without a secret', { clientId: 'hospital-rxx-key', clientSecret: '' }],
  ])('%s gets nothing', async (_what, client) => {
    const answer = await tokenRequest({ grant_type: 'client_credentials' }, basic(client))
    expect([400, 401]).toContain(answer.status)
    expect(await answer.json()).not.toHaveProperty('access_token')
  })
  test('there is no password grant', async () => {
    const [user] = identities.users
    const answer = await tokenRequest(
      { grant_type: 'password', username: user?.username ?? '', password: user?.password ?? '' },
      basic(clientOf('analyst')),
    )
    expect(answer.status).toBe(400)
  })

  test('private_key_jwt: a signed assertion once, never twice, never after its time', async () => {
    const client = clientOf('hospital-rxx-key')
    const key = await importJWK(client.privateKey ?? {}, 'ES256')
    const assertion = (seconds: number) =>
      new SignJWT({ jti: randomBytes(12).toString('hex') })
        .setProtectedHeader({ alg: 'ES256', kid: String(client.privateKey?.['kid']) })
        .setIssuer(client.clientId)
        .setSubject(client.clientId)
        .setAudience(provider.tokenUrl)
        .setIssuedAt()
        .setExpirationTime(Math.floor(Date.now() / 1_000) + seconds)
        .sign(key)
    const ask = (signed: string) =>
      tokenRequest({
        grant_type: 'client_credentials',
        client_assertion_type: 'urn:ietf:params:oauth:client-assertion-type:jwt-bearer',
        client_assertion: signed,
      })
    const once = await assertion(60)
    const first = await ask(once)
    expect(await authenticate(`Bearer ${(await first.json()).access_token}`)).toMatchObject({
      role: 'hospital',
      organisations: ['RXX'],
      feeds: ['rxx01-fls'],
    })
    expect((await ask(once)).status).toBe(401)
    expect((await ask(await assertion(-120))).status).toBe(401)
  })
})

describe('people: code and PKCE', () => {
  const redirect = 'http://127.0.0.1/callback'

  /** Follows redirects and keeps cookies, as a browser would, until the client's own address. */
  async function browse(
    start: string,
    form?: Record<string, string>,
  ): Promise<{ location: string; page: string; cookies: Map<string, string> }> {
    const cookies = new Map<string, string>()
    let at = start
    let page = ''
    let body = undefined as URLSearchParams | undefined
    for (let step = 0; step < 12; step++) {
      const answer = await fetch(at, {
        redirect: 'manual',
        ...(body ? { method: 'POST', body } : {}),
        headers: { Cookie: [...cookies].map(([name, value]) => `${name}=${value}`).join('; ') },
      })
      for (const line of answer.headers.getSetCookie()) {
        const [, name = '', value = ''] = /^([^=]+)=([^;]*)/.exec(line) ?? []
        cookies.set(name, value)
      }
      body = undefined
      const location = answer.headers.get('location')
      if (location) {
        at = new URL(location, at).href
        if (at.startsWith(redirect)) return { location: at, page, cookies }
        continue
      }
      page = await answer.text()
      if (!form || answer.status !== 200) return { location: '', page, cookies }
      body = new URLSearchParams(form)
      form = undefined
    }
    throw new Error('too many redirects')
  }
  const verifier = randomBytes(32).toString('base64url')
  const authorize = (more: Record<string, string> = {}) => {
    const query = {
      response_type: 'code',
      client_id: 'fls-db-web',
      redirect_uri: redirect,
      scope: 'openid fls-db',
      state: 's1',
      code_challenge: createHash('sha256').update(verifier).digest('base64url'),
      code_challenge_method: 'S256',
      ...more,
    }
    return `${url}/idp/auth?${new URLSearchParams(query)}`
  }
  const exchange = (code: string, codeVerifier: string) =>
    tokenRequest({
      grant_type: 'authorization_code',
      client_id: 'fls-db-web',
      redirect_uri: redirect,
      code,
      code_verifier: codeVerifier,
    })

  test('one click signs in; the code is good once, with its verifier', async () => {
    const { location, page } = await browse(authorize(), { oneClick: 'nurse-rxx' })
    expect(page).toContain('nurse-rxx (nurse, RXX)')
    const code = new URL(location).searchParams.get('code') ?? ''
    expect(new URL(location).searchParams.get('state')).toBe('s1')
    const answer = await exchange(code, verifier)
    const { access_token } = await answer.json()
    expect(await authenticate(`Bearer ${access_token}`)).toEqual({
      subject: 'nurse-rxx',
      role: 'nurse',
      organisations: ['RXX'],
      feeds: [],
      practices: [],
    })
    expect((await exchange(code, verifier)).status).toBe(400)
  })
  test('so does the right password; a wrong one does not', async () => {
    const user = identities.users.find(one => one.username === 'lead-ryy')
    const right = await browse(authorize(), { username: 'lead-ryy', password: user?.password ?? '' })
    expect(right.location).toContain('code=')
    const wrong = await browse(authorize(), { username: 'lead-ryy', password: 'guess' })
    expect([wrong.location, wrong.page]).toEqual(['', 'Unknown user or password.'])
  })
  test('another verifier gets nothing', async () => {
    const { location } = await browse(authorize(), { oneClick: 'analyst' })
    const code = new URL(location).searchParams.get('code') ?? ''
    expect((await exchange(code, randomBytes(32).toString('base64url'))).status).toBe(400)
  })
  test.each([
    ['without PKCE', { code_challenge: '', code_challenge_method: '' }],
    ['with a plain challenge', { code_challenge_method: 'plain' }],
    ['back to another address', { redirect_uri: 'https://evil.test/callback' }],
    ['as an unknown client', { client_id: 'other' }],
    ['straight to a token', { response_type: 'token' }],
  ])('%s there is no code', async (_what, change) => {
    const { location } = await browse(authorize(change), { oneClick: 'analyst' })
    expect(location).not.toContain('code=')
  })
})

test('production refuses the demo provider', async () => {
  await expect(startDemoProvider({ profile: 'production', publicUrl: url, identities })).rejects.toBeInstanceOf(
    DemoProviderRefused,
  )
})

test('the demo file is readable by its owner only; secrets stay over a restart', async () => {
  const folder = await mkdtemp(path.join(tmpdir(), 'flsdb-demo-'))
  const file = path.join(folder, 'flsdb', 'demo.json')
  try {
    await writeDemoFile(file, {
      url,
      tokenUrl: provider.tokenUrl,
      issuer: provider.issuer,
      audience: provider.audience,
      fhir: `${url}/fhir`,
      api: `${url}/api`,
      mllp: { host: '127.0.0.1', port: 2575 },
      feeds: [],
      practices: [],
      sites: [],
      ...identities,
    })
    expect((await stat(file)).mode & 0o777).toBe(0o600)
    const again = demoIdentities(roster, await readDemoIdentities(file), await newPrivateKey())
    expect(again.clients.map(client => client.clientSecret)).toEqual(
      identities.clients.map(client => client.clientSecret),
    )
    expect(again.users).toEqual(identities.users)
    expect(await readDemoAddresses(file)).toEqual({ host: '127.0.0.1', port: 2575, url })
    expect(await readDemoIdentities(path.join(folder, 'none.json'))).toBeUndefined()
    expect(await readDemoAddresses(path.join(folder, 'none.json'))).toBeUndefined()
  } finally {
    await rm(folder, { recursive: true })
  }
})
