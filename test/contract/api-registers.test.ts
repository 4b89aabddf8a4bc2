import { afterAll, beforeAll, describe, expect, test } from '@jest/globals'
import type { Instant } from '../../src/fls/dates.ts'
import type { OdsCode, Side } from '../../src/fls/fact.ts'
import { PracticeClosed } from '../../src/sources/arrival.ts'
import { loadDirectory } from '../../src/store/directory.ts'
import { readInboxEntry } from '../../src/store/inbox.ts'
import { applyRegisterEntry, practiceGate, registerVersion } from '../../src/store/registers.ts'
import { json, type Service, startService } from './running-app.ts'

let service: Service
beforeAll(async () => {
  service = await startService()
})
afterAll(() => service.close())

const feed = {
  organisation: 'RXX',
  protocol: 'hl7v2',
  sendingApplications: ['PAS'],
  sendingFacilities: ['RXX01'],
  mapping: 'rxx01-pas',
}
const put = (role: 'operator' | 'ig-lead', path: string, body: unknown, headers: Record<string, string> = {}) => {
  const { headers: own, body: text } = json(body)
  return service.call(role, path, { method: 'PUT', headers: { ...own, ...headers }, body: text })
}

describe('feeds', () => {
  test('enrolled at run time, found by MSH-3 and MSH-4 from then on', async () => {
    const before = await registerVersion(service.store.db)
    const answer = await put('operator', '/api/feeds/rxx01-pas', feed)
    expect(answer.status).toBe(200)
    expect(await answer.json()).toMatchObject({
      id: 'rxx01-pas',
      ...feed,
      profile: 'stored',
      isActive: true,
      history: [{ by: 'operator-test' }],
    })
    const directory = await loadDirectory(service.store.db)
    expect(directory.feedOf('PAS', 'RXX01')?.organisation).toBe('RXX')
    expect(directory.version).toBe(before + 1)
  })

  test('the change is an inbox entry; applying it a second time changes nothing', async () => {
    const kept = await service.store.inbox.findOne({ protocol: 'register', type: 'feed/rxx01-pas' })
    const entry = kept ? await readInboxEntry(service.store, kept._id) : undefined
    if (!entry) throw new Error('no entry was kept')
    const { version, ...before } = await loadDirectory(service.store.db)
    expect(await applyRegisterEntry(service.store.db, entry, text => text)).toBe('known')
    // Whoever applied it first may have died before telling: caches load once more.
    const { version: now, ...after } = await loadDirectory(service.store.db)
    expect(now).toBe(version + 1)
    expect([after.feeds, after.sites, after.practices]).toEqual([before.feeds, before.sites, before.practices])
  })

  test('an engineer of another organisation does not find it', async () => {
    const own = await service.call('engineer', '/api/feeds/rxx01-pas', { claims: { organisations: ['RXX'] } })
    const other = await service.call('engineer', '/api/feeds/rxx01-pas', { claims: { organisations: ['RYY'] } })
    const list = await service.call('engineer', '/api/feeds', { claims: { organisations: ['RYY'] } })
    expect([own.status, other.status]).toEqual([200, 404])
    expect(await list.json()).toEqual({ items: [] })
  })

  test('bound to a certificate: found over connections that show it, and over no other', async () => {
    const bound = { ...feed, sendingFacilities: ['RXX07'], certificates: ['O=RXX, CN=pas'] }
    const answer = await put('operator', '/api/feeds/rxx07-pas', bound)
    expect(await answer.json()).toMatchObject({ certificates: ['O=RXX, CN=pas'] })
    const { feedOf, isSenderEnrolled } = await loadDirectory(service.store.db)
    const certificate = (subject: string, byte: string) => ({
      subject,
      fingerprint256: Array.from({ length: 32 }, () => byte).join(':'),
    })
    expect(feedOf('PAS', 'RXX07', certificate('CN=pas,O=RXX', 'AA'))?.id).toBe('rxx07-pas')
    expect(feedOf('PAS', 'RXX07', certificate('CN=ris,O=RXX', 'BB'))).toBeUndefined()
    expect(feedOf('PAS', 'RXX07')).toBeUndefined()
    expect([isSenderEnrolled('PAS', 'RXX07'), isSenderEnrolled('PAS', 'RXX08')]).toEqual([true, false])
  })

  test('another feed may not claim the same sender', async () => {
    const answer = await put('operator', '/api/feeds/rogue', { ...feed, organisation: 'RYY' })
    expect([answer.status, (await answer.json()).issues[0].code]).toEqual([409, 'multiple-matches'])
  })

  test.each<[string, unknown, string, string]>([
    ['a field nobody knows', { ...feed, tenant: 'RYY' }, 'body', 'element-unknown'],
    ['an operator as value', { ...feed, organisation: { $ne: '' } }, 'organisation', 'structure-invalid'],
    ['no organisation', { ...feed, organisation: undefined }, 'organisation', 'element-required'],
    ['a mapping folder nobody has', { ...feed, mapping: 'rxx02-pas' }, 'mapping', 'mapping-unknown'],
    ['a character set nobody knows', { ...feed, charset: 'EBCDIC-UK' }, 'charset', 'structure-invalid'],
    [
      'a certificate named by nothing',
      { ...feed, certificates: ['pas.rxx.nhs.uk'] },
      'certificates.0',
      'structure-invalid',
    ],
    ['a folder outside', { ...feed, mapping: '../../etc' }, 'mapping', 'structure-invalid'],
    [
      'no facility',
      { ...feed, sendingApplications: [], sendingFacilities: [] },
      'sendingFacilities',
      'element-required',
    ],
  ])('%s is refused and named', async (_what, body, where, code) => {
    const answer = await put('operator', '/api/feeds/other', body)
    expect([answer.status, (await answer.json()).issues[0]]).toMatchObject([422, { where, code }])
  })
  test('neither a wrong id nor a body that is no JSON gets in', async () => {
    expect((await put('operator', '/api/feeds/UPPER..CASE', feed)).status).toBe(422)
    expect(
      (await put('operator', '/api/feeds/RQM_Lorenzo.2', { ...feed, sendingApplications: ['LORENZO'] })).status,
    ).toBe(200)
    const broken = await service.call('operator', '/api/feeds/x', {
      method: 'PUT',
      headers: { 'Content-Type': 'application/json' },
      body: '{',
    })
    const form = await service.call('operator', '/api/feeds/x', {
      method: 'PUT',
      headers: { 'Content-Type': 'text/plain' },
      body: '{}',
    })
    expect([broken.status, form.status]).toEqual([400, 415])
    const twice = await service.call('ig-lead', '/api/practices/P81001', {
      method: 'PUT',
      body: '{"optedIn":true,"optedIn":false}',
      headers: { 'Content-Type': 'application/json' },
    })
    expect(twice.status).toBe(400)
  })
})

