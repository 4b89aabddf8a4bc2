import type { FactKind } from '../fls/fact.ts'
import { attributes, statesOf } from './attributes.ts'
import { conditions } from './conditions.ts'
import type { Condition, Reader } from './reader.ts'
import { readers } from './readers.ts'
import { type Call, kindOf, type MappingRow } from './table.ts'
import type { FeedTables } from './tables.ts'

type DynamicCondition = Extract<Condition, { isStatic: false }>

/** A row with everything its names stand for looked up once: rows run millions of times, tables are compiled once. */
export type PlannedRow = MappingRow & {
  readonly conditions: readonly (Call & Pick<DynamicCondition, 'holds'>)[]
  readonly read: Reader | undefined
  /** What is taken once a row gave it: `when` for every `when.*`, else `to`. */
  readonly slot: string
  readonly isNullable: boolean
  /** The words its attribute may take; undefined when it takes every text. */
  readonly words: ReadonlySet<string> | undefined
}

/** One fact of a table for one document type: where to look, whether, and the rows that fill it. Static conditions are settled. */
export type FactPlan = {
  readonly name: string
  readonly kind: FactKind
  readonly declaration: PlannedRow
  readonly rows: readonly PlannedRow[]
}

/** Plans for a document type, in table order, made once per feed and type. */
export function plansFor(feed: FeedTables, type: string): readonly FactPlan[] {
  const known = feed.plans.get(type)
  if (known) return known
  const rows = feed.rows.flatMap(row => settle(row, type) ?? [])
  const plans = rows
    .filter(row => row.to === 'fact')
    .flatMap(declaration => {
      const kind = kindOf(declaration.fact)
      if (!kind) return []
      const filling = rows.filter(row => row.to !== 'fact' && row.fact === declaration.fact)
      return [{ name: declaration.fact, kind, declaration, rows: filling }]
    })
  feed.plans.set(type, plans)
  return plans
}

/** The row with only its dynamic conditions left, or undefined when a static one fails for this type. */
function settle(row: MappingRow, type: string): PlannedRow | undefined {
  const dynamic: PlannedRow['conditions'][number][] = []
  for (const call of row.when) {
    const condition = conditions.get(call.name)
    if (!condition) return undefined
    if (!condition.isStatic) dynamic.push({ ...call, holds: condition.holds })
    else if (condition.holds(type, call.argument) === call.isNegated) return undefined
  }
  const kind = kindOf(row.fact)
  const words = row.to === 'detail.state' && kind ? statesOf[kind] : attributes.get(row.to)?.words
  return {
    ...row,
    when: dynamic.map(({ name, argument, isNegated }) => ({ name, argument, isNegated })),
    conditions: dynamic,
    read: row.reader ? readers.get(row.reader.name) : undefined,
    slot: row.to.startsWith('when.') ? 'when' : row.to,
    isNullable: attributes.get(row.to)?.isNullable === true,
    words: words && new Set(words),
  }
}
