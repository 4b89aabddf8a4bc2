import type { TruthLine } from './delivery.ts'

/** The part of a line of `/api/links?format=ndjson` that says what was decided. */
export type LinkLine = {
  readonly sender: string
  readonly controlId: string
  readonly path: string
  readonly personId?: string | null
  readonly fractureId?: string | null
}

/** Counts over pairs; a share without any pair is `undefined`, never 0 or 1. */
export type PairScore = {
  readonly items: number
  readonly truePairs: number
  readonly statedPairs: number
  readonly rightPairs: number
  readonly precision?: number
  readonly recall?: number
  readonly f1?: number
}

export type Evaluation = {
  /** Over pairs of records (authority and number). */
  readonly persons: PairScore
  /** Over pairs of fracture statements of included fractures. */
  readonly fractures: PairScore
  /** True fractures whose set of statements is reproduced exactly. */
  readonly exactEvents: { readonly right: number; readonly of: number; readonly share?: number }
  /** Statements of the truth that no link line answers: counted above as standing alone. */
  readonly unanswered: { readonly patients: number; readonly fractures: number }
}

/**
 * Compares what was decided with what is true (linkage.md section 4). A record is given the person most of its statements were given
 * (ties: the smaller id). History entries are left out of fractures. Several link lines for one statement: the first with an id counts.
 */
export function evaluate(truth: Iterable<TruthLine>, links: Iterable<LinkLine>): Evaluation {
  const answers = indexLinks(links)
  const records = new Map<string, { truth: Map<string, number>; stated: Map<string, number> }>()
  const events: { truth: string; stated: string }[] = []
  const unanswered = { patients: 0, fractures: 0 }
  for (const line of truth) {
    const answer = answers.get(statementKey(line))
    if (line.kind === 'patient') {
      const record = records.get(line.record) ?? { truth: new Map(), stated: new Map() }
      records.set(line.record, record)
      count(record.truth, line.personId)
      if (answer?.personId) count(record.stated, answer.personId)
      else unanswered.patients++
    } else if (line.fractureId && !line.isHistory) {
      if (!answer?.fractureId) unanswered.fractures++
      events.push({ truth: line.fractureId, stated: answer?.fractureId ?? `alone ${events.length}` })
    }
  }
  const persons = [...records].map(([key, record]) => ({
    truth: commonest(record.truth) ?? key,
    stated: commonest(record.stated) ?? `alone ${key}`,
  }))
  return { persons: scorePairs(persons), fractures: scorePairs(events), exactEvents: exact(events), unanswered }
}

/**
 * What names a statement on both sides. HL7: sender, control id, segment and its place (`DG1[2]-3` and `DG1[2]` agree, `DG1-3` is the first);
 * FHIR: sender, control id and resource type (one fracture a Bundle); extracts: the row id, which is unique over all practices.
 */
export function statementKey(line: {
  readonly sender: string
  readonly controlId: string
  readonly path: string
}): string {
  const segment = /^([A-Z][A-Z0-9]{2})(?:\[(\d+)\])?(?:[-.]|$)/.exec(line.path)
  if (segment) return `${line.sender}|${line.controlId}|${segment[1]}[${segment[2] ?? '1'}]`
  const resource = /^([A-Z][A-Za-z]+)\//.exec(line.path)
  if (resource) return `${line.sender}|${line.controlId}|${resource[1]}`
  return `row|${line.path
    .replace(/[{}]/g, '')
    .replace(/[#,].*$/, '')
    .trim()
    .toUpperCase()}`
}

function indexLinks(links: Iterable<LinkLine>): Map<string, LinkLine> {
  const index = new Map<string, LinkLine>()
  for (const line of links) {
    const key = statementKey(line)
    const known = index.get(key)
    index.set(
      key,
      known
        ? {
            ...line,
            personId: known.personId ?? line.personId ?? null,
            fractureId: known.fractureId ?? line.fractureId ?? null,
          }
        : line,
    )
  }
  return index
}

/** Pairs by contingency: no pair is ever listed. */
export function scorePairs(items: readonly { readonly truth: string; readonly stated: string }[]): PairScore {
  const [both, truths, stated] = [new Map<string, number>(), new Map<string, number>(), new Map<string, number>()]
  for (const item of items) {
    count(both, `${item.truth}\n${item.stated}`)
    count(truths, item.truth)
    count(stated, item.stated)
  }
  const [rightPairs, truePairs, statedPairs] = [pairs(both), pairs(truths), pairs(stated)]
  const precision = statedPairs > 0 ? rightPairs / statedPairs : undefined
  const recall = truePairs > 0 ? rightPairs / truePairs : undefined
  const f1 = statedPairs + truePairs > 0 ? (2 * rightPairs) / (statedPairs + truePairs) : undefined
  return {
    items: items.length,
    truePairs,
    statedPairs,
    rightPairs,
    ...(precision === undefined ? {} : { precision }),
    ...(recall === undefined ? {} : { recall }),
    ...(f1 === undefined ? {} : { f1 }),
  }
}

function exact(events: readonly { readonly truth: string; readonly stated: string }[]): Evaluation['exactEvents'] {
  const sizes = new Map<string, number>()
  const byTruth = new Map<string, { size: number; stated: Set<string> }>()
  for (const event of events) {
    count(sizes, event.stated)
    const group = byTruth.get(event.truth) ?? { size: 0, stated: new Set() }
    group.size++
    group.stated.add(event.stated)
    byTruth.set(event.truth, group)
  }
  let right = 0
  for (const { size, stated } of byTruth.values()) {
    const [only] = stated
    if (stated.size === 1 && only !== undefined && sizes.get(only) === size) right++
  }
  const of = byTruth.size
  return { right, of, ...(of > 0 ? { share: right / of } : {}) }
}

function count(map: Map<string, number>, key: string): void {
  map.set(key, (map.get(key) ?? 0) + 1)
}

function pairs(groups: ReadonlyMap<string, number>): number {
  let sum = 0
  for (const size of groups.values()) sum += (size * (size - 1)) / 2
  return sum
}

function commonest(counts: ReadonlyMap<string, number>): string | undefined {
  let best: [string, number] | undefined
  for (const entry of counts)
    if (!best || entry[1] > best[1] || (entry[1] === best[1] && entry[0] < best[0])) best = entry
  return best?.[0]
}
