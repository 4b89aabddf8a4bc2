import { afterAll, beforeAll, expect, test } from '@jest/globals'
import { eventually, quiet, type RunningService, startService } from '../set-up/running.ts'

/** An engineer or operator has arrivals read again: a preview first, then the job, through to its last event. */
let service: RunningService
let inboxId: string
let organisation: string
beforeAll(async () => {
  service = await startService({ database: 'e2e_message_replay' })
  await service.flsdb('send', 'samples/hl7v2/01-emergency-a04.hl7', '--mllp')
  await quiet(service)
  const kept = await service.mongo.db(service.database).collection('inbox').findOne({ protocol: 'hl7v2' })
  inboxId = String(kept?._id)
  organisation = String(kept?.['organisation'])
}, 120_000)
afterAll(() => service?.stop())

const facts = () => service.mongo.db(service.database).collection('facts')
const replay = (client: string, query: string) => service.call(client, 'POST', `/api/messages/replay?${query}`)
const engineer = (own: boolean) =>
  service.demo.clients.find(
    ({ role, organisations = [] }) => role === 'engineer' && organisations.some(one => one === organisation) === own,
  )?.clientId ?? ''

test('a dry run says what would change, and changes nothing', async () => {
  const before = await replay('operator', 'dryRun=true&state=done')
  expect(before).toMatchObject({
    status: 200,
    json: { dryRun: true, byState: { done: expect.any(Number) }, preview: { entriesThatChange: 0 } },
  })
  await facts().updateOne({ 'source.inboxId': inboxId }, { $set: { certainty: 'refuted', unit: 'mg' } })
  const after = await replay('operator', 'dryRun=true&state=done')
  expect(after.json).toMatchObject({ preview: { entriesThatChange: 1, facts: { added: 0, removed: 0, changed: 1 } } })
  expect(await facts().countDocuments({ unit: 'mg', certainty: 'refuted' })).toBe(1)
})

test('queued, it is read again; the job tells how far it has come, as events too', async () => {
  const answer = await service.call('operator', 'POST', `/api/messages/${inboxId}/replay`)
  expect(answer).toMatchObject({ status: 202, json: { kind: 'replay', progress: { total: 1 } } })
  const job = answer.headers.get('location') ?? ''
  const events = await service.call('operator', 'GET', `${job}/events`)
  expect(events.text).toMatch(/event: ?job/)
  expect(events.text).toMatch(/"state":"done"/)
  const view = await service.call('operator', 'GET', job)
  expect(view.json).toMatchObject({ state: 'done', progress: { done: 1, total: 1 } })
  expect(await facts().countDocuments({ unit: 'mg', certainty: 'refuted' })).toBe(0)
})

test('an engineer reaches the arrivals of the own organisation alone', async () => {
  const [own, other] = [engineer(true), engineer(false)]
  expect((await replay(own, 'dryRun=true')).json).toMatchObject({ matched: 1 })
  expect((await replay(other, 'dryRun=true')).json).toMatchObject({ matched: 0 })
  expect((await service.call(other, 'POST', `/api/messages/${inboxId}/replay`)).status).toBe(404)
  const queued = await replay(own, 'issue=none-of-ours')
  expect(queued.status).toBe(400)
  const mine = await replay(own, `state=done`)
  expect(mine).toMatchObject({ status: 202, json: { progress: { total: 1 } } })
  await eventually('read again', async () => {
    const view = await service.call(own, 'GET', mine.headers.get('location') ?? '')
    return (view.json as { state: string }).state === 'done' ? true : undefined
  })
  expect((await service.call(other, 'GET', mine.headers.get('location') ?? '')).status).toBe(404)
})
