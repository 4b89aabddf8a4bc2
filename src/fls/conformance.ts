import { isDay } from './dates.ts'
import type { Fact } from './fact.ts'

/** How well one thing the audit needs is filled: of `n` statements, `met` have it. Counts only. `name`: the line of `conformanceItems`. */
export type Filled = { readonly name: string; readonly n: number; readonly met: number }
export type Verdict = 'pass' | 'warn' | 'fail' | 'nothing'

/**
 * One line of a conformance report. `item`: question of the dataset the content feeds. `of`: what is counted. `pass`, `warn`: shares from which
 * the line passes or only warns; they are ours (no audit publishes any) and chosen so that a lower share would change an answer of the audit.
 */
export type ConformanceItem = {
  readonly item: string
  /** Unique in the table: a count is kept under it. */
  readonly name: string
  readonly of: string
  readonly isCounted: (fact: Fact) => boolean
  readonly isMet: (fact: Fact) => boolean
  readonly pass: number
  readonly warn: number
  readonly fix: string
}

const isPatient = (fact: Fact) => fact.kind === 'identity'
const isFracture = (fact: Fact) =>
  fact.kind === 'diagnosis' && fact.concept?.set === 'fracture-site' && fact.concept.kind === 'include'
const isMedicine = (fact: Fact) => fact.kind === 'medication'
const isBoneDrug = (fact: Fact) => isMedicine(fact) && fact.concept?.set === 'bone-drug'
const isDxaResult = (fact: Fact) => fact.concept?.set === 'dxa' && fact.concept.id.startsWith('dxa.tscore')
const isDated = (fact: Fact) => fact.when !== undefined
const isDatedToTheDay = (fact: Fact) => isDay(fact.when?.date)
const identity = (holds: (detail: Extract<Fact, { kind: 'identity' }>['detail']) => boolean) => (fact: Fact) =>
  fact.kind === 'identity' && holds(fact.detail)

