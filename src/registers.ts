import { instantOf } from './fls/dates.ts'
import type { Fact, OdsCode } from './fls/fact.ts'
import { type ExtractInForce, type StandingFacts, standingGpFacts } from './mapping/extract-record.ts'
import type { Directory } from './store/directory.ts'

/** What a solve needs of the registers, as one value read at one moment: `extracts` those of the practices it is about. */
export type Registers = {
  readonly hospitalToFls: ReadonlyMap<OdsCode, OdsCode>
  readonly practiceToFls: ReadonlyMap<OdsCode, OdsCode>
  /** The practice whose extract said it is not opted in now: left out of every solve until it is again. Hospital data never is. */
  readonly isSealed: (fact: Fact) => boolean
  /** Of one record: which facts may speak, and which of them newer extracts of its practice took away. */
  readonly standing: (facts: readonly Fact[]) => StandingFacts
}

export function registersOf(directory: Directory, extracts: readonly ExtractInForce[], now: Date): Registers {
  const at = instantOf(now)
  const byPractice = Map.groupBy(extracts, extract => extract.practice)
  const open = new Map<OdsCode, boolean>()
  return {
    hospitalToFls: directory.hospitalToFls,
    practiceToFls: directory.practiceToFls,
    isSealed: ({ side, organisation }) => {
      if (side !== 'gp') return false
      const known = open.get(organisation) ?? directory.isPracticeOpen(organisation, at)
      open.set(organisation, known)
      return !known
    },
    standing: facts => {
      const practice = facts[0]?.organisation
      return standingGpFacts(facts, practice === undefined ? [] : (byPractice.get(practice) ?? []))
    },
  }
}
