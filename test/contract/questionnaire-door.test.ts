import { createHmac, randomUUID } from 'node:crypto'
import type { AddressInfo } from 'node:net'
import { afterAll, beforeAll, beforeEach, describe, expect, test } from '@jest/globals'
import { keysOf } from '../../src/access/keys.ts'
import type { Principal } from '../../src/access/principal.ts'
import type { Episode } from '../../src/fls/episode.ts'
import type { Fact, InboxId } from '../../src/fls/fact.ts'
import { createApp } from '../../src/http/app.ts'
import { createLogger } from '../../src/http/logger.ts'
import { createMetrics } from '../../src/http/metrics.ts'
import { formTypeHandlers, questionnaireRoutes } from '../../src/http/questionnaires.ts'
import { Refusal } from '../../src/http/refusal.ts'
import { readForm } from '../../src/mapping/form.ts'
import type { FhirDeps } from '../../src/sources/fhir/door.ts'
import { fhirIngestRoutes } from '../../src/sources/fhir/routes.ts'
import { validateResource } from '../../src/sources/fhir/validate.ts'
import { patientAudit } from '../../src/sources/form/canonical.ts'
import { openInbox, readInboxEntry } from '../../src/store/inbox.ts'
import { openResourceIndex } from '../../src/store/resource-index.ts'
import { createResourceIndexes } from '../../src/store/resources.ts'
import { createResponseIndexes } from '../../src/store/responses.ts'
import { ensureIndexes, openStore, type Store } from '../../src/store/store.ts'
import { wireForms } from '../../src/wiring/forms.ts'
import { answer, broken, drug, patient, solve } from '../spec/fls-facts.ts'

type Json = { readonly [name: string]: unknown }

const people: Readonly<Record<string, Principal>> = {
  nurse: { subject: 'n1', role: 'nurse', organisations: ['RXX' as never], feeds: [], practices: [] },
  colleague: { subject: 'n2', role: 'lead', organisations: ['RXX' as never], feeds: [], practices: [] },
  stranger: { subject: 'n3', role: 'nurse', organisations: ['RYY' as never], feeds: [], practices: [] },
  supplier: { subject: 'g1', role: 'gp-supplier', organisations: [], feeds: ['gp'], practices: ['P81001' as never] },
}

let store: Store
let base = ''
let close = async () => {}
let now = new Date('2024-06-01T10:00:00.000Z')

beforeAll(async () => {
  store = await openStore(process.env['FLSDB_TEST_MONGODB'] ?? '', `forms-${randomUUID().slice(0, 8)}`)
  await ensureIndexes(store)
  await createResourceIndexes(store.db)
  await createResponseIndexes(store.db)
  const clock = () => {
    now = new Date(now.getTime() + 1_000)
    return now
  }
  const accept = openInbox({ store, gate: async () => ({ isOpen: true }), clock })
  const keys = keysOf(Buffer.alloc(32, 1), Buffer.alloc(32, 2))
  const forms = wireForms({ store, keys, accept, publicUrl: 'http://fls.test', allowTestNumbers: true, clock })
  const fhir: FhirDeps = {
    accept,
    gate: async () => ({ isOpen: true }),
    db: store.db,
    resources: openResourceIndex(store.db),
    hmac: (...parts) => createHmac('sha256', 'k').update(JSON.stringify(parts)).digest('hex'),
    rawBytes: async id => (await readInboxEntry(store, id))?.bytes,
    baseUrl: 'http://fls.test',
    clock,
    allowTestNumbers: true,
    typeHandlers: formTypeHandlers(forms),
  }
  const app = createApp({
    routes: [...fhirIngestRoutes(fhir), ...questionnaireRoutes(forms)],
    authenticate: async header => {
      const person = people[header?.replace('Bearer ', '') ?? '']
      if (!person) throw new Refusal(401, [])
      return person
    },
    accessLog: { append: async () => undefined } as never,
    logger: createLogger({ level: 'silent' }),
    metrics: createMetrics(),
    baseUrl: 'http://fls.test',
    clock,
  })
  const server = app.listen(0, '127.0.0.1')
  await new Promise(resolve => server.once('listening', resolve))
  base = `http://127.0.0.1:${(server.address() as AddressInfo).port}/fhir`
  close = async () => {
    server.closeAllConnections()
    await new Promise(resolve => server.close(resolve))
    await store.db.dropDatabase()
    await store.close()
  }
})
afterAll(() => close())

