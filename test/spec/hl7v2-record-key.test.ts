import { describe, expect, test } from '@jest/globals'
import { type Message, parseMessage } from '../../src/sources/hl7v2/message.ts'
import { localNumberIn, nhsNumberCandidates, peekRecordKey } from '../../src/sources/hl7v2/record-key.ts'

function withPid(pid: string, facility = 'RXX01', more = ''): Message {
  const message = parseMessage(
    Buffer.from(`MSH|^~\\&|PAS|${facility}|FLS|N|2026||ADT^A01|1|P|2.4\rPID|${pid}\r${more}`),
  )
  if (!message) throw new Error('message not readable')
  return message
}

describe('record key', () => {
  test.each<[pid: string, key: string | undefined, why: string]>([
    // PID                                                      key                   why
    ['1||9990000018^^^NHS^NH~H123456^^^RXX^PI', 'RXX|H123456', 'local number beside the NHS number'],
    ['1||H123456^^^RXX^MR~9990000018^^^NHS^NH', 'RXX|H123456', 'either order'],
    ['1||V1^^^RXX^VN~H1^^^RXX^PI', 'RXX|H1', 'a visit number is not the patient'],
    ['1||X1^^^RYY^ZZ~M1^^^RXX^MR', 'RXX|M1', 'the better type'],
    ['1||H123456', 'RXX01|H123456', 'no authority: MSH-4'],
    ['1||h123456^^^rxx', 'RXX|H123456', 'upper case'],
    ['1|| H123456 ^^^ RXX ^ MR ', 'RXX|H123456', 'blanks'],
    ['1||H1^^^&2.16.840.1&ISO^MR', '2.16.840.1|H1', 'authority by OID only'],
    ['1||9990000018^^^NHS^NH|', 'pas|nhs|9990000018', 'NHS number only'],
    ['1||999 000 0018^^^NHS^NH|', 'pas|nhs|9990000018', 'spaced'],
    ['1||9990000019^^^NHS^NH|', undefined, 'bad check digit is no key'],
    ['1|H77^^^RXX^MR|9990000018^^^NHS^NH', 'RXX|H77', 'PID-2 of old feeds'],
    ['1|9990000018|H1^^^RXX^MR', 'RXX|H1', 'a bare NHS number in PID-2 does not get in the way'],
    ['1||""', undefined, 'null'],
    ['1', undefined, 'nothing'],
  ])('%s → %s (%s)', (pid, key) => {
    expect(peekRecordKey(withPid(pid), 'pas')).toBe(key)
  })

  test('without MSH-4 the sending application numbers', () => {
    expect(peekRecordKey(withPid('1||H1', ''), 'pas')).toBe('PAS|H1')
  })

  test('no PID, no key', () => {
    const message = parseMessage(Buffer.from('MSH|^~\\&|PAS|RXX01|||2026||ADT^A01|1|P|2.4\r'))
    expect(message && peekRecordKey(message, 'pas')).toBeUndefined()
  })

  test('the retired number of a merge by the same rule', () => {
    const message = withPid('1||H1^^^RXX^MR', 'RXX01', 'MRG|9990000018^^^NHS^NH~H2^^^RXX^MR\r')
    const mrg = message.first('MRG')
    expect(mrg && localNumberIn(mrg, [1], message)).toMatchObject({ number: 'H2', authority: 'RXX', where: 'MRG-1(2)' })
  })
})

describe('every spelling of the NHS number', () => {
  test.each([
    // PID                                                  where        status
    ['1||9990000018^^^NHS^NH', 'PID-3', ''],
    ['1||9990000018^^^NHSNBR^NHSNMBR', 'PID-3', ''],
    ['1||9990000018^^^NHS^HN', 'PID-3', ''],
    ['1||9990000018^^^^NH', 'PID-3', ''],
    ['1|9990000018^^^^NH|H1', 'PID-2', ''],
    ['1||9990000018^^^NHS', 'PID-3', ''],
    ['1||H1~9990000018^^^NHS^NH', 'PID-3(2)', ''],
    ['1||9990000018^01^^NHS^NH', 'PID-3', '01'],
    ['1||9990000018^^^NHS^NH{status:02}', 'PID-3', '02'],
    ['1||999 000 0018^^^NHS^NH', 'PID-3', ''],
    ['1||9990000018^^^NHS&2.16.840.1.113883.2.1.4.1&ISO', 'PID-3', ''],
    ['1||H1||||||||||||||||9990000018', 'PID-19', ''],
  ])('%s at %s', (pid, where, status) => {
    expect(nhsNumberCandidates(withPid(pid))).toMatchObject([{ where, status }])
  })

  test.each([
    ['a hospital number', '1||H123456^^^RXX^MR'],
    ['ten digits without type or authority in PID-3', '1||9990000018'],
    ['a hospital number of ten digits', '1||9990000018^^^RXX^MR'],
    ['null', '1||""'],
  ])('not one: %s', (_what, pid) => {
    expect(nhsNumberCandidates(withPid(pid))).toEqual([])
  })
})
