import { createHash } from 'node:crypto'
import path from 'node:path'
import type { Instant } from '../../src/fls/dates.ts'
import type { InboxId, OdsCode, RecordKey } from '../../src/fls/fact.ts'
import { loadFractureModel, loadPersonModel } from '../../src/linkage/models.ts'
import { readHl7v2 } from '../../src/mapping/hl7v2.ts'
import { loadTables } from '../../src/open-river.ts'
import { solveComponent } from '../../src/solve.ts'
import type { InboxEntry } from '../../src/sources/arrival.ts'
import type { Outcome } from '../../src/store/outcome.ts'

const root = path.join(import.meta.dirname, '..', '..')
const tables = loadTables({ acceptTestNumbers: true })
const models = {
  person: loadPersonModel(path.join(root, 'models', 'person')),
  fracture: loadFractureModel(path.join(root, 'models', 'fracture')),
}

/** The message as it would stand in the inbox: lines joined by CR, received at a fixed moment whatever its place in the order. */
export function entryOf(lines: readonly string[]): InboxEntry {
  const bytes = Buffer.from(`${lines.join('\r')}\r`)
  const sha256 = createHash('sha256').update(bytes).digest('hex')
  return {
    id: sha256 as InboxId,
    sender: 'rz101-pas',
    organisation: 'RZ1' as OdsCode,
    side: 'hospital',
    protocol: 'hl7v2',
    controlId: '',
    type: '',
    bytes,
    sha256,
    receivedAt: '2026-12-01T12:00:00.000Z' as Instant,
  }
}

/** What these messages come to when all their patients are solved together: read, linked and solved as the worker does, without a database. */
export function solved(messages: readonly (readonly string[])[]): Outcome {
  // A message sent twice is one inbox entry.
  const entries = new Map(messages.map(entryOf).map(entry => [entry.id, entry]))
  const facts = [...entries.values()].flatMap(entry => readHl7v2(entry, tables.mapping).facts)
  const records = [...new Set(facts.map(fact => fact.record))].sort()
  return solveComponent(
    records.map(_id => ({
      _id: _id as RecordKey,
      organisation: 'RZ1' as OdsCode,
      side: 'hospital',
      facets: [],
      bk: [],
      bucket: 0,
      near: [],
      version: 1,
    })),
    facts,
    {
      tables,
      models,
      registers: {
        hospitalToFls: new Map(),
        practiceToFls: new Map(),
        isSealed: () => false,
        standing: own => ({ facts: own, isAbsent: () => false }),
      },
      id: (kind, ...parts) =>
        createHash('sha256')
          .update(JSON.stringify([kind, ...parts]))
          .digest('hex'),
    },
  )
}
