import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { afterAll, beforeAll, expect, jest, test } from '@jest/globals'
import { loadKeys } from '../../src/access/keys.ts'
import { openRiver } from '../../src/open-river.ts'
import { buildReplay } from '../../src/replay.ts'
import { takeBackup } from '../../src/store/backup.ts'
import { comparedCollections, differingPairs } from '../../src/store/replay-differences.ts'
import { swapReplay } from '../../src/store/replay-swap.ts'
import { restoreBackup } from '../../src/store/restore.ts'
import { openStore, type Store } from '../../src/store/store.ts'
import { bringIndexes } from '../../src/wiring/database.ts'
import { admission, openTestRiver, type TestRiver } from '../set-up/river.ts'
import { eventually } from '../set-up/running.ts'

/** A backup taken while messages come in and are worked on is a cut: restored and replayed, it is what the original makes of the same entries. */
jest.setTimeout(180_000)
let river: TestRiver
let target: Store
let folder: string
beforeAll(async () => {
  river = await openTestRiver('backup_cut')
  target = await openStore(process.env['FLSDB_TEST_MONGODB'] ?? '', 'river_backup_cut_target')
  await target.db.dropDatabase()
  folder = await mkdtemp(path.join(tmpdir(), 'flsdb-cut-'))
})
afterAll(async () => {
  await target?.db.dropDatabase()
  await target?.close()
  await river?.close()
  await rm(folder, { recursive: true, force: true })
})

const most = 40
async function replayed(store: Store): Promise<void> {
  const opened = openRiver(store, await loadKeys(river.keyFile, false), { acceptTestNumbers: true })
  await buildReplay({ ...opened, report: () => undefined, onProgress: () => undefined })
  expect(await swapReplay(store)).toBe(0)
}

test('backup under traffic, restore, replay: the documents of a replay of the original cut to the same entries', async () => {
  const { accept, keyFile, store } = river
  let acknowledged = 0
  let isRunning = true
  const traffic = (async () => {
    for (let number = 1; isRunning && number <= most; number++) {
      await accept(
        admission({ organisation: number % 3 ? 'RXX' : 'RYY', number: `N${number}`, controlId: `c${number}` }),
      )
      acknowledged++
    }
  })()
  await eventually('some are acknowledged', async () => (acknowledged > 4 ? true : undefined))
  const work = river.flow()
  const options = { keyFile, withKeys: false, clock: () => new Date(), onProgress: () => undefined }
  await takeBackup({ store, folder: path.join(folder, 'cut'), ...options })
  isRunning = false
  await Promise.all([traffic, work])
  await restoreBackup({
    store: target,
    folder: path.join(folder, 'cut'),
    keyFile,
    isOverwriting: false,
    bringIndexes,
    onProgress: () => undefined,
  })
  const inside = await target.inbox.distinct('_id')
  expect(inside.length).toBeGreaterThan(4)
  await replayed(target)
  await store.inbox.deleteMany({ _id: { $nin: inside } })
  await replayed(store)
  expect(await store.persons.countDocuments()).toBeGreaterThan(0)
  const differing: string[] = []
  for (const collection of comparedCollections)
    for await (const { id, fields } of differingPairs(collection, store, target))
      differing.push(`${collection} ${id} ${fields.join(' ')}`)
  expect(differing).toEqual([])
})
