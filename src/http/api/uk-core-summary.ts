import type { InboxEntry } from '../../sources/arrival.ts'
import { isObject, type JsonObject } from '../../sources/fhir/json.ts'
import { ukCoreQuality } from '../../sources/fhir/uk-core.ts'
import { notesOf, resourceAt } from '../../sources/fhir/written.ts'

/** How far what arrived follows UK Core: checks that applied and were met over all its resources, and those not met with how often. No value of a record. */
export type UkCoreSummary = {
  readonly resources: number
  readonly applicable: number
  readonly met: number
  /** Share of the applicable checks that are met, 0 to 1, two places. */
  readonly score: number
  readonly unmet: readonly {
    readonly check: string
    readonly path: string
    readonly says: string
    readonly count: number
  }[]
}

/** Undefined for other protocols, and when nothing in it has a UK Core profile. */
export function ukCoreSummary(entry: InboxEntry): UkCoreSummary | undefined {
  if (entry.protocol !== 'fhir' && entry.protocol !== 'form') return undefined
  const qualities = resourcesOf(entry).flatMap(resource => ukCoreQuality(resource) ?? [])
  if (qualities.length === 0) return undefined
  const applicable = qualities.reduce((sum, one) => sum + one.applicable, 0)
  const met = qualities.reduce((sum, one) => sum + one.met, 0)
  const counts = new Map<string, UkCoreSummary['unmet'][number]>()
  for (const { id, path, says } of qualities.flatMap(one => one.unmet))
    counts.set(id, { check: id, path, says, count: (counts.get(id)?.count ?? 0) + 1 })
  return {
    resources: qualities.length,
    applicable,
    met,
    score: applicable === 0 ? 1 : Math.round((met / applicable) * 100) / 100,
    unmet: [...counts.values()].toSorted((a, b) => b.count - a.count || (a.check < b.check ? -1 : 1)),
  }
}

function resourcesOf(entry: InboxEntry): readonly JsonObject[] {
  const root: unknown = JSON.parse(entry.bytes.toString('utf8').replace(/^\ufeff/, ''))
  if (!isObject(root)) return []
  if (entry.protocol === 'form') return [root]
  return notesOf(entry).resources.flatMap(({ path }) => {
    const resource = resourceAt(root, path)
    return resource ? [resource] : []
  })
}
