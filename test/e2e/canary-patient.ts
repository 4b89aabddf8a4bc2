import { flsContact } from '../../synthetic/story-bundles.ts'
import {
  diagnosis,
  extract,
  type Figure,
  gpPatient,
  hl7,
  result,
  storyNumber,
  visit,
} from '../../synthetic/story-wire.ts'

/** A patient every detail of whom is a word found nowhere else. */
export const figure: Figure = {
  nhsNumber: storyNumber(5_000),
  family: 'Zyxquolf',
  given: 'Quibblefrost',
  birth: '1931-07-23',
  sex: 'female',
  street: '7 Wobblethorpe Rise',
  postcode: 'AD9 9QZ',
  practice: 'P81001',
  number: 'K9X7731',
}
const canaries = [
  figure.family,
  figure.given,
  'Wobblethorpe',
  figure.postcode,
  figure.postcode.replace(' ', ''),
  figure.number,
  figure.nhsNumber ?? '',
  figure.birth,
  figure.birth.replaceAll('-', ''),
]
/** Details of the patient that stand in a text. */
export const found = (text: string): string[] =>
  canaries.filter(canary => text.toLowerCase().includes(canary.toLowerCase()))

const name = `${figure.family}^${figure.given}`
const msh = (controlId: string, type = 'ADT^A04') =>
  `MSH|^~\\&|PAS|RXX01|FLS|FLS|20250303100000||${type}|${controlId}|P|2.4`
const pid = `PID|1||${figure.nhsNumber}^^^NHS^NH~${figure.number}^^^RXX^MR||${name}||19310723|F|||7 Wobblethorpe Rise^^Norwold^^${figure.postcode}`

/** Messages with the patient in places where a careless error or log line would quote them. */
export const brokenMessages: readonly (readonly [what: string, text: string])[] = [
  ['an unreadable birth date', `${msh('K1')}\r${pid.replace('19310723', `born ${figure.birth} ${figure.family}`)}\r`],
  ['a sex that is a name', `${msh('K2')}\r${pid.replace('|F|', `|${figure.family}|`)}\r`],
  ['a number that fails its check', `${msh('K3')}\r${pid.replace(/\d(\^\^\^NHS)/, 'X$1')}\r`],
  ['a segment named after the patient', `${msh('K4')}\r${pid}\r${figure.family}|${figure.number}\r`],
  ['no segment end at all', `${msh('K5')}${pid}`],
  ['the patient before the header', `${pid}\r${msh('K6')}\r`],
  ['no header', `${pid}\r`],
  ['text only', `${figure.given} ${figure.family} of Wobblethorpe`],
  ['a sender nobody enrolled', `${msh('K7').replace('PAS|RXX01', `${figure.family}|${figure.number}`)}\r${pid}\r`],
  [
    'a code that is a name',
    `${msh('K8')}\r${pid}\rPV1|1|E|ED||||||||||||||||K8E\rDG1|1||${figure.family}^${figure.given}^I10|${figure.family}||F\r`,
  ],
  [
    'a visit time that is a name',
    `${msh('K9')}\r${pid}\rPV1|1|E|ED||||||||||||||||${figure.number}|||||||||||||||||||||||||${figure.family}\r`,
  ],
  [
    'a result that is a name',
    `${msh('K10', 'ORU^R01').replace('PAS', 'RIS')}\r${pid}\rOBR|1||K10|38269-7^DXA^LN|||20250303\rOBX|1|NM|38264-8^T-score^LN||${figure.family}|{Tscore}|||||F\r`,
  ],
  ['a character set nobody knows', `${msh('K11')}||||||${figure.family}\r${pid}\r`],
  ['a merge with itself', `${msh('K12', 'ADT^A40')}\r${pid}\rMRG|${figure.number}^^^RXX^MR\r`],
  ['a version that is a name', `${msh('K13').replace('2.4', figure.family)}\r${pid}\r`],
]