async function send(
  method: string,
  path: string,
  body?: object | string,
  headers: Record<string, string> = {},
  who = 'nurse',
) {
  const response = await fetch(`${base}${path}`, {
    method,
    headers: {
      Authorization: `Bearer ${who}`,
      ...(body === undefined ? {} : { 'Content-Type': 'application/fhir+json' }),
      ...headers,
    },
    ...(body === undefined ? {} : { body: typeof body === 'string' ? body : JSON.stringify(body) }),
  })
  const text = await response.text()
  const json: Json = text === '' ? {} : JSON.parse(text)
  const codes =
    json['resourceType'] === 'OperationOutcome'
      ? (json['issue'] as unknown as { details: { coding: { code: string }[] } }[]).map(
          found => found.details.coding[0]?.code,
        )
      : []
  return { status: response.status, headers: response.headers, text, json, codes }
}

const system = (list: string) => `https://fls-db.org.uk/fhir/CodeSystem/${list}`
const choice = (linkId: string, list: string, ...codes: string[]) => ({
  linkId,
  answer: codes.map(code => ({ valueCoding: { system: system(list), code } })),
})
const date = (linkId: string, valueDate: string) => ({ linkId, answer: [{ valueDate }] })
const text = (linkId: string, valueString: string) => ({ linkId, answer: [{ valueString }] })

/** A complete, conforming response; `more` replaces whole members. */
function form(more: object = {}, changes: { postcode?: string; drug?: string } = {}) {
  return {
    resourceType: 'QuestionnaireResponse',
    questionnaire: `${patientAudit.url}|${patientAudit.version}`,
    status: 'completed',
    authored: '2024-05-01T09:00:00Z',
    item: [
      {
        linkId: '1',
        item: [
          text('1.01', '9990001006'),
          date('1.02', '1948-05-02'),
          choice('1.03', 'cl-sex', 'female'),
          text('1.04', changes.postcode ?? 'ZZ99 3VZ'),
          choice('1.05', 'cl-ynu', 'no'),
          date('1.06', '2024-01-09'),
          date('1.07', '2024-02-12'),
          choice('1.08', 'cl-admit', 'no'),
          date('1.09', '2024-01-01'),
          choice('1.10', 'cl-ftype', 'clinical-nonhip-nonspine'),
          choice('1.11', 'cl-site', 'wrist'),
        ],
      },
      {
        linkId: '2',
        item: [
          { linkId: '2.01', answer: [{ valueDecimal: 161 }] },
          choice('2.03', 'cl-ynu', 'yes'),
          choice('2.04', 'cl-ynu', 'no'),
          choice('2.05', 'cl-ynu', 'no'),
          choice('2.06', 'cl-priortx', 'none'),
        ],
      },
      {
        linkId: '3',
        item: [
          choice('3.01', 'cl-dxa', 'ordered'),
          date('3.03', '2024-03-04'),
          { linkId: '3.04', answer: [{ valueDecimal: -2.7 }] },
        ],
      },
      {
        linkId: '4',
        item: [choice('4.01', 'cl-txrec', changes.drug ?? 'alendronate'), choice('4.02', 'cl-cavd', 'yes-both')],
      },
      { linkId: '5', item: [choice('5.01', 'cl-falls', 'no')] },
    ],
    ...more,
  }
}
const identifier = (value: string) => ({ identifier: { system: 'http://example.org/forms', value } })

async function factsOf(inboxId: string): Promise<readonly Fact[]> {
  const entry = await readInboxEntry(store, inboxId as InboxId)
  if (!entry) throw new Error('not kept')
  return readForm(entry, { hash: 'hash', acceptTestNumbers: true }).facts
}
async function lastEntry(): Promise<string> {
  const [last] = await store.inbox.find({ protocol: 'form' }).sort({ receivedAt: -1 }).limit(1).toArray()
  return last?._id ?? ''
}

