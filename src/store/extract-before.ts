import type { OdsCode, RecordKey } from '../fls/fact.ts'
import type { Store } from './store.ts'

/** Keys asked at once. */
const batch = 5_000

/** Of these GP records those for which no patient row was ever read. */
export async function unknownRecords(
  store: Pick<Store, 'facts'>,
  records: readonly string[],
): Promise<readonly string[]> {
  const known = new Set<string>()
  for (const keys of inBatches(records)) {
    const found = await store.facts.distinct('record', { record: { $in: keys as RecordKey[] }, kind: 'identity' })
    for (const record of found) known.add(record)
  }
  return records.filter(record => !known.has(record))
}

/**
 * What facts of earlier extracts say against this one: how many of its patients had another NHS number, and how many of its deletes name a row
 * nobody ever sent. The same whether or not the facts of this extract stand already.
 */
export async function compareWithFacts(
  store: Pick<Store, 'facts'>,
  practice: OdsCode,
  extractId: string,
  claims: { readonly nhsNumbers: ReadonlyMap<string, string>; readonly deletedRows: readonly string[] },
): Promise<{ readonly numbersChanged: number; readonly deletesUnseen: number }> {
  return {
    numbersChanged: await numbersChanged(store, extractId, claims.nhsNumbers),
    deletesUnseen: await deletesUnseen(store, practice, extractId, claims.deletedRows),
  }
}

/** Against the number the last extract before had: a change is told once. */
async function numbersChanged(
  store: Pick<Store, 'facts'>,
  extractId: string,
  stated: ReadonlyMap<string, string>,
): Promise<number> {
  const before = new Map<string, { asOf: string; nhsNumber: string }>()
  for (const keys of inBatches([...stated.keys()])) {
    const found = store.facts
      .find({
        record: { $in: keys as RecordKey[] },
        kind: 'identity',
        'detail.nhsNumber': { $exists: true },
        'revision.row.extract': { $ne: extractId },
      })
      .project<Numbered>({ _id: 0, record: 1, 'detail.nhsNumber': 1, 'revision.asOf': 1 })
    for await (const { record, detail, revision } of found) {
      const { nhsNumber } = detail
      const known = before.get(record)
      if (nhsNumber && (!known || known.asOf < revision.asOf)) before.set(record, { asOf: revision.asOf, nhsNumber })
    }
  }
  return [...before].filter(([record, { nhsNumber }]) => stated.get(record) !== nhsNumber).length
}

type Numbered = {
  readonly record: string
  readonly detail: { readonly nhsNumber?: string }
  readonly revision: { readonly asOf: string }
}

async function deletesUnseen(
  store: Pick<Store, 'facts'>,
  practice: OdsCode,
  extractId: string,
  rows: readonly string[],
): Promise<number> {
  // A registration stands under its row and start: not asked.
  const sets = [...new Set(rows)].filter(row => !row.startsWith('registration/')).map(row => `${practice}/${row}`)
  const known = new Set<string>()
  for (const keys of inBatches(sets)) {
    const ever = [{ status: { $ne: 'retracted' as const } }, { 'revision.row.extract': { $ne: extractId } }]
    const found = await store.facts.distinct('revision.set', { side: 'gp', 'revision.set': { $in: keys }, $or: ever })
    for (const set of found) if (set) known.add(set)
  }
  return sets.filter(set => !known.has(set)).length
}

function inBatches(keys: readonly string[]): readonly string[][] {
  return Array.from({ length: Math.ceil(keys.length / batch) }, (_, index) =>
    keys.slice(index * batch, (index + 1) * batch),
  )
}
