import type { FactKind } from '../fls/fact.ts'
import { conditions } from './conditions.ts'
import { type Call, kindOf, type MappingRow } from './table.ts'
import type { FeedTables } from './tables.ts'

/** One fact of a table for one document type: where to look, whether, and the rows that fill it. Static conditions are settled. */
export type FactPlan = {
  readonly name: string
  readonly kind: FactKind
  readonly declaration: MappingRow
  readonly rows: readonly MappingRow[]
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
function settle(row: MappingRow, type: string): MappingRow | undefined {
  const dynamic: Call[] = []
  for (const call of row.when) {
    const condition = conditions.get(call.name)
    if (!condition) return undefined
    if (!condition.isStatic) dynamic.push(call)
    else if (condition.holds(type, call.argument) === call.isNegated) return undefined
  }
  return { ...row, when: dynamic }
}
