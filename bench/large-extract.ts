import type { OdsCode } from '../src/fls/fact.ts'
import { isConceptId } from '../src/terminology/check-digits.ts'
import { csvText } from '../synthetic/csv.ts'
import type { Delivery } from '../synthetic/delivery.ts'
import { nhsNumberOf } from '../synthetic/nhs-numbers.ts'
import { makeRandom, uuidOf } from '../synthetic/random.ts'

type GpExtract = Extract<Delivery, { door: 'extract' }>
type Cells = Readonly<Record<string, string>>

/** Four rows in a hundred are patients, sixteen issues, the rest observations: near the averages of gp-extracts.md 1.1. */
const shares = { patients: 0.04, issues: 0.16 } as const
const stamp = '20240902220000'
const agreement = 'BBBBBBBB-2222-4222-8222-222222222222'

/** Mostly codes of which the audit knows nothing, as in life; some it counts. */
const clinicalCodes: readonly (readonly [code: string, term: string])[] = [
  ...([
    ['5913000', 'Fracture of neck of femur'],
    ['269083002', "Closed Colles' fracture"],
    ['1912002', 'Fall'],
    ['64859006', 'Osteoporosis'],
  ] as const),
  ...Array.from({ length: 1_996 }, (_, index) => [unknownConcept(index), 'Something else'] as const),
]
const drugCodes: readonly (readonly [code: string, term: string])[] = [
  ['39731311000001108', 'Alendronic acid 70mg tablets'],
  ...Array.from({ length: 199 }, () => ['', 'Something else 10mg tablets'] as const),
]

/** The bulk extract of one EMIS-shaped practice with `rows` rows beside its code tables; the same in every run. */
export function largeExtract(practice: OdsCode, feed: string, rows: number): GpExtract {
  const random = makeRandom(`large extract of ${practice}`)
  const organisation = `{${uuidOf(`organisation/${practice}`)}}`
  const patients = Math.max(1, Math.round(rows * shares.patients))
  const issues = Math.round(rows * shares.issues)
  const patient = (index: number): string => `{${guid(1, index)}}`
  const frame = { OrganisationGuid: organisation, IsConfidential: 'false', Deleted: 'false' }
  const day = (): string => `20${pad(random.int(10, 23))}-${pad(random.int(1, 12))}-${pad(random.int(1, 28))}`
  const file = (table: string, lines: Iterable<Cells>): GpExtract['files'][number] => {
    const listed = [...lines]
    const bytes = Buffer.from(csvText(Object.keys(listed[0] ?? {}), listed, 'always'))
    return { name: `52_${table}_${stamp}_${agreement}.csv`, bytes }
  }
  const repeat = (count: number, line: (index: number) => Cells): Cells[] =>
    Array.from({ length: count }, (_, index) => line(index))
  const files = [
    file('Admin_Organisation', [{ OrganisationGuid: organisation, ODSCode: practice }]),
    file(
      'Coding_ClinicalCode',
      clinicalCodes.map(([SnomedCTConceptId, Term], index) => ({
        CodeId: String(index),
        Term,
        ReadTermId: '',
        SnomedCTConceptId,
      })),
    ),
    file(
      'Coding_DrugCode',
      drugCodes.map(([DmdProductCodeId, Term], index) => ({ CodeId: String(index), Term, DmdProductCodeId })),
    ),
    file(
      'Admin_Patient',
      repeat(patients, index => ({
        PatientGuid: patient(index),
        NhsNumber: nhsNumberOf(index),
        GivenName: random.pick(['Ann', 'Bea', 'Carl', 'Dev']),
        MiddleNames: '',
        Surname: `Testley${random.int(1, 9_999)}`,
        Sex: random.pick(['F', 'M']),
        DateOfBirth: `19${pad(random.int(25, 70))}-${pad(random.int(1, 12))}-${pad(random.int(1, 28))}`,
        DateOfDeath: '',
        NumberAndStreet: `${random.int(1, 200)} Test Street`,
        Town: 'Testham',
        Postcode: `ZZ${random.int(1, 99)} ${random.int(1, 9)}ZZ`,
        DateOfRegistration: day(),
        DateOfDeactivation: '',
        PatientTypeDescription: 'Regular',
        DummyType: 'false',
        ...frame,
        ProcessingId: String(index),
      })),
    ),
    file(
      'CareRecord_Observation',
      repeat(Math.max(1, rows - patients - issues), index => {
        const date = day()
        return {
          ObservationGuid: `{${guid(2, index)}}`,
          PatientGuid: patient(random.int(0, patients - 1)),
          EffectiveDate: date,
          EffectiveDatePrecision: 'YMD',
          EnteredDate: date,
          EnteredTime: '09:14:00',
          ParentObservationGuid: '',
          CodeId: String(random.chance(0.02) ? random.int(0, 3) : random.int(4, clinicalCodes.length - 1)),
          ConsultationGuid: `{${guid(4, index)}}`,
          Value: '',
          NumericUnit: '',
          ObservationType: 'Observation',
          AssociatedText: '',
          Qualifiers: '',
          Episode: '',
          DocumentGuid: '',
          ...frame,
          ProcessingId: String(index),
        }
      }),
    ),
    file(
      'Prescribing_IssueRecord',
      repeat(issues, index => {
        const date = day()
        return {
          IssueRecordGuid: `{${guid(3, index)}}`,
          PatientGuid: patient(random.int(0, patients - 1)),
          DrugRecordGuid: '',
          EffectiveDate: date,
          EffectiveDatePrecision: 'YMD',
          EnteredDate: date,
          EnteredTime: '10:05:00',
          CodeId: String(random.int(0, drugCodes.length - 1)),
          Dosage: 'One to be taken each day',
          Quantity: '28',
          QuantityUnit: 'tablet',
          CourseDurationInDays: '28',
          ...frame,
          ProcessingId: String(index),
        }
      }),
    ),
  ]
  return {
    door: 'extract',
    feed,
    practice,
    controlId: `large-${rows}`,
    type: 'emis',
    mode: 'full',
    files,
    at: '2024-09-02T21:00:00.000Z' as GpExtract['at'],
  }
}

function guid(kind: number, index: number): string {
  return `${kind.toString(16).padStart(8, '0')}-0000-4000-8000-${index.toString(16).padStart(12, '0').toUpperCase()}`
}

function pad(number: number): string {
  return String(number).padStart(2, '0')
}

/** A well-formed concept id outside every table of ours; a wrong check digit would be `code-damaged`. */
function unknownConcept(index: number): string {
  const stem = `9${String(100_000 + index)}00`
  return `${stem}${[...'0123456789'].find(digit => isConceptId(stem + digit)) ?? '0'}`
}
