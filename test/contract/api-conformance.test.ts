import { afterAll, beforeAll, beforeEach, expect, test } from '@jest/globals'
import { conformanceItems } from '../../src/fls/conformance.ts'
import type { OdsCode } from '../../src/fls/fact.ts'
import { conformanceRoutes } from '../../src/http/api/conformance.ts'
import type { JobDocument } from '../../src/store/jobs.ts'
import { loadPages } from '../../src/web/render.ts'
import { type Service, startService } from './running-app.ts'

/** The conformance report of jobs in every state, and of one counted by an older release. */
let service: Service
beforeAll(async () => {
  const pages = await loadPages(() => {})
  service = await startService({
    routesOver: ({ db }) => conformanceRoutes({ store: { db }, pages: async () => pages }),
  })
})
afterAll(() => service.close())
beforeEach(() => service.store.db.collection('jobs').deleteMany({}))

const filled = conformanceItems.map(({ name }) => ({ name, n: 10, met: 10 }))
const done: JobDocument = {
  ...{ _id: 'j1', kind: 'extract', state: 'done', practice: 'P81001' as OdsCode, extractId: 'x1', mode: 'full' },
  ...{ isDryRun: false, createdAt: new Date(0), finishedAt: new Date(1_000), progress: { done: 1, total: 1 } },
  receipt: { in: 1, kept: 1, rejected: 0, held: 0, unchanged: 0, deletes: 0 },
  conformance: { tables: 'abc', filled },
  messages: [],
  chunks: [],
}

async function report(job: JobDocument) {
  await service.store.db.collection<JobDocument>('jobs').insertOne(job)
  const claims = { practices: ['P81001'], feeds: ['gp'], organisations: ['P81001'] }
  const answer = await service.call('gp-supplier', '/api/jobs/j1/conformance?format=json', { claims })
  return { status: answer.status, retryAfter: answer.headers.get('retry-after'), body: await answer.json() }
}

test('every line of the table, in its order', async () => {
  const { status, body } = await report(done)
  expect(status).toBe(200)
  expect(body.items.map((one: { name: string }) => one.name)).toEqual(filled.map(({ name }) => name))
  expect(body.verdict).toBe('pass')
})

test('a count of an older release: a line it had not is left out, one there is no longer is not told', async () => {
  const [first, second] = filled
  const older = [second, { name: 'A line of long ago', n: 1, met: 0 }, first].flatMap(one => one ?? [])
  const { body } = await report({ ...done, conformance: { tables: 'old', filled: older } })
  expect(body.items.map((one: { name: string }) => one.name)).toEqual([first?.name, second?.name])
})

const { receipt: _receipt, conformance: _conformance, finishedAt: _finishedAt, ...begun } = done
test.each<[string, JobDocument, string, string | null]>([
  ['queued', { ...begun, state: 'queued' }, 'not-yet-read', '2'],
  ['running', { ...begun, state: 'running' }, 'not-yet-read', '2'],
  ['failed', { ...begun, state: 'failed', failure: 'storage-uncertain' }, 'not-found', null],
  [
    'done before anything was counted',
    { ...done, conformance: undefined } as unknown as JobDocument,
    'not-found',
    null,
  ],
])('%s: 404 %s', async (_what, job, code, retryAfter) => {
  const answer = await report(job)
  expect([answer.status, answer.body.issues[0].code, answer.retryAfter]).toEqual([404, code, retryAfter])
})
