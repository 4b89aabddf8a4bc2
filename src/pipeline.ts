import type { Keys } from './access/keys.ts'
import type { Fact, InboxId, OdsCode, RecordKey } from './fls/fact.ts'
import type { Codebook } from './mapping/extract-codebook.ts'
import { type EntryReading, type ReadingTables, readEntry } from './mapping/read.ts'
import type { Registers } from './registers.ts'
import { finderFor, type LinkageModels, type SolveContext, solveComponent } from './solve.ts'
import type { InboxEntry } from './sources/arrival.ts'
import type { RecordDocument } from './store/documents.ts'
import { settleRows } from './store/extract-rows.ts'
import { type EntryFacts, factsOf, writeFacts } from './store/facts.ts'
import { clearDirty, joinOutcomes, nextSolve, writeOutcome } from './store/outcome.ts'
import { changedSince, componentsOf, type FactsSeen, updateRecords } from './store/records.ts'
import type { Store } from './store/store.ts'

/**
 * The river, one page. doors → accept() → inbox → **read** → facts → **link** → persons → **solve** → episodes → told.
 *
 * This file carries kept entries from the inbox down to what is told. Each stage reads upstream and writes its own collection; each is a
 * pure function of what it reads, and doing an entry again repairs whatever a crash left half done:
 *
 * 1. read: mapping and terminology tables turn bytes into facts (`src/mapping`, `mappings/`, `terminology/`)
 * 2. facts: written under ids made from entry, path and mapping row (`src/store/facts.ts`)
 * 3. records: what one numbering authority knows of one patient, with keys to find it by (`src/store/records.ts`)
 * 4. link and solve: records that may be one person are solved together: persons, fractures, episodes (`src/solve.ts`)
 * 5. outcome: written under the number of the solve, then checked: if anything it read has changed meanwhile, solved again
 */
export type River = {
  readonly store: Store
  readonly tables: ReadingTables
  readonly models: LinkageModels
  readonly keys: Keys
  /** What the registers say now, and the extracts of these practices. */
  readonly registers: (practices: readonly OdsCode[]) => Promise<Registers>
  readonly codebook: (entries: readonly InboxEntry[]) => Promise<Codebook>
}

/** What reading one entry came to; `failure` when our own code broke on it. */
export type Read = EntryReading & { readonly entry: InboxEntry; readonly failure?: unknown }

export async function readEntries(river: River, entries: readonly InboxEntry[]): Promise<Read[]> {
  const codebook = await river.codebook(entries)
  return entries.map(entry => {
    try {
      return { entry, ...readEntry(entry, river.tables, codebook) }
    } catch (failure) {
      return { entry, facts: [], issues: [], failure }
    }
  })
}

/** Stages 2 to 5 for entries that could be read. */
export async function carryDown(
  river: River,
  reads: readonly Read[],
  isFirst: (id: InboxId) => boolean,
): Promise<void> {
  const entries: EntryFacts[] = reads.map(({ entry, facts, waitsFor }) => ({
    inboxId: entry.id,
    facts,
    isFirst: isFirst(entry.id),
    ...(waitsFor ? { waitsFor } : {}),
  }))
  const touched = await writeFacts(river.store, entries)
  const rows = reads.flatMap(({ entry, facts }) => (entry.protocol === 'extract' ? facts : []))
  for (const record of await settleRows(river.store, rows)) touched.add(record)
  await relink(
    river,
    touched,
    entries.every(entry => entry.isFirst),
  )
}

/**
 * Takes the facts of an entry that cannot be carried down out again: left standing, they would break every later message of the same
 * patient. The entry itself stays in the inbox.
 */
export async function takeBack(river: River, inboxId: InboxId): Promise<void> {
  await relink(river, await writeFacts(river.store, [{ inboxId, facts: [], isFirst: false }]), false)
}

/** Stages 3 to 5 for records whose facts changed. `isFirst`: no attempt before this one can have broken off between two writes. */
async function relink(river: River, touched: ReadonlySet<RecordKey>, isFirst: boolean): Promise<void> {
  if (touched.size === 0) return
  const readFacts = (records: readonly RecordKey[]) => factsOf(river.store, records)
  const seen = await updateRecords(river.store, touched, readFacts, finderFor(river.models), isFirst)
  await solveTouched(river, touched, seen)
}

/** Stages 4 and 5: solves until nothing read has changed while writing. `seen`: facts that need not be read again. */
export async function solveTouched(
  river: River,
  touched: ReadonlySet<RecordKey>,
  seen: FactsSeen = new Map(),
): Promise<void> {
  let open = touched
  for (let round = 0; open.size > 0; round++) {
    if (round === 20) throw new Error('a component kept changing while it was solved')
    const solve = await nextSolve(river.store)
    const components = await componentsOf(river.store, open)
    const found = await factsAt(river, components.flat(), seen)
    const facts = Map.groupBy(found, fact => fact.record)
    const practices = new Set(found.flatMap(fact => (fact.side === 'gp' ? fact.organisation : [])))
    const context: SolveContext = {
      tables: river.tables,
      models: river.models,
      registers: await river.registers([...practices]),
      id: river.keys.id,
    }
    const outcomes = components.map(component =>
      solveComponent(
        component,
        component.flatMap(document => facts.get(document._id) ?? []),
        context,
      ),
    )
    const solved = components.flat()
    await writeOutcome(river.store, solved, joinOutcomes(outcomes), solve)
    await clearDirty(river.store, solved)
    const changed = await changedSince(river.store, solved)
    open = changed
  }
}

/** The facts of these records: as seen, where the record still has the version they were seen at; read now where not. */
async function factsAt(river: River, documents: readonly RecordDocument[], seen: FactsSeen): Promise<Fact[]> {
  const known = documents.flatMap(({ _id, version }) => {
    const own = seen.get(_id)
    return own?.version === version ? [own.facts] : []
  })
  const others = documents.filter(({ _id, version }) => seen.get(_id)?.version !== version)
  const read = await factsOf(
    river.store,
    others.map(document => document._id),
  )
  return [...known.flat(), ...read]
}
