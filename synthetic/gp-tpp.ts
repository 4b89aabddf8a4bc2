import { csvText } from './csv.ts'
import type { Extract } from './gp-extract.ts'
import type { CodedRow, GpRow, IssueRow, PatientRow, ReferralRow } from './gp-rows.ts'
import { isoDay, localMinute, type Moment, momentOf } from './moments.ts'

type Cells = Readonly<Record<string, string | undefined>>
const words = (text: string): string[] => text.split(' ')
const months = words('Jan Feb Mar Apr May Jun Jul Aug Sep Oct Nov Dec')

const headers = {
  SRPatient: words(
    'RowIdentifier IDOrganisationVisibleTo DateEventRecorded NHSNumber SpineMatched FirstName MiddleNames Surname PreviousSurname DateBirth DateDeath Gender TestPatient RemovedData',
  ),
  SRPatientRegistration: words(
    'RowIdentifier IDOrganisationVisibleTo DateEventRecorded DateRegistration DateDeRegistration RegistrationStatus IDPatient IDOrganisation RemovedData',
  ),
  SRPatientAddressHistory: words(
    'RowIdentifier IDOrganisationVisibleTo DateEventRecorded DateEvent DateTo AddressType NameOfBuilding NumberOfBuilding NameOfRoad NameOfLocality NameOfTown FullPostCode IDPatient RemovedData',
  ),
  SRCode: words(
    'RowIdentifier IDOrganisationVisibleTo DateEventRecorded DateEvent CTV3Code CTV3Text SNOMEDCode SNOMEDText NumericComparator IsNumeric NumericValue NumericUnit EpisodeType IDEvent IDPatient IDOrganisation IDOrganisationRegisteredAt RemovedData',
  ),
  SRPrimaryCareMedication: words(
    'RowIdentifier IDOrganisationVisibleTo DateEventRecorded DateEvent IDMultiLexDMD NameOfMedication DateMedicationStart DateMedicationEnd MedicationDosage MedicationQuantity IsRepeatMedication IDRepeatTemplate IsOtherMedication IsDentalMedication IsHospitalMedication IDPatient IDOrganisation RemovedData',
  ),
  SRReferralOut: words(
    'RowIdentifier IDOrganisationVisibleTo DateEventRecorded DateEvent PrimaryDiagnosis SNOMEDPrimaryDiagnosis Reason Urgency RecipientID IDPatient IDOrganisation RemovedData',
  ),
} as const

/** The one-table-per-file download of a TPP-shaped practice (gp-extracts.md 1.3, 2.2), in Windows-1252, dates `29 Sep 2011 14:53:28`. */
export function tppFiles(extract: Extract): { name: string; bytes: Buffer }[] {
  const keep = <T extends GpRow>(kind: T['kind']): T[] => extract.rows.filter((row): row is T => row.kind === kind)
  const frame = (row: GpRow): Cells => ({
    IDOrganisationVisibleTo: extract.practice.ods,
    IDOrganisation: extract.practice.ods,
    DateEventRecorded: stamp(row.recorded),
    IDPatient: extract.patientId(row.person),
    RemovedData: '0',
  })
  const patients = keep<PatientRow>('patient')
  const file = (name: keyof typeof headers, rows: readonly Cells[]): { name: string; bytes: Buffer } => ({
    name: `${name}.csv`,
    bytes: Buffer.from(csvText(headers[name], rows, 'needed'), 'latin1'),
  })
  const removed = extract.rows
    .filter(row => row.kind === 'delete')
    .map<Cells>(row => ({ RowIdentifier: extract.rowId(row), RemovedData: '1' }))
  return [
    manifest(extract),
    file(
      'SRPatient',
      patients.map(row => patient(extract, row)),
    ),
    file(
      'SRPatientRegistration',
      patients.map(row => ({
        ...frame(row),
        RowIdentifier: `${extract.rowId(row)}7`,
        DateRegistration: day(row.registeredOn),
        DateDeRegistration: row.leftOn === undefined ? undefined : day(row.leftOn),
        RegistrationStatus: 'GMS',
      })),
    ),
    file(
      'SRPatientAddressHistory',
      patients.map(row => ({ ...frame(row), RowIdentifier: `${extract.rowId(row)}8`, ...address(extract, row) })),
    ),
    file('SRCode', [...keep<CodedRow>('coded').map(row => ({ ...frame(row), ...coded(extract, row) })), ...removed]),
    file(
      'SRPrimaryCareMedication',
      keep<IssueRow>('issue').map(row => ({ ...frame(row), ...issue(extract, row) })),
    ),
    file(
      'SRReferralOut',
      keep<ReferralRow>('referral').map(row => ({
        ...frame(row),
        RowIdentifier: extract.rowId(row),
        DateEvent: day(row.on),
        SNOMEDPrimaryDiagnosis: row.concept.snomed?.[0] ?? '-1',
        PrimaryDiagnosis: row.concept.ctv3?.[0] ?? row.concept.read2?.[0],
        Reason: 'Assessment',
        Urgency: 'Routine',
      })),
    ),
  ]
}

