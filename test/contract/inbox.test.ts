import { connect, createServer, type Socket } from 'node:net'
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from '@jest/globals'
import type { OdsCode } from '../../src/fls/fact.ts'
import { type Accept, type Arrival, StorageUncertain } from '../../src/sources/arrival.ts'
import { openInbox } from '../../src/store/inbox.ts'
import { answerOf } from '../../src/store/inbox-insert.ts'
import { ensureIndexes, openStore, type Store } from '../../src/store/store.ts'

const uri = process.env['FLSDB_TEST_MONGODB'] ?? ''
const database = 'inbox_contract'
let store: Store
beforeAll(async () => {
  store = await openStore(uri, database)
  await ensureIndexes(store)
})
beforeEach(() => store.inbox.deleteMany({}))
afterAll(async () => {
  await store?.db.dropDatabase()
  await store?.close()
})

const arrival = (controlId: string, text = controlId): Arrival => ({
  sender: 'rxx01-pas',
  organisation: 'RXX' as OdsCode,
  side: 'hospital',
  protocol: 'hl7v2',
  controlId,
  type: 'ADT^A08',
  bytes: Buffer.from(text),
})

function openAccept(on: Store = store) {
  const groups: number[] = []
  const accept: Accept = openInbox({
    store: on,
    gate: async () => ({ isOpen: true }),
    clock: () => new Date(),
    onGroup: size => groups.push(size),
  })
  return { accept, groups }
}

const names = (count: number, prefix = 'M') => Array.from({ length: count }, (_, at) => `${prefix}${at}`)
const kept = async () => (await store.inbox.find().sort({ controlId: 1 }).toArray()).map(one => one.controlId)

describe('groups', () => {
  test('arrivals of one tick are one write', async () => {
    const { accept, groups } = openAccept()
    const outcomes = await Promise.all(names(9).map(name => accept(arrival(name))))
    expect(outcomes.map(one => one.outcome)).toEqual(names(9).map(() => 'kept'))
    expect(groups).toEqual([9])
    expect(await kept()).toEqual(names(9))
  })

  test('whatever comes while two groups are under way waits for one of them, and nothing is left behind', async () => {
    const { accept, groups } = openAccept()
    const all: Promise<unknown>[] = []
    for (let tick = 0; tick < 50; tick++) {
      all.push(...names(1 + (tick % 7), `T${tick}-`).map(name => accept(arrival(name))))
      await new Promise(resolve => setImmediate(resolve))
    }
    await Promise.all(all)
    expect(groups.reduce((sum, size) => sum + size, 0)).toBe(all.length)
    expect(await store.inbox.countDocuments()).toBe(all.length)
  })

  test('the same bytes twice at once are one entry: the first keeps it, the second is a repeat', async () => {
    const { accept } = openAccept()
    const twice = await Promise.all([
      accept(arrival('M1')),
      accept(arrival('M1')),
      accept(arrival('M1', 'other bytes')),
    ])
    expect(twice.map(one => one.outcome)).toEqual(['kept', 'repeat', 'kept'])
    expect(twice[0]?.inboxId).toBe(twice[1]?.inboxId)
    expect((await accept(arrival('M1'))).outcome).toBe('repeat')
    expect(await store.inbox.countDocuments()).toBe(2)
  })

  test('the same bytes again while they are being written wait for that write', async () => {
    const { accept, groups } = openAccept()
    const first = accept(arrival('M1'))
    await new Promise(resolve => setImmediate(resolve))
    const second = accept(arrival('M1'))
    expect([(await first).outcome, (await second).outcome]).toEqual(['kept', 'repeat'])
    expect(groups).toEqual([1])
  })

  test('a repeat among new messages does not hold them up', async () => {
    const { accept } = openAccept()
    await accept(arrival('M1'))
    const outcomes = await Promise.all(names(3).map(name => accept(arrival(name))))
    expect(outcomes.map(one => one.outcome)).toEqual(['kept', 'repeat', 'kept'])
  })
})

/** A way to the database that swallows the answers to `losses` inserts and cuts the connection instead. */
async function lossyStore(losses: number): Promise<{ store: Store; lost: () => number; close: () => Promise<void> }> {
  const { port } = new URL(uri.replace('mongodb:', 'http:'))
  const sockets = new Set<Socket>()
  let lost = 0
  const proxy = createServer(client => {
    const server = connect(Number(port), '127.0.0.1')
    let isDoomed = false
    for (const socket of [client, server]) sockets.add(socket.on('error', () => undefined))
    client.on('data', part => {
      // The start of the command alone: the reply to the write is what gets lost, the write itself is done.
      isDoomed ||= part.includes('insert\0') && lost < losses
      server.write(part)
    })
    server.on('data', part => {
      if (!isDoomed) return void client.write(part)
      lost += 1
      client.destroy()
      server.destroy()
    })
    client.on('close', () => server.destroy())
    server.on('close', () => client.destroy())
  })
  await new Promise<void>(resolve => proxy.listen(0, '127.0.0.1', resolve))
  const address = proxy.address()
  const through = typeof address === 'object' && address ? address.port : 0
  const opened = await openStore(`mongodb://127.0.0.1:${through}/?directConnection=true`, database)
  return {
    store: opened,
    lost: () => lost,
    close: async () => {
      await opened.close()
      for (const socket of sockets) socket.destroy()
      await new Promise(resolve => proxy.close(resolve))
    },
  }
}

describe('a connection that breaks after the write and before its answer', () => {
  let lossy: Awaited<ReturnType<typeof lossyStore>>
  afterEach(() => lossy?.close())

  test('once: the group is sent again, and its key proves that it was kept', async () => {
    lossy = await lossyStore(1)
    const { accept } = openAccept(lossy.store)
    const outcomes = await Promise.all(names(3).map(name => accept(arrival(name))))
    expect(lossy.lost()).toBe(1)
    expect(outcomes.map(one => one.outcome)).toEqual(['kept', 'kept', 'kept'])
    expect(await kept()).toEqual(names(3))
  })

  test('again and again: nobody may be told that it was kept; a resend finds out', async () => {
    lossy = await lossyStore(2)
    const { accept } = openAccept(lossy.store)
    const outcomes = await Promise.allSettled(names(3).map(name => accept(arrival(name))))
    expect(lossy.lost()).toBe(2)
    for (const one of outcomes) expect(one).toMatchObject({ status: 'rejected', reason: expect.any(StorageUncertain) })
    expect((await accept(arrival('M0'))).outcome).toBe('repeat')
    expect(await kept()).toEqual(names(3))
  })
})

describe('what an answer to an insert confirms', () => {
  test.each([
    ['all', { ok: 1, n: 2 }, 2, []],
    ['all but one', { ok: 1, n: 1, writeErrors: [{ index: 1, code: 11_000 }] }, 2, [[1, 11_000]]],
    ['nothing: not on a majority in time', { ok: 1, n: 2, writeConcernError: { code: 64 } }, 2, undefined],
    ['nothing: fewer than were sent', { ok: 1, n: 1 }, 2, undefined],
    ['nothing: no count', { ok: 1 }, 1, undefined],
    ['nothing: not in order', { ok: 0, n: 1 }, 1, undefined],
  ])('%s', (_what, answer, sent, refused) => {
    const read = answerOf(answer, sent)
    if (refused === undefined) expect(read.doubt).toBeInstanceOf(Error)
    else expect([read.doubt, [...read.refused]]).toEqual([undefined, refused])
  })
})
