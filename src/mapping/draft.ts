import type { Coding, ConceptRef, FactKind } from '../fls/fact.ts'
import { type Issue, issue } from '../fls/issue.ts'
import { judgeValue } from '../terminology/ranges.ts'
import { translate } from '../terminology/translate.ts'
import { type FactPlan, type PlannedRow, plansFor } from './compile.ts'
import type { Context, Found, SourceDocument } from './document.ts'
import { nothing, type Outcome, type ReadEnv } from './reader.ts'
import type { MappingRow } from './table.ts'
import type { FeedTables } from './tables.ts'

/** A fact before it knows whose it is: attribute path → value, with the mapping row and place that made it. */
export type Draft = {
  readonly kind: FactKind
  readonly name: string
  readonly row: string
  readonly path: string
  readonly context: Context
  readonly values: ReadonlyMap<string, unknown>
}

export type Drafts = {
  readonly drafts: readonly Draft[]
  readonly issues: readonly Issue[]
  readonly rows: ReadonlySet<string>
}

/** What a reader needs beside document, context, row and the feed's tables. */
export type DocumentEnv = Pick<ReadEnv, 'organisation' | 'sender' | 'receivedAt' | 'acceptTestNumbers'>

/**
 * Runs the tables of a feed over one document. Pure and deterministic: drafts in table order, then document order. One unreadable
 * field costs that field and an issue, never the fact. `rows`: ids of rows that gave a value, for the test that every row is exercised.
 */
export function draftFacts(document: SourceDocument, feed: FeedTables, known: DocumentEnv): Drafts {
  const drafts: Draft[] = []
  const issues: Issue[] = []
  const used = new Set<string>()
  for (const plan of plansFor(feed, document.type)) {
    for (const context of document.contexts(plan.declaration.each)) {
      const { source, terminology, values } = feed
      const env = { ...known, feed: source, terminology, values, document, context, lookup: nowhere }
      const draft = draftOne(plan, env, issues, used)
      if (draft) drafts.push(draft)
    }
  }
  return { drafts, issues, rows: used }
}

const nowhere: readonly string[] = []

/** One fact while its rows are read. */
type Filling = {
  readonly plan: FactPlan
  /** `lookup` is that of the row being read. */
  readonly env: Omit<ReadEnv, 'lookup'> & { lookup: readonly string[] }
  readonly issues: Issue[]
  readonly used: Set<string>
  readonly values: Map<string, unknown>
  readonly sides: Set<unknown>
  readonly places: Coding[]
  /** Place of the value, when there is one. */
  valueAt?: string
  codings?: { readonly row: MappingRow; readonly list: readonly Coding[]; readonly where: string }
}

function draftOne(plan: FactPlan, env: Filling['env'], issues: Issue[], used: Set<string>): Draft | undefined {
  const { declaration } = plan
  if (!allHold(declaration, env)) return undefined
  const founding = select(env.context, declaration.from)
  if (declaration.from.length > 0 && !founding.some(found => !found.isNull)) return undefined
  const path = founding.find(found => !found.isNull)?.where ?? env.context.where
  const filling: Filling = { plan, env, issues, used, values: new Map(), sides: new Set(), places: [] }
  for (const row of plan.rows) fill(row, filling)
  if (!translateCodings(filling)) return undefined
  if (isHistory(filling)) dateHistory(filling)
  agreeOnSide(filling, path)
  used.add(declaration.row)
  return { kind: plan.kind, name: plan.name, row: declaration.row, path, context: env.context, values: filling.values }
}

/** Attributes that collect every row instead of keeping the first. */
const collecting: ReadonlySet<string> = new Set(['laterality', 'place'])

function fill(row: PlannedRow, filling: Filling): void {
  const { slot } = row
  const isTaken = slot === 'coding' ? filling.codings !== undefined : filling.values.has(slot)
  if (isTaken && !collecting.has(row.to)) return
  if (!allHold(row, filling.env)) return
  const { context } = filling.env
  const found = select(context, row.from)
  filling.env.lookup = row.lookup
  const outcome = readRow(row, found, filling.env)
  if (outcome.issues) filling.issues.push(...outcome.issues)
  const where = outcome.where ?? found[0]?.where ?? context.where
  if (outcome.isNull && row.isNullable) filling.values.set(row.to, null)
  else if (outcome.value === undefined) return
  else if (!isAllowedWord(row, outcome.value)) {
    filling.issues.push(issue('word-not-allowed', where, { severity: 'warning' }))
    return
  } else put(row, slot, outcome.value, where, filling)
  filling.used.add(row.row)
}

