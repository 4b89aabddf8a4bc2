import path from 'node:path'
import type { Keys } from './access/keys.ts'
import { rememberedIds } from './access/remembered-ids.ts'
import { instantOf } from './fls/dates.ts'
import type { InboxId, OdsCode } from './fls/fact.ts'
import { loadFractureModel, loadPersonModel } from './linkage/models.ts'
import { codeKeysOf } from './mapping/extract.ts'
import { loadExtractTables } from './mapping/extract-tables.ts'
import { loadMappings } from './mapping/load-mappings.ts'
import type { ReadingTables } from './mapping/read.ts'
import type { Read, River } from './pipeline.ts'
import { type Registers, registersOf } from './registers.ts'
import { addCodes, loadCodebook } from './store/codebook.ts'
import { readTurned, writeTurned } from './store/control.ts'
import { cachedDirectory, type Directory } from './store/directory.ts'
import { applyExtractEntry, loadExtracts } from './store/extracts.ts'
import { entriesWaitingFor } from './store/facts.ts'
import { markDirty } from './store/records.ts'
import { applyRegisterEntry, readRegisterEntry, registerCollection } from './store/registers.ts'
import { indexEntries } from './store/resources.ts'
import { indexResponse } from './store/responses.ts'
import type { Store } from './store/store.ts'
import { loadTerminology } from './terminology/load-terminology.ts'

const root = path.join(import.meta.dirname, '..')

export type OpenRiver = {
  readonly river: River
  /** What was stated ahead of its day and has come into force since it was last called: marks the records to solve again. Idempotent. */
  readonly turnPractices: () => Promise<void>
  /**
   * Effects of entries beside their facts: registers, code tables, resource index. Idempotent. `on`: the store whose records they touch, that
   * of a replay or the live one. Returns entries to read again.
   */
  readonly applyEntries: (reads: readonly Read[], on: Store) => Promise<readonly InboxId[]>
}

/** Which tables to read with: test numbers as numbers or not, and a folder of mappings other than that of this release. */
export type TableSettings = { readonly acceptTestNumbers: boolean; readonly mappingsFolder?: string }

/** Mapping and terminology tables as they stand on disk, checked; throws naming file, row and column. */
export function loadTables({
  acceptTestNumbers,
  mappingsFolder = path.join(root, 'mappings'),
}: TableSettings): ReadingTables {
  const mapping = loadMappings(mappingsFolder, loadTerminology(path.join(root, 'terminology')), { acceptTestNumbers })
  return { mapping, extract: loadExtractTables(path.join(mappingsFolder, 'gp-extract'), mapping) }
}

/** Tables, models and registers of this deployment on one store: what workers, replay and tests carry entries down with. */
export function openRiver(store: Store, keys: Keys, settings: TableSettings): OpenRiver {
  const tables = loadTables(settings)
  const directory = cachedDirectory(store.db, 0)
  const river: River = {
    store,
    keys: { ...keys, id: rememberedIds(keys.id) },
    tables,
    models: {
      person: loadPersonModel(path.join(root, 'models', 'person')),
      fracture: loadFractureModel(path.join(root, 'models', 'fracture')),
    },
    registers: currentRegisters(store, directory),
    codebook: entries =>
      loadCodebook(
        store.db,
        entries.flatMap(entry => (entry.protocol === 'extract' ? codeKeysOf(entry, tables.extract) : [])),
      ),
  }
  return {
    river,
    turnPractices: () => turnPractices(store, directory),
    applyEntries: (reads, on) => applyEntries(on, keys, reads),
  }
}

/** The directory is loaded again when its version has moved; extracts are read for the practices in question, who is opted in is asked now. */
function currentRegisters(
  store: Store,
  directory: () => Promise<Directory>,
): (practices: readonly OdsCode[]) => Promise<Registers> {
  return async practices => {
    const [known, extracts] = await Promise.all([directory(), loadExtracts(store.db, practices)])
    return registersOf(known, extracts, new Date())
  }
}

/** Practices whose opt-in or withdrawal was stated ahead and has come into force: their records are solved again, as on the day of a statement. */
async function turnPractices(store: Store, directory: () => Promise<Directory>): Promise<void> {
  const now = instantOf(new Date())
  const since = await readTurned(store)
  if (since === undefined) return writeTurned(store, now)
  const turned = [...(await directory()).practices.values()].flatMap(({ ods, optIns }) => {
    const turn = optIns.find(({ from, receivedAt }) => from > receivedAt && from > since && from <= now)
    return turn ? [{ ods, from: turn.from }] : []
  })
  for (const { ods, from } of turned)
    await markDirty(store, { organisation: ods, side: 'gp' }, `${ods}/${from}`, new Date())
  if (turned.length > 0) await writeTurned(store, now)
}

async function applyEntries(store: Store, keys: Keys, reads: readonly Read[]): Promise<readonly InboxId[]> {
  await indexEntries(
    store.db,
    reads.map(read => read.entry),
  )
  const again: InboxId[] = []
  for (const read of reads) again.push(...(await applyEntry(store, keys, read)))
  return again
}

async function applyEntry(store: Store, keys: Keys, { entry, codes }: Read): Promise<readonly InboxId[]> {
  await indexResponse(store.db, entry)
  if (entry.protocol === 'register') await applyRegister(store, keys, entry)
  const practice = await applyExtractEntry(store.db, entry)
  if (practice) await markDirty(store, { organisation: practice, side: 'gp' }, entry.id, new Date())
  if (!codes?.length) return []
  await addCodes(store.db, codes, String(entry.meta?.['asOf'] ?? ''))
  // All keys, not the new ones alone: a batch that broke off after adding them has told nobody.
  return entriesWaitingFor(
    store,
    codes.map(code => code.key),
  )
}

/**
 * A practice's opt-in or withdrawal touches every record it sent, the FLS that serves it those of its patients elsewhere too; a site touches
 * the records of every organisation it ever stood under. They are solved again, in the background.
 */
async function applyRegister(store: Store, keys: Keys, entry: Read['entry']): Promise<void> {
  await applyRegisterEntry(store.db, entry, nhsNumber => keys.id('nhs-number', nhsNumber))
  const stated = readRegisterEntry(entry.bytes)
  if (stated?.register === 'practice')
    await markDirty(store, { organisation: stated.id as OdsCode, side: 'gp' }, entry.id, new Date())
  if (stated?.register === 'practice' && stated.statement.fls !== undefined)
    await markDirty(store, { 'facets.gpPractice': stated.id }, entry.id, new Date())
  if (stated?.register === 'site') {
    const site = await registerCollection(store.db, 'site').findOne({ _id: stated.id })
    const trusts = (site?.history ?? []).map(line => line.statement.organisation)
    const touched = [...new Set([stated.id, ...trusts])] as OdsCode[]
    await markDirty(store, { organisation: { $in: touched } }, entry.id, new Date())
  }
}
