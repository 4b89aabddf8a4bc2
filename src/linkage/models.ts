import { createHash } from 'node:crypto'
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { z } from 'zod'
import { type DateDensity, tabulate } from './date-density.ts'
import { type DensityName, type FractureNumbers, fractureShape } from './fracture-numbers.ts'
import { type PersonNumbers, personShape } from './person-numbers.ts'

export type NameKind = 'surname' | 'forename'
/** `variants`: name → the groups of variants it stands in; two names that share a group are variants of each other. */
export type PersonModel = PersonNumbers & {
  readonly name: string
  readonly variantGroups: Readonly<Record<NameKind, ReadonlyMap<string, ReadonlySet<number>>>>
  /** Bits a record starts with: log2(pi / (1 - pi) / N). */
  readonly priorBits: number
  readonly autoBits: number
  readonly reviewBits: number
}

/**
 * Reads `<version>.json` and its table of name variants from a folder (`models/person`), once, at start.
 * Throws an error naming the file and the first wrong places when a number is missing, out of range or the frequency hash is wrong.
 */
export function loadPersonModel(directory: string, version = '1.0.0'): PersonModel {
  const file = join(directory, `${version}.json`)
  const parsed = personShape.safeParse(JSON.parse(readFileSync(file, 'utf8')))
  if (!parsed.success) throw new Error(`${file}: ${z.prettifyError(parsed.error)}`)
  const { sha256, surname, forename } = parsed.data.termFrequencies
  if (frequencyHash(surname, forename) !== sha256)
    throw new Error(`${file}: termFrequencies.sha256 does not fit the tables`)
  return personModel(parsed.data, readFileSync(join(directory, parsed.data.variants), 'utf8'))
}

/** A model from its numbers and the text of its variant table; also the way to try other numbers. */
export function personModel(numbers: PersonNumbers, variantTable: string): PersonModel {
  const { persons, shareIndexed } = numbers.population
  const oddsBits = (probability: number) => Math.log2(probability / (1 - probability))
  return {
    ...numbers,
    name: `person/${numbers.version}`,
    variantGroups: readVariants(variantTable),
    priorBits: Math.log2(shareIndexed / (1 - shareIndexed) / persons),
    autoBits: oddsBits(numbers.thresholds.autoProbability),
    reviewBits: oddsBits(numbers.thresholds.reviewProbability),
  }
}

/** SHA-256 over both frequency tables, names sorted. */
export function frequencyHash(
  surname: Readonly<Record<string, number>>,
  forename: Readonly<Record<string, number>>,
): string {
  const lines = [['surname', surname] as const, ['forename', forename] as const].flatMap(([kind, table]) =>
    Object.keys(table)
      .sort()
      .map(name => `${kind},${name},${table[name]}\n`),
  )
  return createHash('sha256').update(lines.join('')).digest('hex')
}

function readVariants(table: string): PersonModel['variantGroups'] {
  const groups = { surname: new Map<string, Set<number>>(), forename: new Map<string, Set<number>>() }
  const [, ...rows] = table.split(/\r?\n/)
  rows.forEach((row, index) => {
    const [names, kind] = row.split(',')
    if (!names || !kind) return
    const kinds: NameKind[] = kind === 'any' ? ['surname', 'forename'] : [kind === 'surname' ? 'surname' : 'forename']
    for (const one of kinds)
      for (const name of names.split(' ')) groups[one].set(name, (groups[one].get(name) ?? new Set()).add(index))
  })
  return groups
}

/** `densities` tabulated once. */
export type FractureModel = FractureNumbers & {
  readonly name: string
  readonly tables: Readonly<Record<DensityName, DateDensity>>
}

/** Reads `<version>.json` from a folder (`models/fracture`), once, at start. Throws as `loadPersonModel` does. */
export function loadFractureModel(directory: string, version = '1.0.0'): FractureModel {
  const file = join(directory, `${version}.json`)
  const parsed = fractureShape.safeParse(JSON.parse(readFileSync(file, 'utf8')))
  if (!parsed.success) throw new Error(`${file}: ${z.prettifyError(parsed.error)}`)
  return fractureModel(parsed.data)
}

/** A model from its numbers; also the way to try other numbers. */
export function fractureModel(numbers: FractureNumbers): FractureModel {
  const { densities } = numbers
  const tables = {
    acute: tabulate(densities.acute),
    'hospital-recorded': tabulate(densities['hospital-recorded']),
    clinic: tabulate(densities.clinic),
    'gp-onset': tabulate(densities['gp-onset']),
    'gp-same-day': tabulate(densities['gp-same-day']),
    'gp-recorded': tabulate(densities['gp-recorded']),
    history: tabulate(densities.history),
    received: tabulate(densities.received),
  }
  return { ...numbers, name: `fracture/${numbers.version}`, tables }
}
