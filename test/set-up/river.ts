import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { loadKeys } from '../../src/access/keys.ts'
import type { OdsCode } from '../../src/fls/fact.ts'
import { type OpenRiver, openRiver } from '../../src/open-river.ts'
import type { Accept } from '../../src/sources/arrival.ts'
import { openInbox } from '../../src/store/inbox.ts'
import { createResourceIndexes } from '../../src/store/resources.ts'
import { ensureIndexes, openStore, type Store } from '../../src/store/store.ts'
import { runWorker, type WorkerReport } from '../../src/worker.ts'
import { quiet } from './running.ts'

/** The river without doors, in the process of the test, on a database of its own. */
export type TestRiver = OpenRiver & {
  readonly store: Store
  readonly accept: Accept
  readonly keyFile: string
  /** One worker on all lanes until everything is done; what it reported. */
  readonly flow: (opened?: OpenRiver) => Promise<WorkerReport[]>
  readonly close: () => Promise<void>
}

export async function openTestRiver(name: string): Promise<TestRiver> {
  const store = await openStore(process.env['FLSDB_TEST_MONGODB'] ?? '', `river_${name}`)
  await store.db.dropDatabase()
  await ensureIndexes(store)
  await createResourceIndexes(store.db)
  const folder = await mkdtemp(path.join(tmpdir(), 'flsdb-river-'))
  const keyFile = path.join(folder, 'keys.json')
  const own = openRiver(store, await loadKeys(keyFile, true), { acceptTestNumbers: true })
  return {
    ...own,
    store,
    keyFile,
    accept: openInbox({ store, gate: async () => ({ isOpen: true }), clock: () => new Date() }),
    flow: async (opened = own) => {
      const stopping = new AbortController()
      const reports: WorkerReport[] = []
      const report = (one: WorkerReport) => void reports.push(one)
      const lanes = { from: 0, to: 256 }
      const running = runWorker({ ...opened, name: 'test', lanes, report, signal: stopping.signal })
      await quiet({ mongo: store.client, database: store.db.databaseName }).finally(() => stopping.abort())
      await running
      return reports
    },
    close: async () => {
      await store.db.dropDatabase()
      await store.close()
      await rm(folder, { recursive: true, force: true })
    },
  }
}

export type Admission = { readonly organisation: string; readonly number: string; readonly controlId: string }

/** ADT^A01 of one and the same woman with a broken hip, as this hospital knows her. */
export function admission({ organisation, number, controlId }: Admission): Parameters<Accept>[0] {
  const lines = [
    `MSH|^~\\&|PAS|${organisation}01|FLSDB|NOGW|20260203153000||ADT^A01|${controlId}|P|2.4`,
    'EVN||20260203152900||||20260203150000',
    `PID|1||9990000646^^^NHS^NH~${number}^^^${organisation}^MR||THORNBY^EILEEN^MAY^^MRS||19410614|F|||12 BECK SIDE^^NORWOLD^^AD1 3CD^GBR^H|||||||||||A||||||||||NSTS01`,
    `PV1|1|I|W12|||||||110||||19|||||${number}-1|||||||||||||||||||||||||20260203150000`,
    'DG1|1||S72.0^Fracture of neck of femur^I10|Left neck of femur|20260203|A',
  ]
  return {
    sender: `${organisation.toLowerCase()}-pas`,
    organisation: organisation as OdsCode,
    side: 'hospital',
    protocol: 'hl7v2',
    controlId,
    type: 'ADT^A01',
    bytes: Buffer.from(`${lines.join('\r')}\r`),
  }
}