function put(row: MappingRow, slot: string, value: unknown, where: string, filling: Filling): void {
  if (slot === 'when') filling.values.set('when', { date: value, kind: row.to.slice('when.'.length) })
  else if (slot === 'laterality') filling.sides.add(value)
  else if (slot === 'place' && isCodings(value)) filling.places.push(...value)
  else if (slot === 'coding' && isCodings(value)) filling.codings = { row, list: value, where }
  else {
    filling.values.set(slot, value)
    if (slot === 'value') filling.valueAt = where
  }
}

/** False when the code means nothing to us and the table says such a fact is not kept. */
function translateCodings(filling: Filling): boolean {
  if (!filling.codings) return true
  const { row, list, where } = filling.codings
  const meaning = translate(list, filling.env.terminology, row.lookup, filling.places)
  for (const code of meaning.issues) {
    const isAboutUnknown = code === 'code-unknown' || code === 'code-local'
    if (!(isAboutUnknown && (row.onUnknown === 'skip' || row.onUnknown === 'quiet')))
      filling.issues.push(issue(code, where))
  }
  if (!meaning.concept && (row.onUnknown === 'issue' || row.onUnknown === 'skip')) return false
  filling.values.set('coding', meaning.codings)
  if (meaning.concept) filling.values.set('concept', meaning.concept)
  if (meaning.laterality) filling.sides.add(meaning.laterality)
  if (meaning.certainty) filling.values.set('certainty', meaning.certainty)
  if (meaning.concept) judge(meaning.concept, filling, where)
  return true
}

/** A value its concept cannot have is not used; a density sent under a T-score code is a density. */
function judge(concept: ConceptRef, filling: Filling, where: string): void {
  const value = filling.values.get('value')
  const unit = filling.values.get('unit')
  if (typeof value !== 'string') return
  const verdict = judgeValue(concept.id, value, typeof unit === 'string' ? unit : '', filling.env.terminology.ranges)
  if (verdict.kind === 'other-concept') filling.values.set('concept', { ...concept, id: verdict.concept })
  if (verdict.kind !== 'outside') return
  filling.values.delete('value')
  filling.issues.push(issue('value-out-of-range', filling.valueAt ?? where))
}

const acuteKinds: ReadonlySet<string> = new Set(['injury', 'attendance', 'admission', 'clinic'])

function isHistory(filling: Filling): boolean {
  const concept = filling.values.get('concept')
  return typeof concept === 'object' && concept !== null && 'kind' in concept && concept.kind === 'history'
}

/** An old fracture did not happen at the visit that mentions it: only its own onset, or the day it was written down, dates it. */
function dateHistory(filling: Filling): void {
  filling.values.delete('when')
  const rows = filling.plan.rows.filter(
    row => row.to.startsWith('when.') && !acuteKinds.has(row.to.slice('when.'.length)),
  )
  for (const row of rows) fill(row, { ...filling, issues: [] })
}

function agreeOnSide(filling: Filling, where: string): void {
  const [side] = filling.sides
  if (filling.sides.size === 1) filling.values.set('laterality', side)
  else if (filling.sides.size > 1) filling.issues.push(issue('side-conflict', where))
}

function readRow({ read: reader, reader: call }: PlannedRow, found: readonly Found[], env: ReadEnv): Outcome {
  if (!reader || !call) return nothing
  if (found.length === 0 && reader.needsFound !== false) return nothing
  const real = found.some(value => value.isNull) ? found.filter(value => !value.isNull) : found
  if (found.length > 0 && real.length === 0) return { isNull: true }
  return reader.read(real, env, call.argument)
}

/** First alternative that finds a value, else the first that finds a deletion; a collection joins its paths in order. */
function select(context: Context, from: MappingRow['from']): readonly Found[] {
  let deleted = none
  for (const paths of from) {
    const [only] = paths
    const found = paths.length === 1 && only !== undefined ? context.values(only) : paths.flatMap(context.values)
    if (found.some(value => !value.isNull)) return found
    if (deleted.length === 0) deleted = found
  }
  return deleted
}

const none: readonly Found[] = []

function allHold(row: PlannedRow, env: ReadEnv): boolean {
  return row.conditions.every(({ holds, argument, isNegated }) => holds(env.context, argument, env) !== isNegated)
}

function isAllowedWord({ words }: PlannedRow, value: unknown): boolean {
  return words === undefined || (typeof value === 'string' && words.has(value))
}

function isCodings(value: unknown): value is readonly Coding[] {
  return Array.isArray(value)
}
