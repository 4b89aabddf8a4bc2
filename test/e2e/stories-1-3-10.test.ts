import { afterAll, beforeAll, describe, expect, test } from '@jest/globals'
import type { Origin } from '../../src/fls/episode.ts'
import { wristJourney } from '../../synthetic/stories.ts'
import { refractures } from '../../synthetic/stories-persons.ts'
import { deliver } from '../set-up/deliver.ts'
import { episodesIn, episodesOf, explanationOf, issueCodesOf, linesOf, personsIn } from '../set-up/linked.ts'
import { type RunningService, startService } from '../set-up/running.ts'

let service: RunningService
beforeAll(async () => {
  service = await startService({ database: 'e2e_stories_1_3_10' })
  const journey = wristJourney()
  for (const step of [journey.emergency, journey.radiology, journey.fls, journey.dxa, journey.gp])
    await deliver(service, step)
  const again = refractures()
  for (const step of [again.sameWrist, again.otherHip, again.oneFall]) await deliver(service, step)
}, 60_000)
afterAll(() => service?.stop())

/** Where an answer comes from: side, place in the message, rule. */
const placesOf = (origins: readonly Origin[]) =>
  [...new Set(origins.map(({ side, path, rule }) => `${side} ${path.replace(/\/[0-9a-f]{32}$/, '')} ${rule}`))].sort()

