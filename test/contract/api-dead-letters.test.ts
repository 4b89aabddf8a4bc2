import { afterAll, beforeAll, beforeEach, expect, test } from '@jest/globals'
import type { OdsCode } from '../../src/fls/fact.ts'
import { openDeadLetters } from '../../src/store/dead-letters.ts'
import { type Service, startService } from './running-app.ts'

let service: Service
beforeAll(async () => {
  service = await startService()
})
afterAll(() => service?.close())
beforeEach(() => service.store.db.collection('deadLetters').deleteMany({}))

const letter = (bytes: string, organisation = 'RXX') => ({
  feed: `${organisation.toLowerCase()}-pas`,
  organisation: organisation as OdsCode,
  fault: 'missing-end',
  address: '10.1.1.1',
  bytes: Buffer.from(bytes),
})
const at = (second: number) => new Date(Date.UTC(2026, 2, 15, 10, 0, second))
const listed = async (role: 'engineer' | 'operator', claims?: { organisations: readonly string[] }) => {
  const answer = await service.call(role, '/api/dead-letters', claims ? { claims } : {})
  return ((await answer.json()) as { items: { id: string; feed: string; count: number; size: number }[] }).items
}

test('the same bytes again are one letter with a count; the newest come first', async () => {
  const { keep } = openDeadLetters(service.store.db)
  await keep(letter('one'), at(1))
  await keep(letter('two'), at(2))
  await keep(letter('one'), at(3))
  expect(await listed('operator')).toMatchObject([
    {
      feed: 'rxx-pas',
      fault: 'missing-end',
      size: 3,
      count: 2,
      firstAt: at(1).toISOString(),
      lastAt: at(3).toISOString(),
    },
    { feed: 'rxx-pas', count: 1 },
  ])
})

test('an engineer sees the letters of the own organisation and their bytes; nobody else the bytes', async () => {
  const { keep } = openDeadLetters(service.store.db)
  await keep(letter('ours', 'RXX'), at(1))
  await keep(letter('theirs', 'RYY'), at(2))
  const ours = await listed('engineer', { organisations: ['RXX'] })
  expect(ours.map(one => one.feed)).toEqual(['rxx-pas'])
  const theirs = (await listed('engineer', { organisations: ['RYY'] }))[0]?.id
  const raw = (id: string | undefined, role: 'engineer' | 'operator' = 'engineer') =>
    service.call(role, `/api/dead-letters/${id}/raw`, { claims: { organisations: ['RXX'] } })
  expect(await (await raw(ours[0]?.id)).text()).toBe('ours')
  expect((await raw(theirs)).status).toBe(404)
  expect((await raw(ours[0]?.id, 'operator')).status).toBe(403)
})

test('a flood keeps sixty a minute of its feed, a giant its first 64 KiB', async () => {
  const { keep } = openDeadLetters(service.store.db)
  const kept = []
  for (let one = 0; one < 70; one++) kept.push(await keep(letter(`${one}${'x'.repeat(70_000)}`), at(0)))
  expect(kept.filter(Boolean)).toHaveLength(60)
  expect(await keep({ ...letter('of a quiet neighbour'), feed: 'other' }, at(0))).toBe(true)
  expect(await keep(letter('a minute later'), at(61))).toBe(true)
  const [, giant] = await listed('engineer', { organisations: ['RXX'] })
  const raw = await service.call('engineer', `/api/dead-letters/${giant?.id}/raw`, {
    claims: { organisations: ['RXX'] },
  })
  expect([giant?.size, (await raw.arrayBuffer()).byteLength]).toEqual([70_002, 65_536])
})
