import type { Fact } from './fact.ts'

/**
 * A diagnosis read out of somebody's report (radiology conclusion): it supports a fracture, never founds one. A GP entry coded from a letter is
 * none: the practice made it its own; that it came from a letter is evidence, never a filter (domain reference "GP extracts").
 */
export function isReportText(fact: Fact): boolean {
  return fact.kind === 'diagnosis' && fact.side !== 'gp' && fact.detail?.isFromDocument === true
}