describe('story 1: one wrist, seen by everybody', () => {
  test('is one person and one episode, whoever speaks', async () => {
    const lines = [...(await linesOf(service, 'S1-')), ...(await linesOf(service, 'story-1'))]
    expect(personsIn(lines)).toHaveLength(1)
    expect(episodesIn(lines)).toHaveLength(1)
    const spoken = lines.filter(line => line.fractureId).map(line => line.sender)
    expect([...new Set(spoken)].sort()).toEqual(['gp-emis', 'rxx01-fls', 'rxx01-pas'])
    for (const line of lines) expect(line.personProbability).toBeGreaterThan(0.99)
  })

  test('shows both sides and the reasons that bind them, field by field, without a value', async () => {
    const [id = ''] = episodesIn(await linesOf(service, 'story-1'))
    const episode = await explanationOf(service, id)
    expect(episode).toMatchObject({ kind: 'episode', status: 'identified', isLinked: true })
    expect(episode.organisations).toEqual(['P81001', 'RXX'])
    expect(new Set(episode.hospital.map(entry => entry.kind))).toEqual(
      new Set(['encounter', 'diagnosis', 'document', 'observation', 'request', 'medication']),
    )
    expect(new Set(episode.gp.map(entry => entry.kind))).toEqual(new Set(['diagnosis', 'medication', 'death']))
    const person = episode.members.find(member => member.side === 'gp')?.explanation
    expect(person).toMatchObject({ decision: 'link', decidedBy: 'model', guards: [] })
    expect(person?.parts.map(part => `${part.field} ${part.level}`)).toEqual(
      expect.arrayContaining(['nhsNumber equal', 'birthDate exact']),
    )
    const gpFact = episode.gp.find(entry => entry.kind === 'diagnosis')?.factId
    const event = episode.fractures[0]?.facts.find(fact => fact.factId === gpFact)?.explanation
    expect(event).toMatchObject({ decision: 'link' })
    expect(event?.parts.map(part => part.field)).toEqual(expect.arrayContaining(['date', 'site']))
    for (const told of [person, event]) {
      const parts = [...(told?.parts ?? []), ...(told?.adjustments ?? [])]
      const sum = parts.reduce((bits, part) => bits + part.bits + (part.tfBits ?? 0), told?.priorBits ?? 0)
      expect(sum).toBeCloseTo(told?.totalBits ?? Number.NaN, 6)
      expect(JSON.stringify(parts)).not.toMatch(/Hartley|1948|AD3 2BL/i)
    }
  })

  // biome-ignore format: a table
  test.each([
    ['1.06', ['2025-03-12'], ['hospital EpisodeOfCare/story-1-fls fls.contact']],
    ['1.07', ['2025-04-08'], ['hospital Encounter/story-1-fls fls.assessment']],
    ['1.08', ['no'], ['hospital PV1 encounter.admitted']],
    ['1.09', ['2025-03-03'], ['hospital Condition/story-1-fls fracture.date']],
    ['1.11', ['wrist'], ['gp story-1-o1#row 5, code fracture.first-site', 'hospital Condition/story-1-fls fracture.first-site', 'hospital DG1[1]-3 fracture.first-site']],
    ['2.01', ['161'], ['hospital Observation body.height']],
    ['2.02', ['58.5'], ['hospital Observation body.weight']],
    ['3.01', ['ordered'], ['hospital OBX[1]-3 dxa.status', 'hospital OBX[2]-3 dxa.status', 'hospital OBX[3]-3 dxa.status', 'hospital ServiceRequest/story-1-fls dxa.status']],
    ['3.03', ['2025-04-15'], ['hospital OBX[1]-3 dxa.date', 'hospital OBX[2]-3 dxa.date', 'hospital OBX[3]-3 dxa.date']],
    ['3.04', ['-2.7'], ['hospital OBX[1]-3 dxa.lowest-hip-spine']],
    ['6.05', ['alendronate'], ['gp story-1-i1#row 7, code follow-up.therapy', 'gp story-1-i2#row 8, code follow-up.therapy']],
    ['deathDate', ['2025-12-20'], ['gp story-1-d#row 10, date identity.death']],
  ])('question %s is answered %j with its origins', async (item, values, origins) => {
    const [episode] = await episodesOf(service, 'RXX|S700001')
    const answer = episode?.answers[item]
    expect(answer?.values).toEqual(values)
    expect(placesOf(answer?.origins ?? [])).toEqual(origins)
    for (const origin of answer?.origins ?? []) expect(origin.tableHash).toMatch(/^[0-9a-f]{8,64}$/)
  })

  test('question 4.01 is the advice of the clinic, borne out by what the practice issued', async () => {
    const [episode] = await episodesOf(service, 'RXX|S700001')
    const answer = episode?.answers['4.01']
    expect(answer?.values).toEqual(['alendronate'])
    expect(new Set(answer?.origins.map(origin => origin.side))).toEqual(new Set(['hospital', 'gp']))
  })

  test('every origin opens the exact entry it came from', async () => {
    const [episode] = await episodesOf(service, 'RXX|S700001')
    const origin = episode?.answers['3.04']?.origins[0]
    const found = await service.call('engineer-rxx', 'GET', `/api/messages/${origin?.inboxId}`)
    expect(found.json).toMatchObject({
      controlId: 'S1-DXA1',
      feed: 'rxx01-ris',
      state: 'done',
      stages: [{ stage: 'kept' }, { stage: 'read' }, { stage: 'linked', persons: 1, episodes: 1 }],
    })
    const { facts } = found.json as { facts: { id: string; path: string }[] }
    expect(facts.find(fact => fact.id === origin?.factId)?.path).toBe(origin?.path)
    const raw = await service.call('engineer-rxx', 'GET', `/api/messages/${origin?.inboxId}/raw`)
    const [sent] = wristJourney().dxa
    expect(sent?.door === 'mllp' && raw.text === sent.bytes.toString('utf8')).toBe(true)
  })

  test('sent once more by everybody, nothing changes', async () => {
    const before = await episodesOf(service, 'RXX|S700001')
    await deliver(service, Object.values(wristJourney()).flat())
    const without = (documents: typeof before) => documents.map(({ solve: _solve, ...document }) => document)
    expect(without(await episodesOf(service, 'RXX|S700001'))).toEqual(without(before))
  })
})

describe('story 3: broken again', () => {
  // biome-ignore format: a table
  test.each([
    ['the same wrist after ten months', 'S3-W', 'RXX|S700031', [['wrist left 2025-01-09'], ['wrist left 2025-11-12']], ['2025-01-09', '2025-11-12']],
    ['the other hip after three months', 'S3-H', 'RXX|S700032', [['hip.neck right 2025-02-02'], ['hip.trochanteric left 2025-05-05']], ['2025-02-02', '2025-05-05']],
    ['hip and wrist in one fall', 'S3-O', 'RXX|S700033', [['hip.neck right 2025-07-01', 'wrist right 2025-07-01']], ['2025-07-01']],
  ])('%s', async (_what, controlId, record, fractures, diagnosed) => {
    const lines = await linesOf(service, controlId)
    expect(personsIn(lines)).toHaveLength(1)
    expect(episodesIn(lines)).toHaveLength(fractures.length)
    const episodes = await episodesOf(service, record)
    expect(episodes.map(one => one.fractures.map(({ site, laterality, date }) => `${site} ${laterality} ${date}`))).toEqual(fractures)
    expect(episodes.map(one => one.answers['1.09']?.values)).toEqual(diagnosed.map(day => [day]))
  })

  test('hip and wrist of one fall stand in the order the form asks for them', async () => {
    const [episode] = await episodesOf(service, 'RXX|S700033')
    expect([episode?.answers['1.11']?.values, episode?.answers['1.12']?.values]).toEqual([['hip'], ['wrist']])
  })

  test('the later fracture is a question of the earlier episode and a known fracture of the later one', async () => {
    const [first, second] = await episodesOf(service, 'RXX|S700032')
    expect(second?.answers['2.03']?.values).toEqual(['yes'])
    expect(first?.answers['7.06']?.values.length).toBeGreaterThan(0)
  })
})

