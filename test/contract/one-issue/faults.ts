import type { IssueCode } from '../../../src/fls/issue.ts'
import type { Door, Edits } from './inputs.ts'

/** One fault at the doors where it can occur: how the good input is spoilt there, and the place the sender is told, in its own terms. */
export type Fault = {
  readonly what: string
  readonly code: IssueCode
  readonly at: Readonly<Partial<Record<Door, readonly [edits: Edits, where: string]>>>
}

const snomed = 'http://snomed.info/sct'
const resource = (index: number) => `Bundle.entry[${index}].resource`
const answered = (question: string) => `QuestionnaireResponse.descendants().where(linkId = '${question}')`
const answer = (index: number, name: string) => `QuestionnaireResponse.item[0].item[${index}].answer[0].${name}`

/** CSV has a header line, NDJSON has none: the same row is one further down. */
const rowOf = { patient: 2, coded: 3, issue: 4 } as const
function gp(edits: Edits, entry: keyof typeof rowOf, column = ''): Pick<Fault['at'], 'csv' | 'json'> {
  const cell = column === '' ? '' : `, ${column}`
  return { csv: [edits, `row ${rowOf[entry] + 1}${cell}`], json: [edits, `row ${rowOf[entry]}${cell}`] }
}

const nhsNumber = (value: string): Fault['at'] => ({
  hl7: [{ 'PID-3': `${value}^^^NHS^NH~D700001^^^RXX^MR` }, 'PID-3'],
  fhir: [{ 'Patient.identifier[0].value': value }, `${resource(0)}.identifier[0].value`],
  ...gp({ 'patient.nhsNumber': value }, 'patient', 'nhsNumber'),
  form: [{ '1.01': { valueString: value } }, answered('1.01')],
})
const birthDate = (hl7: string, iso: string): Fault['at'] => ({
  hl7: [{ 'PID-7': hl7 }, 'PID-7'],
  fhir: [{ 'Patient.birthDate': iso }, `${resource(0)}.birthDate`],
  ...gp({ 'patient.birthDate': iso }, 'patient', 'birthDate'),
  form: [{ '1.02': { valueDate: iso } }, answer(1, 'valueDate')],
})
const diagnosed = (hl7: string, iso: string): Fault['at'] => ({
  hl7: [{ 'DG1-5': hl7 }, 'DG1[1]-5'],
  fhir: [{ 'Condition.onsetDateTime': iso }, `${resource(1)}.onsetDateTime`],
  ...gp({ 'coded.date': iso }, 'coded', 'date'),
  form: [{ '1.09': { valueDate: iso } }, answer(2, 'valueDate')],
})
const died = (hl7: string, iso: string): Pick<Fault['at'], 'hl7' | 'fhir'> => ({
  hl7: [{ 'PID-29': hl7, 'PID-30': 'Y' }, 'PID-29'],
  fhir: [{ 'Patient.deceasedDateTime': iso }, `${resource(0)}.deceasedDateTime`],
})
const code = (value: string): Fault['at'] => ({
  hl7: [{ 'DG1-3': `${value}^Fracture^SCT` }, 'DG1[1]-3'],
  fhir: [{ 'Condition.code.coding[0]': { system: snomed, code: value } }, `${resource(1)}.code`],
  ...gp({ 'coded.code': value }, 'coded', 'code'),
})
const tScore = (value: string, number: unknown): Fault['at'] => ({
  hl7: [{ 'OBX-5': value }, 'OBX[1]-5'],
  fhir: [{ 'Observation.valueQuantity.value': number }, `${resource(2)}.valueQuantity.value`],
  ...gp({ 'coded.system': 'ctv3', 'coded.code': 'XaITU', 'coded.value': value }, 'coded', 'value'),
  form: [{ '3.04': { valueDecimal: number } }, 'QuestionnaireResponse.item[1].item[0].answer[0].valueDecimal'],
})
/** The same JSON at every door that takes JSON; `raw` is put in place of the whole body. */
const json = (
  raw: (body: string) => string,
  where: readonly [fhir: string, json: string, form: string],
): Fault['at'] => ({
  fhir: [{ raw }, where[0]],
  json: [{ raw }, where[1]],
  form: [{ raw }, where[2]],
})

