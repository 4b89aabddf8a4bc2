import { decimalText } from './decimal.ts'
import { byDate, type Candidate, each, isWithin, means, offsetOf, type Rule } from './derive.ts'
import type { Fact, FactOf } from './fact.ts'

type Measure = {
  readonly concepts: readonly string[]
  /** Codes that mean the measure even where no table row gives a concept: LOINC, SNOMED CT. */
  readonly codes: readonly string[]
  /** UCUM and everyday spellings → factor to the unit of the item. */
  readonly units: Readonly<Record<string, number>>
}

const height: Measure = {
  concepts: ['body.height', 'measure.height', 'height'],
  codes: ['8302-2', '3137-7', '8301-4', '50373000', '248327008', '1153637007', '248333004'],
  units: { cm: 1, m: 100, mm: 0.1, in: 2.54, '[in_i]': 2.54 },
}
const weight: Measure = {
  concepts: ['body.weight', 'measure.weight', 'weight'],
  codes: ['29463-7', '3141-9', '27113001', '363808001', '248351003', '248345008'],
  units: { kg: 1, g: 0.001, lb: 0.45359237, '[lb_av]': 0.45359237 },
}

export const heightRule: Rule = context => nearest(context, height)
export const weightRule: Rule = context => nearest(context, weight)

/** Readings in the window, nearest to 1.09 first (an earlier one before a later one at equal distance), in the item's unit. */
function nearest({ facts, anchor, item }: Parameters<Rule>[0], measure: Measure): Candidate[] {
  const window = item.derivation?.window ?? [-730, 365]
  const readings = facts
    .of('observation')
    .filter(fact => isMeasure(fact, measure) && isWithin(fact.when?.date, anchor, window))
  const distance = (fact: Fact): number => Math.abs(offsetOf(fact.when?.date, anchor) ?? 10_000)
  return each(
    byDate(readings, 'earliest').sort((a, b) => distance(a) - distance(b)),
    fact => inUnit(fact, measure, item.range),
  )
}

function isMeasure(fact: FactOf['observation'], measure: Measure): boolean {
  if (fact.comparator !== undefined) return false
  return means(fact, ...measure.concepts) || (fact.coding ?? []).some(({ code }) => measure.codes.includes(code))
}

/**
 * The value in centimetres or kilograms, places kept where nothing was converted. A height of 1.00–2.20 in "cm" or without unit is metres.
 * Undefined outside the possible range.
 */
function inUnit(
  fact: FactOf['observation'],
  measure: Measure,
  range: { min: number; max: number } | undefined,
): string | undefined {
  const value = Number(fact.value)
  if (fact.value === undefined || fact.value.trim() === '' || !Number.isFinite(value)) return undefined
  const stated = fact.unit === undefined ? 1 : measure.units[fact.unit.toLowerCase()]
  if (stated === undefined) return undefined
  const factor = stated === 1 && measure === height && value >= 1 && value <= 2.2 ? 100 : stated
  const result = value * factor
  if (range && (result < range.min || result > range.max)) return undefined
  return factor === 1 ? decimalText(fact.value) : decimalText(result.toFixed(1))
}

/** 2.04: only ever `yes`. */
export const parentHipFractureRule: Rule = ({ facts }) =>
  each(
    facts.all.filter(fact => means(fact, 'risk.parent_hip_fracture')),
    () => 'yes',
  )

/** Values of a coded smoking status (SNOMED CT; US and UK sets). */
const smokingValues: Readonly<Record<string, 'yes' | 'no'>> = {
  '77176002': 'yes',
  '65568007': 'yes',
  '449868002': 'yes',
  '428041000124106': 'yes',
  '428061000124105': 'yes',
  '428071000124103': 'yes',
  '8517006': 'no',
  '160617001': 'no',
  '266919005': 'no',
}

/** 2.05: the latest status; an ex-smoker is no current smoker. Amounts alone are no status, except a counted zero or more. */
export const smokingRule: Rule = ({ facts, anchor, item }) => {
  const window = item.derivation?.window ?? [-1825, 90]
  const statuses = facts.all.filter(
    fact => fact.concept?.id.startsWith('smoking.') && isWithin(fact.when?.date, anchor, window),
  )
  return each(byDate(statuses, 'latest'), smokingOf)
}

function smokingOf(fact: Fact): string | undefined {
  if (means(fact, 'smoking.current')) return 'yes'
  if (means(fact, 'smoking.ex', 'smoking.never')) return 'no'
  if (means(fact, 'smoking.status')) return smokingValues[fact.value ?? '']
  const amount = Number(fact.value)
  return means(fact, 'smoking.amount') && fact.value !== undefined && amount > 0 ? 'yes' : undefined
}
