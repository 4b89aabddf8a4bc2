import { afterAll, beforeAll, describe, expect, test } from '@jest/globals'
import type { CapabilityStatement, SearchParameter } from 'fhir/r4.js'
import { Client } from 'fhir-kit-client'
import { validateResource } from '../../src/sources/fhir/validate.ts'
import { type RunningService, startService } from '../set-up/running.ts'

/**
 * The CapabilityStatement of the whole service, walked: every parameter, modifier and operation it declares works, what it does not declare is
 * refused. Through a published client and real tokens.
 */
let service: RunningService
let statement: CapabilityStatement
beforeAll(async () => {
  service = await startService({ database: 'fhir_capability' })
  statement = (await new Client({ baseUrl: `${service.url}/fhir` }).capabilityStatement()) as never
}, 120_000)
afterAll(() => service.stop())

type RestResource = NonNullable<NonNullable<CapabilityStatement['rest']>[number]['resource']>[number]
const resources = (): readonly RestResource[] => statement.rest?.[0]?.resource ?? []
const clientIds = () => {
  const hospital = service.demo.clients.find(one => one.role === 'hospital' && one.clientSecret !== '')?.clientId ?? ''
  const nurse = service.demo.clients.find(one => one.role === 'nurse')?.clientId ?? ''
  const supplier = service.demo.clients.find(one => one.role === 'gp-supplier')?.clientId ?? ''
  return { hospital, nurse, supplier, analyst: 'analyst' }
}
const read = async (address: string, headers: Record<string, string> = {}) =>
  service.call(clientIds().hospital, 'GET', `/fhir${address}`, undefined, headers)
const strict = { Prefer: 'handling=strict' }

/** A value of each kind that is read. */
const values: Readonly<Record<string, string>> = { date: 'ge2026-01', reference: 'Patient/none', uri: 'http://none' }
const soughtValue = (type: string, name: string, kind: string): string =>
  type === 'EpisodeOfCare' && name === 'status' ? 'active' : (values[kind] ?? 'none')

test('is valid R4, and says which release of what it is', () => {
  expect(validateResource(statement)).toEqual([])
  expect(statement).toMatchObject({ fhirVersion: '4.0.1', kind: 'instance' })
})

test('every declared parameter is searched by, strictly; every other is refused, and so is every other modifier', async () => {
  const client = new Client({ baseUrl: `${service.url}/fhir`, bearerToken: await service.token(clientIds().hospital) })
  const found: unknown[] = []
  for (const { type, searchParam = [] } of resources()) {
    for (const { name, type: kind } of searchParam) {
      const searchParams = { [name]: soughtValue(type, name, kind) }
      const bundle = (await client.search({ resourceType: type, searchParams, options: { headers: strict } })) as {
        type?: string
        link?: { url: string }[]
      }
      if (bundle.type !== 'searchset' || !bundle.link?.[0]?.url.includes(`${name}=`)) found.push([type, name])
    }
    if (searchParam.length === 0) continue
    const unknown = await read(`/${type}?shoe-size=43`, strict)
    const modifier = await read(`/${type}?${searchParam.at(-1)?.name}:sort-of=x`)
    if (unknown.status !== 400 || modifier.status !== 400) found.push([type, unknown.status, modifier.status])
  }
  expect(found).toEqual([])
}, 60_000)

test('every parameter points to its published definition, whose every modifier works', async () => {
  const all = (await read('/SearchParameter?_count=200')).json as {
    total: number
    entry: { resource: SearchParameter }[]
  }
  const next = (await read('/SearchParameter?_count=200&base=Questionnaire')).json as { total: number }
  expect(next.total).toBeGreaterThan(0)
  const published = new Map(all.entry.map(({ resource }) => [resource.url, resource]))
  const broken: unknown[] = []
  for (const { type, searchParam = [] } of resources()) {
    for (const { name, definition, type: kind } of searchParam) {
      if (name.startsWith('_')) continue
      const found = published.get(definition ?? '')
      if (!found || found.base[0] !== type || found.type !== kind) broken.push([type, name, definition])
      for (const modifier of found?.modifier ?? []) {
        const value =
          modifier === 'missing' ? 'true' : modifier === 'identifier' ? 'x|1' : soughtValue(type, name, kind)
        const { status } = await read(`/${type}?${name}:${modifier}=${value}`)
        if (status !== 200) broken.push([type, name, modifier, status])
      }
    }
  }
  expect(broken).toEqual([])
}, 60_000)

test('every interaction that is not declared is 405', async () => {
  const wrong: unknown[] = []
  for (const { type, interaction = [] } of resources()) {
    const codes = new Set<string>(interaction.map(one => one.code))
    const tried = {
      create: await service.call(clientIds().hospital, 'POST', `/fhir/${type}`, { resourceType: type }),
      update: await service.call(clientIds().hospital, 'PUT', `/fhir/${type}/none`, { resourceType: type, id: 'none' }),
      read: await read(`/${type}/none`),
      vread: await read(`/${type}/none/_history/1`),
      'history-instance': await read(`/${type}/none/_history`),
      'search-type': await read(`/${type}?_id=none`),
    }
    for (const [code, { status, text }] of Object.entries(tried)) {
      // An update of an id never issued is 405 as well, and says so.
      const isRefused = status === 405 && !text.includes('ids are ')
      if (isRefused === codes.has(code)) wrong.push([type, code, status])
    }
  }
  expect(wrong).toEqual([])
}, 60_000)

