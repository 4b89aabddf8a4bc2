import { createReadStream } from 'node:fs'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { instantOf } from '../fls/dates.ts'
import type { InboxId } from '../fls/fact.ts'
import type { Issue } from '../fls/issue.ts'
import { codeKeysOf, readExtract } from '../mapping/extract.ts'
import type { CodebookEntry } from '../mapping/extract-codebook.ts'
import { TogetherChecks } from '../mapping/extract-together.ts'
import type { ReadingTables } from '../mapping/read.ts'
import { archiveLimits, unpack } from '../sources/extract/archive.ts'
import { chunksOf } from '../sources/extract/chunks.ts'
import { type Address, declare } from '../sources/extract/declaration.ts'
import { extractLimits, missingFiles } from '../sources/extract/receive.ts'
import { type KnownFile, recognise } from '../sources/extract/recognise.ts'
import { openSpool, spoolStream } from '../sources/extract/spool.ts'
import { type Survey, survey } from '../sources/extract/survey.ts'

/** Reads an extract file, or a zip of them, as the door would; code ids resolve from the file's own code tables only. */
export async function checkExtract(file: string, tables: ReadingTables, practice?: string): Promise<readonly Issue[]> {
  const spool = await openSpool(path.join(tmpdir(), 'flsdb-check'))
  try {
    const spooled = await spoolStream(spool, path.basename(file), createReadStream(file), extractLimits.mostBytes)
    const files = await unpack(spool, spooled, { ...archiveLimits, totalBytes: extractLimits.mostBytes })
    const seen = await Promise.all(files.map(one => recognise(one, tables.extract)))
    const refused = seen.flatMap(one => ('refused' in one ? [one.refused] : []))
    const known = seen.flatMap(one => ('known' in one ? [one.known] : []))
    return [
      ...refused,
      ...known.flatMap(one => one.issues),
      ...(known.length > 0 ? await readAll(known, tables, practice) : []),
    ]
  } finally {
    await spool.remove()
  }
}

async function readAll(known: readonly KnownFile[], tables: ReadingTables, practice?: string): Promise<Issue[]> {
  const now = new Date()
  const found = await survey(known, tables.extract)
  const declared = declare(addressOf(found, practice), known, found, now)
  const codes = new Map<string, CodebookEntry>()
  const issues: Issue[] = [...missingFiles(declared, known, tables.extract), ...declared.issues]
  const together = new TogetherChecks()
  for await (const arrival of chunksOf(known, declared, { sender: 'check' }, extractLimits.chunkBytes)) {
    const entry = { ...arrival, id: '0'.repeat(64) as InboxId, sha256: '', receivedAt: instantOf(now) }
    const wanted = new Map(
      codeKeysOf(entry, tables.extract).flatMap(key =>
        codes.has(key) ? [[key, codes.get(key) as CodebookEntry] as const] : [],
      ),
    )
    const reading = readExtract(entry, tables.extract, wanted)
    for (const { key, ...code } of reading.codes) codes.set(key, code)
    together.add(reading)
    // The declaration has told already what holds the whole.
    issues.push(...reading.rowOutcomes.flatMap(row => row.issues))
  }
  return [...issues, ...together.issues()]
}

/** What the address would say, as far as the files do not: the practice named to us or in the organisation table, else a stand-in. */
function addressOf({ manifest, organisations, patientOrganisations }: Survey, practice: string | undefined): Address {
  const own = [...patientOrganisations].flatMap(id => organisations.get(id) || [])[0]
  const isStated = (key: 'practice' | 'extractId' | 'mode' | 'isDelta') => manifest.some(row => row[key] !== undefined)
  return {
    ...(practice ? { practice } : isStated('practice') ? {} : { practice: own ?? 'A00000' }),
    ...(isStated('extractId') ? {} : { extractId: 'check' }),
    ...(isStated('mode') || isStated('isDelta') ? {} : { mode: 'delta' as const }),
  }
}
