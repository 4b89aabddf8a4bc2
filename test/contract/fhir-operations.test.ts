import { afterAll, beforeAll, describe, expect, test } from '@jest/globals'
import { validateResource } from '../../src/sources/fhir/validate.ts'
import { codesOf, condition, type FhirDoor, openFhirDoor, patient, send } from './fhir-door.ts'

/** Operations of the FHIR door: $validate and $process-message. */
let door: FhirDoor
beforeAll(async () => {
  door = await openFhirDoor()
})
afterAll(() => door.close())

const hard = (codes: string[]): string[] => codes.filter(code => code !== '' && !code.startsWith('uk-core-'))
const kept = () => door.store.inbox.countDocuments()

describe('$validate', () => {
  const ukCore = (type: string) => `https://fhir.hl7.org.uk/StructureDefinition/UKCore-${type}`
  test.each<[string, string, object, string[]]>([
    ['a whole patient', '/Patient', patient(1), []],
    ['a code outside its list', '/Patient', patient(1, { gender: 'woman' }), ['word-not-allowed']],
    [
      'several faults at once',
      '/Patient',
      patient(1, { gender: 'woman', birthDate: '2026-02-30', shoe: 1 }),
      ['word-not-allowed', 'unreadable-date', 'element-unknown'],
    ],
    ['JSON rules as well', '/Patient', { ...patient(1), name: [] }, ['element-empty']],
    [
      'a type kept only in a Bundle',
      '/Flag',
      { resourceType: 'Flag', status: 'active', code: { text: 'x' }, subject: { reference: 'Patient/1' } },
      ['resource-not-used'],
    ],
    ['as a create', '/Patient?mode=create', patient(1), []],
    ['as an update without id', '/Patient?mode=update', patient(1), ['element-required']],
    ['as a delete', '/Patient?mode=delete', patient(1), ['interaction-not-supported']],
    ['by the base profile', '/Patient?profile=http://hl7.org/fhir/StructureDefinition/Patient', patient(1), []],
    ['by UK Core', `/Patient?profile=${ukCore('Patient')}`, patient(1), []],
    ['by a profile of another type', `/Patient?profile=${ukCore('Condition')}`, patient(1), ['profile-unknown']],
  ])('%s', async (_why, address, body, expected) => {
    const before = await kept()
    const answer = await send(door, 'POST', address.replace(/(\?|$)/, '/$validate$1'), body)
    expect([answer.status, hard(codesOf(answer)).toSorted()]).toEqual([200, expected.toSorted()])
    expect(await kept()).toBe(before)
  })

  test('tells the score of UK Core and what is missing for more, as information', async () => {
    const answer = await send(door, 'POST', '/Patient/$validate', patient(1))
    const found = answer.body.issue as unknown as {
      severity: string
      expression: string[]
      details: { text: string }
    }[]
    expect(found.every(one => one.severity === 'information')).toBe(true)
    expect(found[0]?.details.text).toMatch(/\(\d+ of \d+\)/)
    expect(found.map(one => one.expression[0])).toContain('Patient.address')
    const base = await send(
      door,
      'POST',
      '/Patient/$validate?profile=http://hl7.org/fhir/StructureDefinition/Patient',
      patient(1),
    )
    expect(codesOf(base)).not.toContain('uk-core-score')
  })

  test('resource, mode and profile in Parameters; places are told in the resource', async () => {
    const parameters = (resource: object) => ({
      resourceType: 'Parameters',
      parameter: [
        { name: 'mode', valueCode: 'create' },
        { name: 'resource', resource },
      ],
    })
    const answer = await send(
      door,
      'POST',
      '/Patient/$validate',
      parameters(patient(1, { gender: 'woman', contact: [] })),
    )
    expect(answer.status).toBe(200)
    const places = (answer.body.issue ?? []).flatMap(one => one.expression ?? [])
    expect(places).toContain('Patient.gender')
    expect(places).toContain('Patient.contact')
    expect((await send(door, 'POST', '/Patient/$validate', { resourceType: 'Parameters' })).status).toBe(400)
  })

  test('of what is kept, and as an update of it', async () => {
    const { body } = await send(door, 'POST', '/Patient', patient(2))
    const stands = await send(door, 'GET', `/Patient/${body.id}/$validate`)
    expect([stands.status, hard(codesOf(stands))]).toEqual([200, []])
    const other = await send(door, 'POST', `/Patient/${body.id}/$validate?mode=update`, patient(2, { id: 'another' }))
    expect(hard(codesOf(other))).toEqual(['structure-invalid'])
    const fits = await send(door, 'POST', `/Patient/${body.id}/$validate`, patient(2, { id: body.id }))
    expect(hard(codesOf(fits))).toEqual([])
    const unknown = await send(door, 'POST', '/Patient/nosuch/$validate', patient(2, { id: 'nosuch' }))
    expect(hard(codesOf(unknown))).toEqual(['interaction-not-supported'])
    expect((await send(door, 'GET', `/Patient/${body.id}/$validate`, undefined, {}, 'other')).status).toBe(404)
  })

  test.each([
    ['/Nonsense/$validate', patient(1), 404],
    ['/Condition/$validate', patient(1), 400],
    ['/Patient/$validate?strict=yes', patient(1), 400],
    ['/Patient/$validate?mode=replace', patient(1), 400],
  ])('%s is %i', async (address, body, status) => {
    expect((await send(door, 'POST', address, body)).status).toBe(status)
  })
})

