import { gzipSync } from 'node:zlib'
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals'
import { Client } from 'fhir-kit-client'
import { readInboxEntry } from '../../src/store/inbox.ts'
import { indexEntries, resourcesOf } from '../../src/store/resources.ts'
import {
  codesOf,
  condition,
  type FhirDoor,
  mrnSystem,
  openFhirDoor,
  patient,
  send,
  testNhsNumber,
} from './fhir-door.ts'

/* One test per row of the REST table (fhir.md 1.1) that is marked M, against the real application on a real socket. */
/** Practices opted in; the gate reads it at every call. */
const gpPractices = ['A81001']
let door: FhirDoor
beforeAll(async () => {
  door = await openFhirDoor({ open: gpPractices })
})
afterAll(() => door.close())

const created = async (serial: number, more: object = {}) => {
  const answer = await send(door, 'POST', '/Patient', patient(serial, more))
  expect(answer.status).toBe(201)
  return answer
}
const inboxCount = () => door.store.inbox.countDocuments()

describe('create', () => {
  test('201 with Location, ETag, Last-Modified; client id and version are not taken over; the bytes are kept as sent', async () => {
    const sent = JSON.stringify(
      patient(1, { id: 'mine', meta: { versionId: '77', lastUpdated: '2026-01-01T00:00:00Z' } }),
    )
    const answer = await send(door, 'POST', '/Patient', sent, { 'X-Request-ID': 'req-1' })
    expect(answer.status).toBe(201)
    const { id, meta } = answer.body as { id: string; meta: { versionId: string; lastUpdated: string } }
    expect(id).not.toBe('mine')
    expect(meta.versionId).not.toBe('77')
    expect(answer.headers.get('location')).toBe(`http://fls.test/fhir/Patient/${id}/_history/${meta.versionId}`)
    expect(answer.headers.get('etag')).toBe(`W/"${meta.versionId}"`)
    expect(answer.headers.get('last-modified')).toBe(new Date(meta.lastUpdated).toUTCString())
    expect(answer.headers.get('x-request-id')).toBe('req-1')
    expect(answer.headers.get('x-powered-by')).toBeNull()
    const entry = await door.store.inbox.findOne({ controlId: 'req-1' })
    expect(Buffer.from(entry?.bytes?.buffer ?? []).toString()).toBe(sent)
    expect(entry).toMatchObject({
      sender: 'rxx-fhir',
      organisation: 'RXX',
      side: 'hospital',
      protocol: 'fhir',
      type: 'Patient',
    })
  })

  test('the same again is the same resource and the same version, kept once', async () => {
    const before = await inboxCount()
    const first = await send(door, 'POST', '/Patient', patient(2), { 'X-Request-ID': 'twice' })
    const second = await send(door, 'POST', '/Patient', patient(2), { 'X-Request-ID': 'twice' })
    expect([first.status, second.status]).toEqual([201, 201])
    expect(second.headers.get('location')).toBe(first.headers.get('location'))
    expect(await inboxCount()).toBe(before + 1)
  })

  test('the same X-Request-ID with another body is kept too, never 409', async () => {
    const first = await send(door, 'POST', '/Patient', patient(3), { 'X-Request-ID': 'reused' })
    const second = await send(door, 'POST', '/Patient', patient(4), { 'X-Request-ID': 'reused' })
    expect([first.status, second.status]).toEqual([201, 201])
    expect(await door.store.inbox.countDocuments({ controlId: 'reused' })).toBe(2)
  })

  test.each([
    ['return=minimal', 0, undefined],
    ['return=representation', 1, 'Patient'],
    ['return=OperationOutcome', 1, 'OperationOutcome'],
  ])('Prefer: %s', async (prefer, hasBody, type) => {
    const answer = await send(door, 'POST', '/Patient', patient(5), { Prefer: prefer })
    expect(answer.status).toBe(201)
    expect(answer.text.length > 0).toBe(hasBody === 1)
    expect(answer.body['resourceType']).toBe(type)
  })

  test('an NHS number that fails its check digit is kept and told as a warning', async () => {
    const wrong = { system: 'https://fhir.nhs.uk/Id/nhs-number', value: '9990000001' }
    const answer = await send(door, 'POST', '/Patient', patient(6, { identifier: [wrong] }), {
      Prefer: 'return=OperationOutcome',
    })
    expect(answer.status).toBe(201)
    expect(codesOf(answer)).toEqual(['nhs-number-invalid', 'not-yet-read'])
    expect(answer.text).not.toContain('9990000001')
  })
})

