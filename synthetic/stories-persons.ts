import type { Delivery } from './delivery.ts'
import { diagnosis, type Figure, hl7, storyNumber, visit } from './story-wire.ts'

type Steps<Name extends string> = Readonly<Record<Name, readonly Delivery[]>>

const home = { street: '3 Church Lane', postcode: 'AD5 1QF', practice: 'P81001' }
export const twins: readonly [Figure, Figure] = [
  {
    ...home,
    nhsNumber: storyNumber(11),
    family: 'Sykes',
    given: 'Joan',
    birth: '1946-02-11',
    sex: 'female',
    number: 'S700011',
  },
  {
    ...home,
    nhsNumber: storyNumber(12),
    family: 'Sykes',
    given: 'Jean',
    birth: '1946-02-11',
    sex: 'female',
    number: 'S700012',
  },
]
const borrower: Figure = {
  street: '41 Moor View',
  postcode: 'AD2 4HN',
  practice: 'P81002',
  nhsNumber: storyNumber(13),
  family: 'Barker',
  given: 'Derek',
  birth: '1943-09-30',
  sex: 'male',
  number: 'S700014',
}
const lender: Figure = { ...borrower, given: 'Rita', birth: '1945-01-17', sex: 'female', number: 'S700013' }
const namesakes: readonly [Figure, Figure] = [
  {
    nhsNumber: storyNumber(15),
    family: 'Smith',
    given: 'Margaret',
    birth: '1950-07-07',
    sex: 'female',
    street: '8 Albert Road',
    postcode: 'AD1 3DD',
    practice: 'P81001',
    number: 'S700015',
  },
  {
    nhsNumber: storyNumber(16),
    family: 'Smith',
    given: 'Margaret',
    birth: '1950-07-21',
    sex: 'female',
    street: '52 West Parade',
    postcode: 'AE7 2JP',
    practice: 'P81002',
    number: 'S700016',
  },
]

/** 2. Twins without NHS number in one message, a borrowed number, a namesake: two persons or a review, never one. */
export function lookalikes(): Steps<'twins' | 'borrowed' | 'namesakes'> {
  const [joan, jean] = twins
  const { nhsNumber: _untraced, ...untraced } = jean
  const attend = (who: Figure, id: string, day: string, code: string, words: string, trust = 'RXX'): Delivery =>
    hl7(who, {
      trust,
      event: ['ADT', 'A04'],
      controlId: `S2-${id}`,
      at: `${day}T11:00:00Z`,
      segments: [visit('E', `S2${id}`, `${day}T10:30:00Z`), diagnosis(1, code, words)],
    })
  return {
    twins: [
      attend(joan, 'T1', '2025-02-10', 'S52.5', 'Fracture of lower end of radius'),
      attend(jean, 'T2', '2025-06-02', 'S42.2', 'Fracture of upper end of humerus'),
      attend(
        { ...untraced, given: 'J', number: 'S700019' },
        'T3',
        '2025-06-04',
        'S42.2',
        'Fracture of upper end of humerus',
        'RYY',
      ),
    ],
    borrowed: [
      attend(lender, 'B1', '2025-03-01', 'S82.6', 'Fracture of lateral malleolus'),
      attend(borrower, 'B2', '2025-08-19', 'S72.0', 'Fracture of neck of femur'),
    ],
    namesakes: [
      attend(namesakes[0], 'N1', '2025-01-20', 'S52.5', 'Fracture of lower end of radius'),
      attend(namesakes[1], 'N2', '2025-01-22', 'S52.5', 'Fracture of lower end of radius', 'RYY'),
    ],
  }
}

const again: Figure = {
  nhsNumber: storyNumber(31),
  family: 'Greenwood',
  given: 'Hilda',
  birth: '1944-11-23',
  sex: 'female',
  street: '19 Beck Side',
  postcode: 'AD4 1RT',
  practice: 'P81001',
  number: 'S700031',
}
const hips: Figure = {
  ...again,
  nhsNumber: storyNumber(32),
  family: 'Lister',
  given: 'Norman',
  birth: '1939-03-14',
  sex: 'male',
  street: '2 Ings Lane',
  postcode: 'AD6 3WB',
  number: 'S700032',
}
const twoSites: Figure = {
  ...again,
  nhsNumber: storyNumber(33),
  family: 'Ackroyd',
  given: 'Sylvia',
  birth: '1941-08-08',
  street: '77 Northgate',
  postcode: 'AD8 2PL',
  number: 'S700033',
}

/** 3. Same wrist after ten months: two episodes. Other hip after three: two. Hip and wrist in one fall: one with two sites. */
export function refractures(): Steps<'sameWrist' | 'otherHip' | 'oneFall'> {
  const seen = (who: Figure, id: string, day: string, ...codes: [string, string][]): Delivery =>
    hl7(who, {
      event: ['ADT', 'A04'],
      controlId: `S3-${id}`,
      at: `${day}T12:00:00Z`,
      segments: [
        visit('E', `S3${id}`, `${day}T11:20:00Z`),
        ...codes.map(([code, words], index) => diagnosis(index + 1, code, words)),
      ],
    })
  const stay = (who: Figure, id: string, day: string, end: string, ...codes: [string, string][]): Delivery =>
    hl7(who, {
      event: ['ADT', 'A03'],
      controlId: `S3-${id}`,
      at: `${end}T15:00:00Z`,
      segments: [
        visit('I', `S3${id}`, `${day}T20:00:00Z`, `${end}T14:00:00Z`),
        ...codes.map(([code, words], index) => diagnosis(index + 1, code, words)),
      ],
    })
  const wrist: [string, string] = ['S52.5', 'Left fracture of lower end of radius']
  return {
    sameWrist: [seen(again, 'W1', '2025-01-09', wrist), seen(again, 'W2', '2025-11-12', wrist)],
    otherHip: [
      stay(hips, 'H1', '2025-02-02', '2025-02-16', ['S72.0', 'Right fracture of neck of femur']),
      stay(hips, 'H2', '2025-05-05', '2025-05-21', ['S72.1', 'Left pertrochanteric fracture']),
    ],
    oneFall: [
      stay(
        twoSites,
        'O1',
        '2025-07-01',
        '2025-07-12',
        ['S72.0', 'Right fracture of neck of femur'],
        ['S52.5', 'Right fracture of lower end of radius'],
      ),
    ],
  }
}