/** THE table of what a GP extract is held to, in the order of the dataset. */
export const conformanceItems: readonly ConformanceItem[] = [
  {
    item: '1.01',
    name: 'NHS number with a valid check digit',
    of: 'patients',
    isCounted: isPatient,
    isMet: identity(detail => detail.nhsNumber !== undefined),
    ...{ pass: 0.95, warn: 0.8 },
    fix: 'Fill the NHS number; without it a patient is linked by name, birth date and postcode alone.',
  },
  {
    item: '1.02',
    name: 'Date of birth to the day',
    of: 'patients',
    isCounted: isPatient,
    isMet: identity(detail => isDay(detail.birthDate)),
    ...{ pass: 0.99, warn: 0.95 },
    fix: 'Fill the full date of birth: it decides whether a fracture is inside the audit.',
  },
  {
    item: '1.03',
    name: 'Sex',
    of: 'patients',
    isCounted: isPatient,
    isMet: identity(detail => detail.sex !== undefined && detail.sex !== 'unknown'),
    ...{ pass: 0.99, warn: 0.95 },
    fix: 'Fill the sex in one of the published words.',
  },
  {
    item: '1.04',
    name: 'Postcode',
    of: 'patients',
    isCounted: isPatient,
    isMet: identity(detail => detail.postcode !== undefined),
    ...{ pass: 0.95, warn: 0.8 },
    fix: 'Send the current home address with its postcode.',
  },
  {
    item: '1.09',
    name: 'Fracture dated at all',
    of: 'fractures',
    isCounted: isFracture,
    isMet: isDated,
    ...{ pass: 0.98, warn: 0.9 },
    fix: 'Send the date of the event; a fracture without one opens no episode.',
  },
  {
    item: '1.09',
    name: 'Fracture dated to the day',
    of: 'fractures',
    isCounted: isFracture,
    isMet: isDatedToTheDay,
    ...{ pass: 0.8, warn: 0.5 },
    fix: 'Send the day where it is known, and the precision where it is not.',
  },
  {
    item: '1.09',
    name: 'Date of typing beside the date of the fracture',
    of: 'fractures',
    isCounted: isFracture,
    isMet: fact => fact.recorded !== undefined,
    ...{ pass: 0.98, warn: 0.9 },
    fix: 'Send when the entry was typed; without it late coding cannot be told.',
  },
  {
    item: '1.11',
    name: 'Site of the fracture',
    of: 'fractures',
    isCounted: isFracture,
    isMet: fact => fact.concept !== undefined && !fact.concept.id.endsWith('unspecified'),
    ...{ pass: 0.8, warn: 0.5 },
    fix: 'Code the bone that broke rather than “fracture”.',
  },
  {
    item: '1.11',
    name: 'Side of the fracture',
    of: 'fractures',
    isCounted: isFracture,
    isMet: fact => fact.laterality !== undefined,
    ...{ pass: 0.5, warn: 0.1 },
    fix: 'Send left or right where the record has it: it tells two fractures from one.',
  },
  {
    item: '3.03',
    name: 'T-score with its date',
    of: 'T-scores',
    isCounted: isDxaResult,
    isMet: isDatedToTheDay,
    ...{ pass: 0.95, warn: 0.8 },
    fix: 'Send the day of the scan.',
  },
  {
    item: '3.04',
    name: 'T-score with its value',
    of: 'T-scores',
    isCounted: isDxaResult,
    isMet: fact => fact.value !== undefined,
    ...{ pass: 0.9, warn: 0.5 },
    fix: 'Send the number in the column for values, not in the text.',
  },
  {
    item: '4.01',
    name: 'Medicine with a dm+d code',
    of: 'medicines',
    isCounted: isMedicine,
    isMet: fact => (fact.coding ?? []).some(coding => coding.code !== ''),
    ...{ pass: 0.98, warn: 0.9 },
    fix: 'Send the dm+d code; a name alone is not used for treatment.',
  },
  {
    item: '4.01',
    name: 'Bone medicine dated to the day',
    of: 'bone medicines',
    isCounted: isBoneDrug,
    isMet: isDatedToTheDay,
    ...{ pass: 0.98, warn: 0.9 },
    fix: 'Send the day of each issue.',
  },
  {
    item: '6.05',
    name: 'Bone medicine with days or quantity',
    of: 'bone medicines',
    isCounted: isBoneDrug,
    isMet: fact =>
      fact.kind === 'medication' && (fact.detail.daysSupplied !== undefined || fact.detail.quantity !== undefined),
    ...{ pass: 0.9, warn: 0.5 },
    fix: 'Send days supplied or quantity: they tell whether treatment goes on.',
  },
  {
    item: 'deathDate',
    name: 'Death dated to the day',
    of: 'deaths',
    isCounted: fact => fact.kind === 'death',
    isMet: isDatedToTheDay,
    ...{ pass: 0.95, warn: 0.8 },
    fix: 'Send the day of death.',
  },
]

/** Counts facts against the table, over any number of chunks in any order. Retracted statements say nothing. */
export class ConformanceTally {
  readonly #lines = conformanceItems.map(({ name, isCounted, isMet }) => ({ name, isCounted, isMet, n: 0, met: 0 }))

  add(facts: readonly Fact[]): void {
    for (const fact of facts) {
      if (fact.status === 'retracted') continue
      for (const line of this.#lines) {
        if (!line.isCounted(fact)) continue
        line.n++
        if (line.isMet(fact)) line.met++
      }
    }
  }

  /** One count a line of the table, in its order. */
  filled(): readonly Filled[] {
    return this.#lines.map(({ name, n, met }) => ({ name, n, met }))
  }
}

/** `nothing`: the extract holds none of what is counted, so nothing can be said. */
export function verdictOf(
  { pass, warn }: Pick<ConformanceItem, 'pass' | 'warn'>,
  { n, met }: Omit<Filled, 'name'>,
): Verdict {
  if (n === 0) return 'nothing'
  const share = met / n
  return share >= pass ? 'pass' : share >= warn ? 'warn' : 'fail'
}

/** The worst of all lines; `nothing` only when no line could be judged. */
export function worstOf(verdicts: readonly Verdict[]): Verdict {
  return (['fail', 'warn', 'pass'] as const).find(one => verdicts.includes(one)) ?? 'nothing'
}
