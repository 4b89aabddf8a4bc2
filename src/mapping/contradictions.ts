import { daysOf, londonDate } from '../fls/dates.ts'
import type { Fact, When } from '../fls/fact.ts'
import { type Issue, issue } from '../fls/issue.ts'
import type { InboxEntry } from '../sources/arrival.ts'
import { TogetherChecks } from './extract-together.ts'

/** What has happened; appointments, requests and orders may lie ahead. */
const happened: ReadonlySet<Fact['kind']> = new Set(['diagnosis', 'procedure', 'observation', 'death', 'document'])

/** The day something was written down or came to us is no day it happened. */
const writtenDown: ReadonlySet<When['kind'] | undefined> = new Set(['recorded', 'received'])

/**
 * What the facts of one hospital entry say against each other and against its receipt, by the rules an extract is held to (gp-extracts.md 2.4):
 * `date-before-birth`, `date-after-death`, `death-disagrees`, `date-after-receipt`, `recorded-before-event`. Each fact stays as it was sent.
 */
export function contradictionsIn(
  facts: readonly Fact[],
  entry: Pick<InboxEntry, 'protocol' | 'receivedAt'>,
): readonly Issue[] {
  const standing = facts.filter(
    ({ status, kind, when }) => status !== 'retracted' && kind !== 'assertion' && !writtenDown.has(when?.kind),
  )
  if (standing.length === 0) return []
  const together = new TogetherChecks(placeOf)
  together.add({ facts: standing, rowOutcomes: [] })
  const receivedOn = londonDate(entry.receivedAt)
  const found = standing.flatMap(fact => {
    const { when, recorded, kind } = fact
    const isAhead = happened.has(kind) && when !== undefined && daysOf(when.date).first > receivedOn
    // HL7 v2 has no date of typing, what stands in for it (DG1-5) may be the day before; appointments are made before they are kept.
    const isTyped = entry.protocol === 'fhir' && kind === 'diagnosis'
    const isBackwards = isTyped && when && recorded && daysOf(recorded).last < daysOf(when.date).first
    return [
      ...(isAhead ? [issue('date-after-receipt', placeOf(fact))] : []),
      ...(isBackwards ? [issue('recorded-before-event', placeOf(fact))] : []),
    ]
  })
  return [...found, ...together.issues()]
}

const placeOf = ({ source }: Fact): string => source.path
