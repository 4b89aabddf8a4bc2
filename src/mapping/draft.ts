import { type Issue, issue } from '../fls/issue.ts'
import type { Coding, FactKind } from '../fls/fact.ts'
import { translate } from '../terminology/translate.ts'
import { attributes, statesOf } from './attributes.ts'
import { plansFor, type FactPlan } from './compile.ts'
import { conditions } from './conditions.ts'
import type { Context, Found, SourceDocument } from './document.ts'
import type { Outcome, ReadEnv } from './reader.ts'
import { readers } from './readers.ts'
import type { Call, MappingRow } from './table.ts'
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

export type Drafts = { readonly drafts: readonly Draft[]; readonly issues: readonly Issue[]; readonly rows: ReadonlySet<string> }

/** What a reader needs beside document, context and row. */
export type DocumentEnv = Omit<ReadEnv, 'document' | 'context' | 'lookup' | 'terminology' | 'values' | 'feed'>

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
      const env = { ...known, document, context, feed: feed.source, terminology: feed.terminology, values: feed.values }
      const draft = draftOne(plan, { ...env, lookup: [] }, issues, used)
      if (draft) drafts.push(draft)
    }
  }
  return { drafts, issues, rows: used }
}

function draftOne(plan: FactPlan, env: ReadEnv, issues: Issue[], used: Set<string>): Draft | undefined {
  const { declaration } = plan
  if (!allHold(declaration.when, env)) return undefined
  const founding = select(env.context, declaration.from)
  if (declaration.from.length > 0 && !founding.some(found => !found.isNull)) return undefined
  const filled = new Filling(plan, env, issues, used)
  for (const row of plan.rows) filled.fill(row)
  if (!filled.isKept) return undefined
  used.add(declaration.row)
  return {
    kind: plan.kind,
    name: plan.name,
    row: declaration.row,
    path: founding[0]?.where ?? env.context.where,
    context: env.context,
    values: filled.finished(),
  }
}

/** The values of one draft while its rows are read. */
class Filling {
  isKept = true
  readonly #values = new Map<string, unknown>()
  readonly #sides = new Set<unknown>()
  readonly #plan: FactPlan
  readonly #env: ReadEnv
  readonly #issues: Issue[]
  readonly #used: Set<string>
  #sideWhere = ''

  constructor(plan: FactPlan, env: ReadEnv, issues: Issue[], used: Set<string>) {
    this.#plan = plan
    this.#env = env
    this.#issues = issues
    this.#used = used
  }

  fill(row: MappingRow): void {
    const slot = row.to.startsWith('when.') ? 'when' : row.to
    if (row.to !== 'laterality' && this.#values.has(slot)) return
    if (!allHold(row.when, this.#env)) return
    const found = select(this.#env.context, row.from)
    const outcome = readRow(row, found, { ...this.#env, lookup: row.lookup })
    if (outcome.issues) this.#issues.push(...outcome.issues)
    const where = outcome.where ?? found[0]?.where ?? this.#env.context.where
    if (outcome.isNull && attributes.get(row.to)?.isNullable) this.#values.set(row.to, null)
    else if (outcome.value !== undefined) this.#accept(row, slot, outcome.value, where)
    else return
    this.#used.add(row.row)
  }

  #accept(row: MappingRow, slot: string, value: unknown, where: string): void {
    if (!isAllowedWord(row, this.#plan.kind, value)) {
      this.#issues.push(issue('word-not-allowed', where, { severity: 'warning' }))
    } else if (row.to === 'laterality') {
      this.#addSide(value, where)
    } else if (slot === 'when') {
      this.#values.set('when', { date: value, kind: row.to.slice('when.'.length) })
    } else if (row.to === 'coding' && isCodings(value)) {
      this.#translate(row, value, where)
    } else {
      this.#values.set(slot, value)
    }
  }

  #translate(row: MappingRow, codings: readonly Coding[], where: string): void {
    const meaning = translate(codings, this.#env.terminology, row.lookup)
    if (!meaning.concept && row.onUnknown !== 'keep') this.isKept = false
    for (const code of meaning.issues) {
      const isAboutUnknown = code === 'code-unknown' || code === 'code-local'
      if (!(isAboutUnknown && row.onUnknown === 'skip')) this.#issues.push(issue(code, where))
    }
    this.#values.set('coding', meaning.codings)
    if (meaning.concept) this.#values.set('concept', meaning.concept)
    if (meaning.laterality) this.#addSide(meaning.laterality, where)
    if (meaning.certainty) this.#values.set('certainty', meaning.certainty)
  }

  #addSide(side: unknown, where: string): void {
    this.#sides.add(side)
    this.#sideWhere = where
  }

  finished(): ReadonlyMap<string, unknown> {
    const [side] = this.#sides
    if (this.#sides.size === 1) this.#values.set('laterality', side)
    if (this.#sides.size > 1) this.#issues.push(issue('side-conflict', this.#sideWhere))
    return this.#values
  }
}

function readRow(row: MappingRow, found: readonly Found[], env: ReadEnv): Outcome {
  const reader = row.reader ? readers.get(row.reader.name) : undefined
  if (!reader || !row.reader) return {}
  if (found.length === 0 && reader.needsFound !== false) return {}
  if (found.length > 0 && found.every(value => value.isNull)) return { isNull: true }
  return reader.read(found.filter(value => !value.isNull), env, row.reader.argument)
}

/** First alternative that finds anything; a collection joins its paths in order. */
function select(context: Context, from: MappingRow['from']): readonly Found[] {
  for (const paths of from) {
    const found = paths.flatMap(path => context.values(path))
    if (found.length > 0) return found
  }
  return []
}

function allHold(calls: readonly Call[], env: ReadEnv): boolean {
  return calls.every(call => {
    const condition = conditions.get(call.name)
    return condition !== undefined && !condition.isStatic && condition.holds(env.context, call.argument, env) !== call.isNegated
  })
}

function isAllowedWord(row: MappingRow, kind: FactKind, value: unknown): boolean {
  const words = row.to === 'detail.state' ? statesOf[kind] : attributes.get(row.to)?.words
  return words === undefined || (typeof value === 'string' && words.includes(value))
}

function isCodings(value: unknown): value is readonly Coding[] {
  return Array.isArray(value)
}
