import type { Delivery } from './delivery.ts'
import type { Segment } from './hl7.ts'
import { diagnosis, type Figure, hl7, result, storyNumber, visit } from './story-wire.ts'

type Steps<Name extends string> = Readonly<Record<Name, readonly Delivery[]>>

const doris: Figure = {
  nhsNumber: storyNumber(61),
  family: 'Pickles',
  given: 'Doris',
  birth: '1940-06-19',
  sex: 'female',
  street: '11 Quarry Bank',
  postcode: 'AD7 3NJ',
  practice: 'P81001',
  number: 'S700061',
}
const walter: Figure = {
  nhsNumber: storyNumber(62),
  family: 'Nicholson',
  given: 'Walter',
  birth: '1937-01-28',
  sex: 'male',
  street: '30 Tenter Croft',
  postcode: 'AD9 1EL',
  practice: 'P81001',
  number: 'S700062',
}
const mabel: Figure = {
  nhsNumber: storyNumber(63),
  family: 'Metcalfe',
  given: 'Mabel',
  birth: '1945-10-05',
  sex: 'female',
  street: '6 Kiln Lane',
  postcode: 'AD1 4BS',
  practice: 'P81001',
  number: 'S700063',
}
const ivy: Figure = {
  nhsNumber: storyNumber(64),
  family: 'Barnes',
  given: 'Ivy',
  birth: '1949-04-16',
  sex: 'female',
  street: '23 Sandpit Hill',
  postcode: 'AD2 2QW',
  practice: 'P81001',
  number: 'S700064',
}

/**
 * 6. A right A40 (an emergency number of Doris), a wrong one (Walter into Doris) and its A37; an admission cancelled by A11;
 * a DXA result corrected, then withdrawn. `undone` leaves the documents as `before` and `rightMerge` made them.
 */
export function mergesAndCancels(): Steps<
  'before' | 'rightMerge' | 'wrongMerge' | 'undone' | 'admitted' | 'cancelled' | 'scanned' | 'corrected' | 'withdrawn'
> {
  const seen = (who: Figure, id: string, day: string, code: string, words: string): Delivery =>
    hl7(who, {
      event: ['ADT', 'A04'],
      controlId: `S6-${id}`,
      at: `${day}T12:00:00Z`,
      segments: [visit('E', `S6${id}`, `${day}T11:30:00Z`), diagnosis(1, code, words)],
    })
  const { nhsNumber: _untraced, ...untraced } = doris
  const mrg = (retired: string): Segment[] => [['MRG', { 1: [retired, undefined, undefined, 'RXX', 'MR'] }]]
  const scan = (id: string, at: string, hip: string, status: 'F' | 'C' | 'W'): Delivery =>
    hl7(ivy, {
      system: 'RIS',
      event: ['ORU', 'R01'],
      controlId: `S6-${id}`,
      at,
      segments: result(
        'S6DX',
        ['38269-7', 'DXA report', 'LN'],
        '2025-06-10T09:00:00Z',
        [['NM', ['38264-8', 'T-score hip', 'LN'], hip, '{Tscore}']],
        status,
      ),
    })
  const unlink: Segment = [
    'PID',
    {
      1: '1',
      3: { repeat: [[walter.number, undefined, undefined, 'RXX', 'MR']] },
      5: [walter.family, walter.given],
      7: walter.birth.replaceAll('-', ''),
      8: 'M',
    },
  ]
  const stay = visit('I', 'S6A1', '2025-04-01T19:00:00Z')
  return {
    before: [
      seen(doris, 'D1', '2025-02-03', 'S52.5', 'Fracture of lower end of radius'),
      seen({ ...untraced, number: 'S790061' }, 'D2', '2025-02-03', 'S52.5', 'Fracture of lower end of radius'),
      seen(walter, 'W1', '2025-02-20', 'S72.0', 'Fracture of neck of femur'),
    ],
    rightMerge: [
      hl7(doris, { event: ['ADT', 'A40'], controlId: 'S6-M1', at: '2025-02-12T09:00:00Z', segments: mrg('S790061') }),
    ],
    wrongMerge: [
      hl7(doris, {
        event: ['ADT', 'A40'],
        controlId: 'S6-M2',
        at: '2025-03-01T09:00:00Z',
        segments: mrg(walter.number),
      }),
    ],
    undone: [hl7(doris, { event: ['ADT', 'A37'], controlId: 'S6-M3', at: '2025-03-02T09:00:00Z', segments: [unlink] })],
    admitted: [
      hl7(mabel, {
        event: ['ADT', 'A01'],
        controlId: 'S6-A1',
        at: '2025-04-01T20:00:00Z',
        happened: '2025-04-01T19:00:00Z',
        segments: [stay, diagnosis(1, 'S72.1', 'Pertrochanteric fracture', 'A')],
      }),
    ],
    cancelled: [
      hl7(mabel, { event: ['ADT', 'A11'], controlId: 'S6-A2', at: '2025-04-01T22:00:00Z', segments: [stay] }),
    ],
    scanned: [
      seen(ivy, 'I1', '2025-05-20', 'S82.6', 'Fracture of lateral malleolus'),
      scan('X1', '2025-06-11T10:00:00Z', '-1.2', 'F'),
    ],
    corrected: [scan('X2', '2025-06-12T10:00:00Z', '-2.6', 'C')],
    withdrawn: [scan('X3', '2025-06-20T10:00:00Z', '-2.6', 'W')],
  }
}

