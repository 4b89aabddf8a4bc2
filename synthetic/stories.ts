import type { Delivery } from './delivery.ts'
import { flsContact } from './story-bundles.ts'
import { diagnosis, extract, type Figure, gpPatient, hl7, result, storyNumber, visit } from './story-wire.ts'

/**
 * The stories of the manual as deliveries with fixed dates, all before November 2026. Each story has its own people and practices' rows, so
 * that all may be sent into one database. Steps are named; a step is sent whole before the next is looked at.
 */
type Steps<Name extends string> = Readonly<Record<Name, readonly Delivery[]>>

const alendronate = { code: '39731311000001108', display: 'Alendronic acid 70mg tablets' }

export const ada: Figure = {
  nhsNumber: storyNumber(1),
  family: 'Hartley',
  given: 'Ada',
  birth: '1948-05-02',
  sex: 'female',
  street: '14 Mill Road',
  postcode: 'AD3 2BL',
  practice: 'P81001',
  number: 'S700001',
}

/** 1. Wrist, seen by everybody: hospital first, the GP six weeks late with a month, alendronate, death. */
export function wristJourney(): Steps<'emergency' | 'radiology' | 'fls' | 'dxa' | 'gp'> {
  const patient = 'story-1'
  const issues = ['2025-04-22', '2025-05-20', '2025-06-17', '2025-07-15'].map((date, index) => ({
    entry: 'issue',
    rowId: `story-1-i${index}`,
    patientId: patient,
    system: 'dmd',
    code: alendronate.code,
    term: alendronate.display,
    date,
    recordedAt: `${date}T10:05`,
    status: 'issued',
    daysSupplied: '28',
    quantity: '4',
    quantityUnit: 'tablet',
    courseId: 'c-1',
    courseType: 'repeat',
  }))
  return {
    emergency: [
      hl7(ada, {
        event: ['ADT', 'A04'],
        controlId: 'S1-ED1',
        at: '2025-03-03T10:20:00Z',
        happened: '2025-03-03T10:05:00Z',
        segments: [
          visit('E', 'S1E1', '2025-03-03T10:05:00Z'),
          diagnosis(1, 'S52.5', 'Left fracture of lower end of radius', 'W'),
        ],
      }),
      hl7(ada, {
        event: ['ADT', 'A03'],
        controlId: 'S1-ED2',
        at: '2025-03-03T14:00:00Z',
        happened: '2025-03-03T13:40:00Z',
        segments: [
          visit('E', 'S1E1', '2025-03-03T10:05:00Z', '2025-03-03T13:40:00Z'),
          diagnosis(1, 'S52.5', 'Left fracture of lower end of radius'),
        ],
      }),
    ],
    radiology: [
      hl7(ada, {
        system: 'RIS',
        event: ['ORU', 'R01'],
        controlId: 'S1-XR1',
        at: '2025-03-03T16:00:00Z',
        segments: result('S1XR', ['XWRIL', 'XR Wrist Left', 'NICIP'], '2025-03-03T11:00:00Z', [
          ['TX', ['REPORT', 'Report'], 'Impacted fracture of the left distal radius. No other bony injury.'],
        ]),
      }),
    ],
    fls: [
      flsContact(ada, {
        id: 'story-1-fls',
        at: '2025-04-08T15:00:00+01:00',
        fracture: { code: '263199001', display: 'Fracture of distal end of radius', onset: '2025-03-03', side: 'left' },
        contactOn: '2025-03-12',
        assessedAt: '2025-04-08T09:30:00+01:00',
        heightCm: 161,
        weightKg: 58.5,
        requestsDxa: true,
        advice: alendronate,
      }),
    ],
    dxa: [
      hl7(ada, {
        system: 'RIS',
        event: ['ORU', 'R01'],
        controlId: 'S1-DXA1',
        at: '2025-04-16T12:00:00Z',
        segments: result('S1DX', ['38269-7', 'DXA report', 'LN'], '2025-04-15T09:00:00Z', [
          ['NM', ['38264-8', 'T-score hip', 'LN'], '-2.7', '{Tscore}'],
          ['NM', ['38267-1', 'T-score lumbar spine', 'LN'], '-2.1', '{Tscore}'],
          ['NM', ['38265-5', 'T-score radius and ulna', 'LN'], '-3.4', '{Tscore}'],
        ]),
      }),
    ],
    gp: [
      extract('P81001', 'story-1-a', 'delta', '2026-01-10T03:00:00.000Z', [
        ...gpPatient(ada, patient),
        {
          entry: 'coded',
          rowId: 'story-1-o1',
          patientId: patient,
          system: 'snomed',
          code: '269083002',
          term: "Closed Colles' fracture",
          date: '2025-03',
          recordedAt: '2025-04-14T11:02',
          episodicity: 'first',
          status: 'active',
        },
        ...issues,
        { entry: 'death', rowId: 'story-1-d', patientId: patient, date: '2025-12-20', recordedAt: '2026-01-05T09:00' },
      ]),
    ],
  }
}

export const closedPracticeOds = 'P81004'
const enid: Figure = {
  nhsNumber: storyNumber(51),
  family: 'Thwaites',
  given: 'Enid',
  birth: '1942-12-01',
  sex: 'female',
  street: '5 Low Garth',
  postcode: 'AH2 1DG',
  practice: closedPracticeOds,
  number: 'S700051',
}

/** 5. A practice that has not opted in: the hospital's side never depends on it; the extract is refused, or linked once it joins. */
export function closedPractice(): Steps<'hospital' | 'gp'> {
  return {
    hospital: [
      hl7(enid, {
        event: ['ADT', 'A04'],
        controlId: 'S5-ED1',
        at: '2025-05-06T09:00:00Z',
        segments: [
          visit('E', 'S5E1', '2025-05-06T08:30:00Z'),
          diagnosis(1, 'S42.2', 'Fracture of upper end of humerus'),
        ],
      }),
    ],
    gp: [
      extract(closedPracticeOds, 'story-5-a', 'delta', '2025-08-01T03:00:00.000Z', [
        ...gpPatient(enid, 'story-5'),
        {
          entry: 'coded',
          rowId: 'story-5-o1',
          patientId: 'story-5',
          system: 'snomed',
          code: '66308002',
          term: 'Fracture of humerus',
          date: '2025-05-06',
          recordedAt: '2025-05-20T10:00',
          status: 'active',
        },
      ]),
    ],
  }
}
