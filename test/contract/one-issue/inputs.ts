/**
 * One good input for each door and a way to spoil it: the places to change in the sender's own terms, `undefined` leaves the place out. What
 * comes out are bytes as a sender would send them. All of them are about the same synthetic patient and wrist.
 */
export type Edits = Readonly<Record<string, unknown>>
export type Input = { readonly name: string; readonly bytes: Buffer }
export const doors = ['hl7', 'fhir', 'csv', 'json', 'form'] as const
export type Door = (typeof doors)[number]

export function inputOf(door: Door, { raw, ...edits }: Edits): Input {
  const { name, text } = builders[door](edits)
  return { name, bytes: Buffer.from(typeof raw === 'function' ? String(raw(text)) : text) }
}

const builders: Readonly<Record<Door, (edits: Edits) => { readonly name: string; readonly text: string }>> = {
  hl7: edits => ({ name: 'message.hl7', text: hl7(edits) }),
  fhir: edits => ({ name: 'bundle.json', text: JSON.stringify(bundle(edits), null, 1) }),
  csv: edits => ({ name: 'extract.csv', text: csv(rows(edits)) }),
  json: edits => ({ name: 'extract.ndjson', text: ndjson(rows(edits)) }),
  form: edits => ({ name: 'response.json', text: JSON.stringify(response(edits), null, 1) }),
}

/** Fields by number; `PID-7` and the like name them in edits, `PID` a whole segment. */
const segments: Readonly<Record<string, Readonly<Record<number, string>>>> = {
  EVN: { 2: '20260203110400' },
  PID: {
    1: '1',
    3: '9990000646^^^NHS^NH~D700001^^^RXX^MR',
    5: 'THORNBY^EILEEN^MAY^^MRS',
    7: '19410614',
    8: 'F',
    11: '12 BECK SIDE^^NORWOLD^^AD1 3CD^GBR^H',
  },
  PV1: { 1: '1', 2: 'E', 3: 'ED', 44: '20260203105500' },
  DG1: { 1: '1', 3: 'S52.5^Fracture of lower end of radius^I10', 5: '20260203', 6: 'W' },
}
const header: Readonly<Record<number, string>> = {
  2: '^~\\&',
  3: 'PAS',
  4: 'RXX01',
  5: 'FLSDB',
  6: 'NOGW',
  7: '20260203110500',
  10: 'D0001',
  11: 'P',
  12: '2.4',
}
const orders: Readonly<Record<string, Readonly<Record<number, string>>>> = {
  ORC: { 1: 'NW', 2: 'OR70001', 9: '20260325' },
  RXE: {
    1: '^^^20260325',
    2: '39720811000001105^Zoledronic acid 5mg/100ml infusion bottles^DMD',
    3: '1',
    5: 'bottle',
    10: '1',
  },
}
const reports: Readonly<Record<string, Readonly<Record<number, string>>>> = {
  OBR: {
    1: '1',
    2: 'DX70001',
    3: 'DX70001',
    4: '38269-7^DXA report^LN',
    7: '20260203101500',
    22: '20260203155500',
    25: 'F',
  },
  OBX: { 1: '1', 2: 'NM', 3: '38264-8^T-score hip^LN', 5: '-2.8', 6: '{Tscore}', 11: 'F' },
}

function hl7(edits: Edits): string {
  const isAbout = (name: RegExp) => Object.keys(edits).some(place => name.test(place))
  const { PID, ...visit } = segments
  const report = { type: 'ORU^R01', body: { PID, ...reports } }
  const order = { type: 'RDE^O11', body: { PID, ...orders } }
  const admission = { type: 'ADT^A04', body: { EVN: visit['EVN'], PID, PV1: visit['PV1'], DG1: visit['DG1'] } }
  const { type, body } = isAbout(/^OB[RX]/) ? report : isAbout(/^RXE/) ? order : admission
  const start = { ...header, 9: type }
  const lines = Object.entries({ MSH: start, ...body }).flatMap(([name, fields]) =>
    name in edits ? (edits[name] === undefined ? [] : [String(edits[name])]) : [line(name, fields ?? {}, edits)],
  )
  return `${lines.join('\r')}\r`
}

function line(name: string, fields: Readonly<Record<number, string>>, edits: Edits): string {
  const cells: string[] = [name]
  const first = name === 'MSH' ? 1 : 0
  const set = (field: number, value: unknown) => {
    cells[field - first] = value === undefined ? '' : String(value)
  }
  for (const [field, value] of Object.entries(fields)) set(Number(field), value)
  for (const [place, value] of Object.entries(edits)) {
    const field = new RegExp(`^${name}-(\\d+)$`).exec(place)?.[1]
    if (field !== undefined) set(Number(field), value)
  }
  return Array.from(cells, cell => cell ?? '').join('|')
}