describe('$process-message', () => {
  const header = {
    resourceType: 'MessageHeader',
    id: 'm1',
    eventUri: 'urn:event:fracture',
    source: { endpoint: 'http://rxx.test/fhir' },
  }
  const message = (
    more: object = {},
    resources: object[] = [patient(30), condition({ reference: 'urn:uuid:0a1b2c3d-0000-4000-8000-000000000030' })],
  ) => ({
    resourceType: 'Bundle',
    type: 'message',
    entry: [
      { fullUrl: 'urn:uuid:0a1b2c3d-0000-4000-8000-000000000001', resource: header },
      ...resources.map((resource, index) => ({
        fullUrl: `urn:uuid:0a1b2c3d-0000-4000-8000-0000000000${30 + index}`,
        resource,
      })),
    ],
    ...more,
  })

  test('is kept whole, answered by a message, and found by its patient', async () => {
    const before = await kept()
    const answer = await send(door, 'POST', '/$process-message', message())
    expect(answer.status).toBe(200)
    expect(validateResource(answer.body)).toEqual([])
    expect(answer.body).toMatchObject({
      type: 'message',
      entry: [
        {
          resource: {
            resourceType: 'MessageHeader',
            eventUri: 'urn:event:fracture',
            response: { identifier: 'm1', code: 'ok' },
          },
        },
        { resource: { resourceType: 'OperationOutcome' } },
      ],
    })
    expect(await kept()).toBe(before + 1)
    const found = await send(door, 'GET', '/Patient?identifier=H30')
    const { id } = (found.body.entry?.[0]?.['resource'] ?? {}) as { id?: string }
    expect((await send(door, 'GET', `/Condition?patient=${id}`)).body).toMatchObject({ total: 1 })
    expect(
      (await send(door, 'GET', `/Condition?subject=Patient/${id}&code=http://snomed.info/sct|5913000`)).body,
    ).toMatchObject({ total: 1 })
    expect((await send(door, 'GET', '/MessageHeader?_id=m1')).status).toBe(405)
  })

  test('the same again changes nothing; asynchronously it is 202 without a body', async () => {
    const before = await kept()
    expect((await send(door, 'POST', '/$process-message', message())).status).toBe(200)
    const later = await send(door, 'POST', '/$process-message?async=true', message())
    expect([later.status, later.text]).toEqual([202, ''])
    expect(await kept()).toBe(before)
  })

  test.each<[string, object, number, string]>([
    ['no message', message({ type: 'collection' }), 400, 'structure-invalid'],
    [
      'a header that is not first',
      message({ entry: [{ fullUrl: 'urn:uuid:0a1b2c3d-0000-4000-8000-000000000001', resource: patient(31) }] }),
      400,
      'structure-invalid',
    ],
    ['no Bundle', patient(31), 400, 'resource-type-wrong'],
    ['one fault in one resource', message({}, [patient(31, { gender: 'woman' })]), 400, 'word-not-allowed'],
    [
      'a reference that leads nowhere',
      message({}, [condition({ reference: 'urn:uuid:0a1b2c3d-0000-4000-8000-000000000099' })]),
      422,
      'reference-unresolved',
    ],
  ])('%s is refused, nothing is kept', async (_why, body, status, code) => {
    const before = await kept()
    const answer = await send(door, 'POST', '/$process-message', body)
    expect([answer.status, codesOf(answer)]).toEqual([status, expect.arrayContaining([code])])
    expect(await kept()).toBe(before)
  })
})

describe('Prefer', () => {
  test.each([
    ['return=minimal', 201, ''],
    ['return=representation', 201, 'Patient'],
    ['return=OperationOutcome', 201, 'OperationOutcome'],
    ['handling=lenient, return=minimal', 201, ''],
  ])('%s', async (prefer, status, type) => {
    const answer = await send(door, 'POST', '/Patient', patient(60), { Prefer: prefer })
    expect([answer.status, answer.body['resourceType'] ?? '']).toEqual([status, type])
    expect(answer.headers.get('etag')).toMatch(/^W\/"/)
  })
})

describe('pages', () => {
  test('a mark is good for its caller and its query alone', async () => {
    for (const serial of [70, 71, 72]) await send(door, 'POST', '/Patient', patient(serial))
    const first = await send(door, 'GET', '/Patient?_count=1&gender=female')
    const links = first.body['link'] as { relation: string; url: string }[]
    const next = links.find(link => link.relation === 'next')?.url.replace('http://fls.test/fhir', '') ?? ''
    expect((await send(door, 'GET', next)).status).toBe(200)
    expect((await send(door, 'GET', next, undefined, {}, 'other')).status).toBe(400)
    expect((await send(door, 'GET', next.replace('gender=female', 'gender=male'))).status).toBe(400)
  })
  test('history comes in pages as well', async () => {
    const { body } = await send(door, 'POST', '/Patient', patient(80))
    for (const active of [true, false])
      await send(door, 'PUT', `/Patient/${body.id}`, patient(80, { id: body.id, active }))
    const first = await send(door, 'GET', `/Patient/${body.id}/_history?_count=2`)
    expect(first.body).toMatchObject({
      type: 'history',
      total: 3,
      entry: [{ resource: { active: false } }, { resource: { active: true } }],
    })
    const links = first.body['link'] as { relation: string; url: string }[]
    const rest = await send(door, 'GET', links[1]?.url.replace('http://fls.test/fhir', '') ?? '')
    expect(rest.body).toMatchObject({ entry: [{ request: { method: 'POST' }, response: { status: '201 Created' } }] })
    const none = await send(door, 'GET', `/Patient/${body.id}/_history?_since=2099-01-01T00:00:00Z`)
    expect(none.body['total']).toBe(0)
  })
})
