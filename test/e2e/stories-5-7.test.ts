import { appendFile, cp, mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals'
import type { ReplayDiff } from '../../src/replay-diff.ts'
import { closedPractice, closedPracticeOds } from '../../synthetic/stories.ts'
import { unknownCode, unknownLocalCode } from '../../synthetic/stories-changes.ts'
import { deliver, sendExtract } from '../set-up/deliver.ts'
import { documentsOf, episodesOf, explanationOf, issueCodesOf, linesOf } from '../set-up/linked.ts'
import { quiet, type RunningService, startService } from '../set-up/running.ts'

let service: RunningService
let mappings: string
beforeAll(async () => {
  mappings = await mkdtemp(path.join(tmpdir(), 'flsdb-mappings-'))
  await cp(path.join(import.meta.dirname, '..', '..', 'mappings'), mappings, { recursive: true })
  service = await startService({ database: 'e2e_stories_5_7', environment: { FLSDB_MAPPINGS: mappings } })
}, 60_000)
afterAll(async () => {
  await service?.stop()
  await rm(mappings, { recursive: true, force: true })
})

describe('story 5: a closed practice opts in, withdraws, joins again', () => {
  const hospitalRecord = 'RXX|S700051'
  const practice = (client: string, method: string, body?: object) =>
    service.call(client, method, `/api/practices/${closedPracticeOds}`, body)
  const send = async () => {
    const [delivery] = closedPractice().gp
    if (delivery?.door !== 'extract') throw new Error('the story sends an extract')
    return sendExtract(service, delivery)
  }
  const keptOf = () =>
    service.mongo
      .db(service.database)
      .collection('inbox')
      .countDocuments({ practice: { $eq: closedPracticeOds } })
  /** Everything a client may read that could tell of the practice's rows. */
  async function outputs(): Promise<string> {
    const [episode] = await episodesOf(service, hospitalRecord)
    const answers = await Promise.all([
      service.call('linkage-reviewer', 'GET', `/api/links/${episode?._id}`),
      service.call('linkage-reviewer', 'GET', '/api/links?format=ndjson'),
      service.call('analyst', 'GET', '/api/episodes?format=ndjson'),
      service.call('nurse-rxx', 'GET', `/fhir/EpisodeOfCare/${episode?._id}`),
      service.call('nurse-rxx', 'GET', `/fhir/EpisodeOfCare/${episode?._id}/$everything`),
    ])
    // When a Bundle was put together is no part of what it says.
    return answers.map(answer => answer.text.replace(/"(timestamp|recorded)":"[^"]*"/g, '"$1":""')).join('\n')
  }
  let linkedOutputs = ''
  let linkedDocuments: string[] = []

  test('the hospital’s side never waits for the practice', async () => {
    await deliver(service, closedPractice().hospital)
    expect(await episodesOf(service, hospitalRecord)).toMatchObject([
      { status: 'candidate', isLinked: false, gp: [], fractures: [{ site: 'humerus.proximal' }] },
    ])
  })

  test('closed: 403 with the day it closed, and nothing is kept', async () => {
    const answer = await send()
    expect(answer.status).toBe(403)
    expect(issueCodesOf(answer)).toEqual(['practice-closed'])
    const { optedIn, since } = (await practice('ig-lead', 'GET')).json as { optedIn: boolean; since: string }
    expect(optedIn).toBe(false)
    expect(answer.text).toContain(`closed since ${since.slice(0, 10)}`)
    expect(answer.text).not.toMatch(/Thwaites|Enid/i)
    expect(await keptOf()).toBe(0)
    expect((await linesOf(service, 'story-5')).length).toBe(0)
  })

  test('only the information-governance lead may open it', async () => {
    for (const client of ['operator', 'gp-supplier-gp-emis', 'analyst'])
      expect((await practice(client, 'PUT', { optedIn: true })).status).toBe(403)
  })

  test('opted in, the same extract is taken and linked', async () => {
    const opened = await practice('ig-lead', 'PUT', { optedIn: true, evidence: 'agreement 14' })
    expect(opened.json).toMatchObject({ ods: closedPracticeOds, optedIn: true })
    const taken = await send()
    expect(taken.status).toBe(202)
    const [episode] = await episodesOf(service, hospitalRecord)
    expect(episode).toMatchObject({ isLinked: true, organisations: [closedPracticeOds, 'RXX'] })
    expect(episode?.gp.map(entry => entry.organisation)).toContain(closedPracticeOds)
    linkedOutputs = await outputs()
    linkedDocuments = await documentsOf(service, hospitalRecord)
    expect(linkedOutputs).toContain(closedPracticeOds)
    const job = await service.call(gpClient(), 'GET', taken.headers.get('location') ?? '')
    expect(job.json).toMatchObject({ state: 'done', receipt: { in: 4, kept: 4, rejected: 0, linked: 1 } })
  })

  test('withdrawn: its contribution is gone from every output, the hospital’s stays', async () => {
    const closed = await practice('ig-lead', 'PUT', { optedIn: false, evidence: 'letter 15' })
    expect(closed.json).toMatchObject({
      optedIn: false,
      history: [{ optedIn: false }, { optedIn: true }, { optedIn: false }],
    })
    await quiet(service)
    const [episode] = await episodesOf(service, hospitalRecord)
    expect(episode).toMatchObject({ status: 'candidate', isLinked: false, gp: [], organisations: ['RXX'] })
    const told = await outputs()
    expect(told).not.toContain(closedPracticeOds)
    expect(told).not.toContain('story-5')
    expect((await explanationOf(service, episode?._id ?? '')).members.map(member => member.record)).toEqual([
      hospitalRecord,
    ])
    const refused = await send()
    expect(refused.status).toBe(403)
    expect(refused.text).toContain(`closed since ${new Date().toISOString().slice(0, 10)}`)
  })

  test('joined again, everything is as it was, byte for byte, without being sent again', async () => {
    await practice('ig-lead', 'PUT', { optedIn: true, evidence: 'letter 16' })
    expect(await documentsOf(service, hospitalRecord)).toEqual(linkedDocuments)
    expect(await outputs()).toEqual(linkedOutputs)
  })

  function gpClient(): string {
    const client = service.demo.clients.find(one => one.practices.some(own => own === closedPracticeOds))
    return client?.clientId ?? ''
  }
})

describe('story 7: a local code nobody knows', () => {
  const codes = async () =>
    (
      (await service.call('engineer-ryy', 'GET', '/api/unknown-codes')).json as {
        items: { system: string; code: string; count: number; sender: string; sample: string }[]
      }
    ).items.filter(one => one.code === unknownCode.code)
  const replay = async (...words: string[]) =>
    JSON.parse(await service.flsdb('replay', '--json', ...words)) as ReplayDiff & { swapped: boolean }

  test('is kept as sent, queued with its count, and opens nothing', async () => {
    await deliver(service, unknownLocalCode().sent)
    await quiet(service)
    expect(await codes()).toEqual([
      expect.objectContaining({ system: unknownCode.system, code: unknownCode.code, count: 1, sender: 'ryy02-pas' }),
    ])
    expect(await episodesOf(service, 'RYY|S700071')).toEqual([])
    const [message] = (
      (await service.call('engineer-ryy', 'GET', '/api/messages?controlId=S7-ED1')).json as {
        items: { inboxId: string; state: string; issues: { code: string }[] }[]
      }
    ).items
    expect(message).toMatchObject({ state: 'done', issues: [{ code: 'code-unknown', where: 'DG1[1]-3' }] })
    const detail = await service.call('engineer-ryy', 'GET', `/api/messages/${message?.inboxId}`)
    expect(detail.json).toMatchObject({
      facts: expect.arrayContaining([
        expect.objectContaining({ coding: [expect.objectContaining({ code: unknownCode.code })] }),
      ]),
    })
  })

  test('another hospital does not see it', async () => {
    const others = await service.call('engineer-rxx', 'GET', '/api/unknown-codes')
    expect(others.text).not.toContain(unknownCode.code)
  })

  test('one row added: replay with --diff says what it would do, and does nothing', async () => {
    const row = `${unknownCode.system},${unknownCode.code},standard,snomed:${unknownCode.meansSnomed},,,Distal radius,\n`
    await appendFile(path.join(mappings, 'ryy02-pas', 'codes.csv'), row)
    const before = await documentsOf(service)
    const diff = await replay('--diff')
    expect(diff.swapped).toBe(false)
    expect(diff.counts['episodes']).toEqual({ added: 1, removed: 0, changed: expect.any(Number) })
    expect(diff.differences.filter(one => one.change === 'added').map(one => one.collection)).toEqual(['episodes'])
    expect(await documentsOf(service)).toEqual(before)
    expect(await codes()).toHaveLength(1)
  }, 60_000)

  test('replayed: the same message is a left wrist now, and nothing waits any more', async () => {
    expect((await replay()).swapped).toBe(true)
    expect(await episodesOf(service, 'RYY|S700071')).toMatchObject([
      { status: 'candidate', diagnosedOn: '2025-09-09', fractures: [{ site: 'wrist', laterality: 'left' }] },
    ])
    expect(await codes()).toEqual([])
    const message = await service.call('engineer-ryy', 'GET', '/api/messages?controlId=S7-ED1')
    expect(message.json).toMatchObject({ items: [{ state: 'done', issues: [] }] })
    expect((await replay('--diff')).differences).toEqual([])
  }, 90_000)

  test('the next message with that code is understood at once', async () => {
    const [first] = unknownLocalCode().sent
    if (first?.door !== 'mllp') throw new Error('the story sends HL7 v2')
    const later = Buffer.from(
      first.bytes
        .toString('utf8')
        .replaceAll('S7-ED1', 'S7-ED2')
        .replaceAll('20250909', '20251209')
        .replaceAll('S7E1', 'S7E2'),
    )
    await deliver(service, [{ ...first, controlId: 'S7-ED2', bytes: later }])
    const [fracture] = (await linesOf(service, 'S7-ED2')).filter(line => line.path.startsWith('DG1'))
    expect(fracture?.fractureId).toEqual(expect.any(String))
    expect(await codes()).toEqual([])
  })
})
