import { afterAll, beforeAll, describe, expect, test } from '@jest/globals'
import { resourcesOf } from '../../src/store/resources.ts'
import { codesOf, condition, type FhirDoor, type Json, mrnSystem, openFhirDoor, patient, send } from './fhir-door.ts'

/* Every clause of the batch and transaction rows of fhir.md 1.1. */
let door: FhirDoor
beforeAll(async () => {
  const upper = async () => ({ status: 201, resource: { resourceType: 'QuestionnaireResponse' } })
  door = await openFhirDoor({ typeHandlers: new Map([['QuestionnaireResponse', { create: upper }]]) })
})
afterAll(() => door.close())

const inboxCount = () => door.store.inbox.countDocuments()
const indexCount = () => resourcesOf(door.store.db).countDocuments()
const bundle = (type: string, entry: object[], more: object = {}) => ({ resourceType: 'Bundle', type, entry, ...more })
const post = (resource: object, more: object = {}, fullUrl?: string) => ({
  ...(fullUrl ? { fullUrl } : {}),
  resource,
  request: { method: 'POST', url: (resource as { resourceType: string }).resourceType, ...more },
})
const put = (resource: object, url: string, fullUrl?: string) => ({
  ...(fullUrl ? { fullUrl } : {}),
  resource,
  request: { method: 'PUT', url },
})
const get = (url: string) => ({ request: { method: 'GET', url } })
const statuses = (body: Json) => body.entry?.map(entry => (entry['response'] as { status: string }).status.slice(0, 3))
const urn = (digit: number) => `urn:uuid:00000000-0000-4000-8000-00000000000${digit}`
const criterion = (value: string) => `Patient?identifier=${encodeURIComponent(`${mrnSystem}|${value}`)}`

