import { afterAll, beforeAll, expect, test } from '@jest/globals'
import { wristJourney } from '../../synthetic/stories.ts'
import { deliver } from '../set-up/deliver.ts'
import { eventually, quiet, type RunningService, startService } from '../set-up/running.ts'

type Resource = {
  resourceType: string
  id: string
  status?: string
  item?: Item[]
  entry?: { resource: Resource }[]
  issue?: Finding[]
  [name: string]: unknown
}
type Item = { linkId: string; text?: string; item?: Item[]; answer?: Record<string, unknown>[]; extension?: unknown[] }
type Finding = {
  severity: string
  code: string
  expression?: string[]
  details?: { text?: string; coding?: { code: string }[] }
}

let service: RunningService
beforeAll(async () => {
  service = await startService({ database: 'e2e_story_4' })
  await deliver(service, Object.values(wristJourney()).flat())
  await quiet(service)
}, 120_000)
afterAll(() => service?.stop())

const fhir = async (
  client: string,
  method: string,
  address: string,
  body?: unknown,
  headers?: Record<string, string>,
) => {
  const answer = await service.call(client, method, `/fhir${address}`, body, headers)
  return { ...answer, resource: answer.json as Resource }
}

function itemsOf(resource: Resource): Map<string, Item> {
  const found = new Map<string, Item>()
  const walk = (items: Item[] = []) => {
    for (const item of items) {
      found.set(item.linkId, item)
      walk(item.item)
    }
  }
  walk(resource.item)
  return found
}

/** The response with one question answered anew; other items stay as read. */
function withAnswer(resource: Resource, group: string, linkId: string, answer: Record<string, unknown>): Resource {
  const copy = structuredClone(resource)
  const groups = copy.item ?? []
  const section = groups.find(one => one.linkId === group) ?? { linkId: group, item: [] }
  if (!groups.includes(section)) groups.push(section)
  section.item = [...(section.item ?? []).filter(one => one.linkId !== linkId), { linkId, answer: [answer] }].sort(
    (a, b) => a.linkId.localeCompare(b.linkId),
  )
  copy.item = groups.sort((a, b) => a.linkId.localeCompare(b.linkId))
  return copy
}