function manifest(extract: Extract): { name: string; bytes: Buffer } {
  const isDelta = extract.mode === 'delta'
  const rows = Object.keys(headers).map(name => ({
    FileName: name,
    IsDelta: isDelta ? 'Y' : 'N',
    IsReference: 'N',
    DateExtractFrom: isDelta ? stamp(extract.from) : undefined,
    DateExtractTo: stamp(extract.at),
  }))
  return {
    name: 'SRManifest.csv',
    bytes: Buffer.from(
      csvText(['FileName', 'IsDelta', 'IsReference', 'DateExtractFrom', 'DateExtractTo'], rows, 'needed'),
      'latin1',
    ),
  }
}

function patient(extract: Extract, row: PatientRow): Cells {
  const said = extract.say(row.person)
  const former = row.person.renamed && said.family === row.person.renamed.family ? row.person.family : undefined
  return {
    RowIdentifier: extract.rowId(row),
    IDOrganisationVisibleTo: extract.practice.ods,
    DateEventRecorded: stamp(row.recorded),
    NHSNumber: said.nhsNumber,
    SpineMatched: said.nhsNumber && said.isVerified ? 'TRUE' : 'FALSE',
    FirstName: said.given[0],
    MiddleNames: said.given.slice(1).join(' '),
    Surname: said.family,
    PreviousSurname: former,
    DateBirth: written(said.birthDate),
    DateDeath: row.deathOn === undefined ? undefined : day(row.deathOn),
    Gender: said.sex === 'male' ? 'M' : 'F',
    TestPatient: 'FALSE',
    RemovedData: '0',
  }
}

function address(extract: Extract, row: PatientRow): Cells {
  const { address: home } = extract.say(row.person)
  const line = home.lines[home.lines.length - 1] ?? ''
  const [, number, road] = /^(\d+) (.*)$/.exec(line) ?? [undefined, '', line]
  return {
    DateEvent: day(row.registeredOn),
    AddressType: 'Home',
    NameOfBuilding: home.lines.length > 1 ? home.lines[0] : undefined,
    NumberOfBuilding: number,
    NameOfRoad: road,
    NameOfTown: home.town,
    FullPostCode: home.postcode,
  }
}

function coded(extract: Extract, row: CodedRow): Cells {
  const { concept } = row
  const ctv3 = concept.ctv3 ?? concept.read2
  return {
    RowIdentifier: extract.rowId(row),
    DateEvent: coarse(row),
    CTV3Code: ctv3?.[0],
    CTV3Text: ctv3?.[1],
    SNOMEDCode: concept.snomed?.[0] ?? '-1',
    SNOMEDText: concept.snomed?.[1],
    IsNumeric: row.value === undefined ? 'FALSE' : 'TRUE',
    NumericValue: row.value ?? '0',
    NumericUnit: row.unit,
    EpisodeType:
      row.episodicity === 'first'
        ? 'First'
        : row.episodicity === 'new'
          ? 'New'
          : row.episodicity === 'review'
            ? 'Ongoing'
            : undefined,
    IDEvent: row.group ? `${extract.patientId(row.person)}${row.group.slice(1)}` : `${extract.rowId(row)}9`,
    IDOrganisationRegisteredAt: extract.practice.ods,
  }
}

function issue(extract: Extract, row: IssueRow): Cells {
  const { drug } = row
  return {
    RowIdentifier: extract.rowId(row),
    DateEvent: day(row.on),
    IDMultiLexDMD: drug.dmd[0],
    NameOfMedication: drug.dmd[1],
    DateMedicationStart: day(row.on),
    DateMedicationEnd: day(row.on + drug.days),
    MedicationDosage: drug.dosage,
    MedicationQuantity: `${drug.quantity} ${drug.unit}`,
    IsRepeatMedication: 'TRUE',
    IDRepeatTemplate: `${extract.patientId(row.person)}${row.course.slice(1)}`,
    IsOtherMedication: 'FALSE',
    IsDentalMedication: 'FALSE',
    IsHospitalMedication: 'FALSE',
  }
}

/** A year is written as its first of January; the contract has no precision column, months are not distinguished from days. */
function coarse(row: CodedRow): string {
  return row.precision === 'year'
    ? `01 Jan ${isoDay(row.on).slice(0, 4)} 00:00:00`
    : row.precision === 'month'
      ? written(`${isoDay(row.on).slice(0, 7)}-01`)
      : day(row.on)
}
function day(on: number): string {
  return written(isoDay(on))
}
function written(date: string): string {
  return `${date.slice(8)} ${months[Number(date.slice(5, 7)) - 1]} ${date.slice(0, 4)} 00:00:00`
}
function stamp(moment: Moment): string {
  const [date = '', time = ''] = localMinute(Number.isFinite(moment) ? moment : momentOf(0, 0)).split('T')
  return written(date).replace('00:00:00', `${time}:00`)
}
