import { cp, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { afterAll, beforeAll, expect, jest, test } from '@jest/globals'
import { publishedTerminology, publishedTypeHandlers } from '../../src/sources/fhir/published-routes.ts'
import { resumeWorkers } from '../../src/store/control.ts'
import { openStore, type Store } from '../../src/store/store.ts'
import { loadTerminology } from '../../src/terminology/load-terminology.ts'
import { watchTables } from '../../src/wiring/tables.ts'
import { eventually } from '../set-up/running.ts'

/** Which tables the doors read with: those of the last replay taken, without a restart. */
jest.setTimeout(60_000)
const root = path.join(import.meta.dirname, '..', '..')
let store: Store
let folder: string
beforeAll(async () => {
  store = await openStore(process.env['FLSDB_TEST_MONGODB'] ?? '', 'contract_tables')
  await store.db.dropDatabase()
  folder = await mkdtemp(path.join(tmpdir(), 'flsdb-tables-'))
  for (const name of ['mappings', 'terminology'])
    await cp(path.join(root, name), path.join(folder, name), { recursive: true })
})
afterAll(async () => {
  await store?.db.dropDatabase()
  await store?.close()
  await rm(folder, { recursive: true, force: true })
})

test('a changed row counts once a replay is taken, not before; tables that cannot be read are told, those before stay', async () => {
  const mappingsFolder = path.join(folder, 'mappings')
  const file = path.join(mappingsFolder, 'hl7v2', 'identity.csv')
  const failures: unknown[] = []
  const watched = await watchTables(store, { acceptTestNumbers: true, mappingsFolder }, cause => failures.push(cause))
  try {
    const { tables } = watched
    const before = { hash: tables.mapping.hash, extract: tables.extract }
    const text = await readFile(file, 'utf8')
    await writeFile(file, text.replace(/^pid\.sex[^\n]*\n/m, ''))
    expect(tables.mapping.hash).toBe(before.hash)
    await resumeWorkers(store)
    await eventually('the new tables', async () => (tables.mapping.hash === before.hash ? undefined : true))
    expect(tables.extract).not.toBe(before.extract)
    const changed = tables.mapping.hash
    await writeFile(file, 'no such column\n1\n')
    await resumeWorkers(store)
    await eventually('a failure told', async () => (failures.length > 0 ? true : undefined))
    expect(tables.mapping.hash).toBe(changed)
    await writeFile(file, text)
    await resumeWorkers(store)
    await eventually('the first tables again', async () => (tables.mapping.hash === before.hash ? true : undefined))
  } finally {
    watched.stop()
  }
})

test('terminology told at the FHIR door is that in force, in every resource and operation', async () => {
  const terminologyFolder = path.join(folder, 'terminology')
  let inForce = loadTerminology(terminologyFolder)
  const shipped = publishedTerminology(() => inForce)
  const deps = {
    base: 'http://127.0.0.1/fhir',
    hmac: (...parts: string[]) => parts.join('-'),
    clock: () => new Date(0),
  }
  const handlers = publishedTypeHandlers(shipped, deps)
  const versions = () => shipped.codeSystems.map(one => one['version'])
  const before = { shipped: versions(), hash: shipped.terminology.hash, sets: shipped.valueSets }
  expect(shipped.valueSets).toBe(before.sets)
  const file = path.join(terminologyFolder, 'fracture-site', 'codes.csv')
  await writeFile(file, (await readFile(file, 'utf8')).replace(/\n[^\n]*\n$/, '\n'))
  inForce = loadTerminology(terminologyFolder)
  expect(shipped.terminology.hash).not.toBe(before.hash)
  expect(versions()).not.toEqual(before.shipped)
  const id = String(shipped.codeSystems.find(one => !before.shipped.includes(one['version']))?.['id'])
  const answer = await handlers.get('CodeSystem')?.read?.({ type: 'CodeSystem', id } as never)
  expect(answer?.resource).toMatchObject({
    id,
    version: shipped.codeSystems.find(one => one['id'] === id)?.['version'],
  })
})