const patient = {
  resourceType: 'Patient',
  identifier: [
    { system: 'https://fhir.nhs.uk/Id/nhs-number', value: figure.nhsNumber },
    {
      type: { coding: [{ system: 'http://terminology.hl7.org/CodeSystem/v2-0203', code: 'MR' }] },
      system: 'urn:x',
      value: figure.number,
    },
  ],
  name: [{ family: figure.family, given: [figure.given] }],
  birthDate: figure.birth,
}
const json = { 'content-type': 'application/fhir+json' }
const who = `${figure.family}%20${figure.given}`

/** Requests that must fail, each with the patient in the part that is at fault. */
export const brokenRequests: readonly (readonly [
  string,
  string | undefined,
  string,
  string,
  unknown?,
  Record<string, string>?,
])[] = [
  ['JSON cut off', 'hospital-rxx', 'POST', '/fhir/Patient', JSON.stringify(patient).slice(0, -9), json],
  [
    'JSON with a name for a key, twice',
    'hospital-rxx',
    'POST',
    '/fhir/Patient',
    `{"resourceType":"Patient","${figure.given} ${figure.family}":1,"${figure.given} ${figure.family}":2}`,
    json,
  ],
  [
    'an element nobody knows',
    'hospital-rxx',
    'POST',
    '/fhir/Patient',
    { ...patient, [`${figure.given} ${figure.family}`]: figure.number },
  ],
  ['a gender that is a name', 'hospital-rxx', 'POST', '/fhir/Patient', { ...patient, gender: figure.family }],
  [
    'a date that is none',
    'hospital-rxx',
    'POST',
    '/fhir/Patient',
    { ...patient, birthDate: `${figure.birth} ${figure.family}` },
  ],
  [
    'a type that is a name',
    'hospital-rxx',
    'POST',
    `/fhir/${figure.family}`,
    { ...patient, resourceType: figure.family },
  ],
  [
    'a Bundle whose entry is broken',
    'hospital-rxx',
    'POST',
    '/fhir',
    {
      resourceType: 'Bundle',
      type: 'transaction',
      entry: [
        {
          fullUrl: `urn:uuid:${figure.family}`,
          resource: { ...patient, deceasedDateTime: figure.family },
          request: { method: 'POST', url: 'Patient' },
        },
      ],
    },
  ],
  [
    'a reference that leads nowhere',
    'hospital-rxx',
    'POST',
    '/fhir',
    {
      resourceType: 'Bundle',
      type: 'transaction',
      entry: [
        {
          resource: { resourceType: 'Condition', subject: { reference: `Patient?identifier=${figure.nhsNumber}` } },
          request: { method: 'POST', url: 'Condition', ifNoneExist: `identifier=${figure.number}` },
        },
      ],
    },
  ],
  [
    'an If-None-Exist that cannot be read',
    'hospital-rxx',
    'POST',
    '/fhir/Patient',
    patient,
    { ...json, 'if-none-exist': `${figure.family}=${figure.number}` },
  ],
  [
    'a search for a name',
    'hospital-rxx',
    'GET',
    `/fhir/Patient?${who}=${who}`,
    undefined,
    { prefer: 'handling=strict' },
  ],
  ['an id that is a number', 'hospital-rxx', 'GET', `/fhir/Patient/${figure.nhsNumber}`],
  ['an address nobody serves', 'hospital-rxx', 'GET', `/api/${who}/${figure.nhsNumber}`],
  ['a stranger who asks by number', undefined, 'GET', `/fhir/Patient?identifier=${figure.nhsNumber}`],
  ['a wrong role that asks by number', 'analyst', 'GET', `/fhir/Patient?identifier=${figure.nhsNumber}`],
  [
    'a token that is a name',
    undefined,
    'GET',
    '/api/links',
    undefined,
    { authorization: `Bearer ${figure.family}.${figure.given}.${figure.number}` },
  ],
  ['a link by number', 'linkage-reviewer', 'GET', `/api/links/${figure.nhsNumber}`],
  [
    'a decision that is a name',
    'linkage-reviewer',
    'POST',
    '/api/links/x/decision',
    { decision: figure.family, [figure.given]: 1 },
  ],
  ['a filter that is a name', 'engineer-rxx', 'GET', `/api/messages?from=${who}`],
  ['an issue code that is a name', 'engineer-rxx', 'GET', `/api/messages?issue=${figure.family}`],
  ['a parameter that is a name', 'analyst', 'GET', `/api/episodes?${figure.family}=${figure.number}`],
  ['a day that is a name', 'analyst', 'GET', `/api/episodes?from=${figure.birth}x${figure.family}`],
  ['a practice that is a name', 'ig-lead', 'PUT', `/api/practices/${figure.family}`, { optedIn: figure.family }],
  [
    'a practice of somebody else',
    'gp-supplier-gp-emis',
    'POST',
    `/api/extracts?practice=${figure.family}&extractId=x&mode=full`,
    'x',
  ],
  [
    'an extract nobody recognises',
    'gp-supplier-gp-emis',
    'POST',
    '/api/extracts?practice=P81001&extractId=k1&mode=full',
    `${figure.family},${figure.number}\n${figure.given},${figure.nhsNumber}\n`,
    { 'content-type': 'text/csv' },
  ],
  [
    'an extract whose mode is a name',
    'gp-supplier-gp-emis',
    'POST',
    `/api/extracts?practice=P81001&extractId=k2&mode=${figure.family}`,
    'x',
    { 'content-type': 'text/csv' },
  ],
  [
    'a zip that is none',
    'gp-supplier-gp-emis',
    'POST',
    '/api/extracts?practice=P81001&extractId=k3&mode=full',
    `PK\u0003\u0004${figure.family}`,
    { 'content-type': 'application/zip' },
  ],
]

