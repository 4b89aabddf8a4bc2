import { createHash } from 'node:crypto'
import { limits } from '../../config.ts'
import { instantOf } from '../../fls/dates.ts'
import { type Issue, issue } from '../../fls/issue.ts'
import { Refusal } from '../../http/refusal.ts'
import { codeKeysOf, readExtract } from '../../mapping/extract.ts'
import type { Codebook, CodebookEntry } from '../../mapping/extract-codebook.ts'
import type { ExtractTables } from '../../mapping/extract-tables.ts'
import {
  announceExtract,
  applyExtractEntry,
  closingBytes,
  closingMeta,
  type ExtractDocument,
  extractsOf,
  heldPart,
} from '../../store/extracts.ts'
import { createJob, findJob, type JobDocument, updateJob } from '../../store/jobs.ts'
import type { Arrival, InboxEntry } from '../arrival.ts'
import { archiveLimits, unpack } from './archive.ts'
import { chunksOf, type ExtractSender } from './chunks.ts'
import { type Address, type Declaration, declare } from './declaration.ts'
import type { ExtractDeps } from './deps.ts'
import { type Compared, compareWithEarlier } from './history.ts'
import { inFlight } from './in-flight.ts'
import { type KnownFile, recognise } from './recognise.ts'
import type { Spool, SpooledFile } from './spool.ts'
import { type Survey, survey } from './survey.ts'
import { Tally } from './tally.ts'

type Prepared = {
  readonly job: JobDocument
  readonly files: readonly KnownFile[]
  readonly declared: Declaration
  readonly compared: Compared
  readonly found: Survey
  readonly contentHash: string
}

/**
 * Takes spooled files in: unpack, recognise, survey, declare, compare, then keep chunk by chunk. Resolves when every chunk is journaled; the
 * receipt is counted afterwards (receipt.ts). The same bytes again answer with the same job. A dry run is this with nothing kept.
 */
export async function receiveExtract(
  deps: ExtractDeps,
  upload: {
    readonly spool: Spool
    readonly files: readonly SpooledFile[]
    readonly address: Address
    readonly from: ExtractSender
    readonly isDryRun: boolean
  },
  mayDeclare: (practice: string) => Promise<void>,
): Promise<JobDocument> {
  const prepared = await prepare(deps, upload, mayDeclare)
  const known = await findJob(deps.db, prepared.job._id)
  if (known && known.state !== 'failed' && !upload.isDryRun) return known
  if (upload.isDryRun) return dryRun(deps, prepared, upload.from)
  return keep(deps, prepared, upload.from)
}

async function prepare(
  deps: ExtractDeps,
  {
    spool,
    files,
    address,
    from,
    isDryRun,
  }: {
    spool: Spool
    files: readonly SpooledFile[]
    address: Address
    from: ExtractSender
    isDryRun: boolean
  },
  mayDeclare: (practice: string) => Promise<void>,
): Promise<Prepared> {
  const unpacked: SpooledFile[] = []
  for (const file of files) {
    const left = deps.mostBytes - unpacked.reduce((sum, one) => sum + one.bytes, 0)
    unpacked.push(...(await unpack(spool, file, { ...archiveLimits, totalBytes: left })))
  }
  const recognised = await Promise.all(unpacked.map(file => recognise(file, deps.tables)))
  const known = recognised.flatMap(one => ('known' in one ? [one.known] : []))
  const refused = recognised.flatMap(one => ('refused' in one ? [one.refused] : []))
  if (known.every(file => file.kind.role === 'unused'))
    throw new Refusal(422, refused.length > 0 ? refused : [issue('file-not-recognised', 'body')])
  const found = await survey(known, deps.tables)
  const declared = declare(address, known, found, deps.clock())
  await mayDeclare(declared.practice)
  await deps.checkPractice(declared.practice)
  const contentHash = hashOf(unpacked)
  const held = declared.hold ? [declared.hold] : []
  const id = createHash('sha256')
    .update([declared.practice, declared.extractId, contentHash, isDryRun, ...held].join('\n'))
    .digest('hex')
    .slice(0, 32)
  const earlier = (await extractsOf(deps.db, declared.practice)).filter(one => one._id !== id)
  const compared = compareWithEarlier(declared, contentHash, found, earlier)
  const missing = missingFiles(declared, known, deps.tables)
  const messages = [
    ...refused,
    ...known.flatMap(file => file.issues),
    ...missing,
    ...declared.issues,
    ...compared.issues,
  ]
  return {
    job: { ...newJob(deps, declared, id, isDryRun, messages), sender: from.sender, unchanged: compared.unchanged },
    files: known,
    declared,
    compared,
    found,
    contentHash,
  }
}

/** Contents, in an order that does not depend on how the files were packed. */
function hashOf(files: readonly SpooledFile[]): string {
  const hash = createHash('sha256')
  for (const line of files.map(file => file.sha256).sort()) hash.update(line)
  return hash.digest('hex')
}

/** A full extract lacks a file its shape requires: told, and the rest is read. */
export function missingFiles(
  declared: Declaration,
  files: readonly KnownFile[],
  tables: ExtractTables,
): readonly Issue[] {
  if (declared.mode !== 'full') return []
  const names = new Set(files.map(file => file.kind.file))
  const shape = tables.shapes.find(one => files.some(file => file.kind.shape === one.name))
  return [...(shape?.files.values() ?? [])]
    .filter(kind => kind.isRequired && !names.has(kind.file))
    .map(kind => issue('column-missing', kind.file, { severity: 'warning', hint: 'the whole file' }))
}

