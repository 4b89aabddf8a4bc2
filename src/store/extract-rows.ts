import { createHash } from 'node:crypto'
import type { Fact, FactId, RecordKey } from '../fls/fact.ts'
import { compareVersions } from '../fls/order.ts'
import type { FactDocument } from './documents.ts'
import type { Store } from './store.ts'

type Version = Pick<FactDocument, 'record' | 'revision' | 'source'> & { readonly set: string; readonly fact: Fact }

/**
 * What these facts mean for rows that stand under another record: a delete that names no patient (TPP, neutral) takes the row from its
 * owner, whichever of both came first, and a row that moved to another patient leaves the first. Returns tombstones to be written beside
 * `incoming`; the same facts in any order come to the same tombstones. One query on the index `gp-rows`.
 */
export async function settledFacts(store: Pick<Store, 'facts'>, incoming: readonly Fact[]): Promise<readonly Fact[]> {
  const rows = incoming.filter(fact => fact.side === 'gp' && fact.revision.row && fact.revision.set)
  if (rows.length === 0) return []
  const stored = await versionsOf(store, rows)
  const all = [...stored, ...rows.map(versionOf)]
  const bySet = Map.groupBy(withPeriods(all), version => version.set)
  const known = new Set(stored.map(version => version.fact.id))
  return [...bySet].flatMap(([set, versions]) => tombstones(set, versions)).filter(fact => !known.has(fact.id))
}

async function versionsOf(store: Pick<Store, 'facts'>, rows: readonly Fact[]): Promise<readonly Version[]> {
  const sets = [...new Set(rows.map(fact => fact.revision.set ?? ''))]
  // A registration stands under its row and start: a delete of the row means all of them.
  const periods = rows.filter(fact => fact.status === 'retracted' && fact.revision.row?.file === 'registration')
  const starts = sets.map(set => set.split('/').slice(0, -1).join('/')).filter(set => set.includes('/registration/'))
  const ranges = periods.map(({ revision: { set = '' } }) => ({ 'revision.set': { $gt: `${set}/`, $lt: `${set}0` } }))
  const found = await store.facts
    .find({ side: 'gp', $or: [{ 'revision.set': { $in: [...sets, ...starts] } }, ...ranges] })
    .toArray()
  return found.map(({ _id, waitsFor: _waits, unmapped: _unmapped, ...rest }) => versionOf({ id: _id, ...rest } as Fact))
}

function versionOf(fact: Fact): Version {
  return { record: fact.record, revision: fact.revision, source: fact.source, set: fact.revision.set ?? '', fact }
}

/** A tombstone of a registration row speaks for each of the row's periods. */
function withPeriods(versions: readonly Version[]): readonly Version[] {
  const sets = [...new Set(versions.map(version => version.set))]
  return versions.flatMap(version => {
    if (version.fact.status !== 'retracted' || version.revision.row?.file !== 'registration') return [version]
    return [version, ...sets.filter(set => set.startsWith(`${version.set}/`)).map(set => ({ ...version, set }))]
  })
}

function tombstones(set: string, versions: readonly Version[]): readonly Fact[] {
  const newest = versions.reduce((best, one) => (compareVersions(one, best) > 0 ? one : best))
  const owners = Map.groupBy(
    versions.filter(version => !version.record.includes('|gp-row|')),
    version => `${version.record}\n${version.fact.revision.set}`,
  )
  return [...owners.values()].flatMap(own => {
    const [first] = own
    const isCurrent = own.some(version => compareVersions(version, newest) >= 0 && version.fact.revision.set === set)
    return !first || isCurrent ? [] : [copyTo(first.record, set, newest.fact)]
  })
}

function copyTo(record: RecordKey, set: string, fact: Fact): Fact {
  const { concept: _concept, coding: _coding, when: _when, ...rest } = fact
  const id = createHash('sha256').update(`${fact.id}\n${record}\n${set}`).digest('hex') as FactId
  return { ...rest, id, record, status: 'retracted', revision: { ...fact.revision, set } } as Fact
}

/** Writes what `settledFacts` finds beside the facts of an extract; idempotent. Returns the records whose rows went. */
export async function settleRows(
  store: Pick<Store, 'facts'>,
  incoming: readonly Fact[],
): Promise<readonly RecordKey[]> {
  const settled = await settledFacts(store, incoming)
  if (settled.length === 0) return []
  await store.facts.bulkWrite(
    settled.map(({ id, ...rest }) => ({
      replaceOne: { filter: { _id: id }, replacement: { _id: id, ...rest } as FactDocument, upsert: true },
    })),
    { ordered: false },
  )
  return [...new Set(settled.map(fact => fact.record))]
}
