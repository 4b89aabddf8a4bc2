import type { PartialDate } from '../fls/dates.ts'
import { type BirthDateLevel, compareBirthDates } from './compare-dates.ts'
import {
  areNamesSwapped,
  compareForenames,
  compareMiddleNames,
  compareSurnames,
  type ForenameLevel,
  type MiddleNameLevel,
  type NameFinding,
  type SurnameLevel,
} from './compare-names.ts'
import { coreText, type Facet } from './facet.ts'
import type { Part } from './linkage.ts'
import type { PersonModel } from './models.ts'

/** The levels of names, birth date and sex. */
export type CoreLevels = {
  readonly surname: SurnameLevel
  readonly forename: ForenameLevel
  readonly middleName: MiddleNameLevel
  readonly birthDate: BirthDateLevel
  readonly sex: keyof PersonModel['bits']['sex'] | 'missing'
}
/** Names, birth date and sex of the best pair of demographic versions. */
export type CoreComparison = {
  readonly levels: CoreLevels
  readonly parts: readonly Part[]
  readonly adjustments: readonly Part[]
  readonly bits: number
}

/** The best pair of demographic versions of two records; ties fall to the first in canonical order. */
export function compareCores(left: readonly Facet[], right: readonly Facet[], model: PersonModel): CoreComparison {
  return bestOf(left, right, (one, two) => compareCore(one, two, model))
}

/** `compareCores` for one component, where few names and dates stand in many records: what says the same is compared once. */
export function rememberCores(model: PersonModel): (left: readonly Facet[], right: readonly Facet[]) => CoreComparison {
  const known = new Map<string, Map<string, CoreComparison>>()
  const compare = (one: Facet, two: Facet): CoreComparison => {
    const text = coreText(one)
    const row = known.get(text) ?? new Map<string, CoreComparison>()
    if (row.size === 0) known.set(text, row)
    const found = row.get(coreText(two))
    if (found) return found
    const made = compareCore(one, two, model)
    row.set(coreText(two), made)
    return made
  }
  return (left, right) => bestOf(left, right, compare)
}

function bestOf(
  left: readonly Facet[],
  right: readonly Facet[],
  compare: (one: Facet, two: Facet) => CoreComparison,
): CoreComparison {
  let best: CoreComparison | undefined
  for (const one of left)
    for (const two of right) {
      const found = compare(one, two)
      if (!best || found.bits > best.bits) best = found
    }
  return best ?? emptyCore
}

const emptyCore: CoreComparison = {
  levels: { surname: 'missing', forename: 'missing', middleName: 'missing', birthDate: 'missing', sex: 'missing' },
  parts: [],
  adjustments: [],
  bits: 0,
}

function compareCore(one: Facet, two: Facet, model: PersonModel): CoreComparison {
  let surname = compareSurnames(one, two, model)
  let forename = compareForenames(one, two, model)
  const swapped = isUnlike(surname.level) && isUnlike(forename.level) ? areNamesSwapped(one, two) : undefined
  if (swapped) {
    surname = { level: 'swapped', agreed: swapped.surname }
    forename = { level: 'swapped', agreed: swapped.forename }
  }
  const middleName = forename.level === 'other-given' || swapped ? 'missing' : compareMiddleNames(one, two)
  const birthDate = compareBirthDates(one.birthDate, two.birthDate, one.isExactOnly || two.isExactOnly)
  const sex = one.sex && two.sex ? (one.sex === two.sex ? 'same' : 'differ') : 'missing'
  const parts: Part[] = [
    namePart('surname', surname, model),
    namePart('forename', forename, model),
    { field: 'middleName', level: middleName, bits: middleName === 'missing' ? 0 : model.bits.middleName[middleName] },
    birthDatePart(birthDate, one.birthDate, model),
    { field: 'sex', level: sex, bits: sex === 'missing' ? 0 : model.bits.sex[sex] },
  ]
  const adjustments = swapped ? [{ field: 'names', level: 'swapped', bits: model.adjustments['names-swapped'] }] : []
  return {
    levels: { surname: surname.level, forename: forename.level, middleName, birthDate, sex },
    parts,
    adjustments,
    bits: sumBits(parts) + sumBits(adjustments),
  }
}

function isUnlike(level: string): boolean {
  return level === 'differ' || level === 'alike'
}

/** Exact and partial agreement by term frequency: log2(m / max(u_min, frequency)), written as mean bits and a difference. */
function namePart(
  field: 'surname' | 'forename',
  finding: NameFinding<SurnameLevel | ForenameLevel>,
  model: PersonModel,
): Part {
  const { level, agreed } = finding
  if (level === 'missing') return { field, level, bits: 0 }
  const table: Readonly<Record<string, number>> = model.bits[field]
  const bits = table[level] ?? 0
  if (agreed === undefined) return { field, level, bits }
  const share = field === 'surname' ? model.shares.surnameExact : model.shares.forenameExact
  const frequency = Math.max(model.floors[field], model.termFrequencies[field][agreed] ?? 0)
  return { field, level, bits, tfBits: Math.log2(share / frequency) - (table.exact ?? 0) }
}

function birthDatePart(level: BirthDateLevel, date: PartialDate | undefined, model: PersonModel): Part {
  if (level === 'missing' || !date) return { field: 'birthDate', level: 'missing', bits: 0 }
  const bits = model.bits.birthDate[level]
  if (level !== 'exact') return { field: 'birthDate', level, bits }
  const { effective, overused } = model.birthDays
  const times = overused[date] ?? overused[date.slice(5)] ?? 1
  return {
    field: 'birthDate',
    level,
    bits,
    tfBits: Math.log2((model.shares.birthDateExact * effective) / times) - bits,
  }
}

export function sumBits(parts: readonly Part[]): number {
  let sum = 0
  for (const part of parts) sum += part.bits + (part.tfBits ?? 0)
  return sum
}
