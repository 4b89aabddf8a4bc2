import type { InboxId, RecordKey } from './fls/fact.ts'
import { type BasisPart, basisParts, changedFiles, liveBasis } from './store/basis.ts'
import {
  type ComparedCollection,
  canonical,
  comparedCollections,
  differingPairs,
  fatesOf,
  type Pair,
  registersSince,
} from './store/replay-differences.ts'
import { readBuild } from './store/replay-progress.ts'
import type { Store } from './store/store.ts'

/**
 * Why a document differs. `mapping`, `terminology`, `model`, `software`: what has changed since the live documents were made · `expired`: its
 * entry is gone by retention · `arrived`: kept or read while the replay ran; taken up when it is swapped · `register`: a feed, site, practice
 * or extract was stated meanwhile · `code-table`: a supplier's code was explained later · `unexplained`: none of these; worth a look.
 */
export const reasons = [...basisParts, 'expired', 'arrived', 'register', 'code-table', 'unexplained'] as const
export type Reason = (typeof reasons)[number]

/** One document that would differ: which collection, which id, which top-level fields, why; never values. `detail`: mapping row or concept. */
export type Difference = {
  readonly collection: ComparedCollection
  readonly id: string
  readonly change: 'added' | 'removed' | 'changed'
  readonly fields: readonly string[]
  readonly reason: Reason
  readonly detail?: string
}
export type ReasonCount = {
  readonly reason: Reason
  readonly detail?: string
  readonly collection: ComparedCollection
  readonly count: number
  readonly examples: readonly string[]
}
export type ReplayDiff = {
  readonly entries: number
  readonly expired: number
  /** Tables, models and code that differ from those the live documents were made with. */
  readonly changedFiles: readonly string[]
  readonly counts: Readonly<Record<string, Record<Difference['change'], number>>>
  /** Records that would belong to another person. */
  readonly links: number
  /** Episodes whose answer to a question would differ, by question number. */
  readonly answers: Readonly<Record<string, number>>
  readonly reasons: readonly ReasonCount[]
  readonly differences: readonly Difference[]
}

const groupSize = 500
const mostExamples = 5

/** Counts and lists what would change, by reason; `most` differences are listed one by one. */
export async function diffReplay(live: Store, scratch: Store, entries: number, most = 1_000): Promise<ReplayDiff> {
  const build = await readBuild(live.db)
  const basis = build?.basis ?? []
  const before = await liveBasis(live.db)
  const changed = before
    ? changedFiles(before, basis)
    : [{ part: 'software' as const, file: 'an earlier release, which noted no tables' }]
  const context: Context = {
    live,
    parts: new Set(changed.map(one => one.part)),
    isRegisterNew: build ? await registersSince(live, build.begunAt) : false,
    causes: new Map(),
  }
  const tally = newTally(most)
  for (const collection of comparedCollections) {
    tally.counts[collection] = { added: 0, removed: 0, changed: 0 }
    for await (const group of inGroups(differingPairs(collection, live, scratch)))
      for (const [pair, difference] of await explain(group, context)) count(tally, pair, difference)
  }
  return {
    entries,
    expired: await live.inbox.countDocuments({ state: 'expired' }),
    changedFiles: changed.map(one => one.file),
    counts: tally.counts,
    links: tally.links,
    answers: tally.answers,
    reasons: [...tally.reasons.values()].sort((a, b) => b.count - a.count),
    differences: tally.differences,
  }
}

type Context = {
  readonly live: Store
  readonly parts: ReadonlySet<BasisPart>
  readonly isRegisterNew: boolean
  /** Why the facts of a record differ: what is made of them differs for the same reason. */
  readonly causes: Map<string, Reason>
}

async function* inGroups(pairs: AsyncIterable<Pair>): AsyncGenerator<Pair[]> {
  let group: Pair[] = []
  for await (const pair of pairs) {
    group.push(pair)
    if (group.length < groupSize) continue
    yield group
    group = []
  }
  if (group.length > 0) yield group
}

async function explain(group: readonly Pair[], context: Context): Promise<(readonly [Pair, Difference])[]> {
  const isOfFacts = group[0]?.collection === 'facts'
  const fates = isOfFacts
    ? await fatesOf(context.live, [...new Set(group.flatMap(pair => inboxIdOf(pair) ?? []))])
    : new Map<InboxId, 'expired' | 'unread' | 'read'>()
  return group.map(pair => {
    const { collection, id, fields, live, replayed } = pair
    const change = !live ? 'added' : !replayed ? 'removed' : 'changed'
    const inboxId = inboxIdOf(pair)
    const why = isOfFacts
      ? factReason(pair, inboxId && fates.get(inboxId), context)
      : { reason: derivedReason(pair, context) }
    if (isOfFacts)
      for (const document of [live, replayed]) if (document) context.causes.set(String(document['record']), why.reason)
    return [pair, { collection, id, change, fields, ...why }] as const
  })
}

