import { csvText } from './csv.ts'
import { gpConcepts, gpDrugs } from './gp-concepts.ts'
import type { Extract } from './gp-extract.ts'
import type { CodedRow, GpRow, IssueRow, PatientRow, ReferralRow } from './gp-rows.ts'
import { hl7Stamp, isoDay, localMinute } from './moments.ts'
import { uuidOf } from './random.ts'

type Cells = Readonly<Record<string, string | undefined>>
const braces = (guid: string): string => `{${guid}}`
const words = (text: string): string[] => text.split(' ')

const patientHeader = words(
  'PatientGuid OrganisationGuid NhsNumber NHSNumberStatus GivenName MiddleNames Surname Sex DateOfBirth DateOfDeath HouseNameFlatNumber NumberAndStreet Village Town County Postcode ResidentialInstituteCode DateOfRegistration DateOfDeactivation PatientTypeDescription DummyType SpineSensitive IsConfidential Deleted ProcessingId',
)
const observationHeader = words(
  'ObservationGuid PatientGuid OrganisationGuid EffectiveDate EffectiveDatePrecision EnteredDate EnteredTime ParentObservationGuid CodeId ProblemGuid ConsultationGuid Value NumericUnit ObservationType DocumentGuid AssociatedText Qualifiers Abnormal Episode IsConfidential Deleted ProcessingId',
)
const issueHeader = words(
  'IssueRecordGuid PatientGuid OrganisationGuid DrugRecordGuid EffectiveDate EffectiveDatePrecision EnteredDate EnteredTime CodeId Dosage Quantity QuantityUnit CourseDurationInDays IsConfidential Deleted ProcessingId',
)
const drugRecordHeader = words(
  'DrugRecordGuid PatientGuid OrganisationGuid EffectiveDate EffectiveDatePrecision CodeId Dosage Quantity QuantityUnit PrescriptionType IsActive CancellationDate NumberOfIssues IsConfidential Deleted ProcessingId',
)
const referralHeader = words(
  'ObservationGuid PatientGuid OrganisationGuid ReferralUrgency ReferralServiceType ReferralMode ReferralUBRN ProcessingId',
)
const codeHeader = words(
  'CodeId Term ReadTermId SnomedCTConceptId SnomedCTDescriptionId EmisCodeCategoryDescription ParentCodeId ProcessingId',
)
const drugCodeHeader = words('CodeId Term DmdProductCodeId ProcessingId')

/** The multi-file bulk extract of an EMIS-shaped practice (gp-extracts.md 1.1, 2.1): every value quoted, GUIDs in braces, code tables beside. */
export function emisFiles(extract: Extract): { name: string; bytes: Buffer }[] {
  const organisation = braces(uuidOf(`organisation/${extract.practice.ods}`))
  const agreement = uuidOf('sharing agreement')
  const stamp = hl7Stamp(extract.at)
  let processing = Math.floor(extract.at / 60_000) * 100_000
  const keep = <T extends GpRow>(kind: T['kind']): T[] => extract.rows.filter((row): row is T => row.kind === kind)
  const frame = (row: GpRow): Cells => ({
    PatientGuid: braces(extract.patientId(row.person)),
    OrganisationGuid: organisation,
    Deleted: row.kind === 'delete' ? 'true' : 'false',
    IsConfidential: 'false',
    ProcessingId: String(++processing),
  })
  const observations = extract.rows.flatMap(row => observation(extract, row, frame))
  const file = (
    schema: string,
    table: string,
    header: readonly string[],
    rows: readonly Cells[],
  ): { name: string; bytes: Buffer } => ({
    name: `291_${schema}_${table}_${stamp}_${agreement}.csv`,
    bytes: Buffer.from(csvText(header, rows, 'always')),
  })
  return [
    file('Admin', 'Organisation', words('OrganisationGuid OrganisationName ODSCode'), [
      { OrganisationGuid: organisation, OrganisationName: extract.practice.name, ODSCode: extract.practice.ods },
    ]),
    file('Coding', 'ClinicalCode', codeHeader, codeRows()),
    file(
      'Coding',
      'DrugCode',
      drugCodeHeader,
      gpDrugs.map(drug => ({
        CodeId: drug.codeId,
        Term: drug.dmd[1],
        DmdProductCodeId: drug.dmd[0],
        ProcessingId: '1',
      })),
    ),
    file(
      'Admin',
      'Patient',
      patientHeader,
      keep<PatientRow>('patient').map(row => ({ ...patient(extract, row), ...frame(row) })),
    ),
    file('CareRecord', 'Observation', observationHeader, observations),
    file(
      'CareRecord',
      'ObservationReferral',
      referralHeader,
      keep<ReferralRow>('referral').map(row => ({
        ...frame(row),
        ObservationGuid: braces(extract.rowId(row)),
        ReferralUrgency: 'Routine',
        ReferralServiceType: 'Assessment',
        ReferralMode: 'Written',
      })),
    ),
    file('Prescribing', 'DrugRecord', drugRecordHeader, drugRecords(extract, keep<IssueRow>('issue'), frame)),
    file(
      'Prescribing',
      'IssueRecord',
      issueHeader,
      keep<IssueRow>('issue').map(row => ({ ...issue(extract, row), ...frame(row) })),
    ),
  ]
}