describe('submitted responses', () => {
  test('create, read, vread, conditional read', async () => {
    const sent = form(identifier('f1'))
    const created = await send('POST', '/QuestionnaireResponse', JSON.stringify(sent).replace('161', '161.0'))
    expect(created.status).toBe(201)
    const location = created.headers.get('location') ?? ''
    expect(location).toMatch(/^http:\/\/fls\.test\/fhir\/QuestionnaireResponse\/[^/]+\/_history\//)
    const path = location.replace('http://fls.test/fhir', '').replace(/\/_history.*/, '')
    const read = await send('GET', path)
    expect([read.status, read.headers.get('etag')]).toEqual([200, created.headers.get('etag')])
    // As sent, places included.
    expect(read.text).toContain('161.0')
    expect(read.json['item']).toEqual(JSON.parse(JSON.stringify(sent.item)))
    expect((await send('GET', location.replace('http://fls.test/fhir', ''))).status).toBe(200)
    expect((await send('GET', `${path}/_history/none`)).status).toBe(404)
    expect((await send('GET', path, undefined, { 'If-None-Match': read.headers.get('etag') ?? '' })).status).toBe(304)
  })

  test('the same bytes again are the same response', async () => {
    const sent = form()
    const [first, second] = [
      await send('POST', '/QuestionnaireResponse', sent),
      await send('POST', '/QuestionnaireResponse', sent),
    ]
    expect([second.status, second.headers.get('location')]).toEqual([201, first.headers.get('location')])
  })

  test('answers, identity and the fracture become facts of one record', async () => {
    await send('POST', '/QuestionnaireResponse', form(identifier('f-facts')))
    const facts = await factsOf(await lastEntry())
    expect(new Set(facts.map(fact => fact.record))).toEqual(new Set(['RXX|fls|nhs|9990001006']))
    expect(facts.filter(fact => fact.kind === 'answer').length).toBe(22)
    expect(facts.find(fact => fact.kind === 'identity')?.detail).toEqual({
      nhsNumber: '9990001006',
      birthDate: '1948-05-02',
      sex: 'female',
      postcode: 'ZZ99 3VZ',
    })
    const fracture = facts.find(fact => fact.kind === 'diagnosis')
    expect([fracture?.concept?.id, fracture?.when?.date, fracture?.side]).toEqual(['wrist', '2024-01-01', 'site'])
  })

  describe('amendments', () => {
    let path = ''
    let tag = ''
    const amended = (id: string, changes: object) => form({ id, ...identifier(`a-${id}`), status: 'amended' }, changes)
    beforeEach(async () => {
      const created = await send('POST', '/QuestionnaireResponse', form(identifier(randomUUID())))
      path = (created.headers.get('location') ?? '').replace('http://fls.test/fhir', '').replace(/\/_history.*/, '')
      tag = created.headers.get('etag') ?? ''
    })
    const idOf = () => path.split('/').at(-1) ?? ''

    test.each<[string, number, Record<string, string>, string[]]>([
      ['without If-Match', 400, {}, ['version-required']],
      ['with a strong tag', 400, { 'If-Match': '"1"' }, ['version-required']],
      ['of another version', 412, { 'If-Match': 'W/"other"' }, ['version-conflict']],
    ])('%s: %i', async (_name, status, headers, codes) => {
      const answer = await send('PUT', path, amended(idOf(), { drug: 'denosumab' }), headers)
      expect([answer.status, answer.codes]).toEqual([status, codes])
    })

    test('a new version; the old one stays readable; history lists both, newest first', async () => {
      const put = await send('PUT', path, amended(idOf(), { drug: 'denosumab' }), { 'If-Match': tag })
      expect(put.status).toBe(200)
      expect((await send('GET', path)).headers.get('etag')).toBe(put.headers.get('etag'))
      const history = await send('GET', `${path}/_history`)
      expect(
        (history.json['entry'] as unknown as { response: { etag: string } }[]).map(entry => entry.response.etag),
      ).toEqual([put.headers.get('etag'), tag])
      // The second use of the old tag is a conflict.
      expect((await send('PUT', path, amended(idOf(), { drug: 'risedronate' }), { 'If-Match': tag })).status).toBe(412)
    })

    test('eight amendments of one version at once: one is kept, seven are 412', async () => {
      const bodies = [1, 2, 3, 4, 5, 6, 7, 8].map(serial =>
        form({ id: idOf(), ...identifier(`at-once-${serial}`), status: 'amended' }, { drug: 'denosumab' }),
      )
      const answers = await Promise.all(bodies.map(body => send('PUT', path, body, { 'If-Match': tag })))
      expect(answers.map(answer => answer.status).toSorted((a, b) => a - b)).toEqual([200, ...Array(7).fill(412)])
      expect((await send('GET', `${path}/_history`)).json['total']).toBe(2)
    })

    test('a colleague may amend, a stranger does not even see it', async () => {
      expect((await send('GET', path, undefined, {}, 'colleague')).status).toBe(200)
      expect(
        (await send('PUT', path, amended(idOf(), { drug: 'denosumab' }), { 'If-Match': tag }, 'colleague')).status,
      ).toBe(200)
      expect((await send('GET', path, undefined, {}, 'stranger')).status).toBe(404)
      expect((await send('PUT', path, amended(idOf(), {}), { 'If-Match': tag }, 'stranger')).status).toBe(405)
      expect((await send('GET', path, undefined, {}, 'supplier')).status).toBe(404)
    })

    test('another id in the body: 400', async () => {
      const answer = await send('PUT', path, amended('another', {}), { 'If-Match': tag })
      expect([answer.status, answer.codes]).toEqual([400, ['structure-invalid']])
    })

    test('back to older content is a version of its own', async () => {
      const second = await send('PUT', path, amended(idOf(), { drug: 'denosumab' }), { 'If-Match': tag })
      const third = await send('PUT', path, amended(idOf(), { drug: 'alendronate' }), {
        'If-Match': second.headers.get('etag') ?? '',
      })
      const fourth = await send('PUT', path, amended(idOf(), { drug: 'denosumab' }), {
        'If-Match': third.headers.get('etag') ?? '',
      })
      expect(new Set([second, third, fourth].map(answer => answer.headers.get('etag'))).size).toBe(3)
      expect((await send('GET', path)).text).toContain('denosumab')
    })

    test('entered in error takes the answers back', async () => {
      const put = await send(
        'PUT',
        path,
        {
          resourceType: 'QuestionnaireResponse',
          id: idOf(),
          questionnaire: patientAudit.url,
          status: 'entered-in-error',
        },
        { 'If-Match': tag },
      )
      expect(put.status).toBe(200)
      const facts = await factsOf(await lastEntry())
      expect(facts.map(fact => [fact.record, fact.status])).toEqual([
        ['RXX|fls|nhs|9990001006', 'retracted'],
        [`RXX|fls|response|${idOf()}`, 'retracted'],
      ])
    })
  })

  test.each<[string, number, string[], object]>([
    ['an id never issued', 405, ['interaction-not-supported'], form({ id: 'nobody' })],
  ])('PUT with %s: %i', async (_name, status, codes, body) => {
    const answer = await send('PUT', '/QuestionnaireResponse/nobody', body, { 'If-Match': 'W/"1"' })
    expect([answer.status, answer.codes]).toEqual([status, codes])
  })

  test.each<[string, number, string[], object]>([
    ['no R4', 400, ['element-required'], form({ status: undefined })],
    ['an unknown form', 422, ['questionnaire-unknown'], form({ questionnaire: 'http://example.org/q|1' })],
    ['an unknown version', 422, ['questionnaire-unknown'], form({ questionnaire: `${patientAudit.url}|9.9.9` })],
    [
      'nothing answered',
      422,
      ['answer-pattern', 'answer-pattern', 'answer-pattern', 'answer-pattern', 'answer-pattern'],
      form({ item: undefined }),
    ],
    [
      'a wrong check digit',
      422,
      ['nhs-number-invalid'],
      JSON.parse(JSON.stringify(form()).replace('9990001006', '9990001007')),
    ],
    [
      'a drug beside a refusal',
      422,
      ['answer-exclusive', 'V10'],
      JSON.parse(
        JSON.stringify(form()).replace(
          '{"valueCoding":{"system":"https://fls-db.org.uk/fhir/CodeSystem/cl-txrec","code":"alendronate"}}',
          '{"valueCoding":{"system":"https://fls-db.org.uk/fhir/CodeSystem/cl-txrec","code":"alendronate"}},{"valueCoding":{"system":"https://fls-db.org.uk/fhir/CodeSystem/cl-txrec","code":"declined"}}',
        ),
      ),
    ],
  ])('%s: %i, nothing kept', async (_name, status, codes, body) => {
    const before = await store.inbox.countDocuments()
    const answer = await send('POST', '/QuestionnaireResponse', body)
    expect([answer.status, answer.codes]).toEqual([status, codes])
    expect(await store.inbox.countDocuments()).toBe(before)
  })

  test('under 50 is outside the audit, not refused', async () => {
    const young = JSON.parse(JSON.stringify(form(identifier('young'))).replace('1948-05-02', '1990-05-02'))
    expect((await send('POST', '/QuestionnaireResponse', young)).status).toBe(201)
    expect((await send('POST', '/QuestionnaireResponse/$validate', young)).codes).toContain('V02')
  })

  test('a partial form is welcome in progress', async () => {
    const partial = form({
      ...identifier('partial'),
      status: 'in-progress',
      item: [{ linkId: '1', item: [text('1.01', '9990001006')] }],
    })
    expect((await send('POST', '/QuestionnaireResponse', partial)).status).toBe(201)
  })

  test.each<[string, number]>([
    ['status=completed', 1],
    ['status:not=completed', 0],
    ['status=in-progress', 0],
    [`questionnaire=${encodeURIComponent(`${patientAudit.url}|3.0.0`)}`, 1],
    [`questionnaire=${encodeURIComponent(patientAudit.url)}`, 1],
    [`questionnaire=${encodeURIComponent(`${patientAudit.url}|2.0.0`)}`, 0],
    ['authored=2024-05-01', 1],
    ['authored=2024', 1],
    ['authored=gt2024-05-01', 0],
    ['authored=ge2024-05-01', 1],
    ['authored=lt2024-05-01', 0],
    ['authored=sa2024-04-30', 1],
    ['authored=eb2024-05-02', 1],
    ['subject:identifier=http://x|42', 1],
    ['subject:identifier=http://x|43', 0],
    ['subject=Patient/p1', 1],
    ['author=Practitioner/7', 1],
  ])('search %s finds %i', async (query, expected) => {
    await send(
      'POST',
      '/QuestionnaireResponse',
      form({
        ...identifier('search'),
        subject: { reference: 'Patient/p1', identifier: { system: 'http://x', value: '42' } },
        author: { reference: 'Practitioner/7' },
      }),
    )
    const found = await send('GET', `/QuestionnaireResponse?identifier=search&${query}`)
    expect([found.status, found.json['total']]).toEqual([200, expected])
    expect(
      (await send('GET', `/QuestionnaireResponse?identifier=search&${query}`, undefined, {}, 'stranger')).json['total'],
    ).toBe(0)
  })

  test('pages, unknown parameters, modifiers', async () => {
    for (const one of ['p1', 'p2', 'p3'])
      await send(
        'POST',
        '/QuestionnaireResponse',
        form({ ...identifier(one), author: { reference: 'Practitioner/pages' } }),
      )
    const seen: string[] = []
    let next = '/QuestionnaireResponse?author=Practitioner/pages&_count=2'
    for (let page = 0; page < 3 && next !== ''; page++) {
      const { json } = await send('GET', next)
      seen.push(...(json['entry'] as unknown as { resource: { id: string } }[]).map(entry => entry.resource.id))
      const link = (json['link'] as unknown as { relation: string; url: string }[]).find(one => one.relation === 'next')
      next = link ? link.url.replace('http://fls.test/fhir', '') : ''
    }
    expect(new Set(seen).size).toBe(3)
    const lenient = await send('GET', '/QuestionnaireResponse?nonsense=1')
    expect([
      lenient.status,
      lenient.text.includes('parameter-not-supported'),
      lenient.text.includes('nonsense=1'),
    ]).toEqual([200, true, false])
    expect(
      (await send('GET', '/QuestionnaireResponse?nonsense=1', undefined, { Prefer: 'handling=strict' })).status,
    ).toBe(400)
    expect((await send('GET', '/QuestionnaireResponse?authored:exact=2024')).status).toBe(400)
    expect((await send('GET', '/QuestionnaireResponse?_page=forged.0000')).status).toBe(400)
  })

  test('$process-response, $validate', async () => {
    const before = await store.inbox.countDocuments()
    const checked = await send('POST', '/QuestionnaireResponse/$validate', form({ item: undefined }))
    const findings = checked.codes.filter(code => !code?.startsWith('uk-core-'))
    expect([checked.status, findings.length]).toEqual([200, 5])
    expect(await store.inbox.countDocuments()).toBe(before)
    const parameters = {
      resourceType: 'Parameters',
      parameter: [{ name: 'resource', resource: form(identifier('processed')) }],
    }
    for (const path of [
      '/Questionnaire/$process-response',
      '/Questionnaire/patient-audit/$process-response',
      '/QuestionnaireResponse/$process-response',
    ]) {
      const answer = await send('POST', path, parameters)
      expect([answer.status, answer.json['resourceType']]).toEqual([200, 'OperationOutcome'])
    }
    expect(await store.inbox.countDocuments()).toBe(before + 1)
    expect((await send('POST', '/Questionnaire/none/$process-response', form())).status).toBe(404)
  })
})

describe('$extract', () => {
  test('templates of the form become resources; without an answer there is none; nothing is kept', async () => {
    const before = await store.inbox.countDocuments()
    const answer = await send('POST', '/QuestionnaireResponse/$extract', form(identifier('extracted')))
    expect(answer.status).toBe(200)
    expect(validateResource(answer.json)).toEqual([])
    const subject = { identifier: { system: 'https://fhir.nhs.uk/Id/nhs-number', value: '9990001006' } }
    expect(answer.json).toEqual({
      resourceType: 'Bundle',
      type: 'transaction',
      entry: [
        {
          request: { method: 'POST', url: 'Condition' },
          resource: {
            resourceType: 'Condition',
            verificationStatus: {
              coding: [{ system: 'http://terminology.hl7.org/CodeSystem/condition-ver-status', code: 'confirmed' }],
            },
            code: { coding: [{ system: system('cl-site'), code: 'wrist' }] },
            subject,
            onsetDateTime: '2024-01-01',
          },
        },
        {
          request: { method: 'POST', url: 'Observation' },
          resource: {
            resourceType: 'Observation',
            status: 'final',
            code: { coding: [{ system: 'http://loinc.org', code: '8302-2', display: 'Body height' }] },
            subject,
            effectiveDateTime: '2024-01-01',
            valueQuantity: { value: 161, unit: 'cm', system: 'http://unitsofmeasure.org', code: 'cm' },
          },
        },
      ],
    })
    expect(await store.inbox.countDocuments()).toBe(before)
    const { json } = await send('POST', '/QuestionnaireResponse', form(identifier('extracted')))
    const kept = await send('GET', `/QuestionnaireResponse/${String(json['id'])}/$extract`)
    expect(kept.json).toEqual(answer.json)
    expect(
      (await send('GET', `/QuestionnaireResponse/${String(json['id'])}/$extract`, undefined, {}, 'stranger')).status,
    ).toBe(404)
    expect((await send('POST', '/QuestionnaireResponse/$extract', form({ item: undefined }))).status).toBe(422)
  })
})

describe('published forms', () => {
  test('read and search, by every role', async () => {
    const read = await send('GET', '/Questionnaire/patient-audit', undefined, {}, 'supplier')
    expect([read.status, read.json['url']]).toEqual([200, patientAudit.url])
    expect((await send('GET', `/Questionnaire?url=${patientAudit.url}`)).json['total']).toBe(1)
    expect((await send('GET', '/Questionnaire?url=http://example.org/none')).json['total']).toBe(0)
    expect((await send('GET', '/Questionnaire/none')).status).toBe(404)
  })
})

describe('episodes', () => {
  let episode: Episode
  beforeAll(async () => {
    const gp = { side: 'gp' as const }
    const facts = [
      patient(),
      broken('hip.neck'),
      drug('drug.alendronic_acid', 90, gp),
      answer('2.05', ['no']),
      answer('3.05', ['high']),
    ]
    const [solved] = solve(facts)
    if (!solved) throw new Error('no episode')
    episode = {
      ...solved,
      id: 'episode-1',
      aliases: ['episode-old'],
      fractures: solved.fractures.map(one => ({ ...one, fractureId: 'fracture-1' })),
    }
    const { id, ...rest } = episode
    await store.episodes.insertOne({ _id: id, ...rest, solve: 1 } as never)
    await store.records.insertOne({
      _id: 'RXX|1',
      organisation: 'RXX',
      side: 'hospital',
      facets: [],
      bk: [],
      near: [],
      version: 1,
    } as never)
  })

  test('read and search within the own organisation, by any id it had', async () => {
    expect((await send('GET', '/EpisodeOfCare/episode-1')).status).toBe(200)
    const old = await send('GET', '/EpisodeOfCare/episode-old')
    expect([old.status, old.json['id']]).toEqual([200, 'episode-1'])
    expect((await send('GET', '/EpisodeOfCare/episode-1', undefined, {}, 'stranger')).status).toBe(404)
    expect((await send('GET', '/EpisodeOfCare/episode-1', undefined, {}, 'supplier')).status).toBe(404)
    expect((await send('GET', '/EpisodeOfCare?date=ge2024-01-01&date=le2024-12-31')).json['total']).toBe(1)
    const nhsNumber = episode.answers['1.01']?.values[0] ?? ''
    const totals = async (query: string) =>
      (
        await Promise.all(['nurse', 'stranger'].map(who => send('GET', `/EpisodeOfCare?${query}`, undefined, {}, who)))
      ).map(answer => answer.json['total'])
    expect(await totals(`patient:identifier=https://fhir.nhs.uk/Id/nhs-number|${nhsNumber}`)).toEqual([1, 0])
    expect(await totals(`patient:identifier=${nhsNumber}`)).toEqual([1, 0])
    expect(await totals('patient:identifier=https://fhir.nhs.uk/Id/nhs-number|9990001375')).toEqual([0, 0])
    expect(await totals('patient:identifier=urn:trust|1')).toEqual([1, 0])
    expect(await totals(`status=${episode.status === 'candidate' ? 'waitlist' : 'active'}`)).toEqual([1, 0])
    expect(await totals('status=finished')).toEqual([0, 0])
    expect((await send('GET', '/EpisodeOfCare?status=nonsense')).status).toBe(400)
    expect((await send('GET', '/EpisodeOfCare?patient:exact=1')).status).toBe(400)
    expect((await send('GET', '/EpisodeOfCare?date=ge2025-01-01')).json['total']).toBe(0)
    expect((await send('GET', '/EpisodeOfCare', undefined, {}, 'stranger')).json['total']).toBe(0)
  })

  test('$everything holds both sides, the fracture, the answers and the reasons; all valid R4', async () => {
    const { status, json } = await send('GET', '/EpisodeOfCare/episode-1/$everything')
    expect(status).toBe(200)
    expect(validateResource(json)).toEqual([])
    const types = (json['entry'] as unknown as { resource: { resourceType: string } }[]).map(
      entry => entry.resource.resourceType,
    )
    expect(types).toEqual([
      'EpisodeOfCare',
      'Condition',
      'QuestionnaireResponse',
      'Condition',
      'MedicationStatement',
      'Provenance',
    ])
    expect((await send('GET', '/EpisodeOfCare/episode-1/$everything', undefined, {}, 'stranger')).status).toBe(404)
  })

  test('the assembled response: answers with origins; populated into the form', async () => {
    const read = await send('GET', '/QuestionnaireResponse/episode-1')
    expect([read.status, validateResource(read.json)]).toEqual([200, []])
    expect(read.text).toContain('site.answer')
    const parameters = {
      resourceType: 'Parameters',
      parameter: [{ name: 'subject', valueReference: { reference: 'EpisodeOfCare/episode-1' } }],
    }
    const populated = await send('POST', '/Questionnaire/patient-audit/$populate', parameters)
    expect([populated.status, populated.text.includes('"2.05"')]).toEqual([200, true])
    expect((await send('POST', '/Questionnaire/patient-audit/$populate', parameters, {}, 'stranger')).status).toBe(422)
  })

  test('an edit makes what differs the answers of the site, pinned to the episode', async () => {
    const read = await send('GET', '/QuestionnaireResponse/episode-1')
    const edited = JSON.parse(read.text.replace('"code":"high"', '"code":"low"'))
    expect((await send('PUT', '/QuestionnaireResponse/episode-1', edited)).status).toBe(400)
    const put = await send('PUT', '/QuestionnaireResponse/episode-1', edited, {
      'If-Match': read.headers.get('etag') ?? '',
    })
    expect(put.status).toBe(200)
    const facts = await factsOf(await lastEntry())
    expect(
      facts.map(fact => [
        fact.record,
        fact.kind === 'answer' && [fact.detail.item, fact.detail.values, fact.detail.episode],
      ]),
    ).toEqual([['RXX|1', ['3.05', ['low'], 'episode-1']]])
  })

  test('412 only when an item that is changed has moved since', async () => {
    const read = await send('GET', '/QuestionnaireResponse/episode-1')
    const tag = { 'If-Match': read.headers.get('etag') ?? '' }
    const moved = { ...episode.answers, '3.05': { ...episode.answers['3.05'], values: ['very-high'] } }
    await store.episodes.updateOne({ _id: 'episode-1' }, { $set: { answers: moved } as never })
    const sameItem = JSON.parse(read.text.replace('"code":"high"', '"code":"low"'))
    const conflict = await send('PUT', '/QuestionnaireResponse/episode-1', sameItem, tag)
    expect([conflict.status, conflict.codes]).toEqual([412, ['version-conflict']])
    const otherItem = JSON.parse(
      read.text.replace(`${system('cl-ynu')}","code":"no"`, `${system('cl-ynu')}","code":"yes"`),
    )
    expect((await send('PUT', '/QuestionnaireResponse/episode-1', otherItem, tag)).status).toBe(200)
    const facts = await factsOf(await lastEntry())
    expect(facts.map(fact => fact.kind === 'answer' && fact.detail.item)).toEqual(['2.05'])
    await store.episodes.updateOne({ _id: 'episode-1' }, { $set: { answers: episode.answers } as never })
  })

  test("a response that names the episode is pinned to it; another organisation's episode is refused", async () => {
    const pinned = form({ ...identifier('pinned'), subject: { reference: 'EpisodeOfCare/episode-1' } })
    expect((await send('POST', '/QuestionnaireResponse', pinned)).status).toBe(201)
    const facts = await factsOf(await lastEntry())
    expect(new Set(facts.map(fact => fact.kind))).toEqual(new Set(['answer']))
    expect(new Set(facts.map(fact => fact.record))).toEqual(new Set(['RXX|1']))
    const foreign = await send('POST', '/QuestionnaireResponse', pinned, {}, 'stranger')
    expect([foreign.status, foreign.codes]).toEqual([422, ['reference-unresolved']])
  })
})