describe('read, vread, history', () => {
  test('as sent, with decimals to the last place, id and meta filled', async () => {
    const subject = { reference: `Patient/${(await created(10)).body.id}` }
    const text = JSON.stringify({
      resourceType: 'Observation',
      status: 'final',
      code: { coding: [{ system: 'http://loinc.org', code: '38264-8' }] },
      subject,
      effectiveDateTime: '2026-01-20',
      valueQuantity: { value: 0, unit: 'T-score' },
    }).replace('"value":0', '"value":-2.50')
    const { body } = await send(door, 'POST', '/Observation', text)
    const read = await send(door, 'GET', `/Observation/${body.id}`)
    expect(read.status).toBe(200)
    expect(read.text).toContain('"value":-2.50')
    expect(read.headers.get('content-type')).toMatch(/^application\/fhir\+json; charset=utf-8/)
    expect(read.headers.get('etag')).toMatch(/^W\/"/)
  })

  test('a second version is a new ETag; vread gives both; history newest first', async () => {
    const first = await created(11)
    door.setNow(new Date('2026-03-01T11:00:00.000Z'))
    const id = first.body.id ?? ''
    const second = await send(door, 'PUT', `/Patient/${id}`, patient(11, { id, birthDate: '1948-05-03' }))
    expect(second.status).toBe(200)
    const versions = [first, second].map(answer => /"(.+)"/.exec(answer.headers.get('etag') ?? '')?.[1])
    expect(new Set(versions).size).toBe(2)
    const older = await send(door, 'GET', `/Patient/${id}/_history/${versions[0]}`)
    const current = await send(door, 'GET', `/Patient/${id}`)
    expect([older.body['birthDate'], current.body['birthDate']]).toEqual(['1948-05-02', '1948-05-03'])
    const history = await send(door, 'GET', `/Patient/${id}/_history`)
    expect(history.body).toMatchObject({ type: 'history', total: 2 })
    expect(history.body.entry?.map(entry => (entry['resource'] as { birthDate: string }).birthDate)).toEqual([
      '1948-05-03',
      '1948-05-02',
    ])
    expect((await send(door, 'GET', `/Patient/${id}/_history/nosuchversion`)).status).toBe(404)
  })

  test('If-None-Match with the current ETag: 304', async () => {
    const { headers, body } = await created(12)
    const answer = await send(door, 'GET', `/Patient/${body.id}`, undefined, {
      'If-None-Match': headers.get('etag') ?? '',
    })
    expect([answer.status, answer.text]).toEqual([304, ''])
  })

  test('another sender sees nothing: 404 on read, no match on search', async () => {
    const { body } = await created(13)
    expect((await send(door, 'GET', `/Patient/${body.id}`, undefined, {}, 'other')).status).toBe(404)
    const found = await send(door, 'GET', `/Patient?identifier=${mrnSystem}|H13`, undefined, {}, 'other')
    expect(found.body).toMatchObject({ type: 'searchset', total: 0 })
    expect((await send(door, 'GET', '/Patient/nosuch')).status).toBe(404)
  })

  test('every read is in the access log', async () => {
    const { body } = await created(14)
    const before = door.accessLines.length
    await send(door, 'GET', `/Patient/${body.id}`)
    expect(door.accessLines.length).toBe(before + 1)
  })
})

describe('update', () => {
  test.each([
    ['body without id', undefined, 400],
    ['body with another id', 'other', 400],
  ])('%s → %s', async (_why, id, status) => {
    const { body } = await created(20)
    const answer = await send(door, 'PUT', `/Patient/${body.id}`, patient(20, id === undefined ? {} : { id }))
    expect(answer.status).toBe(status)
  })

  test('an id never issued: 405, nothing kept', async () => {
    const before = await inboxCount()
    const answer = await send(door, 'PUT', '/Patient/made-up', patient(21, { id: 'made-up' }))
    expect(answer.status).toBe(405)
    expect(await inboxCount()).toBe(before)
  })

  test('changed, and changed back without X-Request-ID: the last one stands; a plain resend adds nothing', async () => {
    const id = (await created(23)).body.id
    const path = `/Patient/${id}`
    for (const birthDate of ['1948-06-01', '1948-07-01', '1948-06-01', '1948-06-01']) {
      expect((await send(door, 'PUT', path, patient(23, { id, birthDate }))).status).toBe(200)
    }
    expect((await send(door, 'GET', path)).body['birthDate']).toBe('1948-06-01')
    expect((await send(door, 'GET', `${path}/_history`)).body['total']).toBe(4)
  })

  test.each([
    ['the current ETag', 'current', 200],
    ['an older ETag', 'W/"0123456789abcdef"', 412],
    ['a strong ETag', '"1"', 400],
  ])('If-Match with %s → %s', async (_why, ifMatch, status) => {
    const { headers, body } = await created(22)
    const tag = ifMatch === 'current' ? (headers.get('etag') ?? '') : ifMatch
    const answer = await send(door, 'PUT', `/Patient/${body.id}`, patient(22, { id: body.id }), { 'If-Match': tag })
    expect(answer.status).toBe(status)
  })
})

describe('conditional create and update', () => {
  const criterion = (value: string) => `identifier=${encodeURIComponent(`${mrnSystem}|${value}`)}`

  test('If-None-Exist: none → 201, one → 200 without a new version', async () => {
    const headers = { 'If-None-Exist': criterion('H30') }
    const first = await send(door, 'POST', '/Patient', patient(30), headers)
    const before = await inboxCount()
    const second = await send(door, 'POST', '/Patient', patient(30, { birthDate: '1900-01-01' }), headers)
    expect([first.status, second.status]).toEqual([201, 200])
    expect(second.headers.get('etag')).toBe(first.headers.get('etag'))
    expect(second.body['birthDate']).toBe('1948-05-02')
    expect(await inboxCount()).toBe(before)
  })

  test('two at once make one resource', async () => {
    const headers = { 'If-None-Exist': criterion('H31') }
    const answers = await Promise.all([1, 2].map(() => send(door, 'POST', '/Patient', patient(31), headers)))
    expect(new Set(answers.map(answer => answer.body.id)).size).toBe(1)
  })

  test('several matches → 412', async () => {
    const shared = { system: 'https://rxx.nhs.uk/Id/household', value: 'F1' }
    for (const serial of [32, 33]) {
      const { identifier } = patient(serial) as { identifier: object[] }
      await created(serial, { identifier: [...identifier, shared] })
    }
    const token = `identifier=${shared.system}|${shared.value}`
    expect((await send(door, 'POST', '/Patient', patient(34), { 'If-None-Exist': token })).status).toBe(412)
    expect((await send(door, 'PUT', `/Patient?${token}`, patient(34))).status).toBe(412)
  })

  test('PUT ?identifier: none → 201, one → 200 new version, other body id → 400, body id without match → 405', async () => {
    const path = `/Patient?${criterion('H35')}`
    const first = await send(door, 'PUT', path, patient(35))
    const second = await send(door, 'PUT', path, patient(35, { birthDate: '1948-06-01' }))
    expect([first.status, second.status]).toEqual([201, 200])
    expect(second.body.id).toBe(first.body.id)
    expect((await send(door, 'PUT', path, patient(35, { id: first.body.id }))).status).toBe(200)
    expect((await send(door, 'PUT', path, patient(35, { id: 'else' }))).status).toBe(400)
    expect((await send(door, 'PUT', `/Patient?${criterion('H36')}`, patient(36, { id: 'else' }))).status).toBe(405)
  })

  test.each([
    'family=Testwell',
    'identifier=H35',
    'identifier=https://rxx.nhs.uk/Id/mrn|',
    'identifier=a|1&birthdate=1948',
    '',
  ])('any other criterion (%s) → 400', async query => {
    expect((await send(door, 'PUT', `/Patient?${query}`, patient(37))).status).toBe(400)
  })
})

describe('search', () => {
  test('by identifier in its three forms, by _id, by POST _search', async () => {
    const { body } = await created(40)
    const nhs = testNhsNumber(40)
    for (const query of [
      `identifier=${mrnSystem}|H40`,
      'identifier=H40',
      `identifier=${nhs}`,
      `_id=${body.id}`,
      `_id=nosuch,${body.id}`,
    ]) {
      const found = await send(door, 'GET', `/Patient?${query}`)
      expect(found.body).toMatchObject({
        type: 'searchset',
        total: 1,
        entry: [{ search: { mode: 'match' }, resource: { id: body.id } }],
      })
    }
    const form = await send(door, 'POST', '/Patient/_search', 'identifier=H40', {
      'Content-Type': 'application/x-www-form-urlencoded',
    })
    expect(form.body).toMatchObject({ total: 1 })
    const spaced = `${nhs.slice(0, 3)} ${nhs.slice(3, 6)} ${nhs.slice(6)}`
    const byNhs = await send(
      door,
      'GET',
      `/Patient?identifier=${encodeURIComponent(`https://fhir.nhs.uk/Id/nhs-number|${spaced}`)}`,
    )
    expect(byNhs.body).toMatchObject({ total: 1 })
  })

  const ids = (count: number) => `_id=${Array(count).fill('x').join(',')}`
  test.each([
    ['1,000 values', ids(1_000), 200],
    ['one more', ids(1_001), 400],
    ['one more in two parameters', `${ids(500)}&${ids(501)}`, 400],
    ['1,000 characters', `family:contains=${'x'.repeat(1_000)}`, 200],
    ['one character more', `family:contains=${'x'.repeat(1_001)}`, 400],
  ])('%s', async (_what, query, status) => {
    const answer = await send(door, 'POST', '/Patient/_search', query, {
      'Content-Type': 'application/x-www-form-urlencoded',
    })
    expect(answer.status).toBe(status)
  })

  test('an identifier that was replaced is no longer found', async () => {
    const { body } = await created(41)
    await send(door, 'PUT', `/Patient/${body.id}`, patient(42, { id: body.id }))
    expect((await send(door, 'GET', '/Patient?identifier=H41')).body).toMatchObject({ total: 0 })
    expect((await send(door, 'GET', '/Patient?identifier=H42')).body).toMatchObject({ total: 1 })
  })

  test('unknown parameters: ignored, out of self, told; with handling=strict 400; modifiers always 400', async () => {
    const lenient = await send(door, 'GET', '/Patient?identifier=H40&shoe-size=x')
    expect(lenient.status).toBe(200)
    const link = lenient.body['link'] as { relation: string; url: string }[]
    expect(link[0]).toEqual({ relation: 'self', url: 'http://fls.test/fhir/Patient?identifier=H40' })
    expect(lenient.body.entry?.at(-1)).toMatchObject({
      search: { mode: 'outcome' },
      resource: { resourceType: 'OperationOutcome' },
    })
    const strict = await send(door, 'GET', '/Patient?identifier=H40&shoe-size=x', undefined, {
      Prefer: 'handling=strict',
    })
    expect(strict.status).toBe(400)
    expect((await send(door, 'GET', '/Patient?identifier:not=H40')).status).toBe(400)
    expect((await send(door, 'GET', '/Patient?_count=many')).status).toBe(400)
    expect((await send(door, 'GET', `/Patient?identifier=${mrnSystem}|`)).status).toBe(400)
  })

  test('paging: every resource once; a page mark is not ours to forge', async () => {
    const all = new Set<string>()
    let path: string | undefined = '/Patient?_count=5'
    while (path !== undefined) {
      const page = await send(door, 'GET', path)
      for (const entry of page.body.entry ?? []) all.add((entry['resource'] as { id: string }).id)
      const links = page.body['link'] as { relation: string; url: string }[]
      path = links.find(link => link.relation === 'next')?.url.replace('http://fls.test/fhir', '')
    }
    const total = (await send(door, 'GET', '/Patient?_summary=count')).body
    expect(total.entry).toBeUndefined()
    expect(all.size).toBe(total['total'])
    expect((await send(door, 'GET', '/Patient?_page=abc.0000000000000000')).status).toBe(400)
  })

  test('operators of the database are plain text', async () => {
    const found = await send(door, 'GET', `/Patient?_id=${encodeURIComponent('{"$gt":""}')}`)
    expect(found.body).toMatchObject({ total: 0 })
    expect((await send(door, 'GET', '/Patient?identifier[$gt]=')).body).toMatchObject({ resourceType: 'Bundle' })
  })
})

describe('refusals are OperationOutcomes', () => {
  test.each([
    ['unknown type', 'GET', '/Nonsense/1', undefined, {}, 404, 'resource-type-unknown'],
    ['type names are case sensitive', 'GET', '/patient/1', undefined, {}, 404, 'resource-type-unknown'],
    ['known type that is not offered', 'GET', '/Claim/1', undefined, {}, 405, 'interaction-not-supported'],
    ['delete', 'DELETE', '/Patient/1', undefined, {}, 405, 'interaction-not-supported'],
    ['patch', 'PATCH', '/Patient/1', {}, {}, 405, 'interaction-not-supported'],
    ['wrong type for the address', 'POST', '/Condition', patient(1), {}, 400, 'resource-type-wrong'],
    ['no resourceType', 'POST', '/Patient', { id: 'x' }, {}, 400, 'resource-type-wrong'],
    ['no JSON', 'POST', '/Patient', '{"resourceType":', {}, 400, 'json-invalid'],
    ['not UTF-8', 'POST', '/Patient', new Uint8Array([0x7b, 0x22, 0xff, 0x22, 0x7d]), {}, 400, 'json-invalid'],
    [
      'duplicate key',
      'POST',
      '/Patient',
      '{"resourceType":"Patient","active":true,"active":true}',
      {},
      400,
      'json-duplicate-key',
    ],
    [
      'prototype key',
      'POST',
      '/Patient',
      '{"resourceType":"Patient","__proto__":{"x":1}}',
      {},
      400,
      'json-key-refused',
    ],
    ['unknown element', 'POST', '/Patient', patient(1, { nickname: 'x' }), {}, 400, 'element-unknown'],
    [
      'XML body',
      'POST',
      '/Patient',
      '<Patient/>',
      { 'Content-Type': 'application/fhir+xml' },
      415,
      'media-type-not-supported',
    ],
    [
      'STU3 body',
      'POST',
      '/Patient',
      patient(1),
      { 'Content-Type': 'application/fhir+json; fhirVersion=3.0' },
      415,
      'media-type-not-supported',
    ],
    [
      'other charset',
      'POST',
      '/Patient',
      patient(1),
      { 'Content-Type': 'application/json; charset=latin1' },
      415,
      'media-type-not-supported',
    ],
    ['XML wanted', 'GET', '/Patient', undefined, { Accept: 'application/fhir+xml' }, 406, 'media-type-not-supported'],
    [
      'R5 wanted',
      'GET',
      '/Patient',
      undefined,
      { Accept: 'application/fhir+json; fhirVersion=5.0' },
      406,
      'media-type-not-supported',
    ],
    [
      '_format beats Accept',
      'GET',
      '/Patient?_format=xml',
      undefined,
      { Accept: 'application/json' },
      406,
      'media-type-not-supported',
    ],
    ['no route', 'GET', '/Patient/1/2/3/4', undefined, {}, 404, 'not-found'],
    ['declared too large', 'POST', '/Patient', 'x'.repeat(2 * 1024 * 1024 + 1), {}, 413, 'payload-too-large'],
    [
      'another organisation',
      'POST',
      '/Patient',
      patient(1),
      { 'NHSD-End-User-Organisation-ODS': 'RZZ' },
      403,
      'forbidden',
    ],
  ] as const)('%s', async (_why, method, path, body, headers, status, code) => {
    const answer = await send(door, method, path, body, headers)
    expect(answer.status).toBe(status)
    expect(answer.headers.get('content-type')).toMatch(/^application\/fhir\+json/)
    expect(answer.body['resourceType']).toBe('OperationOutcome')
    expect(codesOf(answer)).toContain(code)
  })

  test('no token 401, a role without this door 403, a client without feed 403', async () => {
    expect((await send(door, 'GET', '/Patient', undefined, {}, '')).status).toBe(401)
    expect((await send(door, 'POST', '', { resourceType: 'Bundle' }, {}, 'nurse')).status).toBe(403)
    expect((await send(door, 'GET', '/Patient', undefined, {}, 'nurse')).status).toBe(403)
  })

  test('every issue carries our code, the NHS code and a FHIRPath; none a value', async () => {
    const answer = await send(door, 'POST', '/Patient', patient(1, { gender: 'SECRETVALUE' }))
    expect(answer.body.issue).toMatchObject([
      {
        severity: 'error',
        code: 'code-invalid',
        expression: ['Patient.gender'],
        details: {
          coding: [
            { code: 'word-not-allowed' },
            { system: 'https://fhir.nhs.uk/CodeSystem/NHSD-API-ErrorOrWarningCode', code: 'INVALID_CODE_VALUE' },
          ],
        },
      },
    ])
    expect(answer.text).not.toContain('SECRETVALUE')
  })

  test.each([
    'application/json',
    'text/json',
    'application/json+fhir',
    'application/fhir+json; fhirVersion=4.0; charset=utf-8',
    'application/fhir+json;version=1.1.0',
  ])('content type %s is read', async type => {
    expect((await send(door, 'POST', '/Patient', patient(50), { 'Content-Type': type, Accept: '*/*' })).status).toBe(
      201,
    )
  })

  test('gzip is unpacked; a bomb is stopped', async () => {
    const headers = { 'Content-Encoding': 'gzip' }
    expect((await send(door, 'POST', '/Patient', gzipSync(JSON.stringify(patient(51))), headers)).status).toBe(201)
    expect((await send(door, 'POST', '/Patient', gzipSync('x'.repeat(30_000_000)), headers)).status).toBe(413)
    expect((await send(door, 'POST', '/Patient', gzipSync('x').subarray(0, 8), headers)).status).toBe(400)
  })
})

describe('subjects and senders', () => {
  test.each([
    ['unknown patient', { reference: 'Patient/nosuch' }, 422],
    ['foreign server', { reference: 'https://elsewhere.test/fhir/Patient/1' }, 422],
    ['logical reference', { identifier: { system: mrnSystem, value: 'H60' } }, 201],
    ['conditional reference without match', { reference: `Patient?identifier=${mrnSystem}|NOBODY` }, 422],
    ['contained patient', { reference: '#p' }, 201],
  ])('Condition about %s → %s', async (_why, subject, status) => {
    const contained = {
      contained: [{ resourceType: 'Patient', id: 'p', identifier: [{ system: mrnSystem, value: 'H60' }] }],
    }
    const more = 'reference' in subject && subject.reference === '#p' ? contained : {}
    const answer = await send(door, 'POST', '/Condition', condition(subject, more))
    expect(answer.status).toBe(status)
  })

  test('by our id, our full address, or a conditional reference: the reference is resolved and the record noted', async () => {
    const { body } = await created(61)
    const forms = [
      `Patient/${body.id}`,
      `http://fls.test/fhir/Patient/${body.id}`,
      `Patient?identifier=${mrnSystem}|H61`,
    ]
    for (const [index, reference] of forms.entries()) {
      const answer = await send(door, 'POST', '/Condition', condition({ reference }), {
        'X-Request-ID': `ref-${index}`,
      })
      expect(answer.status).toBe(201)
      expect(answer.body['subject']).toEqual({ reference: `Patient/${body.id}` })
      const entry = await door.store.inbox.findOne({ controlId: `ref-${index}` })
      expect(Object.keys((entry?.meta?.['patients'] as object) ?? {})).toEqual([`Patient/${body.id}`])
    }
  })

  test('GP supplier: the practice must be named when there are several, and open', async () => {
    const header = (practice: string) => ({ 'NHSD-End-User-Organisation-ODS': practice })
    expect((await send(door, 'POST', '/Patient', patient(62), {}, 'gp')).status).toBe(422)
    expect((await send(door, 'POST', '/Patient', patient(62), header('A89999'), 'gp')).status).toBe(403)
    const closed = await send(door, 'POST', '/Patient', patient(62), header('A81002'), 'gp')
    expect([closed.status, ...codesOf(closed)]).toEqual([403, 'practice-closed'])
    const open = await send(
      door,
      'POST',
      '/Patient',
      patient(62),
      { ...header('A81001'), 'X-Request-ID': 'gp-1' },
      'gp',
    )
    expect(open.status).toBe(201)
    expect(await door.store.inbox.findOne({ controlId: 'gp-1' })).toMatchObject({
      side: 'gp',
      practice: 'A81001',
      organisation: 'A81001',
    })
  })

  test('GP supplier: two practices that number their patients alike have two patients', async () => {
    const header = (practice: string) => ({ 'NHSD-End-User-Organisation-ODS': practice })
    gpPractices.push('A81002')
    try {
      const alike = `identifier=${mrnSystem}|H64`
      const given = { ...header('A81001'), 'X-Request-ID': 'alike-1' }
      const first = await send(door, 'POST', '/Patient', patient(64), given, 'gp')
      const condition1 = condition({ reference: `Patient?${alike}` })
      const address = `/Patient/${first.body.id}`
      expect((await send(door, 'POST', '/Condition', condition1, header('A81002'), 'gp')).status).toBe(422)
      expect(
        (await send(door, 'PUT', address, patient(64, { id: first.body.id }), header('A81002'), 'gp')).status,
      ).toBe(405)
      const other = patient(65, { identifier: [{ system: mrnSystem, value: 'H64' }] })
      const asked = { ...header('A81002'), 'If-None-Exist': alike, 'X-Request-ID': 'alike-2' }
      const second = await send(door, 'POST', '/Patient', other, asked, 'gp')
      expect(second.status).toBe(201)
      expect(second.body.id).not.toBe(first.body.id)
      expect((await send(door, 'GET', address, undefined, header('A81001'), 'gp')).body).toEqual(first.body)
      await send(door, 'POST', '/Condition', condition1, { ...header('A81002'), 'X-Request-ID': 'alike-3' }, 'gp')
      const entry = await door.store.inbox.findOne({ controlId: 'alike-3' })
      expect(Object.keys(entry?.meta?.['patients'] as object)).toEqual([`Patient/${second.body.id}`])
    } finally {
      gpPractices.splice(1)
    }
  })

  test.each([{}, { 'X-Request-ID': 'same-for-both' }])(
    'GP supplier: the same bytes for two practices are two arrivals, each kept once (%j)',
    async more => {
      gpPractices.push('A81002')
      try {
        const given = (practice: string) => ({ 'NHSD-End-User-Organisation-ODS': practice, ...more })
        const body = patient(66 + Object.keys(more).length)
        const ids: string[] = []
        for (const practice of ['A81001', 'A81002', 'A81002', 'A81001']) {
          const answer = await send(door, 'POST', '/Patient', body, given(practice), 'gp')
          ids.push(String(answer.body.id))
        }
        expect(ids).toEqual([ids[0], ids[1], ids[1], ids[0]])
        expect(ids[1]).not.toBe(ids[0])
        const kept = await door.store.inbox.find({ 'meta.resources.id': { $in: ids } }).toArray()
        expect(kept.map(entry => entry.practice).sort()).toEqual(['A81001', 'A81002'])
      } finally {
        gpPractices.splice(1)
      }
    },
  )

  test('GP supplier: reads back what it sent for the practice it speaks for, while that practice is open', async () => {
    const header = (practice: string) => ({ 'NHSD-End-User-Organisation-ODS': practice })
    const open = [...gpPractices]
    try {
      const sent = await send(door, 'POST', '/Patient', patient(63), header('A81001'), 'gp')
      const address = `/Patient/${(sent.body as { id: string }).id}`
      const reads = async (practice: string) => [
        (await send(door, 'GET', address, undefined, header(practice), 'gp')).status,
        (await send(door, 'GET', `/Patient?_id=${address.split('/')[2]}`, undefined, header(practice), 'gp')).body?.[
          'total'
        ],
      ]
      expect(await reads('A81001')).toEqual([200, 1])
      gpPractices.push('A81002')
      expect(await reads('A81002')).toEqual([404, 0])
      gpPractices.splice(0, 2)
      expect(await reads('A81001')).toEqual([403, undefined])
    } finally {
      gpPractices.splice(0, 2, ...open)
    }
  })
})

describe('metadata', () => {
  test('needs no token and says what works: every interaction it names is not 404 or 405, every other is 405', async () => {
    const answer = await send(door, 'GET', '/metadata', undefined, {}, '')
    expect(answer.status).toBe(200)
    const statement = answer.body as unknown as {
      fhirVersion: string
      rest: [
        {
          resource: { type: string; interaction: { code: string }[]; searchParam?: { name: string; type: string }[] }[]
        },
      ]
    }
    expect(statement.fhirVersion).toBe('4.0.1')
    for (const { type, interaction, searchParam } of statement.rest[0].resource) {
      const codes = interaction.map(one => one.code)
      const tried = {
        create: (await send(door, 'POST', `/${type}`, { resourceType: type })).status,
        read: (await send(door, 'GET', `/${type}/nosuch`)).status,
        'search-type': (await send(door, 'GET', `/${type}?_id=nosuch`)).status,
      }
      for (const [code, status] of Object.entries(tried))
        expect([type, code, status === 405]).toEqual([type, code, !codes.includes(code)])
      for (const { name, type: kind } of searchParam ?? []) {
        const value = kind === 'date' ? 'ge2026' : 'nosuch'
        const strict = await send(door, 'GET', `/${type}?${name}=${value}`, undefined, { Prefer: 'handling=strict' })
        expect([type, name, strict.status]).toEqual([type, name, 200])
      }
    }
    expect((await send(door, 'GET', '/metadata?mode=terminology', undefined, {}, '')).status).toBe(404)
  })
})

describe('a published client and replay', () => {
  test('fhir-kit-client: capability, create, read, search, update with If-Match', async () => {
    const client = new Client({ baseUrl: door.base, bearerToken: 'hospital' })
    expect(await client.capabilityStatement()).toMatchObject({ resourceType: 'CapabilityStatement' })
    const made = (await client.create({ resourceType: 'Patient', body: patient(70) as never })) as unknown as {
      id: string
      meta: { versionId: string }
    }
    const read = await client.read({ resourceType: 'Patient', id: made.id })
    expect(read).toMatchObject({ id: made.id })
    const found = await client.search({ resourceType: 'Patient', searchParams: { identifier: 'H70' } })
    expect(found).toMatchObject({ total: 1 })
    const ifMatch = (version: string) => ({ headers: { 'If-Match': `W/"${version}"` } })
    const body = patient(70, { id: made.id, birthDate: '1948-12-24' }) as never
    await client.update({ resourceType: 'Patient', id: made.id, body, options: ifMatch(made.meta.versionId) })
    await expect(
      client.update({ resourceType: 'Patient', id: made.id, body, options: ifMatch(made.meta.versionId) }),
    ).rejects.toMatchObject({
      response: { status: 412 },
    })
  })

  test('the index rebuilt from the inbox is equal, and doing it twice changes nothing', async () => {
    const index = resourcesOf(door.store.db)
    const before = await index.find().sort({ _id: 1 }).toArray()
    const entries = await door.store.inbox.find().sort({ receivedAt: -1 }).toArray()
    await index.deleteMany({})
    for (const { _id } of [...entries, ...entries]) {
      const entry = await readInboxEntry(door.store, _id)
      if (entry) await indexEntries(door.store.db, [entry])
    }
    expect(await index.find().sort({ _id: 1 }).toArray()).toEqual(before)
  })
})
