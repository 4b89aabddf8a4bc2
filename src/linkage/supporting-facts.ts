import { dayNumber, daysOf } from '../fls/dates.ts'
import type { Fact, FactId } from '../fls/fact.ts'
import { isReportText } from '../fls/report-text.ts'
import type { SiteTree } from '../terminology/site-tree.ts'
import type { CurrentFacts } from './linkage.ts'
import type { FractureModel } from './models.ts'
import { knownSite } from './site-evidence.ts'

/** Procedures, radiology text and diagnoses read out of reports that fit a fracture's site and days: evidence beside it, never a founder. */
export function supportingFacts(
  facts: CurrentFacts,
  site: string,
  window: { first: number; last: number },
  tree: SiteTree,
  model: FractureModel,
): FactId[] {
  const { supportBefore, supportAfter } = model.days
  const fits = (fact: Fact) => {
    const spoken = spokenSite(fact)
    if (!spoken || !fact.when || fact.status === 'retracted') return false
    const { first, last } = daysOf(fact.when.date)
    const isNear = dayNumber(last) >= window.first - supportBefore && dayNumber(first) <= window.last + supportAfter
    return isNear && isSameBone(knownSite(spoken, tree), site, tree)
  }
  return [...new Set(facts.filter(fits).map(fact => fact.id))].sort()
}

function isSameBone(one: string, two: string, tree: SiteTree): boolean {
  return tree.isCompatible(one, two) || tree.groupOf(one) === tree.groupOf(two)
}

function spokenSite(fact: Fact): string | undefined {
  if (fact.kind === 'procedure')
    return fact.concept?.id.startsWith('proc:') ? fact.concept.id.slice('proc:'.length) : undefined
  if (fact.kind === 'document')
    return fact.detail.mention && !fact.detail.mention.isNegated ? fact.detail.mention.site : undefined
  const isSupport = isReportText(fact) && fact.concept?.set === 'fracture-site' && fact.certainty !== 'refuted'
  return isSupport ? fact.concept?.id : undefined
}
