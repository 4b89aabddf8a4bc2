import { type ChildProcess, spawn } from 'node:child_process'
import { hash } from 'node:crypto'
import { cp, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { afterAll, afterEach, beforeAll, describe, expect, jest, test } from '@jest/globals'
import { loadKeys } from '../../src/access/keys.ts'
import { openRiver } from '../../src/open-river.ts'
import { buildReplay } from '../../src/replay.ts'
import { diffReplay, type ReplayDiff } from '../../src/replay-diff.ts'
import { changedFiles, noteBasis, readBasis } from '../../src/store/basis.ts'
import { canonical } from '../../src/store/replay-differences.ts'
import { dropScratch, laneStates, readBuild, replayStore } from '../../src/store/replay-progress.ts'
import { swapReplay } from '../../src/store/replay-swap.ts'
import type { Store } from '../../src/store/store.ts'
import { admission, openTestRiver, type TestRiver } from '../set-up/river.ts'
import { eventually } from '../set-up/running.ts'

/** What a replay says would change and why, that it survives being killed, and what taking or dropping it does. */
let river: TestRiver
let folder: string
const patients = 16
const root = path.join(import.meta.dirname, '..', '..')
jest.setTimeout(120_000)
const silent = { report: () => undefined, onProgress: () => undefined }
beforeAll(async () => {
  river = await openTestRiver('replay')
  folder = await mkdtemp(path.join(tmpdir(), 'flsdb-replay-'))
  await cp(path.join(root, 'mappings'), path.join(folder, 'mappings'), { recursive: true })
  for (let number = 1; number <= patients; number++) await river.accept(message(number))
  await river.flow()
  await noteBasis(river.store.db, readBasis())
}, 90_000)
afterEach(() => dropScratch(river.store.db))
afterAll(async () => {
  await river?.close()
  await rm(folder, { recursive: true, force: true })
})

const message = (number: number) => admission({ organisation: 'RXX', number: `P${number}`, controlId: `p${number}` })

async function documents(store: Store): Promise<string[]> {
  const names = ['facts', 'persons', 'episodes', 'reviews'] as const
  const all = await Promise.all(
    names.map(async name =>
      ((await store[name].find({}).toArray()) as object[]).map(document =>
        hash('sha256', canonical({ name, ...document, solve: undefined }), 'hex'),
      ),
    ),
  )
  return all.flat().sort()
}

/** The same deployment with one line of its mapping tables changed. */
async function withMapping(file: string, change: (text: string) => string) {
  const mappingsFolder = path.join(folder, 'mappings')
  const at = path.join(mappingsFolder, file)
  const before = await readFile(at, 'utf8')
  const after = change(before)
  if (after === before) throw new Error(`nothing to change in ${file}`)
  await writeFile(at, after)
  const keys = await loadKeys(river.keyFile, false)
  const opened = openRiver(river.store, keys, { acceptTestNumbers: true, mappingsFolder })
  return { ...opened, mappingsFolder, undo: () => writeFile(at, before) }
}
const of = (diff: ReplayDiff, collection: string) => diff.reasons.filter(one => one.collection === collection)

describe('what would change, by reason', () => {
  test('nothing changed: nothing differs', async () => {
    const { store, entries } = await buildReplay({ ...river, ...silent })
    const diff = await diffReplay(river.store, store, entries)
    expect(diff).toMatchObject({ entries: patients, expired: 0, changedFiles: [], links: 0, answers: {}, reasons: [] })
  })

  test('a mapping row reads no side: the row is named, and what follows from it has the same reason', async () => {
    const changed = await withMapping('hl7v2/diagnosis.csv', text => text.replace(/^dg1\.side\.words[^\n]*\n/m, ''))
    try {
      const { store, entries } = await buildReplay({ ...changed, ...silent })
      const diff = await diffReplay(river.store, store, entries)
      expect(diff.changedFiles).toEqual(['mappings/hl7v2/diagnosis.csv'])
      expect(of(diff, 'facts')).toMatchObject([
        { reason: 'mapping', detail: expect.stringMatching(/dg1/), count: patients },
      ])
      expect(of(diff, 'episodes').map(one => one.reason)).toEqual(['mapping'])
      expect(diff.counts['facts']).toEqual({ added: 0, removed: 0, changed: patients })
      expect(JSON.stringify(diff)).not.toMatch(/THORNBY|EILEEN|9990000646/)
    } finally {
      await changed.undo()
    }
  })

  test.each([
    ['terminology', 'terminology/x.csv'],
    ['model', 'models/x.json'],
    ['software', 'src'],
  ] as const)(
    'an episode that differs after a change of %s alone',
    async (part, file) => {
      const basis = readBasis()
      await noteBasis(river.store.db, [...basis.filter(one => one.file !== file), { part, file, sha256: 'earlier' }])
      const { store, entries } = await buildReplay({ ...river, ...silent })
      await store.episodes.updateOne({}, { $set: { status: 'withdrawn' } })
      const diff = await diffReplay(river.store, store, entries)
      await noteBasis(river.store.db, basis)
      expect(diff.changedFiles).toEqual([file])
      expect(diff.reasons).toMatchObject([{ reason: part, collection: 'episodes', count: 1 }])
      expect(diff.differences).toMatchObject([{ change: 'changed', fields: ['status'], reason: part }])
    },
    90_000,
  )

  test('what arrived while it was built, what expired, what nobody can explain', async () => {
    const { store, entries } = await buildReplay({ ...river, ...silent })
    const late = await river.accept(message(901))
    await river.flow()
    const stray = await river.store.facts.findOne({ 'source.inboxId': { $ne: late.inboxId }, kind: 'encounter' })
    await store.facts.deleteOne({ _id: stray?._id as never })
    const gone = await river.store.facts.findOne({
      'source.inboxId': { $nin: [late.inboxId, stray?.source.inboxId] as never },
    })
    await store.facts.updateOne({ _id: gone?._id as never }, { $set: { value: 'other' } })
    await river.store.inbox.updateOne({ _id: gone?.source.inboxId as never }, { $set: { state: 'expired' } })
    const diff = await diffReplay(river.store, store, entries)
    await river.store.inbox.updateOne({ _id: gone?.source.inboxId as never }, { $set: { state: 'done' } })
    const reasons = new Map(of(diff, 'facts').map(one => [one.reason, one]))
    expect([...reasons.keys()].sort()).toEqual(['arrived', 'expired', 'unexplained'])
    expect(reasons.get('unexplained')?.examples).toEqual([stray?._id])
    expect(reasons.get('expired')?.examples).toEqual([gone?._id])
    expect(diff.expired).toBe(1)
  })
})

test('taken, it brings the new tables; what arrived meanwhile is read again, not lost', async () => {
  const changed = await withMapping('hl7v2/identity.csv', text => text.replace(/^pid\.sex[^\n]*\n/m, ''))
  try {
    await buildReplay({ ...changed, ...silent })
    const late = await river.accept(message(902))
    await river.flow()
    expect(await swapReplay(river.store)).toBe(1)
    expect(await river.store.facts.countDocuments({ 'source.inboxId': late.inboxId })).toBe(0)
    await river.flow(changed)
    expect(await river.store.facts.countDocuments({ 'source.inboxId': late.inboxId })).toBeGreaterThan(0)
    expect(await river.store.facts.countDocuments({ 'detail.sex': { $exists: true } })).toBe(0)
    expect(await readBuild(river.store.db)).toBeUndefined()
    const { store, entries } = await buildReplay({ ...changed, ...silent })
    expect((await diffReplay(river.store, store, entries)).differences).toEqual([])
  } finally {
    await changed.undo()
  }
})

describe('killed', () => {
  const command = (...words: string[]): ChildProcess =>
    spawn(process.execPath, ['--disable-warning=ExperimentalWarning', 'src/cli/main.ts', 'replay', ...words], {
      cwd: root,
      env: {
        ...process.env,
        NODE_OPTIONS: '',
        FLSDB_PROFILE: 'test',
        MONGODB_URI: process.env['FLSDB_TEST_MONGODB'],
        FLSDB_DATABASE: river.store.db.databaseName,
        FLSDB_KEY_FILE: river.keyFile,
      },
      stdio: ['ignore', 'pipe', 'inherit'],
    })
  const ended = (child: ChildProcess) => new Promise<void>(resolve => child.once('exit', () => resolve()))
  const output = async (child: ChildProcess) => {
    let text = ''
    child.stdout?.on('data', part => {
      text += part
    })
    await ended(child)
    return text
  }

  test('in the middle, with its processes: run again it goes on where it was and comes to the same', async () => {
    const { store } = await buildReplay({ ...river, ...silent })
    const whole = await documents(store)
    await dropScratch(river.store.db)
    const first = command('--diff', '--keep', '--workers', '1')
    await eventually(
      'a few lanes are through',
      async () => ((await laneStates(river.store.db)).size > 2 ? true : undefined),
      200,
    )
    first.kill('SIGKILL')
    await ended(first)
    const diff = JSON.parse(await output(command('--diff', '--keep', '--json', '--workers', '0'))) as ReplayDiff
    expect(await readBuild(river.store.db)).toMatchObject({ state: 'built' })
    expect(diff.entries).toBe(await river.store.inbox.countDocuments({ state: { $ne: 'expired' } }))
    expect(await documents(replayStore(river.store))).toEqual(whole)
    expect(await output(command('--discard'))).toMatch(/Nothing live was changed/)
    expect(await readBuild(river.store.db)).toBeUndefined()
  }, 400_000)

  test('while it is taken: taken again it is finished', async () => {
    await buildReplay({ ...river, ...silent })
    const before = await documents(replayStore(river.store))
    const { db } = river.store
    await db.collection('replay.progress').updateOne({ _id: 'build' as never }, { $set: { state: 'swapping' } })
    await db.renameCollection('replay.facts', 'facts', { dropTarget: true })
    await swapReplay(river.store)
    expect(await documents(river.store)).toEqual(before)
    await expect(swapReplay(river.store)).rejects.toThrow(/No replay is built/)
  })
})

test('other tables than those it was begun with: begun anew', () => {
  const basis = readBasis()
  const [one, ...others] = basis
  expect(changedFiles(basis, readBasis())).toEqual([])
  expect(changedFiles(basis, others)).toEqual([{ part: one?.part, file: one?.file }])
})