type Json = Record<string, unknown>
const snomed = 'http://snomed.info/sct'
const resources = (): Json[] => [
  {
    resourceType: 'Patient',
    identifier: [
      { system: 'https://fhir.nhs.uk/Id/nhs-number', value: '9990000646' },
      { system: 'https://rxx.nhs.uk/Id/mrn', value: 'D700001' },
    ],
    name: [{ family: 'Thornby', given: ['Eileen', 'May'] }],
    gender: 'female',
    birthDate: '1941-06-14',
  },
  {
    resourceType: 'Condition',
    subject: { reference: 'urn:uuid:10000000-0000-4000-8000-000000000000' },
    code: { coding: [{ system: snomed, code: '263102004' }] },
    onsetDateTime: '2026-02-03',
    recordedDate: '2026-02-03',
  },
  {
    resourceType: 'Observation',
    status: 'final',
    subject: { reference: 'urn:uuid:10000000-0000-4000-8000-000000000000' },
    code: { coding: [{ system: 'http://loinc.org', code: '38264-8' }] },
    effectiveDateTime: '2026-02-03',
    valueQuantity: { value: -2.8, unit: '{Tscore}', system: 'http://unitsofmeasure.org', code: '{Tscore}' },
  },
  {
    resourceType: 'MedicationRequest',
    status: 'active',
    intent: 'order',
    subject: { reference: 'urn:uuid:10000000-0000-4000-8000-000000000000' },
    medicationCodeableConcept: { coding: [{ system: 'https://dmd.nhs.uk', code: '39731311000001108' }] },
    authoredOn: '2026-02-03',
  },
]

/** Edits name the element below its resource: `Patient.birthDate`, `Condition.code.coding[0].code`. */
function bundle(edits: Edits): Json {
  const all = resources()
  for (const [place, value] of Object.entries(edits)) {
    const [type = '', ...rest] = place.split('.')
    const one = all.find(resource => resource['resourceType'] === type)
    if (!one) throw new Error(`no ${type} to spoil`)
    put(one, rest.join('.').match(/[^.[\]]+/g) ?? [], value)
  }
  return {
    resourceType: 'Bundle',
    type: 'transaction',
    entry: all.map((resource, index) => ({
      fullUrl: `urn:uuid:1000000${index}-0000-4000-8000-000000000000`,
      resource,
      request: { method: 'POST', url: resource['resourceType'] },
    })),
  }
}

function put(holder: Json, steps: readonly string[], value: unknown): void {
  const [step = '', ...rest] = steps
  if (rest.length === 0) {
    if (value === undefined) delete holder[step]
    else holder[step] = value
    return
  }
  holder[step] ??= {}
  put(holder[step] as Json, rest, value)
}

/** Rows of the neutral extract, one of each kind; edits name the kind and the column: `patient.birthDate`. */
const neutral: readonly (readonly [string, Readonly<Record<string, string>>])[] = [
  ['manifest', { practice: 'B86003', extractId: '2026-02-04', mode: 'delta', to: '2026-02-04T22:00:00Z' }],
  [
    'patient',
    {
      rowId: 'p-1',
      patientId: 'P1',
      nhsNumber: '9990000646',
      familyName: 'Thornby',
      givenNames: 'Eileen May',
      birthDate: '1941-06-14',
      sex: 'female',
      postcode: 'AD1 3CD',
    },
  ],
  [
    'coded',
    {
      rowId: 'o-1',
      patientId: 'P1',
      system: 'snomed',
      code: '263102004',
      date: '2026-02-03',
      recordedAt: '2026-02-03',
    },
  ],
  [
    'issue',
    {
      rowId: 'i-1',
      patientId: 'P1',
      system: 'dmd',
      code: '39731311000001108',
      date: '2026-02-03',
      recordedAt: '2026-02-03',
      status: 'issued',
      daysSupplied: '28',
    },
  ],
]
type Row = Readonly<Record<string, string>>

function rows(edits: Edits): Row[] {
  return neutral.flatMap(([entry, cells]) => {
    const row: Json = { entry, ...cells }
    for (const [place, value] of Object.entries(edits)) {
      const [kind, column = ''] = place.split('.')
      if (kind === entry) put(row, [column], value)
    }
    return entry in edits && edits[entry] === undefined ? [] : [row as Row]
  })
}

function csv(all: readonly Row[]): string {
  const columns = [...new Set(all.flatMap(row => Object.keys(row)))]
  const cell = (text = '') => (/[",\n]/.test(text) ? `"${text.replaceAll('"', '""')}"` : text)
  return [columns, ...all.map(row => columns.map(column => cell(row[column])))]
    .map(one => `${one.join(',')}\n`)
    .join('')
}

function ndjson(all: readonly Row[]): string {
  return all.map(row => `${JSON.stringify(row)}\n`).join('')
}

const answers: Readonly<Record<string, unknown>> = {
  '1.01': { valueString: '9990000646' },
  '1.02': { valueDate: '1941-06-14' },
  '1.09': { valueDate: '2026-02-03' },
}

/** An entry under way: only what is said is checked. Edits name the question: `1.02`; `undefined` leaves it out; other words are elements of the response. */
function response(edits: Edits): Json {
  const given: Json = { ...answers }
  const own: Json = {
    resourceType: 'QuestionnaireResponse',
    questionnaire: 'https://fls-db.org.uk/fhir/Questionnaire/patient-audit|3.0.0',
    status: 'in-progress',
  }
  for (const [place, value] of Object.entries(edits)) put(/^\d/.test(place) ? given : own, [place], value)
  const groups = Map.groupBy(Object.keys(given).sort(), linkId => linkId.split('.')[0] ?? '')
  return {
    ...own,
    item: [...groups].map(([linkId, own]) => ({
      linkId,
      item: own.map(id => ({ linkId: id, answer: [given[id]].flat() })),
    })),
  }
}
