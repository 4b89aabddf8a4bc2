import path from 'node:path'
import type { Keys } from './access/keys.ts'
import type { InboxId, OdsCode } from './fls/fact.ts'
import { loadFractureModel, loadPersonModel } from './linkage/models.ts'
import { loadMappings } from './mapping/load-mappings.ts'
import type { MappingTables } from './mapping/tables.ts'
import type { Read, River } from './pipeline.ts'
import { type Registers, registersOf } from './registers.ts'
import { loadDirectory } from './store/directory.ts'
import { markDirty } from './store/records.ts'
import { applyRegisterEntry, readRegisterEntry, registerVersion } from './store/registers.ts'
import { indexEntry } from './store/resources.ts'
import type { Store } from './store/store.ts'
import { loadTerminology } from './terminology/load-terminology.ts'

const root = path.join(import.meta.dirname, '..')

export type OpenRiver = {
  readonly river: River
  /** Effects of an entry beside its facts: registers, code tables, resource index. Idempotent. Returns entries to read again. */
  readonly applyEntry: (read: Read) => Promise<readonly InboxId[]>
}

/** Mapping and terminology tables as they stand on disk, checked; throws naming file, row and column. */
export function loadTables(acceptTestNumbers: boolean): MappingTables {
  return loadMappings(path.join(root, 'mappings'), loadTerminology(path.join(root, 'terminology')), {
    acceptTestNumbers,
  })
}

/** Tables, models and registers of this deployment on one store: what workers, replay and tests carry entries down with. */
export function openRiver(
  store: Store,
  keys: Keys,
  { acceptTestNumbers }: { readonly acceptTestNumbers: boolean },
): OpenRiver {
  const river: River = {
    store,
    keys,
    tables: loadTables(acceptTestNumbers),
    models: {
      person: loadPersonModel(path.join(root, 'models', 'person')),
      fracture: loadFractureModel(path.join(root, 'models', 'fracture')),
    },
    registers: cachedRegisters(store),
    codebook: async () => new Map(),
  }
  return { river, applyEntry: read => applyEntry(store, keys, read) }
}

/** The registers, loaded again when their version has moved. */
function cachedRegisters(store: Store): () => Promise<Registers> {
  let cached: Registers | undefined
  return async () => {
    const version = String(await registerVersion(store.db))
    if (cached?.version !== version)
      cached = registersOf(await loadDirectory(store.db), () => false, version, new Date())
    return cached
  }
}

async function applyEntry(store: Store, keys: Keys, { entry }: Read): Promise<readonly InboxId[]> {
  if (entry.protocol === 'fhir') await indexEntry(store.db, entry)
  if (entry.protocol === 'register') await applyRegister(store, keys, entry)
  return []
}

/** A practice's opt-in or withdrawal touches every record it sent: they are solved again, in the background. */
async function applyRegister(store: Store, keys: Keys, entry: Read['entry']): Promise<void> {
  await applyRegisterEntry(store.db, entry, nhsNumber => keys.id('opt-out', nhsNumber))
  const stated = readRegisterEntry(entry.bytes)
  if (stated?.register === 'practice')
    await markDirty(store, { organisation: stated.id as OdsCode, side: 'gp' }, entry.id, new Date())
  if (stated?.register === 'site')
    await markDirty(store, { organisation: stated.statement.organisation as OdsCode }, entry.id, new Date())
}
