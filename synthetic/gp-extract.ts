import type { Sent, TruthLine } from './delivery.ts'
import { emisFiles } from './gp-emis.ts'
import { neutralFiles } from './gp-neutral.ts'
import type { GpRow } from './gp-rows.ts'
import { tppFiles } from './gp-tpp.ts'
import type { Household, Person, Setting } from './households.ts'
import { hl7Stamp, instantAt, isoDay, londonDayOf, type Moment } from './moments.ts'
import type { Practice } from './places.ts'
import { uuidOf } from './random.ts'
import { type Stated, stated } from './stated.ts'

/** One extract of one practice: the rows typed since the last one (`delta`), or all of them (`full`). */
export type Extract = {
  readonly practice: Practice
  readonly id: string
  readonly mode: 'full' | 'delta'
  readonly at: Moment
  readonly from: Moment
  readonly rows: readonly GpRow[]
  readonly rowId: (row: GpRow) => string
  readonly patientId: (person: Person) => string
  readonly say: (person: Person) => Stated
}

export function sendExtract(
  setting: Setting,
  practice: Practice,
  mode: 'full' | 'delta',
  from: Moment,
  at: Moment,
  rows: readonly GpRow[],
  householdOf: (person: Person) => Household,
): Sent {
  const id = `${practice.ods}-${hl7Stamp(at)}`
  const patientId = (person: Person): string => patientIdOf(setting, practice, person)
  const extract: Extract = {
    practice,
    id,
    mode,
    at,
    from,
    rows,
    patientId,
    rowId: row => rowIdOf(setting, row),
    say: person => {
      const household = householdOf(person)
      return stated(setting, person, { kind: 'gp', key: practice.ods }, londonDayOf(at), id, [
        household.subject,
        ...household.relatives,
      ])
    },
  }
  const files =
    practice.shape === 'emis'
      ? emisFiles(extract)
      : practice.shape === 'tpp'
        ? tppFiles(extract)
        : neutralFiles(extract)
  return {
    delivery: {
      door: 'extract',
      feed: practice.supplier,
      practice: practice.ods,
      controlId: id,
      type: practice.shape,
      mode,
      files,
      at: instantAt(at),
    },
    truth: rows.flatMap(row => truthOf(extract, row)),
  }
}

function truthOf(extract: Extract, row: GpRow): TruthLine[] {
  const { person, practice } = row
  const who = {
    sender: practice.supplier,
    controlId: extract.id,
    path: extract.rowId(row),
    record: `${practice.ods}|gp|${extract.patientId(person)}`,
    personId: person.id,
    trueNhsNumber: person.nhsNumber,
  }
  if (row.kind === 'patient') return [{ ...who, kind: 'patient' }]
  if (row.kind !== 'coded') return []
  if (row.fracture)
    return [
      {
        ...who,
        kind: 'fracture',
        fractureId: row.fracture.id,
        injuryId: row.fracture.id.replace(/-[a-z]$/, ''),
        site: row.fracture.site.id,
        ...(row.injuryDay === undefined ? {} : { injuryDate: isoDay(row.injuryDay) }),
      },
    ]
  return row.isHistory ? [{ ...who, kind: 'fracture', isHistory: true }] : []
}

/** Row and patient ids in the manner of the supplier; unique over all practices, so that a truth line finds its row by id alone. */
function rowIdOf(setting: Setting, row: GpRow): string {
  if (row.kind === 'patient') return patientIdOf(setting, row.practice, row.person)
  const number = `${row.practice.index + 11}${String(row.person.serial).padStart(6, '0')}${String(row.ordinal).padStart(4, '0')}`
  return row.practice.shape === 'emis'
    ? uuidOf(`${setting.seed}/row/${number}`)
    : row.practice.shape === 'tpp'
      ? number
      : `r-${number}`
}

function patientIdOf(setting: Setting, practice: Practice, person: Person): string {
  const number = `${practice.index + 11}${String(person.serial).padStart(6, '0')}`
  return practice.shape === 'emis'
    ? uuidOf(`${setting.seed}/patient/${number}`)
    : practice.shape === 'tpp'
      ? number
      : `p-${number}`
}
