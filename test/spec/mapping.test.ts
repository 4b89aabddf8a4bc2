import { appendFileSync, cpSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { describe, expect, test } from '@jest/globals'
import fc from 'fast-check'
import type { Instant } from '../../src/fls/dates.ts'
import type { Fact, InboxId, OdsCode } from '../../src/fls/fact.ts'
import { readHl7v2 } from '../../src/mapping/hl7v2.ts'
import { loadMappings } from '../../src/mapping/load-mappings.ts'
import type { InboxEntry } from '../../src/sources/arrival.ts'
import { loadTerminology } from '../../src/terminology/load-terminology.ts'
import { TablesRefused } from '../../src/terminology/table-file.ts'

const root = join(import.meta.dirname, '..', '..')
const terminology = loadTerminology(join(root, 'terminology'))
const tables = loadMappings(join(root, 'mappings'), terminology)

function entry(text: string, sender = 'rz101-pas', meta?: Record<string, unknown>): InboxEntry {
  return {
    id: 'a'.repeat(64) as InboxId,
    sender,
    organisation: 'RZ1' as OdsCode,
    side: 'hospital',
    protocol: 'hl7v2',
    controlId: 'M1',
    type: '',
    bytes: Buffer.from(text.replace(/\n/g, '\r')),
    sha256: '',
    receivedAt: '2026-12-01T12:00:00.000Z' as Instant,
    ...(meta ? { meta } : {}),
  }
}

const msh = (type: string) => `MSH|^~\\&|PAS|RZ101|FLSDB|NOGW|20260310101112||${type}|M1|P|2.4`
const read = (text: string) => readHl7v2(entry(text), tables)
const only = <Kind extends Fact['kind']>(text: string, kind: Kind) =>
  read(text).facts.filter((fact): fact is Extract<Fact, { kind: Kind }> => fact.kind === kind)
const identity = (pid: string) => only(`${msh('ADT^A28')}\nEVN||20260310\n${pid}`, 'identity')[0]

describe('the NHS number in all its spellings', () => {
  test.each([
    ['PID|1||9990000506^^^NHS^NH~H1^^^RZ101^MR', 'standard'],
    ['PID|1||9990000506^^^NHSNBR^NHSNMBR~H1^^^RZ101^MR', 'older systems'],
    ['PID|1||9990000506^^^NHS^HN~H1^^^RZ101^MR', 'letters swapped'],
    ['PID|1||9990000506^^^^NH~H1^^^RZ101^MR', 'type alone'],
    ['PID|1|9990000506^^^^NH|H1^^^RZ101^MR', 'in PID-2'],
    ['PID|1||999 000 0506^^^NHS~H1^^^RZ101^MR', 'authority alone, with blanks'],
    ['PID|1||H1^^^RZ101^MR~9990000506^01^^NHS^NH{status:01}', 'second, with its status'],
    ['PID|1||H1^^^RZ101^MR|9990000506^^^NHS^NH', 'in PID-4'],
  ])('%s (%s)', pid => {
    expect(identity(pid)?.detail).toMatchObject({
      nhsNumber: '9990000506',
      localNumber: { authority: 'RZ101', number: 'H1' },
    })
    expect(identity(pid)?.record).toBe('RZ101|H1')
  })
  test('a dummy number is no number', () => {
    const { facts, issues } = read(`${msh('ADT^A28')}\nPID|1||9999999999^^^NHS^NH~H1^^^RZ101^MR`)
    expect(issues.map(issue => issue.code)).toEqual(['nhs-number-placeholder'])
    expect(facts[0]).not.toHaveProperty('detail.nhsNumber')
  })
  test('test-range numbers are refused where they are not accepted', () => {
    const strict = loadMappings(join(root, 'mappings'), terminology, { acceptTestNumbers: false })
    const { issues } = readHl7v2(entry(`${msh('ADT^A28')}\nPID|1||9990000506^^^NHS^NH~H1^^^RZ101^MR`), strict)
    expect(issues.map(issue => issue.code)).toEqual(['nhs-number-test-range'])
  })
})

describe('who numbers the patient', () => {
  test.each([
    ['H1^^^RZ101^MR', 'RZ101|H1', 'as stated'],
    ['H1^^^RZ1^MR', 'RZ1|H1', 'the trust'],
    ['H1^^^^MR', 'RZ101|H1', 'nobody stated: the sending facility'],
    ['H1^^^PAS^MR', 'RZ1/PAS|H1', 'every trust has a PAS'],
    ['H1^^^RYY^MR', 'RZ1/RYY|H1', 'what this sender says of another trust'],
    ['h1^^^RZ1^MR~V9^^^RZ1^VN', 'RZ1|H1', 'visit numbers are passed over'],
  ])('%s → %s (%s)', (identifier, record) => {
    expect(identity(`PID|1||${identifier}`)?.record).toBe(record)
  })
  test('a feed knows its own names for authorities', () => {
    const text = `${msh('ADT^A28').replaceAll('RZ101', 'RXX01')}\nPID|1||H1^^^PAS^MR`
    expect(readHl7v2(entry(text, 'any', { mapping: 'rxx01-pas' }), tables).facts[0]?.record).toBe('RXX|H1')
  })
})

describe('when a statement was true', () => {
  test.each([
    ['EVN||20260310101500||||20260309221500', '2026-03-09T22:15:00.000Z', 'EVN-6'],
    ['EVN||20260310101500', '2026-03-10T10:15:00.000Z', 'EVN-2'],
    ['EVN||||||', '2026-03-10T10:11:12.000Z', 'MSH-7'],
    ['EVN||20260310101500||||20260631', '2026-03-10T10:15:00.000Z', 'an impossible EVN-6 is passed over'],
    ['EVN||20260710101500', '2026-07-10T09:15:00.000Z', 'summer time'],
    ['EVN||20260710101500+0200', '2026-07-10T08:15:00.000Z', 'with an offset'],
  ])('%s → %s (%s)', (evn, asOf) => {
    expect(read(`${msh('ADT^A28')}\n${evn}\nPID|1||H1^^^RZ1^MR`).facts[0]?.revision.asOf).toBe(asOf)
  })
})

describe('how sure a diagnosis is', () => {
  test.each([
    ['DG1|1||S72.0^^I10||20260310|F', 'confirmed', 'final'],
    ['DG1|1||S72.0^^I10||20260310|A', 'suspected', 'admitting'],
    ['DG1|1||S72.0^^I10||20260310|W', 'suspected', 'working'],
    ['DG1|1||S72.0^^I10|?#NOF|20260310|F', 'suspected', 'a question mark counts'],
    ['DG1|1||S72.0^^I10|no evidence of fracture|20260310|W', 'refuted', 'excluded in words'],
    ['DG1|1||S72.0^^I10', 'confirmed', 'coded, nothing said'],
  ])('%s → %s (%s)', (dg1, certainty) => {
    const facts = only(`${msh('ADT^A01')}\nPID|1||H1^^^RZ1^MR\nPV1|1|I\n${dg1}`, 'diagnosis')
    expect(facts[0]?.certainty).toBe(certainty)
  })
})

describe('which date places a diagnosis', () => {
  const visit = (kind: string) => `PV1|1|${kind}||||||||||||||||||||||||||||||||||||||||||20260310`
  test.each([
    [visit('E'), 'DG1|1||S72.0^^I10||20260310|F', '', 'attendance', '2026-03-10'],
    [visit('I'), 'DG1|1||S72.0^^I10||20260312|F', '', 'admission', '2026-03-10'],
    [visit('I'), 'DG1|1||S72.0^^I10||20260307|F', '', 'onset', '2026-03-07'],
    [visit('I'), 'DG1|1||S72.0^^I10||202603|F', '', 'admission', '2026-03-10'],
    [visit('E'), 'DG1|1||S72.0^^I10||20260310|F', 'ACC|20260309', 'injury', '2026-03-09'],
    [visit('O'), 'DG1|1||S72.0^^I10||20260310|F', '', 'clinic', '2026-03-10'],
    ['PV1|1|O', 'DG1|1||S72.0^^I10||20260305|F', '', 'recorded', '2026-03-05'],
    [visit('E'), 'DG1|1||391093004^^SCT||2019|F', 'ACC|20260309', 'onset', '2019'],
  ])('%s, %s, %s → %s %s', (pv1, dg1, acc, kind, date) => {
    const facts = only(`${msh('ADT^A08')}\nEVN||20260310\nPID|1||H1^^^RZ1^MR\n${pv1}\n${dg1}\n${acc}`, 'diagnosis')
    expect(facts[0]?.when).toEqual({ kind, date })
  })
})

describe('whatever arrives is read without a throw', () => {
  test('several patients in one message of results keep their own records', () => {
    const obr = 'OBR|1||N1|38269-7^DXA^LN|||20260412\nOBX|1|NM|38264-8^^LN||-2.0||||||F'
    const facts = only(`${msh('ORU^R01')}\nPID|1||H1^^^RZ1^MR\n${obr}\nPID|2||H2^^^RZ1^MR\n${obr}`, 'observation')
    expect(facts.map(fact => fact.record)).toEqual(['RZ1|H1', 'RZ1|H2'])
  })
  test('what stands before several patients is said of each, under a place of its own', () => {
    const facts = only(`${msh('ADT^A08')}\nDG1|1||S72.0^^I10\nPID|1||H1^^^RZ1^MR\nPID|2||H2^^^RZ1^MR`, 'diagnosis')
    expect(facts.map(fact => [fact.record, fact.source.path])).toEqual([
      ['RZ1|H1', 'DG1[1]-3'],
      ['RZ1|H2', 'PID[2]/DG1[1]-3'],
    ])
  })
  test.each([
    ['', 'message-unreadable'],
    ['PID|1||H1', 'message-unreadable'],
    [msh('ADT^A01'), 'segment-missing'],
    [`${msh('ZZZ^Z99')}\nPID|1||H1`, 'trigger-not-used'],
    [`${msh('ADT')}\nPID|1||H1`, 'trigger-not-used'],
    [`${msh('ADT^A01').replace('|P|', '|D|')}\nPID|1||H1^^^RZ1^MR`, 'processing-id-not-production'],
  ])('%j → %s', (text, code) => {
    expect(read(text)).toMatchObject({ facts: [], issues: [{ code }] })
  })
  test('no issue holds a value, no field stops the message, twice gives the same', () => {
    const field = fc.stringMatching(/^[A-Za-z0-9^&~.\\"# +-]{0,24}$/)
    const segment = fc.tuple(
      fc.constantFrom('PID', 'PV1', 'DG1', 'OBR', 'OBX', 'MRG', 'SCH', 'RXE', 'ZZZ'),
      fc.array(field, { maxLength: 45 }),
    )
    const type = fc.constantFrom('ADT^A01', 'ADT^A40', 'ADT^A08', 'ORU^R01', 'SIU^S12', 'RDE^O11', 'ADT^A37')
    fc.assert(
      fc.property(type, fc.array(segment, { maxLength: 8 }), (kind, segments) => {
        const text = [
          msh(kind),
          'PID|1||SECRETNUMBER^^^RZ1^MR',
          ...segments.map(([name, fields]) => [name, ...fields].join('|')),
        ].join('\n')
        const first = read(text)
        expect(read(text)).toEqual(first)
        expect(JSON.stringify(first.issues)).not.toContain('SECRETNUMBER')
        expect(new Set(first.facts.map(fact => fact.id)).size).toBe(first.facts.length)
      }),
      { numRuns: 300 },
    )
  })
})

describe('tables are checked before anything is read', () => {
  test('every fault with file, row and column', () => {
    const copy = mkdtempSync(join(tmpdir(), 'mappings-'))
    cpSync(join(root, 'mappings'), copy, { recursive: true })
    const header = 'row,each,fact,when,from,reader,lookup,to,onUnknown,note\n'
    writeFileSync(
      join(copy, 'ryy02-pas', 'wrong.csv'),
      `${header}${[
        'a,,identity.pid,sometimes,PID-8,word:unknown,sex,detail.sex,,',
        'b,,identity.pid,,PID-8,guess,,detail.sex,,',
        'c,,identity.pid,,PID-7,hl7-date,,detail.sex,,',
        'd,,identity.pid,,PID-8,word,no-such-table,detail.sex,,',
        'e,,identity.nobody,,PID-8,text,,detail.familyName,,',
        'f,PID,appointment.empty,,,,,fact,,',
        'pid.sex,,identity.pid,,PID-8,constant:blue,,detail.sex,maybe,',
      ].join('\n')}\n`,
    )
    appendFileSync(join(copy, 'ryy02-pas', 'codes.csv'), 'RYYED,NEW01,fracture-site,hip.nowhere,,,,\n')
    let faults: readonly string[] = []
    try {
      loadMappings(copy, terminology)
    } catch (error) {
      if (error instanceof TablesRefused) faults = error.faults
    }
    rmSync(copy, { recursive: true })
    expect(faults.map(fault => fault.replace(/codes\.csv:\d+/, 'codes.csv:n'))).toEqual([
      'mappings/ryy02-pas/codes.csv:n, concept: not in our tables',
      'mappings/ryy02-pas/wrong.csv:8, onUnknown: keep, quiet, issue or skip',
      'mappings/ryy02-pas/wrong.csv:8, detail.sex: blue is not on its list',
      'mappings/ryy02-pas/wrong.csv:2, when: no such condition sometimes',
      'mappings/ryy02-pas/wrong.csv:3, reader: no such reader',
      'mappings/ryy02-pas/wrong.csv:4, reader: gives date, detail.sex takes word',
      'mappings/ryy02-pas/wrong.csv:5, lookup: no value table no-such-table',
      'mappings/ryy02-pas/wrong.csv:6, fact: never declared by a row with to = fact',
      'mappings/ryy02-pas/wrong.csv:7, fact: no row fills detail.clinic',
      'mappings/ryy02-pas/wrong.csv:7, fact: no row fills detail.state',
    ])
  })
  test('the hash follows every table', () => {
    const copy = mkdtempSync(join(tmpdir(), 'mappings-'))
    cpSync(join(root, 'mappings'), copy, { recursive: true })
    expect(loadMappings(copy, terminology).hash).toBe(tables.hash)
    appendFileSync(join(copy, 'hl7v2', 'values.csv'), 'clinic,NEWFLS,fls,\n')
    expect(loadMappings(copy, terminology).hash).not.toBe(tables.hash)
    rmSync(copy, { recursive: true })
  })
})

describe('the samples a hospital can send', () => {
  const folder = join(root, 'samples', 'hl7v2')
  const readSample = (name: string) => {
    const sample = {
      ...entry('', 'rxx01-pas'),
      organisation: 'RXX' as OdsCode,
      bytes: readFileSync(join(folder, name)),
    }
    return readHl7v2(sample, tables)
  }
  test.each([
    ['01-emergency-a04.hl7', ['diagnosis', 'encounter', 'identity'], []],
    ['04-discharge-a03.hl7', ['diagnosis', 'encounter', 'identity', 'procedure'], []],
    ['06-clinic-attended-siu.hl7', ['appointment', 'identity'], []],
    ['07-dxa-oru.hl7', ['identity', 'observation', 'observation'], []],
    ['08-zoledronate-rde.hl7', ['identity', 'medication'], []],
    ['09-merge-a40.hl7', ['assertion', 'identity'], []],
    ['10-death-a31.hl7', ['death', 'identity'], []],
    [
      '91-bad-fields.hl7',
      ['diagnosis', 'encounter', 'identity'],
      ['code-unknown', 'nhs-number-invalid', 'unreadable-date', 'word-not-allowed'],
    ],
    ['94-not-hl7.hl7', [], ['message-unreadable']],
  ])('%s → %j, %j', (name, kinds, issues) => {
    const { facts, issues: found } = readSample(name)
    expect(facts.map(fact => fact.kind).sort()).toEqual(kinds)
    expect([...new Set(found.map(issue => issue.code))].sort()).toEqual(issues)
  })
  test('Latin-1 is decoded by its label', () => {
    expect(readSample('93-latin1.hl7').facts[0]).toMatchObject({
      detail: { familyName: 'MÜLLER', givenNames: ['RENÉE'] },
    })
  })
})
