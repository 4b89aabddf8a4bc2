import { copyFile, mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { BSON } from 'mongodb'
import type { OdsCode } from '../src/fls/fact.ts'
import { startEmbedded } from '../src/store/embedded.ts'
import { supplyMongod } from '../src/store/mongod-supply.ts'
import { admission, openTestRiver, type TestRiver } from '../test/set-up/river.ts'

/**
 * Writes a small database as this release makes it: messages that are linked, a FHIR resource in two versions, a decision about two fractures,
 * messages that wait, and the key file; one file of extended JSON lines a collection. test/contract/upgrade.test.ts starts later releases on
 * it. Before the shape of the inbox, the registers or anything an entry or decision refers to changes, run this in a checkout of the release
 * before the change:
 *
 *   node --disable-warning=ExperimentalWarning scripts/upgrade-fixture.ts test/fixtures/upgrade/<commit>
 */
const own = { sender: 'rxx-fhir', organisation: 'RXX' as OdsCode, side: 'hospital' } as const
const [out] = process.argv.slice(2)
if (!out) throw new Error('name the folder to write')
const folder = await mkdtemp(path.join(tmpdir(), 'flsdb-upgrade-'))
const cacheFolder = path.join(import.meta.dirname, '..', '.cache', 'mongod')
const embedded = await startEmbedded(await supplyMongod({ cacheFolder, tell: console.error }), folder)
process.env['FLSDB_TEST_MONGODB'] = embedded.uri
const river = await openTestRiver('upgrade')
try {
  await fill(river)
  await mkdir(out, { recursive: true })
  await copyFile(river.keyFile, path.join(out, 'keys.json'))
  await writeCollections(river, out)
} finally {
  await river.close()
  await embedded.stop()
  await rm(folder, { recursive: true, force: true })
}

async function fill({ accept, flow, store }: TestRiver): Promise<void> {
  const message = (number: number) => admission({ organisation: 'RXX', number: `U${number}`, controlId: `u${number}` })
  for (const number of [1, 2, 3]) await accept(message(number))
  await accept(condition('first', '2026-02-03'))
  await flow()
  await accept(condition('second', '2026-02-04'))
  const [a, b] = await store.facts.find({ kind: 'diagnosis', record: /^RXX/ }).sort({ _id: 1 }).toArray()
  if (!a || !b) throw new Error('no two fractures to decide about')
  await accept(decision(a._id, b._id, a.record))
  await flow()
  for (const number of [4, 5]) await accept(message(number))
}

/** One version of a Condition, with the notes the door makes beside the bytes. */
function condition(controlId: string, onset: string): Parameters<TestRiver['accept']>[0] {
  const resource = {
    resourceType: 'Condition',
    identifier: [{ system: 'https://rxx.example/condition', value: 'C1' }],
    code: { coding: [{ system: 'http://hl7.org/fhir/sid/icd-10', code: 'S72.0' }] },
    subject: { identifier: { system: 'https://fhir.nhs.uk/Id/nhs-number', value: '9990000646' } },
    onsetDateTime: onset,
  }
  const resources = [{ path: '', type: 'Condition', id: 'condition-of-the-fixture' }]
  const meta = { resources, references: {}, patients: {}, medications: {} }
  const bytes = Buffer.from(JSON.stringify(resource))
  return { ...own, protocol: 'fhir', controlId, type: 'Condition', bytes, meta }
}

/** A reviewer found two fractures to be one. */
function decision(a: string, b: string, record: string): Parameters<TestRiver['accept']>[0] {
  const stated = { assertion: 'fracture-same', a, b, record, by: 'reviewer', reason: 'same image', review: 'r1' }
  const bytes = Buffer.from(JSON.stringify(stated))
  return { ...own, sender: 'reviewer', protocol: 'decision', controlId: 'd1', type: 'decision', bytes }
}

async function writeCollections({ store }: TestRiver, to: string): Promise<void> {
  for (const { name } of await store.db.listCollections({}, { nameOnly: true }).toArray()) {
    const exact = { promoteValues: false, promoteBuffers: false } as const
    const documents = await store.db.collection(name).find({}, exact).sort({ _id: 1 }).toArray()
    const lines = documents.map(document => `${BSON.EJSON.stringify(document, { relaxed: false })}\n`)
    if (lines.length > 0) await writeFile(path.join(to, `${name}.ndjson`), lines.join(''))
  }
}
