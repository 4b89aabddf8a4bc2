import { afterAll, beforeAll, describe, expect, test } from '@jest/globals'
import type { EpisodeDocument } from '../../src/store/documents.ts'
import { quiet, type RunningService, startService } from '../set-up/running.ts'

/** Forms in the running service: a hospital's fracture, the form filled in by the nurse, the episode they become. */
let service: RunningService
const clients = { hospital: '', nurse: '', stranger: '' }
beforeAll(async () => {
  service = await startService({ database: 'forms_river', environment: { FLSDB_SEED: 'none' } })
  const of = (role: string, isOther = false) => {
    const found = service.demo.clients.filter(
      client => client.role === role && client.organisations?.includes((isOther ? 'RYY' : 'RXX') as never),
    )
    return found[0]?.clientId ?? ''
  }
  clients.hospital = of('hospital')
  clients.nurse = of('nurse')
  clients.stranger = of('hospital', true)
}, 60_000)
afterAll(() => service?.stop())

const system = (list: string) => `https://fls-db.org.uk/fhir/CodeSystem/${list}`
const choice = (linkId: string, list: string, ...codes: string[]) => ({
  linkId,
  answer: codes.map(code => ({ valueCoding: { system: system(list), code } })),
})
const date = (linkId: string, valueDate: string) => ({ linkId, answer: [{ valueDate }] })
const text = (linkId: string, valueString: string) => ({ linkId, answer: [{ valueString }] })

const bundle = {
  resourceType: 'Bundle',
  type: 'transaction',
  entry: [
    {
      fullUrl: 'urn:uuid:7f0c4b5e-0000-4000-8000-000000000001',
      request: { method: 'POST', url: 'Patient' },
      resource: {
        resourceType: 'Patient',
        identifier: [
          { system: 'https://fhir.nhs.uk/Id/nhs-number', value: '9990001006' },
          {
            type: { coding: [{ system: 'http://terminology.hl7.org/CodeSystem/v2-0203', code: 'MR' }] },
            system: 'https://rxx.nhs.uk/Id/mrn',
            value: 'F100',
          },
        ],
        name: [{ family: 'Formwell', given: ['Ada'] }],
        gender: 'female',
        birthDate: '1948-05-02',
      },
    },
    {
      request: { method: 'POST', url: 'Condition' },
      resource: {
        resourceType: 'Condition',
        verificationStatus: {
          coding: [{ system: 'http://terminology.hl7.org/CodeSystem/condition-ver-status', code: 'confirmed' }],
        },
        code: { coding: [{ system: 'http://snomed.info/sct', code: '5913000' }] },
        subject: { reference: 'urn:uuid:7f0c4b5e-0000-4000-8000-000000000001' },
        onsetDateTime: '2024-01-01',
      },
    },
  ],
}
const form = (more: object = {}) => ({
  resourceType: 'QuestionnaireResponse',
  questionnaire: 'https://fls-db.org.uk/fhir/Questionnaire/patient-audit|3.0.0',
  status: 'completed',
  authored: '2024-05-01T09:00:00Z',
  identifier: { system: 'http://example.org/forms', value: 'river-1' },
  item: [
    {
      linkId: '1',
      item: [
        text('1.01', '9990001006'),
        date('1.02', '1948-05-02'),
        choice('1.03', 'cl-sex', 'female'),
        text('1.04', 'ZZ99 3VZ'),
        choice('1.05', 'cl-ynu', 'no'),
        date('1.07', '2024-02-12'),
        choice('1.08', 'cl-admit', 'yes'),
        date('1.09', '2024-01-01'),
        choice('1.10', 'cl-ftype', 'clinical-hip'),
        choice('1.11', 'cl-site', 'hip'),
      ],
    },
    {
      linkId: '2',
      item: [
        choice('2.03', 'cl-ynu', 'yes'),
        choice('2.04', 'cl-ynu', 'no'),
        choice('2.05', 'cl-ynu', 'no'),
        choice('2.06', 'cl-priortx', 'none'),
      ],
    },
    { linkId: '3', item: [choice('3.01', 'cl-dxa', 'ordered')] },
    { linkId: '4', item: [choice('4.01', 'cl-txrec', 'alendronate'), choice('4.02', 'cl-cavd', 'yes-both')] },
    { linkId: '5', item: [choice('5.01', 'cl-falls', 'no')] },
  ],
  ...more,
})

