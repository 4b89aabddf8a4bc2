import path from 'node:path'
import { expect, test } from '@jest/globals'
import { currentFacts } from '../../src/fls/current.ts'
import type { Instant } from '../../src/fls/dates.ts'
import type { InboxId, OdsCode } from '../../src/fls/fact.ts'
import { readExtract } from '../../src/mapping/extract.ts'
import { emptyCodebook } from '../../src/mapping/extract-codebook.ts'
import { standingGpFacts } from '../../src/mapping/extract-record.ts'
import { loadExtractTables } from '../../src/mapping/extract-tables.ts'
import { loadMappings } from '../../src/mapping/load-mappings.ts'
import { loadTerminology } from '../../src/terminology/load-terminology.ts'

const root = path.join(import.meta.dirname, '..', '..')
const mapping = loadMappings(path.join(root, 'mappings'), loadTerminology(path.join(root, 'terminology')))
const tables = loadExtractTables(path.join(root, 'mappings/gp-extract'), mapping)

const header =
  'entry,rowId,action,patientId,system,code,term,date,recordedAt,episodicity,fromDocument,text,status,endDate,endReason,daysSupplied,courseId'
const rows = `coded,o-101,upsert,P1,snomed,5913000,Fracture of neck of femur,2024-01-12,2024-03-28T09:14,new,,,active,,,,
coded,o-102,upsert,P2,snomed,269083002,Closed Colles' fracture,2023-11,2024-02-05T11:02,first,,,active,,,,
coded,o-103,upsert,P3,snomed,391093004,History of hip fracture,2009,2024-05-02T10:40,,,,past,,,,
coded,o-104,upsert,P4,snomed,1912002,Fall,2024-06-03,2024-06-03T16:20,,,"? # L wrist, sent to ED",,,,,
coded,o-105,upsert,P1,read2,S30..,Fracture of neck of femur,2024-01-26,2024-02-09T08:55,review,yes,,active,,,,
issue,i-201,upsert,P1,dmd,39731311000001108,Alendronic acid 70mg tablets,2024-02-20,2024-02-20T10:05,,,,issued,,,28,c-9
issue,i-202,upsert,P1,dmd,39731311000001108,Alendronic acid 70mg tablets,2024-03-19,2024-03-19T10:01,,,,issued,,,28,c-9
referral,r-301,upsert,P2,read2,8HQA.,Referral for DEXA scan,2024-02-06,2024-02-06T12:00,,,,sent,,,,
coded,o-109,upsert,P4,snomed,279992002,Recurrent falls,2024-06-03,2024-06-03T16:22,,,,active,,,,
death,d-401,upsert,P5,,,,2024-07-30,2024-08-12T09:00,,,,,,,,
registration,g-501,upsert,P2,,,,2001-04-17,2024-09-02T08:00,,,,gms,2024-08-28,moved,,
coded,o-110,delete,P3,,,,,,,,,,,,,
`
const reading = readExtract(
  {
    id: '0'.repeat(64) as InboxId,
    sender: 'gp-neutral',
    organisation: 'B86001' as OdsCode,
    practice: 'B86001' as OdsCode,
    side: 'gp',
    protocol: 'extract',
    controlId: 'e1',
    type: 'neutral/neutral',
    bytes: Buffer.from(rows),
    sha256: '',
    receivedAt: '2024-09-03T01:00:00.000Z' as Instant,
    meta: {
      shape: 'neutral',
      file: 'neutral',
      fileName: 'a.csv',
      encoding: 'utf-8',
      delimiter: ',',
      header,
      rowsBefore: 1,
      extractId: '2024-09-02',
      mode: 'delta',
      asOf: '2024-09-02T22:00:00.000Z',
    },
  },
  tables,
  emptyCodebook,
)
const factOf = (rowId: string) => reading.facts.find(fact => fact.revision.row?.id.split('/')[0] === rowId)

// GP extract contract, section 4: each habit of GP coding with its right reading.
test.each<[string, object, string]>([
  [
    'o-101',
    { kind: 'diagnosis', when: { date: '2024-01-12', kind: 'onset' }, recorded: '2024-03-28' },
    'coded late: 12 January',
  ],
  [
    'o-102',
    { kind: 'diagnosis', when: { date: '2023-11', kind: 'onset' }, recorded: '2024-02-05' },
    'month only, never 1 November',
  ],
  ['o-103', { kind: 'diagnosis', concept: { kind: 'history' }, when: { date: '2009' } }, 'history code'],
  ['o-104', { kind: 'observation', concept: { id: 'falls.event' } }, 'a fall; the text opens nothing'],
  [
    'o-105',
    { kind: 'diagnosis', when: { date: '2024-01-26' }, detail: { isFromDocument: true, episodicity: 'review' } },
    'from a letter',
  ],
  [
    'i-201',
    {
      kind: 'medication',
      concept: { id: 'drug.alendronic_acid' },
      detail: { state: 'supplied', daysSupplied: 28, courseId: 'c-9' },
    },
    'issue',
  ],
  ['r-301', { kind: 'request', concept: { id: 'dxa.referred' }, detail: { state: 'sent' } }, 'asked for, not done'],
  ['o-109', { kind: 'observation', concept: { id: 'falls.recurrent' } }, 'a suggestion only'],
  ['d-401', { kind: 'death', when: { date: '2024-07-30' }, recorded: '2024-08-12' }, 'died in July, learned in August'],
  [
    'g-501',
    { kind: 'encounter', detail: { class: 'gp.registration', end: '2024-08-28', endReason: 'moved' } },
    'left the practice',
  ],
  ['o-110', { status: 'retracted', record: 'B86001|gp|P3' }, 'wrong-patient entry removed'],
])('row %s reads as %j (%s)', (rowId, expected) => {
  expect(factOf(rowId)).toMatchObject(expected)
})

test('nothing is read from the text, and the sender is told', () => {
  expect(reading.facts.filter(fact => fact.record === 'B86001|gp|P4').map(fact => fact.kind)).toEqual([
    'observation',
    'observation',
  ])
  expect(reading.issues.map(found => found.code)).toContain('text-not-accepted')
})

test('every row is kept and counted once', () => {
  expect(reading.rowOutcomes.map(row => row.outcome)).toEqual(Array(12).fill('kept'))
})

test('the record rules leave what stands alone', () => {
  const own = reading.facts.filter(fact => fact.record === 'B86001|gp|P2')
  const { facts, isAbsent } = standingGpFacts(own, [])
  expect(currentFacts(facts, { isAbsent }).facts).toHaveLength(3)
})
