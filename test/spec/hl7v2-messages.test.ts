import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { expect, test } from '@jest/globals'
import { readHl7v2 } from '../../src/mapping/hl7v2.ts'
import { loadTables } from '../../src/open-river.ts'
import { parseMessage } from '../../src/sources/hl7v2/message.ts'
import { entryOf } from '../set-up/solved.ts'

/** Every message type a hospital may send (hl7v2.md 1.1) and what reading it gives: `kind`, `kind gone` for a retraction, and the issues. */
const { mapping } = loadTables({ acceptTestNumbers: true })
const samples = join(import.meta.dirname, '..', '..', 'mappings', 'hl7v2', 'samples')

function read(lines: readonly string[]) {
  const { facts, issues } = readHl7v2(entryOf(lines), mapping)
  const said = facts.map(fact => {
    const what = fact.kind === 'assertion' ? fact.detail.assertion : fact.kind
    return fact.status === 'retracted' ? `${what} gone` : what
  })
  return { said: [...new Set(said)].sort(), issues: [...new Set(issues.map(found => found.code))].sort() }
}

test.each<[type: string, sample: string, what: string, said: readonly string[]]>([
  [
    'ADT^A01',
    'a01-hip-fracture',
    'admission with its diagnoses and how it happened',
    ['diagnosis', 'encounter', 'identity', 'observation'],
  ],
  ['ADT^A02', 'a02-transfer', 'same visit, another bed', ['encounter', 'identity']],
  ['ADT^A03', 'a03-discharge-coded', 'discharge, coded', ['diagnosis', 'encounter', 'identity', 'procedure']],
  ['ADT^A04', 'a04-emergency', 'attendance', ['diagnosis', 'encounter', 'identity']],
  ['ADT^A05', 'a05-pre-admission', 'planned visit', ['diagnosis', 'encounter', 'identity']],
  ['ADT^A06', 'a06-to-inpatient', 'class changes, same visit', ['diagnosis', 'encounter', 'identity']],
  ['ADT^A07', 'a07-to-outpatient', 'class changes, same visit', ['encounter', 'identity']],
  ['ADT^A08', 'a08-old-fracture', 'visit and patient updated', ['diagnosis', 'encounter', 'identity', 'observation']],
  ['ADT^A11', 'a11-cancel-admission', 'the visit is gone', ['encounter gone', 'identity']],
  ['ADT^A12', 'a12-cancel-transfer', 'same visit, the bed before', ['encounter', 'identity']],
  [
    'ADT^A13',
    'a13-cancel-discharge',
    'the end of the visit is gone, and a death by it',
    ['death gone', 'encounter', 'identity'],
  ],
  ['ADT^A17', 'a17-swap-beds', 'two visits go on', ['encounter', 'identity']],
  ['ADT^A23', 'a23-delete-visit', 'the visit is gone', ['encounter gone', 'identity']],
  ['ADT^A24', 'a24-link', 'two records are one person', ['identity', 'same-patient']],
  ['ADT^A31', 'a31-death', 'person updated', ['death', 'identity']],
  ['ADT^A31', 'a31-alive', 'a death is denied', ['death gone', 'identity']],
  ['ADT^A31', 'a31-death-unsaid', 'a death is taken back', ['death gone', 'identity']],
  ['ADT^A34', 'a34-merge-old-form', 'the retired number points to the surviving one', ['identity', 'replaced-by']],
  ['ADT^A37', 'a37-unlink', 'the link is taken back', ['identity', 'replaced-by gone']],
  ['ADT^A38', 'a38-cancel-pre-admission', 'the planned visit is gone', ['encounter gone', 'identity']],
  ['ADT^A40', 'a40-merge', 'the retired number points to the surviving one', ['identity', 'replaced-by']],
  ['ADT^A42', 'a42-merge-visits', 'the visit goes on under another number', ['identity', 'visit-moved']],
  ['ADT^A45', 'a45-move-visits', 'the visits go over to another patient', ['identity', 'visit-moved']],
  ['ADT^A47', 'a47-change-id', 'the old number points to the new one', ['identity', 'replaced-by']],
  ['ADT^A50', 'a50-change-visit-number', 'the visit goes on under another number', ['identity', 'visit-moved']],
  ['ORU^R01', 'oru-xray', 'radiology: the text is a candidate', ['document', 'identity']],
  ['ORU^R01', 'oru-dxa', 'T-scores', ['identity', 'observation']],
  ['ORU^R01', 'oru-bloods', 'numbers with their comparator', ['identity', 'observation']],
  ['ORU^R01', 'oru-text-withdrawn', 'what the text said is gone', ['document gone', 'identity']],
  [
    'ORU^R01',
    'oru-numbers-as-text',
    'numbers under known codes, as text',
    ['document', 'document gone', 'identity', 'observation', 'observation gone'],
  ],
  ['MDM^T02', 'mdm-letter', 'a letter', ['document', 'identity']],
  ['MDM^T04', 'mdm-t04-status', 'the same letter', ['document', 'identity']],
  ['MDM^T08', 'mdm-t08-edit', 'the same letter, edited', ['document', 'identity']],
  ['MDM^T10', 'mdm-t10-replaced', 'a new letter; the one before is gone', ['document', 'document gone', 'identity']],
  ['MDM^T11', 'mdm-cancelled', 'the letter is gone', ['document gone', 'identity']],
  ['SIU^S12', 'siu-booked', 'appointment', ['appointment', 'identity']],
  ['SIU^S13', 'siu-moved', 'the same appointment on another day', ['appointment', 'identity']],
  ['SIU^S14', 'siu-attended', 'attended', ['appointment', 'identity']],
  ['SIU^S15', 'siu-cancelled', 'cancelled', ['appointment', 'identity']],
  ['SIU^S17', 'siu-deleted', 'cancelled', ['appointment', 'identity']],
  ['SIU^S26', 'siu-missed', 'did not attend', ['appointment', 'identity']],
  ['ORM^O01', 'orm-dxa', 'DXA requests', ['identity', 'request']],
  ['ORM^O01', 'orm-dxa-discontinued', 'DXA request, discontinued', ['identity', 'request']],
  ['OMI^O23', 'omi-dxa', 'DXA request', ['identity', 'request']],
  ['OMG^O19', 'omg-dxa-cancelled', 'DXA request, cancelled', ['identity', 'request']],
  ['RDE^O11', 'rde-zoledronate', 'bone drug ordered', ['identity', 'medication']],
  ['RDS^O13', 'rds-denosumab', 'bone drug supplied', ['identity', 'medication']],
  ['RAS^O17', 'ras-given', 'one bone drug given, one not', ['identity', 'medication', 'medication gone']],
  ['RAS^O17', 'ras-entered-in-error', 'never given', ['identity', 'medication gone']],
])('%s (%s): %s', (type, sample, _what, said) => {
  const bytes = readFileSync(join(samples, `${sample}.hl7`))
  const header = parseMessage(bytes)?.header
  expect(`${header?.type}^${header?.trigger}`).toBe(type)
  expect(read(bytes.toString('utf8').split('\r')).said).toEqual(said)
})

const header = (type: string) => `MSH|^~\\&|PAS|RZ101|FLSDB|NOGW|20260310101112||${type}|M1|P|2.4`
const patient = 'PID|1||H100001^^^RZ101^MR||WHITLOCK^MARJORIE||19420311|F'

test.each([
  ['ADT^A28', 'person added', ['identity'], []],
  ['ADT^A20', 'bed status', [], ['trigger-not-used']],
  ['VXU^V04', 'vaccination', [], ['trigger-not-used']],
  ['DFT^P03', 'charges', [], ['trigger-not-used']],
  ['BAR^P01', 'account', [], ['trigger-not-used']],
  ['QRY^A19', 'query', [], ['trigger-not-used']],
  ['RSP^K21', 'response', [], ['trigger-not-used']],
  ['MFN^M02', 'staff list', [], ['trigger-not-used']],
  ['ZPA^Z01', "a sender's own", [], ['trigger-not-used']],
  ['ADT', 'no trigger', [], ['trigger-not-used']],
])('%s (%s) → %j, %j', (type, _what, said, issues) => {
  expect(read([header(type), 'EVN|A01|20260310', patient])).toEqual({ said, issues })
})