describe('operations', () => {
  const parameters = (...parameter: object[]) => ({ resourceType: 'Parameters', parameter })
  const sct = 'http://snomed.info/sct'
  /** How each is called, and the answer to this very call. */
  const calls: Readonly<Record<string, readonly [method: string, address: string, body: unknown, status: number]>> = {
    'CodeSystem/lookup': ['GET', `/CodeSystem/$lookup?system=${sct}&code=5913000`, undefined, 200],
    'CodeSystem/subsumes': [
      'GET',
      '/CodeSystem/$subsumes?system=https://fls-db.org.uk/fhir/CodeSystem/fracture-site&codeA=hip.unspecified&codeB=hip.neck',
      undefined,
      200,
    ],
    'CodeSystem/validate-code': ['GET', `/CodeSystem/$validate-code?url=${sct}&code=5913000`, undefined, 200],
    'ConceptMap/translate': ['GET', `/ConceptMap/$translate?system=${sct}&code=5913000`, undefined, 200],
    'EpisodeOfCare/everything': ['GET', '/EpisodeOfCare/none/$everything', undefined, 404],
    'Group/export': ['GET', '/Group/none/$export', undefined, 404],
    'Questionnaire/populate': [
      'POST',
      '/Questionnaire/patient-audit/$populate',
      parameters({ name: 'subject', valueReference: { reference: 'EpisodeOfCare/none' } }),
      422,
    ],
    'Questionnaire/process-response': ['POST', '/Questionnaire/$process-response', {}, 400],
    'QuestionnaireResponse/extract': ['POST', '/QuestionnaireResponse/$extract', {}, 400],
    'QuestionnaireResponse/process-response': ['POST', '/QuestionnaireResponse/$process-response', {}, 400],
    'ValueSet/expand': ['GET', '/ValueSet/cl-ynu/$expand', undefined, 200],
    'ValueSet/validate-code': [
      'GET',
      `/ValueSet/fracture-site/$validate-code?system=${sct}&code=5913000`,
      undefined,
      200,
    ],
    'process-message': ['POST', '/$process-message', {}, 400],
    'bulk-submit': ['POST', '/$bulk-submit', parameters(), 400],
    'bulk-submit-status': ['POST', '/$bulk-submit-status', parameters(), 400],
    export: ['GET', '/$export', undefined, 400],
  }

  test('every declared one answers, and only those', async () => {
    const named = resources().flatMap(({ type, operation = [] }) =>
      operation.filter(one => one.name !== 'validate').map(one => `${type}/${one.name}`),
    )
    const system = (statement.rest?.[0]?.operation ?? []).map(one => one.name)
    expect([...named, ...system].toSorted()).toEqual(Object.keys(calls).toSorted())
    for (const [name, [method, address, body, status]] of Object.entries(calls)) {
      const { analyst, supplier, nurse, hospital } = clientIds()
      const isForm = name.startsWith('Q')
      const who = name.endsWith('export') ? analyst : name.startsWith('bulk') ? supplier : isForm ? nurse : hospital
      const answer = await service.call(who, method, `/fhir${address}`, body)
      expect([name, answer.status]).toEqual([name, status])
      if (status >= 400) expect(answer.json).toMatchObject({ resourceType: 'OperationOutcome' })
    }
    for (const { type, operation = [] } of resources()) {
      expect([type, operation.some(one => one.name === 'validate')]).toEqual([type, true])
      const answer = await service.call(clientIds().hospital, 'POST', `/fhir/${type}/$validate`, { resourceType: type })
      expect([type, answer.status]).toEqual([type, 200])
    }
    for (const address of ['/Patient/$everything', '/Patient/none/$meta', '/$reindex'])
      expect([address, [404, 405].includes((await read(address)).status)]).toEqual([address, true])
  }, 60_000)

  test('what a code is, and what it means to the audit', async () => {
    const parametersOf = async (address: string) =>
      ((await read(address)).json as { parameter: { name: string; [value: string]: unknown }[] }).parameter
    const looked = await parametersOf(`/CodeSystem/$lookup?system=${sct}&code=5913000`)
    expect(JSON.stringify(looked)).toContain('"valueCode":"hip.neck"')
    const side = encodeURIComponent('5913000:272741003=7771000')
    expect(JSON.stringify(await parametersOf(`/CodeSystem/$lookup?system=${sct}&code=${side}`))).toContain(
      '"valueCode":"left"',
    )
    const translated = await parametersOf('/ConceptMap/$translate?system=http://hl7.org/fhir/sid/icd-10&code=S72.0')
    expect(translated[0]).toEqual({ name: 'result', valueBoolean: true })
    expect(JSON.stringify(translated)).toContain('"hip')
    expect((await parametersOf('/ConceptMap/$translate?system=urn:x&code=1'))[0]).toEqual({
      name: 'result',
      valueBoolean: false,
    })
    expect((await read('/CodeSystem/$lookup?system=urn:x&code=1')).status).toBe(404)
    expect((await read(`/CodeSystem/$lookup?system=${sct}&code=5913000&date=2020`)).status).toBe(400)
    const include = { system: 'https://fls-db.org.uk/fhir/CodeSystem/cl-ynu' }
    const statusOf = async (address: string, parameter: object) =>
      (
        await service.call(clientIds().analyst, 'POST', `/fhir${address}`, {
          resourceType: 'Parameters',
          parameter: [parameter],
        })
      ).status
    for (const [count, status] of [
      [100, 200],
      [101, 422],
    ] as const) {
      const compose = { include: Array(count).fill(include) }
      const resource = { resourceType: 'ValueSet', status: 'draft', compose }
      expect(await statusOf('/ValueSet/$expand', { name: 'valueSet', resource })).toBe(status)
      const coding = Array(count).fill({ system: 'urn:x', code: '1' })
      const asked = await statusOf('/ConceptMap/$translate', {
        name: 'codeableConcept',
        valueCodeableConcept: { coding },
      })
      expect(asked).toBe(status === 200 ? 200 : 400)
    }
    const within = await parametersOf(
      `/ValueSet/cl-ynu/$validate-code?system=https://fls-db.org.uk/fhir/CodeSystem/cl-ynu&code=maybe`,
    )
    expect(within[0]).toEqual({ name: 'result', valueBoolean: false })
    const outcome = async (a: string, b: string) =>
      (
        await parametersOf(
          `/CodeSystem/$subsumes?system=https://fls-db.org.uk/fhir/CodeSystem/fracture-site&codeA=${a}&codeB=${b}`,
        )
      )[0]?.['valueCode']
    expect([
      await outcome('hip.unspecified', 'hip.neck'),
      await outcome('hip.neck', 'hip.unspecified'),
      await outcome('hip.neck', 'hip.neck'),
      await outcome('wrist', 'hip.neck'),
    ]).toEqual(['subsumes', 'subsumed-by', 'equivalent', 'not-subsumed'])
  })

  test('an expansion in pages, filtered, and of a value set given along', async () => {
    const expansion = async (address: string) =>
      ((await read(address)).json as { expansion: { total: number; contains?: { code: string }[] } }).expansion
    const whole = await expansion('/ValueSet/cl-ynu/$expand')
    expect(whole.contains?.map(one => one.code)).toEqual(['yes', 'no', 'unknown'])
    const second = await expansion('/ValueSet/cl-ynu/$expand?offset=1&count=1')
    expect([second.total, second.contains?.map(one => one.code)]).toEqual([3, ['no']])
    expect((await expansion('/ValueSet/cl-ynu/$expand?filter=KNOW')).contains?.map(one => one.code)).toEqual([
      'unknown',
    ])
    const given = {
      resourceType: 'ValueSet',
      status: 'active',
      compose: { include: [{ system: sct, concept: [{ code: '1' }] }] },
    }
    const sent = await service.call(
      clientIds().hospital,
      'POST',
      '/fhir/ValueSet/$expand',
      parameters({ name: 'valueSet', resource: given }),
    )
    expect(sent.json).toMatchObject({ expansion: { total: 1, contains: [{ system: sct, code: '1' }] } })
    const open = { ...given, compose: { include: [{ system: sct }] } }
    expect(
      (
        await service.call(
          clientIds().hospital,
          'POST',
          '/fhir/ValueSet/$expand',
          parameters({ name: 'valueSet', resource: open }),
        )
      ).status,
    ).toBe(422)
  })
})

