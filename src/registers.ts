import { instantOf } from './fls/dates.ts'
import type { Fact, OdsCode } from './fls/fact.ts'
import type { Directory } from './store/directory.ts'

/** What a solve needs of the registers, as one value read at one moment. */
export type Registers = {
  readonly version: string
  readonly hospitalToFls: ReadonlyMap<OdsCode, OdsCode>
  readonly practiceToFls: ReadonlyMap<OdsCode, OdsCode>
  /** The practice whose extract said it is not opted in now: left out of every solve until it is again. Hospital data never is. */
  readonly isSealed: (fact: Fact) => boolean
  /** A newer full extract of the practice no longer holds the row. */
  readonly isAbsent: (fact: Fact) => boolean
}

export function registersOf(directory: Directory, isAbsent: (fact: Fact) => boolean, version: string, now: Date): Registers {
  const at = instantOf(now)
  const open = new Map<OdsCode, boolean>()
  return {
    version,
    hospitalToFls: directory.hospitalToFls,
    practiceToFls: directory.practiceToFls,
    isSealed: ({ side, organisation }) => {
      if (side !== 'gp') return false
      const known = open.get(organisation) ?? directory.isPracticeOpen(organisation, at)
      open.set(organisation, known)
      return !known
    },
    isAbsent,
  }
}
