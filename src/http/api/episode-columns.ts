import { dayNumber, isDay, type PartialDate, parsePartialDate } from '../../fls/dates.ts'
import { type Item, items } from '../../fls/items.ts'
import type { EpisodeCells } from '../../store/episode-rows.ts'

export type Cell = string | number | boolean | null
export type ColumnType = 'text' | 'integer' | 'decimal' | 'boolean'
export type EpisodeColumn = {
  readonly name: string
  readonly type: ColumnType
  /** What the value is, its unit, what blank means. */
  readonly meaning: string
  readonly read: (episode: EpisodeCells, names: Pseudonyms) => Cell
}
/** The release's own names for our ids. */
export type Pseudonyms = { readonly episode: string; readonly person: string }

/** Answers that have no column: they identify (1.01, 1.02, 1.04), or another column says them without a date (1.09). */
const withheld: ReadonlySet<string> = new Set(['1.01', '1.02', '1.04', '1.09'])
const answers: readonly Item[] = items.filter(item => !withheld.has(item.id))

/**
 * Every column of the analyst's episode table, in order: the only list of what leaves. Age at 1.09, month of 1.09 and day offsets from
 * 1.09 stand for dates (decisions.md 5); no NHS number, local number, name, postcode, practice or free text has a column.
 */
export const episodeColumns: readonly EpisodeColumn[] = [
  {
    name: 'episode',
    type: 'text',
    meaning: 'Pseudonym of the episode; stable within a release',
    read: (_episode, names) => names.episode,
  },
  {
    name: 'person',
    type: 'text',
    meaning: 'Pseudonym of the person; equal for episodes of one person within a release',
    read: (_episode, names) => names.person,
  },
  {
    name: 'dataset_version',
    type: 'text',
    meaning: 'Version of the audit dataset',
    read: episode => episode.datasetVersion,
  },
  {
    name: 'status',
    type: 'text',
    meaning: 'candidate, identified, submitted, excluded or withdrawn',
    read: episode => episode.status,
  },
  {
    name: 'excluded',
    type: 'text',
    meaning: 'Why excluded; blank when not',
    read: episode => episode.excluded ?? null,
  },
  {
    name: 'reporting_fls',
    type: 'text',
    meaning: 'ODS code of the reporting FLS; blank when not known',
    read: episode => episode.reportingFls ?? null,
  },
  {
    name: 'age',
    type: 'integer',
    meaning: 'Completed years of age on 1.09; blank when a date is not known to the day',
    read: episode => episode.ageAtDiagnosis ?? null,
  },
  {
    name: 'diagnosis_month',
    type: 'text',
    meaning: 'Month of 1.09, YYYY-MM; blank when not known to the month',
    read: monthOf,
  },
  { name: 'linked', type: 'boolean', meaning: 'Both a hospital and a GP side', read: episode => episode.isLinked },
  {
    name: 'hospital_entries',
    type: 'integer',
    meaning: 'Entries contributed by hospitals',
    read: episode => episode.hospital.length,
  },
  {
    name: 'gp_entries',
    type: 'integer',
    meaning: 'Entries contributed by GP practices',
    read: episode => episode.gp.length,
  },
  {
    name: 'link_probability',
    type: 'decimal',
    meaning: 'Lowest probability that an entry belongs to this injury, 0 to 1',
    read: linkProbability,
  },
  {
    name: 'fractures',
    type: 'integer',
    meaning: 'Fractures of this injury',
    read: episode => episode.fractures.length,
  },
  ...[0, 1, 2].flatMap(fractureColumns),
  ...answers.map(answerColumn),
]

function fractureColumns(index: number): EpisodeColumn[] {
  const name = `fracture${index + 1}`
  return [
    {
      name: `${name}_site`,
      type: 'text',
      meaning: `Fracture ${index + 1}: site`,
      read: episode => codeOf(episode.fractures[index]?.site),
    },
    {
      name: `${name}_side`,
      type: 'text',
      meaning: `Fracture ${index + 1}: left, right or bilateral`,
      read: episode => episode.fractures[index]?.laterality ?? null,
    },
    {
      name: `${name}_status`,
      type: 'text',
      meaning: `Fracture ${index + 1}: confirmed, provisional or candidate`,
      read: episode => episode.fractures[index]?.status ?? null,
    },
    {
      name: `${name}_days`,
      type: 'integer',
      meaning: `Fracture ${index + 1}: days from 1.09; blank when not known to the day`,
      read: episode => offset(episode, episode.fractures[index]?.date),
    },
  ]
}

/** How an answer may leave: codes as the data dictionary lists them, numbers, whole days from 1.09. Free text and dates never do. */
function answerColumn({ id, text, type }: Item): EpisodeColumn {
  const name = /^\d/.test(id) ? `q${id.replace('.', '_')}` : id
  const of = (episode: EpisodeCells) => episode.answers[id]?.values ?? []
  switch (type) {
    case 'date':
      return {
        name: `${name}_days`,
        type: 'integer',
        meaning: `${id} ${text}, days from 1.09; blank when not known to the day`,
        read: episode => daysOf(episode, id),
      }
    case 'decimal':
      return {
        name,
        type: 'decimal',
        meaning: `${id} ${text}; blank when not answered`,
        read: episode => numberOf(of(episode)[0]),
      }
    case 'codes':
      return {
        name,
        type: 'text',
        meaning: `${id} ${text}, codes joined with semicolons; blank when not answered`,
        read: episode =>
          of(episode)
            .flatMap(value => codeOf(value) ?? [])
            .join(';') || null,
      }
    case 'code':
      return {
        name,
        type: 'text',
        meaning: `${id} ${text}, code; blank when not answered`,
        read: episode => codeOf(of(episode)[0]),
      }
    case 'nhs-number':
    case 'postcode':
      throw new Error(`an identifying answer has no column: ${id}`)
  }
}

/** Only what looks like a code of a list leaves: a short word that is no long number. Anything else is left blank. */
function codeOf(value: string | undefined): string | null {
  return value !== undefined && /^[A-Za-z0-9][A-Za-z0-9._+-]{0,59}$/.test(value) && !/\d{5}/.test(value) ? value : null
}

function numberOf(value: string | undefined): number | null {
  return value !== undefined && /^-?\d{1,4}(?:\.\d{1,4})?$/.test(value) ? Number(value) : null
}

function daysOf(episode: EpisodeCells, item: string): number | null {
  const value = episode.answers[item]?.values[0]
  return value === undefined ? null : offset(episode, parsePartialDate(value))
}

function offset({ diagnosedOn }: EpisodeCells, date: PartialDate | undefined): number | null {
  return diagnosedOn && isDay(date) ? dayNumber(date) - dayNumber(diagnosedOn) : null
}

function monthOf({ diagnosedOn, injuryDate }: EpisodeCells): string | null {
  const date = diagnosedOn ?? injuryDate
  return date && date.length >= 7 ? date.slice(0, 7) : null
}

function linkProbability({ fractures }: EpisodeCells): number | null {
  const all = fractures.flatMap(fracture => fracture.facts.map(fact => fact.probability))
  return all.length > 0 ? Math.min(...all) : null
}
