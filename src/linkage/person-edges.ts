import type { ComparableRecord } from './facet.ts'
import type { PersonAssertion } from './linkage.ts'
import type { PersonModel } from './models.ts'
import { scoreRecords } from './score.ts'

/** What sources and humans said about pairs of records of one component, read once (Decision 3 "Person assertions"). */
export type Edges = {
  /** Joined by a person, then by a source (A40 accepted): pairs of record orders. */
  readonly joins: readonly Join[]
  /** Kept apart by a person, for good. */
  readonly apart: ReadonlySet<string>
  readonly superseded: ReadonlySet<string>
  /** A40 across authorities: evidence, not an edge. */
  readonly hints: ReadonlySet<string>
  /** A40 that contradicts what is known, or closes a circle. */
  readonly parked: readonly {
    readonly a: ComparableRecord
    readonly b: ComparableRecord
    readonly guard: 'merge-cycle' | 'merge-doubtful'
  }[]
}
export type Join = { readonly a: ComparableRecord; readonly b: ComparableRecord; readonly by: 'human' | 'source' }

export function pairKey(one: ComparableRecord, two: ComparableRecord): string {
  return one.order <= two.order ? `${one.order}|${two.order}` : `${two.order}|${one.order}`
}

/** Reads the assertions about records of this component; those about other records are left out. Order of arrival does not matter. */
export function readEdges(
  records: readonly ComparableRecord[],
  assertions: readonly PersonAssertion[],
  model: PersonModel,
): Edges {
  const byKey = new Map(records.map(record => [record.key, record]))
  const known = assertions
    .flatMap(({ kind, a: first, b: second }) => {
      const [a, b] = [byKey.get(first), byKey.get(second)]
      return a && b && a !== b ? [{ kind, a, b }] : []
    })
    .sort((left, right) =>
      compareText(`${left.kind}|${left.a.order}|${left.b.order}`, `${right.kind}|${right.a.order}|${right.b.order}`),
    )
  const keysOf = (kind: PersonAssertion['kind']) =>
    new Set(known.filter(edge => edge.kind === kind).map(edge => pairKey(edge.a, edge.b)))
  const superseded = keysOf('superseded-nhs')
  const apart = keysOf('not-same-patient')
  const human = known.filter(edge => edge.kind === 'same-patient').map(({ a, b }): Join => ({ a, b, by: 'human' }))
  const merges = known.filter(edge => edge.kind === 'replaced-by')
  const within = merges.filter(({ a, b }) => authorityOf(a) === authorityOf(b))
  const hints = new Set(merges.filter(({ a, b }) => authorityOf(a) !== authorityOf(b)).map(({ a, b }) => pairKey(a, b)))
  const judged = within.map(({ a, b }) => ({
    a,
    b,
    guard: judgeMerge(a, b, within, superseded.has(pairKey(a, b)), model),
  }))
  const source = judged.filter(merge => merge.guard === undefined).map(({ a, b }): Join => ({ a, b, by: 'source' }))
  const parked = judged.flatMap(({ a, b, guard }) => (guard ? [{ a, b, guard }] : []))
  return { joins: [...human, ...source], apart, superseded, hints, parked }
}

type Merge = { readonly a: ComparableRecord; readonly b: ComparableRecord }

/** Why a merge by the source waits for a person: a circle, two valid NHS numbers, unlike birth dates, or evidence that outweighs it. */
function judgeMerge(
  a: ComparableRecord,
  b: ComparableRecord,
  merges: readonly Merge[],
  isSuperseded: boolean,
  model: PersonModel,
): 'merge-cycle' | 'merge-doubtful' | undefined {
  if (leadsTo(b, a, merges)) return 'merge-cycle'
  const { levels, totalBits } = scoreRecords(a, b, model, { isSuperseded, adjustments: [] })
  const isUnlike =
    levels.nhsNumber.startsWith('differ') || levels.birthDate === 'differ' || levels.birthDate === 'year-only'
  return isUnlike || totalBits - model.priorBits + model.thresholds.sourceMergeBits < 0 ? 'merge-doubtful' : undefined
}

function leadsTo(from: ComparableRecord, to: ComparableRecord, merges: readonly Merge[]): boolean {
  const seen = new Set<ComparableRecord>()
  const open = [from]
  for (let record = open.pop(); record; record = open.pop()) {
    if (record === to) return true
    if (seen.has(record)) continue
    seen.add(record)
    for (const merge of merges) if (merge.a === record) open.push(merge.b)
  }
  return false
}

/** The numbering authority is the part of the record key before its number. */
function authorityOf(record: ComparableRecord): string {
  return record.key.slice(0, Math.max(0, record.key.lastIndexOf('|')))
}

function compareText(left: string, right: string): number {
  return left < right ? -1 : left > right ? 1 : 0
}