describe('transaction', () => {
  test.each([
    ['Patient/does-not-exist', 404],
    ['Patient?_count=abc', 400],
  ])('a refused read (%s) refuses the whole: nothing is kept', async (url, status) => {
    const [before, indexed] = [await inboxCount(), await indexCount()]
    const answer = await send(door, 'POST', '', bundle('transaction', [post(patient(77)), get(url)]))
    expect(answer.status).toBe(status)
    expect([await inboxCount(), await indexCount()]).toEqual([before, indexed])
  })

  test('one inbox entry with the body exactly as sent; one answer per entry, in order; references rewritten everywhere', async () => {
    const before = await inboxCount()
    const div = `<div xmlns="http://www.w3.org/1999/xhtml"><a href="${urn(1)}">who</a></div>`
    const text = JSON.stringify(
      bundle(
        'transaction',
        [
          post(
            condition(
              { reference: urn(1) },
              { text: { status: 'generated', div }, extension: [{ url: 'urn:x', valueUri: urn(1) }] },
            ),
            {},
            urn(2),
          ),
          post(patient(1), {}, urn(1)),
        ],
        { identifier: { system: 'urn:m', value: 'bundle-1' } },
      ),
    )
    const answer = await send(door, 'POST', '', text)
    expect(answer.status).toBe(200)
    expect(answer.body['type']).toBe('transaction-response')
    expect(statuses(answer.body)).toEqual(['201', '201'])
    expect(await inboxCount()).toBe(before + 1)
    const entry = await door.store.inbox.findOne({ controlId: 'bundle-1' })
    expect(Buffer.from(entry?.bytes?.buffer ?? []).toString()).toBe(text)
    const [made, person] = answer.body.entry?.map(one => one['resource'] as Json) ?? []
    const read = await send(door, 'GET', `/Condition/${made?.id}`)
    expect(read.body['subject']).toEqual({ reference: `Patient/${person?.id}` })
    expect(read.text).not.toContain('urn:uuid')
    expect(read.text).toContain(`href=\\"Patient/${person?.id}\\"`)
    expect(read.body).toEqual(made)
  })

  test('the same again changes nothing', async () => {
    const body = bundle('transaction', [post(patient(2), {}, urn(1)), post(condition({ reference: urn(1) }))], {
      identifier: { value: 'again' },
    })
    const first = await send(door, 'POST', '', body)
    const [kept, indexed] = [await inboxCount(), await indexCount()]
    const second = await send(door, 'POST', '', body)
    expect(second.body).toEqual(first.body)
    expect([await inboxCount(), await indexCount()]).toEqual([kept, indexed])
  })

  test.each([
    [
      'a fault of structure',
      [post(patient(3)), post(patient(4, { gender: 'x' }))],
      400,
      'word-not-allowed',
      'Bundle.entry[1].resource.gender',
    ],
    [
      'a profile fault',
      [post(patient(3)), post(patient(4, { identifier: [{ system: 'https://fhir.nhs.uk/Id/nhs-number' }] }))],
      422,
      'element-required',
      'Bundle.entry[1].resource.identifier[0].value',
    ],
    [
      'an urn without entry',
      [post(condition({ reference: urn(9) }))],
      422,
      'reference-unresolved',
      'Bundle.entry[0].resource.subject.reference',
    ],
    [
      'a conditional reference without match',
      [post(condition({ reference: criterion('NOBODY') }))],
      422,
      'reference-unresolved',
      'Bundle.entry[0].resource.subject.reference',
    ],
    [
      'the same identity twice',
      [put(patient(5), criterion('H5')), put(patient(5), criterion('H5'))],
      400,
      'bundle-duplicate-identity',
      'Bundle.entry[1].resource',
    ],
    [
      'an unknown id',
      [put(patient(3, { id: 'x' }), 'Patient/x')],
      405,
      'interaction-not-supported',
      'Bundle.entry[0].resource.id',
    ],
    [
      'delete',
      [{ request: { method: 'DELETE', url: 'Patient/x' } }],
      405,
      'interaction-not-supported',
      'Bundle.entry[0].request.method',
    ],
    [
      'another type than the address',
      [{ resource: patient(3), request: { method: 'POST', url: 'Condition' } }],
      400,
      'resource-type-wrong',
      'Bundle.entry[0].resource.resourceType',
    ],
    [
      'unknown type in the address',
      [{ resource: patient(3), request: { method: 'POST', url: 'Nonsense' } }],
      404,
      'resource-type-unknown',
      'Bundle.entry[0].request.url',
    ],
    ['no request', [{ resource: patient(3) }], 400, 'structure-invalid', 'Bundle.entry[0]'],
    [
      'a type of another module',
      [post({ resourceType: 'QuestionnaireResponse', status: 'completed' })],
      422,
      'interaction-not-supported',
      'Bundle.entry[0].request.url',
    ],
    [
      'a wrong criterion',
      [put(patient(3), 'Patient?family=x')],
      400,
      'parameter-not-supported',
      'Bundle.entry[0].request.url',
    ],
  ] as const)(
    '%s refuses all of it: one OperationOutcome, nothing kept',
    async (_why, entries, status, code, where) => {
      const before = [await inboxCount(), await indexCount()]
      const answer = await send(door, 'POST', '', bundle('transaction', [...entries]))
      expect([answer.status, answer.body['resourceType']]).toEqual([status, 'OperationOutcome'])
      expect(codesOf(answer)).toContain(code)
      expect(answer.body.issue?.map(issue => issue.expression?.[0])).toContain(where)
      expect([await inboxCount(), await indexCount()]).toEqual(before)
    },
  )

  test('conditional references: one match in the store or in the Bundle is resolved, several are 412', async () => {
    await send(door, 'POST', '/Patient', patient(10))
    const stored = await send(
      door,
      'POST',
      '',
      bundle('transaction', [post(condition({ reference: criterion('H10') }))]),
    )
    expect(stored.status).toBe(200)
    const inside = await send(
      door,
      'POST',
      '',
      bundle('transaction', [post(condition({ reference: criterion('H11') })), post(patient(11))]),
    )
    expect(inside.status).toBe(200)
    const [made, person] = inside.body.entry?.map(one => one['resource'] as Json) ?? []
    expect(made?.['subject']).toEqual({ reference: `Patient/${person?.id}` })
    const shared = [{ system: mrnSystem, value: 'SHARED' }]
    for (const family of ['A', 'B']) {
      const identifier = [{ system: 'urn:own', value: family }, ...shared]
      await send(door, 'POST', '/Patient', patient(12, { identifier }))
    }
    const several = await send(
      door,
      'POST',
      '',
      bundle('transaction', [post(condition({ reference: criterion('SHARED') }))]),
    )
    expect([several.status, ...codesOf(several)]).toEqual([412, 'multiple-matches'])
  })

  test('ifNoneExist: a patient that is there is not written again, but the rest refers to it', async () => {
    const first = await send(door, 'POST', '/Patient', patient(20))
    const entry = [
      post(patient(20), { ifNoneExist: criterion('H20').slice('Patient?'.length) }, urn(1)),
      post(condition({ reference: urn(1) })),
    ]
    const answer = await send(door, 'POST', '', bundle('transaction', entry, { identifier: { value: 'match' } }))
    expect(statuses(answer.body)).toEqual(['200', '201'])
    const [, made] = answer.body.entry?.map(one => one['resource'] as Json) ?? []
    expect(made?.['subject']).toEqual({ reference: `Patient/${first.body.id}` })
    const kept = await door.store.inbox.findOne({ controlId: 'match' })
    expect(kept?.meta).toMatchObject({
      resources: [{ type: 'Condition', path: 'entry[1].resource' }],
      references: { [urn(1)]: `Patient/${first.body.id}` },
      patients: { [`Patient/${first.body.id}`]: { identifier: (patient(20) as { identifier: object[] }).identifier } },
    })
  })

  test('references to what the sender itself calls Type/id', async () => {
    const entry = [
      post(patient(21, { id: 'p-21' }), {}, 'https://rxx.test/fhir/Patient/p-21'),
      post(condition({ reference: 'Patient/p-21' })),
    ]
    const answer = await send(door, 'POST', '', bundle('transaction', entry))
    const [person, made] = answer.body.entry?.map(one => one['resource'] as Json) ?? []
    expect(made?.['subject']).toEqual({ reference: `Patient/${person?.id}` })
  })

  test('two results that share an accession number stay two', async () => {
    const result = (code: string) => ({
      resourceType: 'Observation',
      status: 'final',
      identifier: [{ system: 'urn:acc', value: 'A1' }],
      subject: { reference: urn(1) },
      code: { coding: [{ system: 'http://loinc.org', code }] },
    })
    const answer = await send(
      door,
      'POST',
      '',
      bundle('transaction', [post(patient(22), {}, urn(1)), post(result('38264-8')), post(result('38267-1'))]),
    )
    const ids = answer.body.entry?.map(one => (one['resource'] as Json).id)
    expect(new Set(ids).size).toBe(3)
  })

  test('reads come after the writes', async () => {
    const answer = await send(
      door,
      'POST',
      '',
      bundle('transaction', [get('Patient?identifier=H23'), post(patient(23))]),
    )
    expect(answer.body.entry?.[0]?.['resource']).toMatchObject({ type: 'searchset', total: 1 })
  })

  test('any R4 type is taken inside a Bundle', async () => {
    const claim = { resourceType: 'Flag', status: 'active', code: { text: 'x' }, subject: { reference: urn(1) } }
    const answer = await send(door, 'POST', '', bundle('transaction', [post(patient(24), {}, urn(1)), post(claim)]), {
      Prefer: 'return=OperationOutcome',
    })
    expect(statuses(answer.body)).toEqual(['201', '201'])
    expect(answer.text).toContain('resource-not-used')
  })

  test.each(['collection', 'message', 'document', 'searchset'])('a %s is no transaction: 400', async type => {
    const answer = await send(door, 'POST', '', bundle(type, [{ resource: patient(3) }]))
    expect(answer.status).toBe(400)
  })

  test('1,001 entries: 413, nothing kept', async () => {
    const before = await inboxCount()
    const answer = await send(
      door,
      'POST',
      '',
      bundle(
        'transaction',
        Array.from({ length: 1_001 }, () => post({ resourceType: 'Patient', active: true })),
      ),
    )
    expect([answer.status, ...codesOf(answer)]).toEqual([413, 'payload-too-large'])
    expect(await inboxCount()).toBe(before)
  })

  test('1,000 entries in one go', async () => {
    const entries = Array.from({ length: 999 }, (_, index) =>
      post(condition({ reference: urn(1) }, { id: `c${index}` })),
    )
    const answer = await send(door, 'POST', '', bundle('transaction', [post(patient(25), {}, urn(1)), ...entries]), {
      Prefer: 'return=minimal',
    })
    expect(statuses(answer.body)?.filter(status => status === '201')).toHaveLength(1_000)
  })
})