function patient(extract: Extract, row: PatientRow): Cells {
  const said = extract.say(row.person)
  const [house, street] = said.address.lines.length > 1 ? said.address.lines : [undefined, said.address.lines[0]]
  return {
    NhsNumber: said.nhsNumber,
    NHSNumberStatus: said.nhsNumber ? (said.isVerified ? '01' : '02') : '07',
    GivenName: said.given[0],
    MiddleNames: said.given.slice(1).join(' '),
    Surname: said.family,
    Sex: said.sex === 'male' ? 'M' : 'F',
    DateOfBirth: said.birthDate,
    DateOfDeath: row.deathOn === undefined ? undefined : isoDay(row.deathOn),
    HouseNameFlatNumber: house,
    NumberAndStreet: street,
    Town: said.address.town,
    Postcode: said.address.postcode,
    DateOfRegistration: isoDay(row.registeredOn),
    DateOfDeactivation: row.leftOn === undefined ? undefined : isoDay(row.leftOn),
    PatientTypeDescription: 'Regular',
    DummyType: 'false',
    SpineSensitive: 'false',
  }
}

function observation(extract: Extract, row: GpRow, frame: (row: GpRow) => Cells): Cells[] {
  if (row.kind === 'delete') return [{ ...frame(row), ObservationGuid: braces(extract.rowId(row)) }]
  if (row.kind !== 'coded' && row.kind !== 'referral') return []
  const [enteredDate, enteredTime] = localMinute(row.recorded).split('T')
  const common: Cells = {
    ...frame(row),
    ObservationGuid: braces(extract.rowId(row)),
    CodeId: row.concept.codeId,
    EnteredDate: enteredDate,
    EnteredTime: `${enteredTime}:00`,
    ...filled(row.on, row.kind === 'coded' ? row.precision : 'day'),
  }
  if (row.kind === 'referral') return [{ ...common, ObservationType: 'Referral' }]
  return [
    {
      ...common,
      ...measured(extract, row),
      ObservationType: row.value === undefined ? 'Observation' : 'Value',
      Episode:
        row.episodicity === 'first'
          ? 'First'
          : row.episodicity === 'review'
            ? 'Review'
            : row.episodicity === 'new'
              ? 'New'
              : undefined,
      Qualifiers: row.side === undefined ? undefined : row.side === 'left' ? 'Left' : 'Right',
    },
  ]
}

function measured(extract: Extract, row: CodedRow): Cells {
  return {
    Value: row.value,
    NumericUnit: row.unit,
    ParentObservationGuid: row.group
      ? braces(uuidOf(`group/${extract.patientId(row.person)}/${row.group}`))
      : undefined,
    DocumentGuid: row.fromDocument ? braces(uuidOf(`document/${extract.rowId(row)}`)) : undefined,
  }
}

/** EMIS fills a coarse date with its first day and says so beside it. */
function filled(on: number, precision: CodedRow['precision']): Cells {
  const day = isoDay(on)
  if (precision === 'day') return { EffectiveDate: day, EffectiveDatePrecision: 'YMD' }
  return precision === 'month'
    ? { EffectiveDate: `${day.slice(0, 7)}-01`, EffectiveDatePrecision: 'YM' }
    : { EffectiveDate: `${day.slice(0, 4)}-01-01`, EffectiveDatePrecision: 'Y' }
}

function issue(extract: Extract, row: IssueRow): Cells {
  const [enteredDate, enteredTime] = localMinute(row.recorded).split('T')
  return {
    IssueRecordGuid: braces(extract.rowId(row)),
    DrugRecordGuid: braces(courseGuid(extract, row)),
    EffectiveDate: isoDay(row.on),
    EffectiveDatePrecision: 'YMD',
    EnteredDate: enteredDate,
    EnteredTime: `${enteredTime}:00`,
    CodeId: row.drug.codeId,
    Dosage: row.drug.dosage,
    Quantity: row.drug.quantity,
    QuantityUnit: row.drug.unit,
    CourseDurationInDays: String(row.drug.days),
  }
}

function drugRecords(extract: Extract, rows: readonly IssueRow[], frame: (row: GpRow) => Cells): Cells[] {
  const first = new Map<string, IssueRow>()
  for (const row of rows) if (!first.has(courseGuid(extract, row))) first.set(courseGuid(extract, row), row)
  return [...first].map(([guid, row]) => ({
    ...frame(row),
    DrugRecordGuid: braces(guid),
    EffectiveDate: isoDay(row.on),
    EffectiveDatePrecision: 'YMD',
    CodeId: row.drug.codeId,
    Dosage: row.drug.dosage,
    Quantity: row.drug.quantity,
    QuantityUnit: row.drug.unit,
    PrescriptionType: 'Repeat',
    IsActive: 'true',
  }))
}

function courseGuid(extract: Extract, row: IssueRow): string {
  return uuidOf(`course/${extract.patientId(row.person)}/${row.course}`)
}

/** The Read term loses its trailing dots and the synonym follows a hyphen, as EMIS writes it. */
function codeRows(): Cells[] {
  return gpConcepts.map(concept => ({
    CodeId: concept.codeId,
    Term: (concept.snomed ?? concept.read2 ?? concept.ctv3)?.[1],
    ReadTermId: concept.read2?.[0].replace(/\.+$/, ''),
    SnomedCTConceptId: concept.snomed?.[0],
    ProcessingId: '1',
  }))
}
