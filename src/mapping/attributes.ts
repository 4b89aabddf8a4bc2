import type { FactKind } from '../fls/fact.ts'

/** What a reader gives and an attribute takes; the two must be equal, checked when the tables are loaded. */
export type ValueType =
  | 'text'
  | 'texts'
  | 'word'
  | 'date'
  | 'codings'
  | 'boolean'
  | 'number'
  | 'local-number'
  | 'mention'
  /** A value taken back: fits every attribute that is nullable. */
  | 'nothing'

/** `words`: the closed list of an attribute of type `word`. `isNullable`: a deleted value (`""`) is passed on as null. */
export type Attribute = {
  readonly takes: ValueType
  readonly kinds: readonly FactKind[] | 'all'
  readonly words?: readonly string[]
  readonly isNullable?: true
}

const dateKinds = [
  'injury',
  'attendance',
  'admission',
  'onset',
  'recorded',
  'result',
  'clinic',
  'event',
  'received',
] as const
const when = Object.fromEntries(
  dateKinds.map(kind => [`when.${kind}`, { takes: 'date', kinds: 'all' } satisfies Attribute]),
)
const clinics = ['fls', 'dxa', 'falls', 'strength-balance', 'fracture', 'other']

/**
 * Everything a mapping row may fill (column `to`). The first row that yields a value wins, in table order, also among the `when.*`;
 * so the order of `when.*` rows is the order of trust in the dates.
 */
