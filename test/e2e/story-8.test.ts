import { createHash } from 'node:crypto'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals'
import { parse } from 'csv-parse/sync'
import { parquetReadObjects } from 'hyparquet'
import { seedCommand } from '../../src/cli/seed.ts'
import type { PersonDocument, RecordDocument } from '../../src/store/documents.ts'
import { steadyStream } from '../../synthetic/stories-changes.ts'
import { sendFrames } from '../set-up/deliver.ts'
import { quiet, type RunningService, startService } from '../set-up/running.ts'

/** A part of the synthetic year with GP extracts, and a stream of attendances beside it. Ten thousand episodes are a matter for `bench/`. */
const [fromWorld, fromStream] = [40, 260]
const formats = ['ndjson', 'csv', 'parquet'] as const
type Row = Readonly<Record<string, string | number | boolean | null>>
type Manifest = {
  readonly rows: number
  readonly formats: Record<(typeof formats)[number], { sha256: string; bytes: number }>
  readonly columns: readonly { name: string; type: string; meaning: string }[]
}

let service: RunningService
let folder: string
const files = new Map<string, Buffer>()
let manifest: Manifest
beforeAll(async () => {
  folder = await mkdtemp(path.join(tmpdir(), 'flsdb-e2e-'))
  service = await startService({ database: 'e2e_story_8', dataFolder: folder })
  const stream = [...steadyStream(fromStream)].map(delivery => ('bytes' in delivery ? delivery.bytes : Buffer.alloc(0)))
  expect(await sendFrames(service, stream)).toEqual(stream.map(() => 'AA'))
  await seedCommand({ demoFile: path.join(folder, 'demo.json'), size: fromWorld, seed: 'story 8', quiet: true })
  await quiet(service, 120)
  // The demo's own list names people of this world.
  expect((await loadOptOuts(tomorrow, [])).status).toBe(200)
  for (const format of formats) files.set(format, await download(`format=${format}`))
  manifest = (await service.call('analyst', 'GET', '/api/episodes/manifest')).json as Manifest
}, 180_000)
afterAll(async () => {
  await service?.stop()
  await rm(folder, { recursive: true, force: true })
})

const tomorrow = new Date(Date.now() + 86_400_000)
const loadOptOuts = (expiresAt: Date, nhsNumbers: string[]) =>
  service.call('ig-lead', 'POST', '/api/opt-outs', {
    issuedAt: new Date().toISOString(),
    expiresAt: expiresAt.toISOString(),
    nhsNumbers,
  })

async function download(query: string): Promise<Buffer> {
  const answer = await fetch(`${service.url}/api/episodes?${query}`, {
    headers: { authorization: `Bearer ${await service.token('analyst')}` },
  })
  expect(answer.status).toBe(200)
  return Buffer.from(await answer.arrayBuffer())
}

/** The NHS number of a person of one record who has episodes, and how many. */
async function somebodyWithEpisodes(): Promise<[nhsNumber: string, episodes: number]> {
  const db = service.mongo.db(service.database)
  const persons = db.collection<PersonDocument>('persons').find({ members: { $size: 1 } })
  for await (const { _id: personId, members } of persons.sort({ _id: 1 })) {
    const episodes = await db.collection('episodes').countDocuments({ personId, status: { $ne: 'withdrawn' } })
    const record = await db.collection<RecordDocument>('records').findOne({ _id: members[0]?.record ?? '' })
    const nhsNumber = record?.facets.find(facet => facet.nhsNumber)?.nhsNumber
    if (nhsNumber && episodes > 0) return [nhsNumber, episodes]
  }
  throw new Error('nobody of this world has an NHS number and an episode')
}

const fileOf = (format: (typeof formats)[number]): Buffer => files.get(format) ?? Buffer.alloc(0)
const jsonRows = (bytes: Buffer): Row[] =>
  bytes
    .toString('utf8')
    .split('\n')
    .filter(Boolean)
    .map(line => JSON.parse(line) as Row)
/** Cells as a CSV file would hold them, by which formats without types can be compared. */
const asTexts = (row: Row) => Object.entries(row).map(([name, cell]) => [name, cell === null ? '' : String(cell)])

