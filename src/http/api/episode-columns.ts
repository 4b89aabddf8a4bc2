import { dayNumber, isDay, type PartialDate, parsePartialDate } from '../../fls/dates.ts'
import type { Episode } from '../../fls/episode.ts'

export type Cell = string | number | boolean | null
export type ColumnType = 'text' | 'integer' | 'decimal' | 'boolean'
export type EpisodeColumn = {
  readonly name: string
  readonly type: ColumnType
  /** What the value is, its unit, what blank means. */
  readonly meaning: string
  readonly read: (episode: Episode, names: Pseudonyms) => Cell
}
/** The release's own names for our ids. */
export type Pseudonyms = { readonly episode: string; readonly person: string }

/** How an answer may leave: codes as listed in the data dictionary, numbers, or whole days from 1.09. Free text and dates never do. */
type AnswerColumn = {
  readonly item: string
  readonly as: 'code' | 'codes' | 'decimal' | 'days'
  readonly meaning: string
}

const answers: readonly AnswerColumn[] = [
  { item: '1.03', as: 'code', meaning: 'Sex' },
  { item: '1.05', as: 'code', meaning: 'Lives in a care home' },
  { item: '1.06', as: 'days', meaning: 'First contact by the FLS' },
  { item: '1.07', as: 'days', meaning: 'Assessed by the FLS' },
  { item: '1.08', as: 'code', meaning: 'Admitted overnight' },
  { item: '1.10', as: 'code', meaning: 'Type of fracture' },
  { item: '1.11', as: 'code', meaning: 'Site of the first fracture' },
  { item: '1.12', as: 'code', meaning: 'Site of the second fracture' },
  { item: '1.13', as: 'code', meaning: 'Site of the third fracture' },
  { item: '2.01', as: 'decimal', meaning: 'Height, cm' },
  { item: '2.02', as: 'decimal', meaning: 'Weight, kg' },
  { item: '2.03', as: 'code', meaning: 'Earlier fragility fracture since age 50' },
  { item: '2.04', as: 'code', meaning: 'Parent with a hip fracture' },
  { item: '2.05', as: 'code', meaning: 'Current smoker' },
  { item: '2.06', as: 'code', meaning: 'Bone therapy at the time of fracture' },
  { item: '3.01', as: 'code', meaning: 'DXA ordered or done' },
  { item: '3.02', as: 'code', meaning: 'Why no DXA' },
  { item: '3.03', as: 'days', meaning: 'DXA' },
  { item: '3.04', as: 'decimal', meaning: 'Lowest T-score of hip and spine, SD' },
  { item: '3.05', as: 'code', meaning: 'Category of fracture risk' },
  { item: '4.01', as: 'codes', meaning: 'Bone therapy recommended' },
  { item: '4.02', as: 'code', meaning: 'Calcium and vitamin D recommended' },
  { item: '5.01', as: 'code', meaning: 'Falls risk assessed' },
  { item: '5.02', as: 'code', meaning: 'Two or more falls in twelve months' },
  { item: '5.03', as: 'code', meaning: 'Fear of falling' },
  { item: '5.04', as: 'code', meaning: 'Medicines that raise the risk of falls' },
  { item: '5.05', as: 'code', meaning: 'Mobility before the fracture' },
  { item: '5.06', as: 'code', meaning: 'Problem with vision' },
  { item: '5.07', as: 'code', meaning: 'Problem with toileting' },
  { item: '5.08', as: 'code', meaning: 'Abnormal cardiac assessment' },
  { item: '5.09', as: 'code', meaning: 'Cognitive impairment' },
  { item: '5.10', as: 'codes', meaning: 'Falls referrals' },
  { item: '6.01', as: 'code', meaning: 'Followed up at 12 to 16 weeks' },
  { item: '6.02', as: 'days', meaning: 'Follow-up at 12 to 16 weeks' },
  { item: '6.03', as: 'code', meaning: 'Who followed up at 12 to 16 weeks' },
  { item: '6.04', as: 'code', meaning: 'Calcium and vitamin D started by week 16' },
  { item: '6.05', as: 'codes', meaning: 'Bone therapy at 12 to 16 weeks' },
  { item: '6.06', as: 'code', meaning: 'Strength and balance training started by week 16' },
  { item: '7.01', as: 'code', meaning: 'Followed up at 48 to 56 weeks' },
  { item: '7.02', as: 'days', meaning: 'Follow-up at 48 to 56 weeks' },
  { item: '7.03', as: 'code', meaning: 'Who followed up at 48 to 56 weeks' },
  { item: '7.04', as: 'code', meaning: 'Still taking calcium and vitamin D' },
  { item: '7.05', as: 'codes', meaning: 'Bone therapy at 48 to 56 weeks' },
  { item: '7.06', as: 'code', meaning: 'Fractures since the index fracture' },
  { item: '7.07', as: 'codes', meaning: 'First fracture since' },
  { item: '7.08', as: 'codes', meaning: 'Second fracture since' },
  { item: '7.09', as: 'codes', meaning: 'Third fracture since' },
]

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
  {
    name: 'death_days',
    type: 'integer',
    meaning: 'Death, days from 1.09; blank when not known',
    read: episode => daysOf(episode, 'deathDate'),
  },
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

function answerColumn({ item, as, meaning }: AnswerColumn): EpisodeColumn {
  const name = `q${item.replace('.', '_')}`
  const of = (episode: Episode) => episode.answers[item]?.values ?? []
  switch (as) {
    case 'days':
      return {
        name: `${name}_days`,
        type: 'integer',
        meaning: `${item} ${meaning}, days from 1.09; blank when not known to the day`,
        read: episode => daysOf(episode, item),
      }
    case 'decimal':
      return {
        name,
        type: 'decimal',
        meaning: `${item} ${meaning}; blank when not answered`,
        read: episode => numberOf(of(episode)[0]),
      }
    case 'codes':
      return {
        name,
        type: 'text',
        meaning: `${item} ${meaning}, codes joined with ;; blank when not answered`,
        read: episode =>
          of(episode)
            .flatMap(value => codeOf(value) ?? [])
            .join(';') || null,
      }
    case 'code':
      return {
        name,
        type: 'text',
        meaning: `${item} ${meaning}, code; blank when not answered`,
        read: episode => codeOf(of(episode)[0]),
      }
  }
}

/** Only what looks like a code of a list leaves: a short word that is no long number. Anything else is left blank. */
function codeOf(value: string | undefined): string | null {
  return value !== undefined && /^[A-Za-z0-9][A-Za-z0-9._+-]{0,59}$/.test(value) && !/\d{5}/.test(value) ? value : null
}

function numberOf(value: string | undefined): number | null {
  return value !== undefined && /^-?\d{1,4}(?:\.\d{1,4})?$/.test(value) ? Number(value) : null
}

function daysOf(episode: Episode, item: string): number | null {
  const value = episode.answers[item]?.values[0]
  return value === undefined ? null : offset(episode, parsePartialDate(value))
}

function offset({ diagnosedOn }: Episode, date: PartialDate | undefined): number | null {
  return diagnosedOn && isDay(date) ? dayNumber(date) - dayNumber(diagnosedOn) : null
}

function monthOf({ diagnosedOn, injuryDate }: Episode): string | null {
  const date = diagnosedOn ?? injuryDate
  return date && date.length >= 7 ? date.slice(0, 7) : null
}

function linkProbability({ fractures }: Episode): number | null {
  const all = fractures.flatMap(fracture => fracture.facts.map(fact => fact.probability))
  return all.length > 0 ? Math.min(...all) : null
}