async function episodes(): Promise<EpisodeDocument[]> {
  await quiet(service)
  return service.mongo.db(service.database).collection<EpisodeDocument>('episodes').find().sort({ _id: 1 }).toArray()
}
type Told = { entry?: { resource: { id: string; resourceType: string } }[]; total?: number }

describe('a fracture and its form', () => {
  let id = ''
  let response = ''
  test('the hospital sends a fracture: a candidate', async () => {
    expect((await service.call(clients.hospital, 'POST', '/fhir', bundle)).status).toBe(200)
    const [only, ...others] = await episodes()
    expect([only?.status, others.length, only?.answers['1.11']?.values]).toEqual(['candidate', 0, ['hip']])
    id = only?._id ?? ''
  })

  test('the nurse finds it and gets the form filled in; another trust finds nothing', async () => {
    const found = await service.call(clients.nurse, 'GET', '/fhir/EpisodeOfCare?status=candidate')
    expect((found.json as Told).entry?.map(entry => entry.resource.id)).toEqual([id])
    const parameters = {
      resourceType: 'Parameters',
      parameter: [{ name: 'subject', valueReference: { reference: `EpisodeOfCare/${id}` } }],
    }
    const populated = await service.call(
      clients.nurse,
      'POST',
      '/fhir/Questionnaire/patient-audit/$populate',
      parameters,
    )
    expect([populated.status, populated.text.includes('"valueDate":"2024-01-01"')]).toEqual([200, true])
    expect((await service.call(clients.stranger, 'GET', `/fhir/EpisodeOfCare/${id}/$everything`)).status).toBe(404)
  })

  test('her completed form joins the same episode: submitted, by her FLS', async () => {
    const sent = await service.call(clients.nurse, 'POST', '/fhir/QuestionnaireResponse', form())
    expect(sent.status).toBe(201)
    response = (sent.headers.get('location') ?? '').replace(/^.*\/fhir/, '/fhir').replace(/\/_history.*/, '')
    const [only, ...others] = await episodes()
    expect([only?.status, others.length, only?.fractures.length]).toEqual(['submitted', 0, 1])
    // Another founder, another id: the one the nurse holds still leads there.
    expect([only?._id, ...(only?.aliases ?? [])]).toContain(id)
    expect([only?.answers['4.01']?.values, only?.answers['2.03']?.values]).toEqual([['alendronate'], ['yes']])
  })

  test('an edit of the assembled answers is hers too, and a conflict names the question', async () => {
    const read = await service.call(clients.nurse, 'GET', `/fhir/QuestionnaireResponse/${id}`)
    expect((read.json as { status: string }).status).toBe('completed')
    const tag = { 'If-Match': read.headers.get('etag') ?? '', 'content-type': 'application/fhir+json' }
    const edited = read.text
      .replace('"code":"alendronate"', '"code":"denosumab"')
      .replace('"display":"Alendronate"', '"display":"Denosumab"')
    expect((await service.call(clients.nurse, 'PUT', `/fhir/QuestionnaireResponse/${id}`, edited, tag)).status).toBe(
      200,
    )
    const [only] = await episodes()
    expect(only?.answers['4.01']?.values).toEqual(['denosumab'])
    expect(only?.answers['4.01']?.losing[0]?.values ?? ['alendronate']).toEqual(['alendronate'])
    const again = edited.replace('"code":"denosumab"', '"code":"zoledronate"')
    const conflict = await service.call(clients.nurse, 'PUT', `/fhir/QuestionnaireResponse/${id}`, again, tag)
    expect([conflict.status, conflict.text.includes('4.01')]).toEqual([412, true])
  })

  test('entered in error: the episode is a candidate again, its answers gone but for the edit taken back by nobody', async () => {
    const read = await service.call(clients.nurse, 'GET', response)
    const body = {
      resourceType: 'QuestionnaireResponse',
      id: response.split('/').at(-1),
      questionnaire: 'https://fls-db.org.uk/fhir/Questionnaire/patient-audit|3.0.0',
      status: 'entered-in-error',
    }
    expect(
      (await service.call(clients.nurse, 'PUT', response, body, { 'If-Match': read.headers.get('etag') ?? '' })).status,
    ).toBe(200)
    const [only, ...others] = await episodes()
    expect([[only?._id, ...(only?.aliases ?? [])].includes(id), others.length, only?.answers['2.03']]).toEqual([
      true,
      0,
      undefined,
    ])
    expect(only?.answers['4.01']?.values).toEqual(['denosumab'])
  })
})
