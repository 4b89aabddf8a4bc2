import { describe, expect, test } from '@jest/globals'
import type { Instant } from '../../src/fls/dates.ts'
import { type Issue, issue } from '../../src/fls/issue.ts'
import {
  type Acknowledgement,
  acknowledge,
  acknowledgeBatch,
  type Verdict,
} from '../../src/sources/hl7v2/acknowledge.ts'
import { parseMessage } from '../../src/sources/hl7v2/message.ts'

const at = '2026-03-15T10:11:12.345Z' as Instant

function message(conditions: { accept?: string; application?: string } = {}): Buffer {
  const { accept = '', application = '' } = conditions
  return Buffer.from(
    `MSH|^~\\&|PAS|RXX01|FLS|NOGW|20260315||ADT^A08^ADT_A01|MSG001|P|2.4|||${accept}|${application}\rPID|1||1\r`,
  )
}

function answer(bytes: Buffer | string, verdict: Verdict, issues: readonly Issue[] = []): Acknowledgement {
  return acknowledge({ message: Buffer.from(bytes), verdict, issues, controlId: 'FLS1', at })
}

const codeSent = (given: Acknowledgement) => (given.payload ? given.code : '(none)')

describe('which answer', () => {
  test.each([
    // MSH-15 MSH-16   kept     not kept  refused
    ['', '', 'AA', 'AE', 'AR'],
    ['', 'AL', 'AA', 'AE', 'AR'],
    ['', 'NE', 'AA', 'AE', 'AR'],
    ['""', '""', 'AA', 'AE', 'AR'],
    ['??', '', 'AA', 'AE', 'AR'],
    ['AL', '', 'CA', 'CE', 'CR'],
    ['AL', 'NE', 'CA', 'CE', 'CR'],
    ['AL', 'AL', 'CA', 'CE', 'CR'],
    ['al', 'ne', 'CA', 'CE', 'CR'],
    ['ER', 'NE', '(none)', 'CE', 'CR'],
    ['SU', 'NE', 'CA', '(none)', '(none)'],
    ['NE', 'NE', '(none)', '(none)', '(none)'],
    ['NE', '', '(none)', '(none)', '(none)'],
    ['NE', 'AL', 'AA', 'AE', 'AR'],
    ['NE', 'ER', '(none)', 'AE', 'AR'],
    ['NE', 'SU', 'AA', '(none)', '(none)'],
  ])('MSH-15 "%s", MSH-16 "%s" → kept %s, not kept %s, refused %s', (accept, application, kept, notKept, refused) => {
    const bytes = message({ accept, application })
    expect(codeSent(answer(bytes, 'kept'))).toBe(kept)
    expect(codeSent(answer(bytes, 'not-kept'))).toBe(notKept)
    expect(codeSent(answer(bytes, 'refused'))).toBe(refused)
  })

  test.each([
    ['original mode', '', 'AA'],
    ['enhanced mode', 'AL', 'CA'],
  ])('kept, but read with errors: %s', (_what, accept, code) => {
    const given = answer(message({ accept }), 'kept', [issue('unreadable-date', 'PID-7')])
    expect(given.code).toBe(code)
    expect(given.payload?.toString()).toContain('\rERR|')
  })
})