export const unknownCode = { system: 'RYYED', code: 'FRX77', meansSnomed: '263199001' } as const
const olive: Figure = {
  nhsNumber: storyNumber(71),
  family: 'Sutcliffe',
  given: 'Olive',
  birth: '1947-07-30',
  sex: 'female',
  street: '9 Priory Walk',
  postcode: 'AE3 1TR',
  practice: 'P81002',
  number: 'S700071',
}

/** 7. RYY sends a local code nobody knows: kept as sent and queued; one row in its `codes.csv` (`unknownCode`) and a replay make it a wrist. */
export function unknownLocalCode(): Steps<'sent'> {
  return {
    sent: [
      hl7(olive, {
        trust: 'RYY',
        event: ['ADT', 'A03'],
        controlId: 'S7-ED1',
        at: '2025-09-09T15:00:00Z',
        segments: [
          visit('E', 'S7E1', '2025-09-09T10:00:00Z', '2025-09-09T14:30:00Z'),
          diagnosis(1, unknownCode.code, 'Left # dist rad', 'F', unknownCode.system),
        ],
      }),
    ],
  }
}

const twoDigits = (number: number): string => String(number).padStart(2, '0')

const familyStems = [
  'Ash',
  'Black',
  'Cold',
  'Dun',
  'East',
  'Far',
  'Green',
  'High',
  'King',
  'Lang',
  'Mar',
  'Nor',
  'Old',
  'Pem',
  'Red',
  'South',
  'Thorn',
  'Under',
  'West',
  'York',
]
const familyEndings = ['field', 'worth', 'ham', 'ley', 'bury', 'stead', 'wick', 'croft', 'dale', 'mere', 'brook']
const steadyNames = [
  'Vera',
  'Joan',
  'Edith',
  'Nora',
  'Hilda',
  'Mabel',
  'Irene',
  'Doris',
  'Elsie',
  'Gwen',
  'Olive',
  'Phyllis',
  'Rita',
]

/** Who stands at a place of the steady stream: each its own person, whatever the length of the stream. */
export function steadyFigure(place: number): Figure {
  return {
    nhsNumber: storyNumber(1_000 + place),
    family: `${familyStems[place % familyStems.length]}${familyEndings[Math.floor(place / familyStems.length) % familyEndings.length]}`,
    given: steadyNames[Math.floor(place / 7) % steadyNames.length] ?? 'Vera',
    // Nobody shares a birth date within 10,080 places: each is one person and stays one.
    birth: `19${30 + (place % 30)}-${twoDigits(1 + (Math.floor(place / 30) % 12))}-${twoDigits(1 + (Math.floor(place / 360) % 28))}`,
    sex: 'female',
    street: `${1 + place} Back Lane`,
    // A street of its own for every two: nobody lives among hundreds of namesakes.
    postcode: `AD${1 + (place % 90)} ${Math.floor(place / 90) % 10}${'ABDEFGHJLN'[Math.floor(place / 900) % 10]}${'PQRSTUWXYZ'[place % 10]}`,
    practice: 'P81001',
    number: `S8${String(place).padStart(5, '0')}`,
  }
}

/** 9. A steady stream of small attendances, each its own person, to be sent again and again while things are killed. */
export function* steadyStream(count: number): Generator<Delivery> {
  for (let place = 0; place < count; place++) {
    const day = `2025-${twoDigits(1 + (place % 12))}-${twoDigits(1 + (place % 28))}`
    yield hl7(steadyFigure(place), {
      event: ['ADT', 'A04'],
      controlId: `S9-${place}`,
      at: `${day}T08:00:00Z`,
      segments: [
        visit('E', `S9E${place}`, `${day}T07:30:00Z`),
        diagnosis(1, 'S52.5', 'Fracture of lower end of radius'),
      ],
    })
  }
}