test('everything published is valid R4, readable by every role, and keeps its licence notes', async () => {
  for (const type of [
    'CodeSystem',
    'ConceptMap',
    'OperationDefinition',
    'Questionnaire',
    'SearchParameter',
    'StructureDefinition',
    'ValueSet',
  ]) {
    const answer = await service.call('programme', 'GET', `/fhir/${type}?_count=200`)
    const { entry = [] } = answer.json as { entry?: { resource: { id: string; copyright?: string; url: string } }[] }
    expect([type, answer.status, entry.length > 0]).toEqual([type, 200, true])
    for (const { resource } of entry.slice(0, 60))
      expect([type, resource.id, validateResource(resource)]).toEqual([type, resource.id, []])
    if (type === 'CodeSystem')
      expect(entry.find(one => one.resource.id === 'snomed')?.resource.copyright).toContain('SNOMED CT')
  }
  const form = await read('/Questionnaire/patient-audit')
  const again = await read('/Questionnaire/patient-audit', { 'If-None-Match': form.headers.get('etag') ?? '' })
  expect([form.status, again.status]).toEqual([200, 304])
  const summary = await read('/Questionnaire?_summary=true')
  expect(summary.text).toContain('SUBSETTED')
  expect(summary.text).not.toContain('"linkId"')
  const one = await service.call('programme', 'POST', '/fhir/ValueSet/_search')
  expect(one.status).toBe(200)
})