test('a registry client reads the response, completes it, breaks a rule, mends it; the release shows it', async () => {
  const search = await fhir('nurse-rxx', 'GET', '/EpisodeOfCare')
  const [episode] = search.resource.entry ?? []
  const id = episode?.resource.id ?? ''
  expect(id).toMatch(/^[0-9a-f]{32}$/)

  const read = await fhir('nurse-rxx', 'GET', `/QuestionnaireResponse/${id}`)
  expect(read.status).toBe(200)
  const etag = read.headers.get('etag') ?? ''
  expect(etag).toMatch(/^W\/"/)
  const items = itemsOf(read.resource)
  expect(items.get('1.09')?.answer?.[0]).toMatchObject({ valueDate: '2025-03-03' })
  expect(items.get('1.11')?.answer?.[0]).toMatchObject({ valueCoding: { code: 'wrist' } })
  expect(JSON.stringify(items.get('6.05')?.answer ?? [])).toContain('alendronate')

  // Completing: the falls assessment only the nurse knows.
  const group = [...items.keys()].find(linkId =>
    read.resource.item?.some(one => one.linkId === linkId && one.item?.some(inner => inner.linkId === '1.11')),
  )
  expect(group).toBeDefined()
  const falls =
    (await fhir('nurse-rxx', 'GET', '/Questionnaire')).resource.entry?.[0]?.resource.item?.find(one =>
      one.item?.some(inner => inner.linkId === '5.01'),
    )?.linkId ?? '5'
  const system = JSON.stringify(items.get('1.11')?.answer).match(/"system":"([^"]+)cl-site"/)?.[1] ?? ''
  const completed = withAnswer(read.resource, falls, '5.01', {
    valueCoding: { system: `${system}cl-falls`, code: 'yes' },
  })
  const put = await fhir('nurse-rxx', 'PUT', `/QuestionnaireResponse/${id}`, completed, { 'if-match': etag })
  expect([put.status, put.text.slice(0, 400)]).toEqual([200, expect.anything()])
  await quiet(service)
  const again = await eventually('the answer is in the assembled response', async () => {
    const now = await fhir('nurse-rxx', 'GET', `/QuestionnaireResponse/${id}`)
    return JSON.stringify(itemsOf(now.resource).get('5.01')?.answer ?? []).includes('"yes"') ? now : undefined
  })
  const newer = again.headers.get('etag') ?? ''
  expect(newer).not.toBe(etag)

  // Breaking a rule: a drug that is no option.
  const broken = withAnswer(again.resource, falls, '5.01', {
    valueCoding: { system: `${system}cl-falls`, code: 'perhaps' },
  })
  const refused = await fhir('nurse-rxx', 'PUT', `/QuestionnaireResponse/${id}`, broken, { 'if-match': newer })
  expect(refused.status).toBe(422)
  const [finding] = refused.resource.issue?.filter(one => one.severity === 'error') ?? []
  expect(finding?.details?.text).toMatch(/^5\.01/)
  expect(finding?.expression?.[0]).toMatch(/^QuestionnaireResponse\.item/)
  expect(finding?.details?.coding?.some(coding => coding.code === 'word-not-allowed')).toBe(true)

  // An outdated version is refused only when a changed item has moved.
  const stale = withAnswer(read.resource, falls, '5.01', { valueCoding: { system: `${system}cl-falls`, code: 'no' } })
  expect((await fhir('nurse-rxx', 'PUT', `/QuestionnaireResponse/${id}`, stale, { 'if-match': etag })).status).toBe(412)

  // Mending it.
  const mended = withAnswer(again.resource, falls, '5.01', {
    valueCoding: { system: `${system}cl-falls`, code: 'referred' },
  })
  expect((await fhir('nurse-rxx', 'PUT', `/QuestionnaireResponse/${id}`, mended, { 'if-match': newer })).status).toBe(
    200,
  )
  await quiet(service)

  const csv = await service.call('analyst', 'GET', '/api/episodes?format=csv')
  const [header = '', row = ''] =
    csv.text.trim().split('\r\n').length > 1 ? csv.text.trim().split('\r\n') : csv.text.trim().split('\n')
  expect(row.split(',')[header.split(',').findIndex(name => name.includes('5.01') || name.includes('5_01'))]).toContain(
    'referred',
  )
}, 120_000)

test('another hospital, and a hospital without part in the episode, find nothing', async () => {
  const search = await fhir('nurse-rxx', 'GET', '/EpisodeOfCare')
  const id = search.resource.entry?.[0]?.resource.id ?? ''
  expect((await fhir('nurse-ryy', 'GET', `/EpisodeOfCare/${id}`)).status).toBe(404)
  expect((await fhir('nurse-ryy', 'GET', `/QuestionnaireResponse/${id}`)).status).toBe(404)
  expect((await fhir('nurse-ryy', 'GET', '/EpisodeOfCare')).resource.entry ?? []).toEqual([])
})

test('both sides with Provenance, and a prefilled form', async () => {
  const search = await fhir('nurse-rxx', 'GET', '/EpisodeOfCare')
  const id = search.resource.entry?.[0]?.resource.id ?? ''
  const everything = await fhir('nurse-rxx', 'GET', `/EpisodeOfCare/${id}/$everything`)
  const types = new Set(everything.resource.entry?.map(entry => entry.resource.resourceType))
  for (const type of ['EpisodeOfCare', 'Condition', 'QuestionnaireResponse', 'Provenance'])
    expect(types).toContain(type)
  const form = (await fhir('nurse-rxx', 'GET', '/Questionnaire')).resource.entry?.[0]?.resource
  const populated = await fhir('nurse-rxx', 'POST', `/Questionnaire/${form?.id}/$populate`, {
    resourceType: 'Parameters',
    parameter: [{ name: 'subject', valueReference: { reference: `EpisodeOfCare/${id}` } }],
  })
  expect([populated.status, populated.text.slice(0, 300)]).toEqual([
    200,
    expect.stringContaining('QuestionnaireResponse'),
  ])
})