function inboxIdOf({ live, replayed }: Pair): InboxId | undefined {
  return (replayed ?? live)?.['source']?.inboxId
}

/** What a code means lives in `concept`; where a value stands and how it is read, in the mapping row. */
const fieldsOfTerminology = new Set(['concept', 'laterality', 'certainty', 'unmapped'])

function factReason(
  { live, replayed, fields }: Pair,
  fate: 'expired' | 'unread' | 'read' | undefined,
  { parts }: Context,
): { reason: Reason; detail?: string } {
  if (fate === 'expired') return { reason: 'expired' }
  if (fate === 'unread') return { reason: 'arrived' }
  const document = replayed ?? live
  const isOfTerminology = fields.length > 0 && fields.every(field => fieldsOfTerminology.has(field))
  if (parts.has('terminology') && (isOfTerminology || !parts.has('mapping'))) {
    const { set, id } = replayed?.['concept'] ?? live?.['concept'] ?? {}
    return { reason: 'terminology', ...(set && id ? { detail: `${set}/${id}` } : {}) }
  }
  if (parts.has('mapping')) return { reason: 'mapping', detail: String(document?.['source']?.row) }
  if (parts.has('software')) return { reason: 'software', detail: String(document?.['source']?.row) }
  return { reason: live?.['waitsFor'] ? 'code-table' : 'unexplained' }
}

function derivedReason(pair: Pair, { causes, parts, isRegisterNew }: Context): Reason {
  const records = [...recordsOf(pair.live), ...recordsOf(pair.replayed)]
  const cause = records.map(record => causes.get(record)).find(reason => reason !== undefined)
  if (cause) {
    // What follows from a person or episode that moved has the same cause.
    for (const record of [...records, pair.id]) if (!causes.has(record)) causes.set(record, cause)
    return cause
  }
  if (parts.has('model')) return 'model'
  if (parts.has('terminology')) return 'terminology'
  if (parts.has('software')) return 'software'
  return isRegisterNew || pair.live?.['dirtyAt'] ? 'register' : 'unexplained'
}

/** Records a document is made of; of a review also its persons, which are told before it. */
function recordsOf(document: Pair['live']): string[] {
  if (!document) return []
  const { _id, records, members, persons, a, b } = document
  return [
    String(_id),
    ...(Array.isArray(records) ? (records as RecordKey[]) : []),
    ...(Array.isArray(members) ? members.map((member: { record: string }) => member.record) : []),
    ...(Array.isArray(persons) ? persons.map(String) : []),
    ...[a, b].filter(one => typeof one === 'string'),
  ]
}

type Tally = {
  readonly most: number
  readonly counts: Record<string, Record<Difference['change'], number>>
  links: number
  readonly answers: Record<string, number>
  readonly reasons: Map<string, ReasonCount & { count: number; examples: string[] }>
  readonly differences: Difference[]
}

function newTally(most: number): Tally {
  return { most, counts: {}, links: 0, answers: {}, reasons: new Map(), differences: [] }
}

function count(tally: Tally, pair: Pair, difference: Difference): void {
  const { collection, change, reason, detail, id } = difference
  const counts = tally.counts[collection]
  if (counts) counts[change]++
  if (tally.differences.length < tally.most) tally.differences.push(difference)
  const key = `${reason}\n${detail ?? ''}\n${collection}`
  const known = tally.reasons.get(key) ?? {
    reason,
    ...(detail === undefined ? {} : { detail }),
    collection,
    count: 0,
    examples: [],
  }
  known.count++
  if (known.examples.length < mostExamples) known.examples.push(id)
  tally.reasons.set(key, known)
  if (collection === 'records' && pair.live?.['personId'] !== pair.replayed?.['personId']) tally.links++
  if (collection === 'episodes')
    for (const item of changedAnswers(pair)) tally.answers[item] = (tally.answers[item] ?? 0) + 1
}

function changedAnswers({ live, replayed }: Pair): string[] {
  const [before, after] = [live?.['answers'] ?? {}, replayed?.['answers'] ?? {}]
  return [...new Set([...Object.keys(before), ...Object.keys(after)])].filter(
    item => canonical(before[item]?.values) !== canonical(after[item]?.values),
  )
}