function newJob(
  deps: ExtractDeps,
  declared: Declaration,
  id: string,
  isDryRun: boolean,
  messages: readonly Issue[],
): JobDocument {
  const { practice, extractId, mode } = declared
  return {
    _id: id,
    kind: 'extract',
    state: 'queued',
    practice,
    extractId,
    mode,
    isDryRun,
    createdAt: deps.clock(),
    progress: { done: 0, total: 0 },
    messages: [...messages],
    chunks: [],
  }
}

async function keep(deps: ExtractDeps, prepared: Prepared, from: ExtractSender): Promise<JobDocument> {
  const { declared, job } = prepared
  const document = registered(prepared)
  const chunks = await keepChunks(deps, prepared, from, document)
  const end = closing(document, declared, from)
  await deps.accept(end)
  // A worker that reads the closing entry applies it as well; here because the sender's next extract is compared with this one.
  const [created] = await Promise.all([
    createJob(deps.db, { ...job, chunks, progress: { done: 0, total: chunks.length } }),
    applyExtractEntry(deps.db, end),
  ])
  return created
}

/** Enough that the database always has one to write while the next is cut, little enough to hold in memory. */
const chunksInFlight = 4

async function keepChunks(
  deps: ExtractDeps,
  { files, declared }: Prepared,
  from: ExtractSender,
  document: ExtractDocument,
): Promise<JobDocument['chunks']> {
  const begin = inFlight(chunksInFlight)
  const kept: Promise<JobDocument['chunks'][number]>[] = []
  const waits: Promise<void>[] = []
  for await (const arrival of chunksOf(files, declared, from, deps.chunkBytes)) {
    const begun = await begin(async () => {
      const { inboxId } = await deps.accept(arrival)
      return { inboxId, header: String(arrival.meta?.['header'] ?? ''), isCoding: isCoding(arrival, files) }
    })
    kept.push(begun.result)
    if (kept.length > 1) continue
    // The first accept() proves that the practice is open; before it nothing may be written.
    await begun.result
    waits.push((await begin(() => announceExtract(deps.db, document))).result)
  }
  await Promise.all(waits)
  return Promise.all(kept)
}

function isCoding(arrival: Arrival, files: readonly KnownFile[]): boolean {
  return files.some(file => file.kind.role === 'coding' && `${file.kind.shape}/${file.kind.file}` === arrival.type)
}

function registered({ job, declared, compared, found, contentHash, files }: Prepared): ExtractDocument {
  const rows = [...found.rows].map(([kind, { standing, deletes }]) => [
    kind,
    { count: standing.count, sketch: standing.text(), deletes },
  ])
  return {
    _id: job._id,
    practice: declared.practice,
    extractId: declared.extractId,
    mode: declared.mode,
    asOf: declared.asOf,
    ...(declared.from ? { from: declared.from } : {}),
    shape: files[0]?.kind.shape ?? '',
    contentHash,
    covers: [...declared.covers],
    isComplete: false,
    isHeld: compared.isHeld,
    ...holdOf(declared),
    rows: Object.fromEntries(rows),
  }
}

/** Says that the extract is whole; without it a full extract never says that something is absent. */
function closing(document: ExtractDocument, declared: Declaration, from: ExtractSender): Arrival {
  return {
    sender: from.sender,
    organisation: declared.practice,
    side: 'gp',
    protocol: 'extract',
    controlId: `${declared.extractId}/closing`,
    type: `${document.shape}/closing`,
    bytes: closingBytes(document),
    practice: declared.practice,
    meta: closingMeta,
  }
}

/** The same reading, in this process, on entries that were never kept. Code tables of the extract count for itself only. */
async function dryRun(deps: ExtractDeps, prepared: Prepared, from: ExtractSender): Promise<JobDocument> {
  const tally = new Tally(heldPart({ isHeld: prepared.compared.isHeld, ...holdOf(prepared.declared) }))
  const own = new Map<string, CodebookEntry>()
  const rejects: InboxEntry[] = []
  const receivedAt = instantOf(deps.clock())
  for await (const arrival of chunksOf(prepared.files, prepared.declared, from, deps.chunkBytes)) {
    const entry: InboxEntry = { ...arrival, id: '0'.repeat(64) as InboxEntry['id'], sha256: '', receivedAt }
    const stored = await deps.codebook(codeKeysOf(entry, deps.tables))
    const codebook: Codebook =
      own.size === 0 ? stored : new Map([...stored, ...wanted(codeKeysOf(entry, deps.tables), own)])
    const reading = readExtract(entry, deps.tables, codebook)
    for (const { key, ...code } of reading.codes) own.set(key, code)
    tally.add(reading)
    if (reading.rowOutcomes.some(row => row.outcome === 'rejected') && rejects.length < 20) rejects.push(entry)
  }
  const unknown = await deps.unknownRecords(tally.unseen())
  const { practice, extractId } = prepared.declared
  const before = await deps.before(practice, extractId, tally.claims())
  const receipt = tally.receipt(unknown, prepared.compared.unchanged, before)
  deps.dryRuns.set(prepared.job._id, rejects)
  const job = await createJob(deps.db, { ...prepared.job, state: 'running' })
  const conformance = { tables: deps.tables.mapping.hash, filled: tally.filled() }
  const done = { state: 'done' as const, receipt, issues: tally.issues(), conformance, finishedAt: deps.clock() }
  await updateJob(deps.db, job._id, done)
  return { ...job, ...done }
}

function holdOf({ hold }: Declaration): Pick<ExtractDocument, 'hold'> {
  return hold ? { hold } : {}
}

function wanted(keys: readonly string[], own: ReadonlyMap<string, CodebookEntry>): [string, CodebookEntry][] {
  return keys.flatMap(key => {
    const entry = own.get(key)
    return entry ? [[key, entry] as [string, CodebookEntry]] : []
  })
}

export const extractLimits = { chunkBytes: limits.extractChunk, mostBytes: limits.extract } as const