describe('form', () => {
  test('swapped addresses, trigger, processing id and version echoed', () => {
    expect(answer(message(), 'kept').payload?.toString()).toBe(
      'MSH|^~\\&|FLS|NOGW|PAS|RXX01|20260315101112+0000||ACK^A08|FLS1|P|2.4\rMSA|AA|MSG001\r',
    )
  })

  test('delimiters, version with country and character set are the sender’s', () => {
    const bytes = 'MSH$%~!*$PAS%1$RXX$FLS$N$2026$$ADT%A01$M1$T$2.5%GBR$$$$$$8859/1\r'
    expect(answer(bytes, 'kept').payload?.toString()).toBe(
      'MSH$%~!*$FLS$N$PAS%1$RXX$20260315101112+0000$$ACK%A01$FLS1$T$2.5%GBR$$$$$$8859/1\rMSA$AA$M1\r',
    )
  })

  test('two encoding characters stay two', () => {
    expect(answer('MSH|^~|PAS|RXX01|||||ADT^A01|1|P|2.3\r', 'kept').payload?.toString()).toMatch(/^MSH\|\^~\|\|\|PAS\|/)
  })

  test('MSA-2 is MSH-10 byte for byte, whatever the character set', () => {
    const id = Buffer.from([0x41, 0xdc, 0xff, 0x80, 0x20, 0x5c, 0x58])
    const bytes = Buffer.concat([Buffer.from('MSH|^~\\&|PAS|RXX01|||||ADT^A01|'), id, Buffer.from('|P|2.4\r')])
    expect(
      answer(bytes, 'kept').payload?.includes(Buffer.concat([Buffer.from('MSA|AA|'), id, Buffer.from('\r')])),
    ).toBe(true)
  })

  test('VT, FS and CR never pass through', () => {
    const sent = answer('MSH|^~\\&|P\vAS|RX\x1cX|||||ADT^A01|M\x1c1\v|P|2.4\r', 'kept').payload ?? Buffer.alloc(0)
    expect(sent.includes(0x0b) || sent.includes(0x1c)).toBe(false)
    expect(sent.toString()).toContain('MSA|AA|M1\r')
    expect(sent.toString().split('\r')).toHaveLength(3)
  })

  test.each([
    ['no trigger', 'MSH|^~\\&|PAS|RXX01|||||ADT|M1|P|2.4\r', '||ACK|FLS1|P|2.4\rMSA|AA|M1\r'],
    ['no control id', 'MSH|^~\\&|PAS|RXX01|||||ADT^A01||P|2.4\r', '||ACK^A01|FLS1|P|2.4\rMSA|AA|\r'],
    ['a header cut short', 'MSH|^~\\&|PAS', '||ACK|FLS1|P|2.4\rMSA|AA|\r'],
    [
      'line feeds as terminators',
      'MSH|^~\\&|PAS|RXX01|||||ADT^A01|M1\nPID|1|P|2\n',
      '||ACK^A01|FLS1|P|2.4\rMSA|AA|M1\r',
    ],
  ])('%s', (_what, bytes, end) => {
    expect(answer(bytes, 'kept').payload?.toString().endsWith(end)).toBe(true)
  })

  test('an unreadable header gets AR with an empty MSA-2 and a reason', () => {
    const text = answer('GET / HTTP/1.1', 'refused', [issue('message-unreadable', 'MSH')]).payload?.toString()
    expect(text).toMatch(
      /^MSH\|\^~\\&\|\|\|\|\|20260315101112\+0000\|\|ACK\|FLS1\|P\|2\.4\rMSA\|AR\|\|Not an HL7 v2 message\.\rERR\|/,
    )
  })

  test('one answer for a batch', () => {
    const one = answer(message(), 'kept').payload ?? Buffer.alloc(0)
    const header = Buffer.from('BHS|^~\\&|PAS|RXX01|FLS|NOGW|20260315||||B7')
    expect(acknowledgeBatch(header, [one, one], 'FLS2', at).toString()).toBe(
      `BHS|^~\\&|FLS|NOGW|PAS|RXX01|20260315101112+0000||||FLS2|B7\r${one}${one}BTS|2\r`,
    )
  })
})

describe('issues become ERR segments', () => {
  const errors = (version: string, found: Issue) =>
    parseMessage(
      answer(message().toString().replace('|2.4|', `|${version}|`), 'kept', [found]).payload ?? Buffer.alloc(0),
    )?.segments('ERR') ?? []

  test.each([
    // where            ERR-2
    ['PID-7', 'PID^1^7^1'],
    ['PID-3(2).1', 'PID^1^3^2^1'],
    ['OBX(3)-5', 'OBX^3^5^1'],
    ['DG1[2]-3.1.2', 'DG1^2^3^1^1^2'],
    ['MSH', 'MSH^1'],
    ['elsewhere', ''],
  ])('%s stands in ERR-2 as %s', (where, location) => {
    const [error] = errors('2.5', issue('unreadable-date', where))
    expect(error?.field(2).text).toBe(location)
    expect([1, 3, 4, 5].map(number => error?.field(number).text)).toEqual([
      '',
      '102^Data type error^HL70357',
      'E',
      'unreadable-date',
    ])
    expect(error?.field(8).text).toMatch(/^The date cannot be read\. /)
  })

  test('before 2.5 the place and condition stand in ERR-1 as well', () => {
    const [error] = errors('2.4', issue('code-unknown', 'DG1(2)-3'))
    expect(error?.raw(1)).toBe('DG1^2^3^103&Table value not found&HL70357')
    expect(error?.field(4).text).toBe('I')
  })

  test('one per issue, at most a hundred', () => {
    const many = Array.from({ length: 150 }, (_, at) => issue('code-unknown', `OBX(${at + 1})-3`))
    const payload = answer(message(), 'kept', many).payload ?? Buffer.alloc(0)
    expect(parseMessage(payload)?.segments('ERR')).toHaveLength(100)
  })

  test('texts are escaped for the delimiters of the sender', () => {
    const bytes = 'MSH.^~\\&.PAS.RXX01.....ADT^A01.M1.P.2 5\rPID.1\r'
    const payload = answer(bytes, 'refused', [issue('sender-unknown', 'MSH-3')]).payload ?? Buffer.alloc(0)
    expect(parseMessage(payload)?.first('MSA')?.field(3).text).toMatch(/^This sending application .*$/)
    expect(parseMessage(payload)?.first('ERR')?.field(8).text).toContain('enrol MSH-3 and MSH-4, or correct them.')
  })
})