/** Rows of an extract that are kept or rejected one by one. */
export const brokenRows = () =>
  extract('P81001', 'canary', 'delta', '2025-08-01T03:00:00.000Z', [
    ...gpPatient(figure, 'k-1'),
    {
      entry: 'coded',
      rowId: 'k-2',
      patientId: 'k-1',
      system: 'snomed',
      code: figure.family,
      term: figure.given,
      date: figure.family,
    },
    {
      entry: 'coded',
      rowId: 'k-3',
      patientId: figure.number,
      system: figure.family,
      code: '66308002',
      term: 'Fracture of humerus',
      date: '2025-03-03',
    },
    { entry: figure.family, rowId: figure.number, patientId: 'k-1', date: figure.birth },
    {
      entry: 'patient',
      rowId: 'k-4',
      patientId: 'k-4',
      nhsNumber: `${figure.nhsNumber}9`,
      birthDate: `${figure.birth}?`,
      sex: figure.family,
    },
  ])

/** Well-formed statements of hospital, radiology and FLS. */
export const wholeDeliveries = () => [
  hl7(figure, {
    event: ['ADT', 'A04'],
    controlId: 'K-ED',
    at: '2025-03-03T10:20:00Z',
    segments: [visit('E', 'KE1', '2025-03-03T10:05:00Z'), diagnosis(1, 'S52.5', 'Fracture of lower end of radius')],
  }),
  hl7(figure, {
    system: 'RIS',
    event: ['ORU', 'R01'],
    controlId: 'K-DX',
    at: '2025-04-16T12:00:00Z',
    segments: result('KDX', ['38269-7', 'DXA report', 'LN'], '2025-04-15T09:00:00Z', [
      ['TX', ['REPORT', 'Report'], `${figure.given} ${figure.family}, seen today. Fracture.`],
    ]),
  }),
  flsContact(figure, {
    id: 'canary-fls',
    at: '2025-04-08T15:00:00+01:00',
    fracture: { code: '263199001', display: 'Fracture of distal end of radius', onset: '2025-03-03', side: 'left' },
    contactOn: '2025-03-12',
    assessedAt: '2025-04-08T09:30:00+01:00',
    heightCm: 161,
    weightKg: 58.5,
    requestsDxa: true,
    advice: { code: '39731311000001108', display: 'Alendronic acid 70mg tablets' },
  }),
]