describe('practices', () => {
  const arrival = (practice: string) => ({
    sender: 'gp-a',
    organisation: practice as OdsCode,
    side: 'gp' as Side,
    protocol: 'extract' as const,
    controlId: 'x1',
    type: 'neutral/patient',
    bytes: Buffer.from('row'),
    practice: practice as OdsCode,
  })

  test('closed until opted in, open from then on, closed by withdrawal, open again by a new opt-in', async () => {
    await expect(service.accept(arrival('P81001'))).rejects.toBeInstanceOf(PracticeClosed)
    await put('ig-lead', '/api/practices/P81001', { optedIn: true, evidence: 'letter 12' })
    expect((await service.accept(arrival('P81001'))).outcome).toBe('kept')
    await put('ig-lead', '/api/practices/P81001', { optedIn: false })
    await expect(service.accept(arrival('P81001'))).rejects.toMatchObject({
      code: 'practice-closed',
      since: expect.any(String),
    })
    // The very same words as the first statement: a statement of its own all the same.
    const again = await put('ig-lead', '/api/practices/P81001', { optedIn: true, evidence: 'letter 12' })
    expect(await again.json()).toMatchObject({
      ods: 'P81001',
      optedIn: true,
      history: [{ optedIn: true }, { optedIn: false }, { optedIn: true }],
    })
    expect((await service.accept(arrival('P81001'))).outcome).toBe('repeat')
  })

  test('the same request repeated under its id is one statement', async () => {
    await put('ig-lead', '/api/practices/P81002', { optedIn: true }, { 'X-Request-ID': 'once' })
    const second = await put('ig-lead', '/api/practices/P81002', { optedIn: true }, { 'X-Request-ID': 'once' })
    expect((await second.json()).history).toHaveLength(1)
  })

  test('a supplier sees its own practices only', async () => {
    const claims = { practices: ['P81001'], feeds: ['gp-a'] }
    const own = await service.call('gp-supplier', '/api/practices/P81001', { claims })
    const other = await service.call('gp-supplier', '/api/practices/P81002', { claims })
    const none = await service.call('gp-supplier', '/api/practices/P99999', { claims })
    expect([own.status, other.status, none.status]).toEqual([200, 404, 404])
    expect(await other.text()).toBe(await none.text())
  })

  test('history as of any instant', async () => {
    const gate = practiceGate(service.store.db)
    expect(await gate('P81001' as OdsCode, '2020-01-01T00:00:00.000Z' as Instant)).toEqual({ isOpen: false })
  })
})

test('sites: a nurse finds the own one only; the FLS of a hospital follows', async () => {
  await put('operator', '/api/sites/RXX01', { name: 'Infirmary', organisation: 'RXX', fls: true, hipFractures: 420 })
  const own = await service.call('nurse', '/api/sites/RXX01', { claims: { organisations: ['RXX'] } })
  const other = await service.call('nurse', '/api/sites/RXX01', { claims: { organisations: ['RYY'] } })
  expect([own.status, other.status]).toEqual([200, 404])
  expect((await loadDirectory(service.store.db)).hospitalToFls.get('RXX' as OdsCode)).toBe('RXX01')
})

test('national opt-out list: kept as keyed hashes, replaced as a whole, never shown', async () => {
  const list = (issuedAt: string, nhsNumbers: string[]) => ({ issuedAt, expiresAt: '2999-01-01T00:00:00Z', nhsNumbers })
  const post = (body: unknown) => service.call('ig-lead', '/api/opt-outs', { method: 'POST', ...json(body) })
  expect(await (await service.call('operator', '/api/opt-outs')).json()).toEqual({ isInForce: false })
  expect(await (await post(list('2026-01-01T00:00:00Z', ['9990000018', '9990000026']))).json()).toMatchObject({
    isInForce: true,
    count: 2,
  })
  expect(await (await post(list('2026-02-01T00:00:00Z', ['9990000018']))).json()).toMatchObject({ count: 1 })
  const stored = await service.store.db.collection('optOuts').find().toArray()
  expect(stored).toHaveLength(1)
  expect(JSON.stringify(stored)).not.toContain('9990000018')
})
