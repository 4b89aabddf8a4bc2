import { afterAll, beforeAll, expect, test } from '@jest/globals'
import { Long } from 'mongodb'
import type { OdsCode, RecordKey } from '../../src/fls/fact.ts'
import type { RecordDocument } from '../../src/store/documents.ts'
import { clearDirty } from '../../src/store/outcome.ts'
import { changedSince, componentsOf, markDirty } from '../../src/store/records.ts'
import { openTestRiver, type TestRiver } from '../set-up/river.ts'

/** Which records are solved together, and whether a solve notices that they changed under it. */
let river: TestRiver
beforeAll(async () => {
  river = await openTestRiver('components')
})
afterAll(() => river?.close())

const record = (name: string, near: readonly string[]): RecordDocument => ({
  _id: name as RecordKey,
  organisation: 'RXX' as OdsCode,
  side: 'hospital',
  facets: [],
  bk: [Long.ZERO],
  bucket: 0,
  near: near as RecordKey[],
  version: 1,
})

test('however many patients a batch touches, each comes with all of its neighbours and theirs', async () => {
  const chain = [0, 1, 2, 3, 4, 5]
  const patients = Array.from({ length: 200 }, (_, patient) => patient)
  await river.store.records.insertMany(
    patients.flatMap(patient =>
      chain.map(link =>
        record(
          `${patient}|${link}`,
          [link - 1, link + 1].filter(one => chain.includes(one)).map(one => `${patient}|${one}`),
        ),
      ),
    ),
  )
  const components = await componentsOf(river.store, new Set(patients.map(patient => `${patient}|0` as RecordKey)))
  expect(components.map(component => component.length)).toEqual(patients.map(() => chain.length))
})

test('a solve begun before a register changed is repeated, even when another worker has solved and cleared meanwhile', async () => {
  await river.store.records.insertOne(record('A', []))
  const read = (await componentsOf(river.store, new Set(['A' as RecordKey]))).flat()
  await markDirty(river.store, { organisation: 'RXX' as OdsCode }, 'register entry', new Date())
  const other = (await componentsOf(river.store, new Set(['A' as RecordKey]))).flat()
  await clearDirty(river.store, other)
  expect(await changedSince(river.store, other)).toEqual(new Set())
  expect(await changedSince(river.store, read)).toEqual(new Set(['A']))
})

test('records that have expired are asked for once, however many still name them', async () => {
  const { records } = river.store
  await records.insertMany([record('here|1', ['gone|1', 'here|2']), record('here|2', ['gone|2'])])
  let questions = 0
  const counting = new Proxy(records, {
    get: (target, key) => {
      if (key === 'find') questions++
      const own = Reflect.get(target, key)
      return typeof own === 'function' ? own.bind(target) : own
    },
  })
  const found = await componentsOf({ ...river.store, records: counting }, new Set(['here|1' as RecordKey]))
  expect(found.map(component => component.map(({ _id }) => _id))).toEqual([['here|1', 'here|2']])
  expect(questions).toBe(3)
})