/** The last level that is allowed, in the deepest of the faults below. */
const deepest = `deep${'[0]'.repeat(63)}`

export const faults: readonly Fault[] = [
  { what: 'an NHS number with a wrong check digit', code: 'nhs-number-invalid', at: nhsNumber('9990000647') },
  { what: 'an NHS number of ten nines', code: 'nhs-number-placeholder', at: nhsNumber('9999999999') },
  { what: 'an NHS number of ten zeros', code: 'nhs-number-placeholder', at: nhsNumber('0000000000') },
  { what: 'an NHS number of nine digits', code: 'nhs-number-invalid', at: nhsNumber('999000064') },
  { what: 'an NHS number with letters O for zeros', code: 'nhs-number-invalid', at: nhsNumber('99900OO646') },
  {
    what: 'two different valid NHS numbers',
    code: 'nhs-numbers-conflict',
    at: {
      hl7: [{ 'PID-3': '9990000646^^^NHS^NH~9990000018^^^NHS^NH~D700001^^^RXX^MR' }, 'PID-3'],
      fhir: [
        { 'Patient.identifier[2]': { system: 'https://fhir.nhs.uk/Id/nhs-number', value: '9990000018' } },
        `${resource(0)}.identifier[0].value`,
      ],
    },
  },
  {
    what: 'no number for the patient',
    code: 'patient-missing',
    at: {
      hl7: [{ 'PID-3': '' }, 'PID-3'],
      fhir: [{ 'Patient.identifier': undefined }, `${resource(0)}.identifier`],
    },
  },
  { what: 'a birth date in month 13', code: 'unreadable-date', at: birthDate('19411332', '1941-13-32') },
  { what: 'a birth date on 31 February', code: 'unreadable-date', at: birthDate('19410231', '1941-02-31') },
  { what: 'a birth date with a two-digit year', code: 'unreadable-date', at: birthDate('410614', '41-06-14') },
  { what: 'a birth date a thousand years ahead', code: 'unreadable-date', at: birthDate('29990101', '2999-01-01') },
  { what: 'a birth date in words', code: 'unreadable-date', at: birthDate('unknown', 'unknown') },
  {
    what: 'a birth date of 1 January 1900',
    code: 'placeholder-date',
    at: without(birthDate('19000101', '1900-01-01'), 'form'),
  },
  { what: 'a diagnosis on 31 February', code: 'unreadable-date', at: diagnosed('20260231', '2026-02-31') },
  { what: 'a diagnosis in month 13', code: 'unreadable-date', at: diagnosed('20261301', '2026-13-01') },
  { what: 'a diagnosis with a two-digit year', code: 'unreadable-date', at: diagnosed('260203', '26-02-03') },
  { what: 'a diagnosis dated in words', code: 'unreadable-date', at: diagnosed('last week', 'last week') },
  {
    what: 'a diagnosis at 25:61',
    code: 'unreadable-date',
    at: without(diagnosed('202602032561', '2026-02-03T25:61:00Z'), 'form'),
  },
  {
    what: 'a diagnosis on 1 January 1900',
    code: 'placeholder-date',
    at: without(diagnosed('19000101', '1900-01-01'), 'form'),
  },
  {
    what: 'a diagnosis before birth',
    code: 'date-before-birth',
    at: {
      hl7: [{ 'DG1-5': '19300101' }, 'DG1[1]-3'],
      fhir: [{ 'Condition.onsetDateTime': '1930-01-01' }, resource(1)],
      ...gp({ 'coded.date': '1930-01-01' }, 'coded'),
    },
  },
  {
    what: 'a diagnosis years ahead',
    code: 'date-after-receipt',
    at: {
      fhir: [{ 'Condition.onsetDateTime': '2030-01-01' }, resource(1)],
      ...gp({ 'coded.date': '2030-01-01' }, 'coded', 'date'),
    },
  },
  {
    what: 'recorded a year before it happened',
    code: 'recorded-before-event',
    at: {
      fhir: [{ 'Condition.recordedDate': '2025-02-03' }, resource(1)],
      ...gp({ 'coded.recordedAt': '2025-02-03' }, 'coded', 'recordedAt'),
    },
  },
  {
    what: 'recorded on 31 February',
    code: 'unreadable-date',
    at: {
      fhir: [{ 'Condition.recordedDate': '2026-02-31' }, `${resource(1)}.recordedDate`],
      ...gp({ 'coded.recordedAt': '2026-02-31' }, 'coded', 'recordedAt'),
    },
  },
  { what: 'a death on 31 February', code: 'unreadable-date', at: died('20260231', '2026-02-31') },
  {
    what: 'a death before birth',
    code: 'date-before-birth',
    at: {
      hl7: died('19300101', '')['hl7'] ?? [{}, ''],
      fhir: [{ 'Patient.deceasedDateTime': '1930-01-01' }, resource(0)],
    },
  },
  {
    what: 'a diagnosis after death',
    code: 'date-after-death',
    at: {
      hl7: [{ 'PID-29': '20250101', 'PID-30': 'Y' }, 'DG1[1]-3'],
      fhir: [{ 'Patient.deceasedDateTime': '2025-01-01' }, resource(1)],
    },
  },
  {
    what: 'a sex nobody knows',
    code: 'word-not-allowed',
    at: {
      hl7: [{ 'PID-8': 'lady' }, 'PID-8'],
      fhir: [{ 'Patient.gender': 'lady' }, `${resource(0)}.gender`],
      ...gp({ 'patient.sex': 'lady' }, 'patient', 'sex'),
      form: [
        { '1.03': { valueCoding: { system: 'https://fls-db.org.uk/fhir/CodeSystem/cl-sex', code: 'lady' } } },
        answer(2, 'valueCoding'),
      ],
    },
  },
  {
    what: 'a status that is not on the list',
    code: 'word-not-allowed',
    at: {
      fhir: [{ 'MedicationRequest.status': 'perhaps' }, `${resource(3)}.status`],
      ...gp({ 'issue.status': 'perhaps' }, 'issue', 'status'),
      form: [{ status: 'perhaps' }, 'QuestionnaireResponse.status'],
    },
  },
  {
    what: 'no code',
    code: 'code-missing',
    at: { fhir: [{ 'Condition.code': undefined }, `${resource(1)}.code`], ...gp({ 'coded.code': '' }, 'coded') },
  },
  { what: 'a SNOMED code with a wrong check digit', code: 'code-damaged', at: code('263102005') },
  { what: 'a SNOMED code a spreadsheet rounded', code: 'code-damaged', at: code('2.63102E+08') },
  { what: 'a SNOMED code our tables do not have', code: 'code-unknown', at: code('22298006') },
  {
    what: 'a medicine by name alone',
    code: 'drug-code-missing',
    at: {
      fhir: [
        { 'MedicationRequest.medicationCodeableConcept': { text: 'Alendronic acid 70mg tablets' } },
        `${resource(3)}.medicationCodeableConcept`,
      ],
      ...gp({ 'issue.code': '', 'issue.system': '', 'issue.term': 'Alendronic acid 70mg tablets' }, 'issue', 'term'),
    },
  },
  {
    what: 'a code system we do not know',
    code: 'code-system-unknown',
    at: gp({ 'coded.system': 'nowhere' }, 'coded', 'code'),
  },
  { what: 'an entry without the id of its row', code: 'row-id-missing', at: gp({ 'coded.rowId': '' }, 'coded') },
  { what: 'an entry without its patient', code: 'patient-id-missing', at: gp({ 'coded.patientId': '' }, 'coded') },
  {
    what: 'an entry of another practice',
    code: 'practice-disagrees',
    at: gp({ 'coded.practice': 'B86004' }, 'coded', 'practice'),
  },
  {
    what: 'an entry not dated when it was typed',
    code: 'recorded-missing',
    at: gp({ 'coded.recordedAt': '' }, 'coded', 'code'),
  },
  {
    what: 'a family name of five thousand letters',
    code: 'cell-too-long',
    at: gp({ 'patient.familyName': 'A'.repeat(5_000) }, 'patient', 'familyName'),
  },
  { what: 'a test patient', code: 'test-patient', at: gp({ 'patient.testPatient': 'yes' }, 'patient', 'testPatient') },
  {
    what: 'a supply of many days',
    code: 'value-not-numeric',
    at: gp({ 'issue.daysSupplied': 'many' }, 'issue', 'daysSupplied'),
  },
  { what: 'neither days nor quantity', code: 'supply-unknown', at: gp({ 'issue.daysSupplied': '' }, 'issue', 'code') },
  {
    what: 'a medicine issued on 31 February',
    code: 'unreadable-date',
    at: {
      fhir: [{ 'MedicationRequest.authoredOn': '2026-02-31' }, `${resource(3)}.authoredOn`],
      ...gp({ 'issue.date': '2026-02-31' }, 'issue', 'date'),
    },
  },
  { what: 'a T-score in words', code: 'value-not-numeric', at: tScore('low', 'low') },
  { what: 'a T-score of 55', code: 'value-out-of-range', at: tScore('55', 55) },
  {
    what: 'a name nobody asked for',
    code: 'element-unknown',
    at: {
      fhir: [{ 'Patient.shoeSize': '7' }, `${resource(0)}.shoeSize`],
      form: [{ shoeSize: '7' }, 'QuestionnaireResponse.shoeSize'],
    },
  },
  {
    what: 'an object where a text belongs',
    code: 'structure-invalid',
    at: {
      fhir: [{ 'Patient.birthDate': { year: 1941 } }, `${resource(0)}.birthDate`],
      json: [{ 'patient.birthDate': { year: 1941 } }, 'row 2, birthDate'],
      form: [{ '1.02': { valueDate: { year: 1941 } } }, answer(1, 'valueDate')],
    },
  },
  {
    what: 'a required element left out',
    code: 'element-required',
    at: {
      fhir: [{ 'Observation.status': undefined }, `${resource(2)}.status`],
      form: [{ status: undefined }, 'QuestionnaireResponse.status'],
    },
  },
  {
    what: 'a null where a value belongs',
    code: 'element-empty',
    at: {
      fhir: [{ 'Patient.gender': null }, `${resource(0)}.gender`],
      form: [{ authored: null }, 'QuestionnaireResponse.authored'],
    },
  },
  {
    what: 'a resource type that does not exist',
    code: 'resource-type-unknown',
    at: {
      fhir: [{ 'Patient.resourceType': 'Person2' }, resource(0)],
      form: [{ resourceType: 'Answers' }, 'Answers'],
    },
  },
  {
    what: 'JSON cut off in the middle',
    code: 'json-invalid',
    at: json(body => body.trimEnd().slice(0, -20), ['entry[3].request.url', 'row 4', 'item[0].item[2]']),
  },
  {
    what: 'a key that occurs twice',
    code: 'json-duplicate-key',
    at: json(
      body => body.replace(/"(resourceType|entry)": ?"[^"]+"/, '$&,$&'),
      ['Bundle.resourceType', 'row 1, entry', 'QuestionnaireResponse.resourceType'],
    ),
  },
  {
    what: 'the key __proto__',
    code: 'json-key-refused',
    at: json(
      body => body.replace('{', '{"__proto__":"x",'),
      ['Bundle.__proto__', 'row 1, __proto__', 'QuestionnaireResponse.__proto__'],
    ),
  },
  {
    what: 'JSON nested seventy levels deep',
    code: 'json-too-deep',
    at: json(
      body => body.replace('{', `{"deep":${'['.repeat(70)}${']'.repeat(70)},`),
      [deepest, `row 1, ${deepest}`, deepest],
    ),
  },
]

function without(at: Fault['at'], door: Door): Fault['at'] {
  return Object.fromEntries(Object.entries(at).filter(([name]) => name !== door))
}