describe('story 8: an analyst downloads the episodes', () => {
  test('hundreds of them, linked ones among them', async () => {
    const rows = jsonRows(fileOf('ndjson'))
    expect(rows.length).toBeGreaterThan(fromStream)
    expect(rows.filter(row => row['linked'] === true).length).toBeGreaterThan(fromWorld / 4)
    expect(rows.length).toBe(manifest.rows)
    const stored = service.mongo.db(service.database).collection('episodes')
    expect(rows.length).toBe(await stored.countDocuments({ status: { $ne: 'withdrawn' } }))
  })

  test('in three formats of equal content', async () => {
    const rows = jsonRows(fileOf('ndjson'))
    const csv: Row[] = parse(fileOf('csv'), { columns: true })
    expect(csv.map(asTexts)).toEqual(rows.map(asTexts))
    const bytes = fileOf('parquet')
    const file = bytes.buffer.slice(bytes.byteOffset, bytes.byteOffset + bytes.length) as ArrayBuffer
    const parquet = (await parquetReadObjects({ file })) as Row[]
    expect(parquet).toEqual(rows)
  })

  test('with the columns, rows and checksums the manifest promises', () => {
    for (const format of formats) {
      const sha256 = createHash('sha256').update(fileOf(format)).digest('hex')
      expect(manifest.formats[format]).toEqual({ sha256, bytes: fileOf(format).length })
    }
    expect(manifest.columns.map(column => column.name)).toEqual(Object.keys(jsonRows(fileOf('ndjson'))[0] ?? {}))
    for (const column of manifest.columns) expect(column.meaning.length).toBeGreaterThan(5)
  })

  test('downloaded again, byte for byte the same', async () => {
    for (const format of formats) expect((await download(`format=${format}`)).equals(fileOf(format))).toBe(true)
  })

  test('without anything that identifies a patient', async () => {
    const db = service.mongo.db(service.database)
    const records = await db.collection<RecordDocument>('records').find().toArray()
    const identifying = new Set(
      records.flatMap(({ _id, facets, personId }) => [
        _id as string,
        ...(_id.split('|').at(-1) ?? '').split('\n'),
        ...(personId ? [personId] : []),
        ...facets.flatMap(facet => [
          facet.nhsNumber ?? '',
          facet.familyName ?? '',
          ...(facet.givenNames ?? []),
          ...(facet.previousFamilyNames ?? []),
          ...(facet.addressLines ?? []),
          facet.postcode ?? '',
          facet.birthDate ?? '',
          facet.gpPractice ?? '',
        ]),
      ]),
    )
    for await (const { _id } of db.collection('episodes').find().project({ _id: 1 })) identifying.add(String(_id))
    identifying.delete('')
    expect(identifying.size).toBeGreaterThan(1_000)
    const cells = new Set(
      jsonRows(fileOf('ndjson'))
        .flatMap(row => Object.values(row))
        .filter(cell => typeof cell === 'string')
        .map(cell => cell.toUpperCase()),
    )
    expect([...identifying].filter(value => cells.has(value.toUpperCase()))).toEqual([])
    for (const format of formats) {
      const text = fileOf(format).toString('latin1')
      expect(
        [...identifying].filter(
          value => /^\d{10}$|^[A-Z]{1,2}\d[A-Z\d]? \d[A-Z]{2}$/.test(value) && text.includes(value),
        ),
      ).toEqual([])
      expect(text).not.toMatch(/\b(19|20)\d\d-\d\d-\d\d\b/)
    }
  })

  test('under names of its own: another release cannot be joined to this one', async () => {
    const pseudonyms = (rows: Row[]) => new Set(rows.flatMap(row => [row['episode'], row['person']]))
    const shared = pseudonyms(jsonRows(fileOf('ndjson')))
    const own = pseudonyms(jsonRows(await download('release=study-7')))
    expect(own.size).toBe(shared.size)
    expect([...own].filter(name => shared.has(name))).toEqual([])
    expect(pseudonyms(jsonRows(await download('release=study-7')))).toEqual(own)
  })

  test('narrowed by what was asked for', async () => {
    const rows = jsonRows(fileOf('ndjson'))
    const linked = jsonRows(await download('linked=true'))
    expect(linked).toEqual(rows.filter(row => row['linked'] === true))
    const march = jsonRows(await download('from=2025-03-01&to=2025-03-31'))
    expect(march).toEqual(rows.filter(row => row['diagnosis_month'] === '2025-03'))
  })

  test('without patients who opted out, and not at all while the list is stale', async () => {
    const [nhsNumber, episodes] = await somebodyWithEpisodes()
    expect((await loadOptOuts(tomorrow, [nhsNumber])).status).toBe(200)
    expect(jsonRows(await download('format=ndjson'))).toHaveLength(manifest.rows - episodes)
    expect((await loadOptOuts(new Date(Date.now() - 1_000), [])).status).toBe(200)
    const refused = await service.call('analyst', 'GET', '/api/episodes')
    expect(refused.status).toBe(503)
    expect((await loadOptOuts(tomorrow, [])).status).toBe(200)
    expect(jsonRows(await download('format=ndjson'))).toHaveLength(manifest.rows)
  })
})
