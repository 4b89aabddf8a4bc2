import { afterAll, beforeAll, describe, expect, test } from '@jest/globals'
import type { AccessLine, AccessLogDocument } from '../../src/store/access-log.ts'
import { openAccessLog } from '../../src/store/access-log.ts'
import { type Service, startService } from './running-app.ts'

/** Who saw what: chained, complete, and no answer without its line. */
const line = (requestId: string): AccessLine => ({
  at: new Date('2026-03-01T10:00:00Z'),
  subject: 'nurse-1',
  role: 'nurse',
  organisations: ['RXX'],
  action: 'GET /fhir/:type/:id',
  status: 200,
  requestId,
  episodes: ['e1'],
})

describe('the chain', () => {
  let service: Service
  beforeAll(async () => {
    service = await startService()
  })
  afterAll(() => service.close())
  const chain = () => service.store.db.collection<AccessLogDocument>('accessLog')
  const fill = async (count: number): Promise<void> => {
    await chain().deleteMany({})
    const log = openAccessLog(service.store.db)
    for (let index = 1; index <= count; index++) await log.append(line(`r${index}`))
  }

  test('is intact as written, and says where it ends', async () => {
    await fill(5)
    expect(await openAccessLog(service.store.db).verify()).toMatchObject({
      lines: 5,
      lastSequence: 5,
      isIntact: true,
      faults: [],
    })
  })

  test('several instances writing at once make one chain without holes', async () => {
    await chain().deleteMany({})
    const logs = [1, 2, 3].map(() => openAccessLog(service.store.db))
    await Promise.all(
      logs.flatMap((log, one) => Array.from({ length: 40 }, (_, index) => log.append(line(`i${one}-${index}`)))),
    )
    expect(await openAccessLog(service.store.db).verify()).toMatchObject({
      lines: 120,
      lastSequence: 120,
      isIntact: true,
    })
    expect(new Set((await chain().find().toArray()).map(one => one.requestId)).size).toBe(120)
  })

  test.each<{ what: string; change: () => Promise<unknown>; faults: { sequence: number; fault: string }[] }>([
    {
      what: 'a line altered',
      change: () => chain().updateOne({ _id: 3 }, { $set: { subject: 'somebody-else' } }),
      faults: [{ sequence: 3, fault: 'altered' }],
    },
    {
      what: 'whom it was about altered',
      change: () => chain().updateOne({ _id: 2 }, { $set: { episodes: ['e2'] } }),
      faults: [{ sequence: 2, fault: 'altered' }],
    },
    {
      what: 'a field added',
      change: () => chain().updateOne({ _id: 2 }, { $set: { rows: 3 } }),
      faults: [{ sequence: 2, fault: 'altered' }],
    },
    {
      what: 'a line removed',
      change: () => chain().deleteOne({ _id: 4 }),
      faults: [{ sequence: 4, fault: 'missing' }],
    },
    {
      what: 'the first line removed',
      change: () => chain().deleteOne({ _id: 1 }),
      faults: [{ sequence: 1, fault: 'missing' }],
    },
    {
      what: 'a line rewritten with a fitting hash of its own',
      change: async () => {
        const copy = await chain().findOne({ _id: 3 })
        const other = await chain().findOne({ _id: 4 })
        if (copy && other) await chain().replaceOne({ _id: 4 }, { ...other, previous: 'x'.repeat(64) })
      },
      faults: [
        { sequence: 4, fault: 'unchained' },
        { sequence: 4, fault: 'altered' },
      ],
    },
  ])('$what is found at its place', async ({ change, faults }) => {
    await fill(6)
    await change()
    const found = await openAccessLog(service.store.db).verify()
    expect(found.isIntact).toBe(false)
    expect(found.faults).toEqual(faults)
  })

  test('lines cut off at the end are missed by an anchor noted outside', async () => {
    await fill(6)
    const { lastSequence, lastHash } = await openAccessLog(service.store.db).last()
    await chain().deleteMany({ _id: { $gt: 4 } })
    const log = openAccessLog(service.store.db)
    expect((await log.verify()).isIntact).toBe(true)
    const checked = await log.verify({ sequence: lastSequence, hash: lastHash })
    expect(checked.faults).toEqual([{ sequence: 6, fault: 'missing' }])
  })

  test('a chain rewritten as a whole differs from the anchor', async () => {
    await fill(3)
    const { lastSequence, lastHash } = await openAccessLog(service.store.db).last()
    await chain().deleteMany({})
    const log = openAccessLog(service.store.db)
    for (const id of ['r1', 'r9', 'r3']) await log.append(line(id))
    expect((await log.verify({ sequence: lastSequence, hash: lastHash })).faults).toEqual([
      { sequence: 3, fault: 'anchor-differs' },
    ])
  })
})

describe('no line, no answer', () => {
  test.each(['/api/messages', '/api/links?format=ndjson', '/api/access-log'])(
    '%s is 503 and empty of data when the log cannot be written',
    async path => {
      const service = await startService({ accessLog: { append: async () => Promise.reject(new Error('no primary')) } })
      try {
        const role = path === '/api/messages' ? 'operator' : path.includes('links') ? 'linkage-reviewer' : 'ig-lead'
        const answer = await service.call(role, path)
        expect(answer.status).toBe(503)
        expect(await answer.json()).toMatchObject({ issues: [{ code: 'audit-unavailable' }] })
      } finally {
        await service.close()
      }
    },
  )

  test('the line is there before the answer is', async () => {
    let logged: AccessLine[] = []
    const service = await startService({ accessLog: { append: async entry => void logged.push(entry) } })
    try {
      const answer = await service.call('operator', '/api/messages')
      expect(logged.map(({ action, status, rows }) => ({ action, status, rows }))).toEqual([
        { action: 'GET /api/messages', status: 200, rows: 0 },
      ])
      await answer.json()
      logged = []
    } finally {
      await service.close()
    }
  })
})

test('the log is read and verified by the information-governance lead over HTTP, which is itself logged', async () => {
  const service = await startService()
  try {
    await service.call('operator', '/api/messages')
    const list = await (await service.call('ig-lead', '/api/access-log?subject=operator-test')).json()
    expect(list.items).toMatchObject([{ sequence: 1, subject: 'operator-test', action: 'GET /api/messages' }])
    const { lastSequence, lastHash } = list.end
    const verified = await (
      await service.call('ig-lead', `/api/access-log/verify?anchor=${lastSequence}:${lastHash}`)
    ).json()
    expect(verified).toMatchObject({ isIntact: true, faults: [] })
    expect((await service.accessLog.read({ limit: 10 })).map(one => one.action)).toContain('GET /api/access-log/verify')
    const refused = await service.call('ig-lead', '/api/access-log?subjct=x')
    expect(refused.status).toBe(400)
  } finally {
    await service.close()
  }
})
