import type { FactsByKind } from './derive.ts'
import { attended } from './derive-contact.ts'
import type { Fact, OdsCode } from './fact.ts'
import type { Injury } from './injury.ts'
import { compareFacts, compareText } from './order.ts'
import { type AnswerFact, compareAnswers } from './site-answers.ts'

/** Which FLS a hospital's or a practice's patients belong to. */
export type FlsTables = {
  readonly hospitalToFls: ReadonlyMap<OdsCode, OdsCode>
  readonly practiceToFls: ReadonlyMap<OdsCode, OdsCode>
}

/**
 * The FLS an episode counts for (Decision 2.2): the one that answered first, else whose clinic saw the patient first, else by the hospital
 * of the fracture, else by the practice. Undefined when no table knows: the episode then counts for the nation only.
 */
export function reportingFlsOf(
  injury: Injury,
  answers: readonly AnswerFact[],
  facts: FactsByKind,
  tables: FlsTables,
): OdsCode | undefined {
  const flsOf = (organisation: OdsCode): OdsCode => tables.hospitalToFls.get(organisation) ?? organisation
  const [answered] = [...answers].sort(compareAnswers)
  if (answered) return flsOf(answered.organisation)
  const [seen] = attended({ facts }, 'fls').sort((a, b) => compareText(a.on, b.on) || compareText(a.fact.id, b.fact.id))
  const cared = facts.of('encounter').find(fact => fact.detail.clinic === 'fls')
  const contact = seen?.fact ?? cared
  if (contact && contact.side !== 'gp') return flsOf(contact.organisation)
  return byTable(injury, facts.all, tables)
}

function byTable(injury: Injury, all: readonly Fact[], tables: FlsTables): OdsCode | undefined {
  const members = injury.fractures.flatMap(fracture => fracture.memberFacts).sort(compareFacts)
  for (const fact of members) {
    const fls = fact.side === 'gp' ? undefined : tables.hospitalToFls.get(fact.organisation)
    if (fls) return fls
  }
  for (const fact of [...members, ...all].filter(fact => fact.side === 'gp')) {
    const fls = tables.practiceToFls.get(fact.organisation)
    if (fls) return fls
  }
  const registered = all.flatMap(fact =>
    fact.kind === 'identity' && fact.detail.gpPractice ? [fact.detail.gpPractice] : [],
  )
  for (const practice of registered.sort(compareText)) {
    const fls = tables.practiceToFls.get(practice as OdsCode)
    if (fls) return fls
  }
  return undefined
}
