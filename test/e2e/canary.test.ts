import { connect } from 'node:net'
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals'
import { deliver } from '../set-up/deliver.ts'
import { episodesOf } from '../set-up/linked.ts'
import { type Answer, quiet, type RunningService, startService } from '../set-up/running.ts'
import { brokenMessages, brokenRequests, brokenRows, figure, found, wholeDeliveries } from './canary-patient.ts'

/**
 * A patient every detail of whom is a word found nowhere else (canary-patient.ts), sent through every door, whole and broken. What the
 * service says to anybody but those entitled to the record (log, metrics, errors, acknowledgements, access log, lists for operators) must
 * not hold one of them.
 */
let service: RunningService
beforeAll(async () => {
  service = await startService({ database: 'e2e_canary', environment: { FLSDB_LOG_LEVEL: 'debug' } })
}, 60_000)
afterAll(() => service?.stop())

/** One framed message over a connection of its own; the bytes that come back until it is quiet. */
function answerTo(text: string): Promise<string> {
  return new Promise((resolve, reject) => {
    let said = ''
    const socket = connect(service.mllpPort, '127.0.0.1', () => socket.write(`\u000b${text}\u001c\r`))
    const end = () => {
      socket.destroy()
      resolve(said)
    }
    socket.on('data', part => {
      said += part.toString('latin1')
      if (said.endsWith('\u001c\r')) end()
    })
    socket.on('close', end)
    socket.on('error', reject)
    socket.setTimeout(3_000, end)
  })
}

describe('a patient sent through every door, whole and broken', () => {
  test('whole: kept, linked, and shown to those entitled', async () => {
    await deliver(service, wholeDeliveries())
    await deliver(service, [brokenRows()])
    await quiet(service)
    const episodes = await episodesOf(service, `RXX|${figure.number}`)
    expect(episodes.length).toBeGreaterThan(0)
    expect(found(JSON.stringify(episodes[0])).length).toBeGreaterThan(2)
  })

  test.each(brokenMessages)('MLLP, %s: the answer names no patient', async (_what, text) => {
    const said = await answerTo(text)
    // The header of an answer restates the sender's own header: application, facility, version, character set.
    const [, ...segments] = said.split('\r')
    expect(found(segments.join('\r'))).toEqual([])
  })

  // As pairs: a row shorter than the parameters would be given a callback to wait for.
  test.each(brokenRequests.map(request => [request[0], request] as const))(
    'HTTP, %s: refused without a word of it',
    async (_what, [, client, method, address, body, headers]) => {
      const answer = await service.call(client, method, address, body, headers)
      expect(answer.status).toBeGreaterThanOrEqual(400)
      expect(answer.status).toBeLessThan(500)
      expect(found(told(answer))).toEqual([])
    },
  )

  const told = (answer: Answer) => `${answer.text}\n${JSON.stringify([...answer.headers])}`

  test('what those see who may not see patients names none', async () => {
    await quiet(service)
    const answers = await Promise.all([
      service.call(undefined, 'GET', '/metrics'),
      service.call(undefined, 'GET', '/health'),
      service.call(undefined, 'GET', '/ready'),
      service.call(undefined, 'GET', '/'),
      service.call('operator', 'GET', '/api/messages?limit=200'),
      service.call('analyst', 'GET', '/api/episodes?format=ndjson'),
      service.call('analyst', 'GET', '/api/episodes?format=csv'),
      service.call('ig-lead', 'GET', '/api/access-log?limit=500'),
      service.call('ig-lead', 'GET', '/api/practices'),
      service.call('linkage-reviewer', 'GET', '/api/links?state=review'),
      service.call('gp-supplier-gp-emis', 'GET', await jobAddress()),
    ])
    for (const answer of answers) {
      expect([200, 503]).toContain(answer.status)
      expect(found(told(answer))).toEqual([])
    }
    const messages = await service.call('operator', 'GET', '/api/messages?limit=200')
    for (const { inboxId } of (messages.json as { items: { inboxId: string }[] }).items.slice(0, 40))
      expect(found((await service.call('operator', 'GET', `/api/messages/${inboxId}`)).text)).toEqual([])
  })

  test('nor does any line the service wrote', async () => {
    const output = service.output()
    expect(output).toContain('"msg":"call"')
    expect(output).toContain('"msg":"mllp"')
    expect(found(output)).toEqual([])
  })

  test('nor any issue, job, failure or access line it kept', async () => {
    const db = service.mongo.db(service.database)
    const inbox = await db
      .collection('inbox')
      .find({}, { projection: { issues: 1, failure: 1, state: 1 } })
      .toArray()
    expect(inbox.filter(entry => entry['state'] === 'quarantined')).toEqual([])
    expect(inbox.flatMap(entry => entry['issues'] ?? []).length).toBeGreaterThan(8)
    expect(found(JSON.stringify(inbox))).toEqual([])
    expect(found(JSON.stringify(await db.collection('accessLog').find().toArray()))).toEqual([])
    expect(
      found(
        JSON.stringify(
          await db
            .collection('jobs')
            .find({}, { projection: { chunks: 0 } })
            .toArray(),
        ),
      ),
    ).toEqual([])
  })

  async function jobAddress(): Promise<string> {
    const [job] = await service.mongo.db(service.database).collection('jobs').find().limit(1).toArray()
    return `/api/jobs/${job?._id}`
  }
})