describe('story 10: a stranger, a wrong role, another hospital', () => {
  const addresses = [
    '/api/links?format=ndjson',
    '/api/messages',
    '/api/episodes',
    '/api/access-log',
    '/fhir/EpisodeOfCare',
    '/fhir/Patient',
  ]

  test.each(addresses)('a stranger gets 401 from %s and learns nothing', async address => {
    const answer = await service.call(undefined, 'GET', address)
    expect(answer.status).toBe(401)
    expect(answer.headers.get('www-authenticate')).toContain('Bearer')
    expect(issueCodesOf(answer)).toContain('unauthenticated')
    expect(answer.text).not.toMatch(/S700001|Hartley|rxx01/i)
  })

  test('a token that was tampered with is a stranger', async () => {
    const [head, body, signature] = (await service.token('ig-lead')).split('.')
    const forged = `${head}.${body}.${[...(signature ?? '')].reverse().join('')}`
    const answer = await service.call(undefined, 'GET', '/api/access-log', undefined, {
      authorization: `Bearer ${forged}`,
    })
    expect(answer.status).toBe(401)
  })

  test.each([
    ['analyst', 'GET', '/api/links?format=ndjson'],
    ['linkage-reviewer', 'GET', '/api/episodes'],
    ['hospital-rxx', 'GET', '/api/access-log'],
    ['gp-supplier-gp-emis', 'GET', '/api/unknown-codes'],
    ['operator', 'PUT', '/api/practices/P81001'],
    ['nurse-rxx', 'POST', '/api/extracts'],
  ])('%s: %s %s is 403', async (client, method, address) => {
    const answer = await service.call(client, method, address, method === 'GET' ? undefined : {})
    expect(answer.status).toBe(403)
    expect(issueCodesOf(answer)).toContain('forbidden')
  })

  test('what is another hospital’s does not exist: the same 404 as for what never was', async () => {
    const [entry] = await linesOf(service, 'S1-ED2')
    const own = await service.call('engineer-rxx', 'GET', `/api/messages/${entry?.inboxId}`)
    const others = await service.call('engineer-ryy', 'GET', `/api/messages/${entry?.inboxId}`)
    const never = await service.call('engineer-ryy', 'GET', `/api/messages/${'0'.repeat(64)}`)
    expect([own.status, others.status, never.status]).toEqual([200, 404, 404])
    expect(others.json).toEqual(never.json)
    const list = await service.call('engineer-ryy', 'GET', '/api/messages?controlId=S1-ED2')
    expect(list.json).toMatchObject({ items: [] })
  })

  test('all of it stands in the access log, and the chain is whole', async () => {
    const lines = async (subject: string) => {
      const answer = await service.call('ig-lead', 'GET', `/api/access-log?subject=${subject}&limit=200`)
      return (answer.json as { items: { action: string; status: number; inboxIds?: string[] }[] }).items
    }
    const [entry] = await linesOf(service, 'S1-ED2')
    expect(await lines('engineer-rxx')).toContainEqual(
      expect.objectContaining({ action: 'GET /api/messages/:id', status: 200, inboxIds: [entry?.inboxId] }),
    )
    expect(await lines('engineer-ryy')).toContainEqual(
      expect.objectContaining({ action: 'GET /api/messages/:id', status: 404 }),
    )
    expect(await lines('analyst')).toContainEqual(expect.objectContaining({ action: 'GET /api/links', status: 403 }))
    expect(await lines('anyone')).toContainEqual(expect.objectContaining({ action: 'GET /api/links', status: 401 }))
    const chain = await service.call('ig-lead', 'GET', '/api/access-log/verify')
    expect(chain.json).toMatchObject({ isIntact: true, faults: [] })
  })
})
