import { EventEmitter } from 'node:events'
import { setTimeout as pause } from 'node:timers/promises'
import { describe, expect, test } from '@jest/globals'
import type { MongoClient } from 'mongodb'
import { StorageUncertain } from '../../src/sources/arrival.ts'
import { watchPrimary } from '../../src/store/primary-watch.ts'

const graceMs = 20

function watched() {
  const driver = new EventEmitter()
  const sees = (type: string, ...servers: string[]) =>
    driver.emit('topologyDescriptionChanged', {
      newDescription: { type, servers: new Map(servers.map((server, index) => [String(index), { type: server }])) },
    })
  const watch = watchPrimary(driver as unknown as MongoClient, graceMs)
  const isAway = () => watch.unlessAway(async () => false).catch((cause: unknown) => cause instanceof StorageUncertain)
  return { sees, watch, isAway }
}

describe('while the database has no primary, nobody waits for a time-out', () => {
  test.each([
    ['ReplicaSetWithPrimary', ['RSPrimary'], false],
    ['ReplicaSetNoPrimary', ['RSSecondary', 'RSSecondary'], true],
    ['Unknown', [], true],
    ['Sharded', ['Mongos', 'Unknown'], false],
    ['Sharded', ['Unknown'], true],
    ['Single', ['RSPrimary'], false],
    ['Single', ['Mongos'], false],
    ['Single', ['RSSecondary'], true],
    ['Single', ['Unknown'], true],
    ['LoadBalanced', ['LoadBalancer'], false],
  ])('%s %j: away %s', async (type, servers, expected) => {
    const { sees, isAway } = watched()
    sees(type, ...servers)
    await pause(graceMs * 3)
    expect(await isAway()).toBe(expected)
  })

  test('work under way is refused at once, and so is what comes; it is taken again when a primary is there', async () => {
    const { sees, watch } = watched()
    const under = watch.unlessAway(() => new Promise(() => undefined))
    sees('ReplicaSetNoPrimary', 'RSSecondary')
    await expect(under).rejects.toBeInstanceOf(StorageUncertain)
    let isCalled = false
    await expect(watch.unlessAway(async () => (isCalled = true))).rejects.toBeInstanceOf(StorageUncertain)
    expect(isCalled).toBe(false)
    sees('ReplicaSetWithPrimary', 'RSPrimary')
    await expect(watch.unlessAway(async () => 'kept')).resolves.toBe('kept')
  })

  test('an election shorter than the grace is not noticed, and work says itself how it ended', async () => {
    const { sees, watch, isAway } = watched()
    const kept = watch.unlessAway(async () => {
      await pause(graceMs * 3)
      return 'kept'
    })
    const failed = watch.unlessAway(() => Promise.reject(new Error('its own fault')))
    sees('ReplicaSetNoPrimary', 'RSSecondary')
    sees('ReplicaSetWithPrimary', 'RSPrimary')
    await expect(failed).rejects.toThrow('its own fault')
    await expect(kept).resolves.toBe('kept')
    expect(await isAway()).toBe(false)
  })
})