const fixed: Record<string, Attribute> = {
  /** Record key other than the document's own: the retired record of a merge. */
  record: { takes: 'text', kinds: ['assertion'] },
  status: { takes: 'word', kinds: 'all', words: ['active', 'amended', 'retracted'] },
  coding: { takes: 'codings', kinds: 'all' },
  /** Codings that only say where (body site, examination): they narrow the site or carry the side, and are not kept. */
  place: { takes: 'codings', kinds: 'all' },
  laterality: { takes: 'word', kinds: 'all', words: ['left', 'right', 'bilateral'] },
  certainty: { takes: 'word', kinds: 'all', words: ['confirmed', 'suspected', 'refuted'] },
  value: { takes: 'text', kinds: 'all' },
  unit: { takes: 'text', kinds: 'all' },
  comparator: { takes: 'word', kinds: 'all', words: ['<', '<=', '>', '>='] },
  recorded: { takes: 'date', kinds: 'all' },
  'revision.set': { takes: 'text', kinds: 'all' },
  'revision.thing': { takes: 'text', kinds: 'all' },
  'revision.visit': { takes: 'text', kinds: 'all' },
  'detail.nhsNumber': { takes: 'text', kinds: ['identity'] },
  'detail.nhsNumberStatus': { takes: 'text', kinds: ['identity'] },
  'detail.invalidNhsNumber': { takes: 'text', kinds: ['identity'] },
  'detail.familyName': { takes: 'text', kinds: ['identity'] },
  'detail.givenNames': { takes: 'texts', kinds: ['identity'] },
  'detail.previousFamilyNames': { takes: 'texts', kinds: ['identity'] },
  'detail.birthDate': { takes: 'date', kinds: ['identity'] },
  'detail.sex': { takes: 'word', kinds: ['identity'], words: ['male', 'female', 'other', 'unknown'] },
  'detail.addressLines': { takes: 'texts', kinds: ['identity'] },
  'detail.postcode': { takes: 'text', kinds: ['identity'] },
  'detail.addressFrom': { takes: 'date', kinds: ['identity'] },
  'detail.careHomeResident': { takes: 'boolean', kinds: ['identity'] },
  'detail.gpPractice': { takes: 'text', kinds: ['identity'] },
  'detail.ethnicCategory': { takes: 'text', kinds: ['identity'] },
  'detail.isExactMatchOnly': { takes: 'boolean', kinds: ['identity'] },
  'detail.localNumber': { takes: 'local-number', kinds: ['identity'] },
  'detail.class': {
    takes: 'word',
    kinds: ['encounter'],
    words: ['inpatient', 'emergency', 'outpatient', 'pre-admission', 'gp.registration', 'other'],
  },
  'detail.state': {
    takes: 'word',
    kinds: ['encounter', 'medication', 'appointment', 'request'],
    words: [
      ...['planned', 'in-progress', 'finished', 'cancelled'],
      ...['ordered', 'supplied', 'administered', 'stated', 'recommended', 'noted'],
      ...['booked', 'attended', 'missed', 'sent', 'completed'],
    ],
  },
  'detail.start': { takes: 'date', kinds: ['encounter'], isNullable: true },
  'detail.end': { takes: 'date', kinds: ['encounter'], isNullable: true },
  'detail.endReason': { takes: 'text', kinds: ['encounter'], isNullable: true },
  'detail.specialty': { takes: 'text', kinds: ['encounter'] },
  'detail.admissionMethod': { takes: 'text', kinds: ['encounter'] },
  'detail.admissionSource': { takes: 'text', kinds: ['encounter'] },
  'detail.dischargeDestination': { takes: 'text', kinds: ['encounter'], isNullable: true },
  'detail.clinic': { takes: 'word', kinds: ['encounter', 'appointment'], words: clinics },
  'detail.name': { takes: 'text', kinds: ['medication'] },
  'detail.daysSupplied': { takes: 'number', kinds: ['medication'] },
  'detail.quantity': { takes: 'text', kinds: ['medication'] },
  'detail.quantityUnit': { takes: 'text', kinds: ['medication'] },
  'detail.dosage': { takes: 'text', kinds: ['medication'] },
  'detail.courseId': { takes: 'text', kinds: ['medication'] },
  'detail.courseType': { takes: 'word', kinds: ['medication'], words: ['acute', 'repeat', 'repeat-dispensing'] },
  'detail.stoppedOn': { takes: 'date', kinds: ['medication'] },
  'detail.urgency': { takes: 'text', kinds: ['request'] },
  'detail.recipient': { takes: 'text', kinds: ['request'] },
  'detail.type': { takes: 'word', kinds: ['document'], words: ['radiology', 'letter', 'dxa', 'laboratory', 'other'] },
  'detail.mention': { takes: 'mention', kinds: ['document'] },
  'detail.department': {
    takes: 'word',
    kinds: ['diagnosis'],
    words: ['emergency', 'inpatient', 'outpatient', 'fls', 'theatre', 'radiology', 'gp'],
  },
  'detail.episodicity': { takes: 'word', kinds: ['diagnosis'], words: ['first', 'new', 'review', 'end', 'other'] },
  'detail.isFromDocument': { takes: 'boolean', kinds: ['diagnosis'] },
  'detail.endedOn': { takes: 'date', kinds: ['diagnosis'] },
  'detail.group': { takes: 'text', kinds: ['observation'] },
  'detail.assertion': {
    takes: 'word',
    kinds: ['assertion'],
    words: ['replaced-by', 'superseded-nhs', 'same-patient', 'not-same-patient', 'visit-moved'],
  },
  'detail.other': { takes: 'text', kinds: ['assertion'] },
  'detail.visit': { takes: 'text', kinds: ['assertion'] },
  'detail.toVisit': { takes: 'text', kinds: ['assertion'] },
  'detail.by': { takes: 'word', kinds: ['assertion'], words: ['source', 'human'] },
}

/** By the path that stands in column `to`. */
export const attributes: ReadonlyMap<string, Attribute> = new Map(Object.entries({ ...fixed, ...when }))

/** The word lists that depend on the kind of fact are narrower than `detail.state` shows. */
export const statesOf: Readonly<Partial<Record<FactKind, readonly string[]>>> = {
  encounter: ['planned', 'in-progress', 'finished', 'cancelled'],
  medication: ['ordered', 'supplied', 'administered', 'stated', 'recommended', 'noted', 'cancelled'],
  appointment: ['booked', 'attended', 'cancelled', 'missed'],
  request: ['sent', 'completed', 'cancelled'],
}