describe('batch', () => {
  test('each entry by itself, always 200, in order; one inbox entry per entry', async () => {
    const before = await inboxCount()
    const answer = await send(
      door,
      'POST',
      '',
      bundle('batch', [
        post(patient(30)),
        post(patient(31, { gender: 'x' })),
        get('Patient/nosuch'),
        get('Nonsense/1'),
        { request: { method: 'DELETE', url: 'Patient/1' } },
        post(condition({ reference: urn(1) })),
        put(patient(32), criterion('H32')),
        post({ resourceType: 'QuestionnaireResponse', status: 'completed' }),
      ]),
      { 'X-Request-ID': 'batch-1' },
    )
    expect([answer.status, answer.body['type']]).toEqual([200, 'batch-response'])
    expect(statuses(answer.body)).toEqual(['201', '400', '404', '404', '405', '422', '201', '201'])
    expect(await inboxCount()).toBe(before + 2)
    const failed = answer.body.entry?.[1]?.['response'] as { outcome: { issue: { expression: string[] }[] } }
    expect(failed.outcome.issue[0]?.expression).toEqual(['Bundle.entry[1].resource.gender'])
  })

  test('an entry is kept as its own bytes, as if sent alone', async () => {
    const alone = JSON.stringify(patient(33))
    const text = `{"resourceType":"Bundle","type":"batch","entry":[{"request":{"method":"POST","url":"Patient"},"resource": ${alone} }]}`
    const answer = await send(door, 'POST', '', text, { 'X-Request-ID': 'same' })
    const single = await send(door, 'POST', '/Patient', alone, { 'X-Request-ID': 'same' })
    expect(answer.body.entry?.[0]?.['response']).toMatchObject({ location: single.headers.get('location') })
    expect(await door.store.inbox.countDocuments({ controlId: 'same' })).toBe(1)
  })

  test('a broken Bundle is refused whole', async () => {
    const answer = await send(door, 'POST', '', bundle('batch', [{ resource: patient(34) }]))
    expect(answer.status).toBe(400)
  })
})
