import { describe, expect, test } from '@jest/globals'
import { type Message, parseMessage } from '../../src/sources/hl7v2/message.ts'

const H =
  'MSH|^~\\&|PAS|RXX01|FLS|NOGW|20260315101112+0000||ADT^A01^ADT_A01|MSG001|P|2.4|||AL|NE|GBR|UNICODE UTF-8\rEVN|A01|20260315101112\r'
const PID =
  'PID|1||9990000018^^^NHS^NH~H123456^^^RXX01^PI||O\\T\\BRIEN&VAN^MARY ANN^^^MRS||19480229|2|||1 HIGH ST^^LEEDS^^LS1 4AB~FLAT 2^^YORK^^YO1 1AA||""|||||||||A^White^NHSETH\r'
const C = 'MSH$%~!*$PAS$RXX$FLS$N$2026$$ADT%A01$M1$P$2.4\rPID$1$$1%%%NHS~2%%%PAS$$SMITH*X%JO!S!E\r'
const note = (text: string, after = '\r') => `${H}NTE|1||${text}${after}`

function read(text: string, charset?: BufferEncoding): Message {
  const message = parseMessage(Buffer.from(text, charset ?? 'utf8'))
  if (!message) throw new Error('message not readable')
  return message
}

/** `PID-3(2).5.1`: segment, field, repetition in brackets, component, sub-component; all from 1. */
function at(message: Message, path: string): string {
  const [, name = '', field, repetition, component, sub] =
    /^(\w+)-(\d+)(?:\((\d+)\))?(?:\.(\d+))?(?:\.(\d+))?$/.exec(path) ?? []
  const segment = message.first(name)
  if (!segment) return '(no segment)'
  if (!component) return segment.field(Number(field)).text
  return segment.component(Number(field), Number(repetition ?? 1), Number(component), sub ? Number(sub) : undefined)
}

describe('the 37 parser probes', () => {
  test.each([
    // probe, message, path, text
    ['P01 first repetition', H + PID, 'PID-3(1).1', '9990000018'],
    ['P02 component', H + PID, 'PID-3(1).4', 'NHS'],
    ['P03 second repetition', H + PID, 'PID-3(2).1', 'H123456'],
    ['P04 component of the second repetition', H + PID, 'PID-3(2).5', 'PI'],
    ['P05 unescaped after splitting', H + PID, 'PID-5.1.1', 'O&BRIEN'],
    ['P06 sub-component', H + PID, 'PID-5.1.2', 'VAN'],
    ['P10 MSH counts its separator', H + PID, 'MSH-10', 'MSG001'],
    ['P11 trigger', H + PID, 'MSH-9.2', 'A01'],
    ['P12 encoding characters whole', H + PID, 'MSH-2', '^~\\&'],
    ['P13 separators', note('a\\F\\b\\S\\c\\R\\d\\E\\e'), 'NTE-3', 'a|b^c~d\\e'],
    ['P14 an escaped CR starts no segment', note('line1\\X0D\\line2'), 'NTE-3', 'line1\rline2'],
    ['P15 hexadecimal bytes are UTF-8', note('caf\\XC3A9\\'), 'NTE-3', 'café'],
    ['P16 line break', note('l1\\.br\\l2'), 'NTE-3', 'l1\nl2'],
    ['P17 highlighting dropped', note('\\H\\bold\\N\\ x'), 'NTE-3', 'bold x'],
    ['P18 lone escape character', note('C:\\TEMP dir 5'), 'NTE-3', 'C:\\TEMP dir 5'],
    ['P19 two lone escape characters', note('C:\\TEMP\\Hdir'), 'NTE-3', 'C:\\TEMP\\Hdir'],
    ['P20 own separators', C, 'PID-3(2).4', 'PAS'],
    ['P21 own escape character', C, 'PID-5.2', 'JO%E'],
    ['P22 line feeds only', (H + PID).replaceAll('\r', '\n'), 'PID-3.1', '9990000018'],
    ['P23 CR LF', (H + PID).replaceAll('\r', '\r\n'), 'PID-3(1).5', 'NH'],
    ['P24 mixed', `${H}${PID.replace('\r', '\n')}PV1|1|I|W1\r`, 'PV1-2', 'I'],
    ['P25 line feed inside text', `${H}OBX|1|TX|R^Report||line1\nline2||||||F\rPV1|1|O\r`, 'OBX-5', 'line1\nline2'],
    ['P25 the segment after it', `${H}OBX|1|TX|R^Report||line1\nline2||||||F\rPV1|1|O\r`, 'PV1-2', 'O'],
    ['P26 empty line', `${H}\r${PID}`, 'PID-3.1', '9990000018'],
    ['P27 blanks kept at the end', note('  indented text  '), 'NTE-3', '  indented text  '],
    ['P27 without a last terminator', note('  indented text  ', ''), 'NTE-3', '  indented text  '],
    ['P28 blanks kept in the middle', note('  T-score   -2.7  ', '\rPV1|1|O\r'), 'NTE-3', '  T-score   -2.7  '],
    ['P29 unknown segment', `${H}ZFU|1|A~B|C^D\r`, 'ZFU-3.2', 'D'],
    ['P30 two encoding characters', 'MSH|^~|PAS|RXX01|||||ADT^A01|1|P|2.3\rPID|1||1^^^NHS\r', 'PID-3.4', 'NHS'],
    ['P31 truncation character', 'MSH|^~\\&#|PAS|RXX01|||||ADT^A01|1|P|2.7\rPID|1||1^^^NHS\r', 'PID-3.4', 'NHS'],
    ['P32 version with country', (H + PID).replace('|2.4|', '|2.4^GBR^2.1|'), 'PID-3.1', '9990000018'],
    ['P33 impossible date as sent', (H + PID).replace('19480229', '20260230'), 'PID-7', '20260230'],
    ['P34 partial date as sent', (H + PID).replace('19480229', '1948'), 'PID-7', '1948'],
    ['P35 unknown version', (H + PID).replace('|2.4|', '|9.9|'), 'PID-3.1', '9990000018'],
    ['P36 comparator', `${H}OBX|1|NM|VITD^VitD||<10|nmol/L|||||F\r`, 'OBX-5', '<10'],
    ['P37 hostile segment name', `${H}__proto__|1|x\r${PID}`, 'PID-3.1', '9990000018'],
  ])('%s', (_probe, text, path, expected) => {
    expect(at(read(text), path)).toBe(expected)
  })

  test.each([
    ['P07 null', 13, 'null'],
    ['P08 empty', 14, 'empty'],
    ['P09 past the end', 30, 'absent'],
    ['a value', 7, 'value'],
  ])('%s: PID-%i is %s', (_probe, field, state) => {
    expect(
      read(H + PID)
        .first('PID')
        ?.field(field).state,
    ).toBe(state)
    expect(
      read(H + PID)
        .first('PID')
        ?.value(field).state,
    ).toBe(state)
  })

  test('P37 leaves every prototype alone', () => {
    const message = read(`${H}__proto__|polluted\rconstructor|1\r${PID}`)
    expect(message.segments('__proto__')).toHaveLength(1)
    expect(message.segments('toString')).toEqual([])
    expect(Object.hasOwn(Object.prototype, 'polluted')).toBe(false)
  })
})

describe('null, empty and absent below the field', () => {
  const segment = read(`${H}PID|1||""|""^A|^""&x^&""|~""~C\r`).first('PID')
  test.each([
    // where                        field rep comp sub   state
    ['any part of a null field', 3, 1, 2, undefined, 'null'],
    ['a null component', 4, 1, 1, undefined, 'null'],
    ['beside a null component', 4, 1, 2, undefined, 'value'],
    ['an empty component', 5, 1, 1, undefined, 'empty'],
    ['a null sub-component', 5, 1, 2, 1, 'null'],
    ['a component past the end', 5, 1, 4, undefined, 'absent'],
    ['an empty repetition', 6, 1, 1, undefined, 'empty'],
    ['a null repetition', 6, 2, 1, undefined, 'null'],
    ['a repetition past the end', 6, 4, 1, undefined, 'absent'],
  ])('%s', (_where, field, repetition, component, sub, state) => {
    expect(segment?.value(field, repetition, component, sub).state).toBe(state)
  })
})

describe('escapes', () => {
  test.each([
    ['a character over two hexadecimal tokens', 'caf\\XC3\\\\XA9\\', 'café'],
    ['hexadecimal Latin-1', 'caf\\XE9\\', 'café'],
    ['odd hexadecimal digits stay', 'a\\XC3A\\b', 'a\\XC3A\\b'],
    ['lower case is no token', 'a\\f\\b', 'a\\f\\b'],
    ['a path before a token', 'C:\\TEMP\\F\\x', 'C:\\TEMP|x'],
    ['character-set switches stay', 'a\\C2842\\b', 'a\\C2842\\b'],
    ['skipped lines', 'a\\.sp2\\b', 'a\n\nb'],
    ['skipped blanks', 'a\\.sk3\\b', 'a   b'],
    ['indents dropped', '\\.in+4\\a\\.ti-2\\b', 'ab'],
    ['an unescaped text is not unescaped again', 'a\\E\\F\\E\\b', 'a\\F\\b'],
  ])('%s', (_what, sent, expected) => {
    expect(at(read(note(sent)), 'NTE-3')).toBe(expected)
  })

  test.each([
    ['plain', 0],
    ['\\F\\ \\.br\\ \\X0D\\', 0],
    ['\\ZLOCAL\\ x', 1],
    ['C:\\TEMP\\Hdir', 1],
  ])('unknown sequences are counted: %s → %i', (sent, count) => {
    expect(read(note(sent)).countUnknownEscapes()).toBe(count)
  })
})

describe('character sets', () => {
  const withCharset = (label: string) => `${H.replace('UNICODE UTF-8', label)}PID|1||1||MÜLLER\r`
  const rows: [string, BufferEncoding, string | undefined, boolean][] = [
    // MSH-18         sent as     profile    mislabelled
    ['', 'utf8', undefined, false],
    ['', 'latin1', undefined, false],
    ['UNICODE UTF-8', 'utf8', undefined, false],
    ['UNICODE', 'utf8', undefined, false],
    ['8859/1', 'latin1', undefined, false],
    ['ISO-8859-1', 'latin1', undefined, false],
    ['8859/15', 'latin1', undefined, false],
    ['8859/1', 'utf8', undefined, true],
    ['UNICODE UTF-8', 'latin1', undefined, true],
    ['20260315101112', 'utf8', undefined, true],
    ['20260315101112', 'latin1', undefined, true],
    ['UNICODE UTF-8', 'latin1', '8859/1', false],
    ['UNICODE', 'utf16le', undefined, false],
  ]
  test.each(rows)('MSH-18 "%s" sent as %s, profile %s', (label, encoding, profile, isMislabelled) => {
    const message = parseMessage(Buffer.from(withCharset(label), encoding), profile ? { charset: profile } : {})
    expect(message?.first('PID')?.component(5)).toBe('MÜLLER')
    expect(message?.isCharsetMislabelled).toBe(isMislabelled)
  })

  /** MSH-18 as sent, the bytes of PID-5 in hexadecimal, what they say. */
  test.each([
    ['8859/1', '4dfc4c4c4552', 'MüLLER'],
    ['ISO8859-1', '4dfc4c4c4552', 'MüLLER'],
    ['8859/1', '9353964f94', '“S–O”'],
    ['8859/2', '4d49b34f535a', 'MIłOSZ'],
    ['8859/5', 'b8d2d0dd', 'Иван'],
    ['8859/7', 'cdf9ebe1f2', 'Νωλας'],
    ['8859/9', 'd56e616e', 'Õnan'],
    ['8859/15', '4da44c', 'M€L'],
    ['UNICODE UTF-8', '4dc3bc4c4c4552', 'MüLLER'],
    ['UNICODE', '4dc3bc4c4c4552', 'MüLLER'],
    ['', '4dc3bc4c4c4552', 'MüLLER'],
    ['', '4dfc4c4c4552', 'MüLLER'],
    ['ASCII', '4dfc4c4c4552', 'MüLLER'],
    ['windows-1252', '80', '€'],
    ['GB 18030-2000', 'cdf5', '王'],
    ['BIG-5', 'a4fd', '王'],
    ['KS X 1001', 'b1e8', '김'],
    ['UNICODE UTF-8~ISO IR87', '4dc3bc4c4c4552', 'MüLLER'],
    ['~8859/2', '4dfc4c4c4552', 'MüLLER'],
    ['8859/1~UNICODE UTF-8', '4dc3bc4c4c4552', 'MüLLER'],
    ['20260315101112', '4dfc4c4c4552', 'MüLLER'],
    ['NOBODY-KNOWS', '4dc3bc4c4c4552', 'MüLLER'],
    ['UNICODE UTF-8', '4dfc4c4c45525ec3bc', 'MüLLER^ü'],
  ])('MSH-18 "%s", bytes %s → %s', (label, hex, text) => {
    const head = Buffer.from(`${H.replace('UNICODE UTF-8', label)}PID|1||1||`)
    const message = parseMessage(Buffer.concat([head, Buffer.from(hex, 'hex'), Buffer.from('\r')]))
    expect(message?.first('PID')?.field(5).text).toBe(text)
  })

  test('one broken byte does not spoil the other characters of a UTF-8 message', () => {
    const bytes = Buffer.concat([Buffer.from(`${H}PID|1||1||MÜLLER^`), Buffer.from([0xe9]), Buffer.from('VA\r')])
    expect(parseMessage(bytes)?.first('PID')?.field(5).text).toBe('MÜLLER^éVA')
  })

  test('Windows-1252 quotation marks', () => {
    const bytes = Buffer.concat([
      Buffer.from(`${H.replace('UNICODE UTF-8', '')}NTE|1||`),
      Buffer.from([0x93, 0x80, 0x94]),
    ])
    expect(parseMessage(bytes)?.first('NTE')?.field(3).text).toBe('“€”')
  })
})

describe('what counts as a message', () => {
  test.each([
    ['byte-order mark', Buffer.from(`\uFEFF${H}${PID}`), true],
    ['blank lines first', Buffer.from(`\r\n\r\n${H}${PID}`), true],
    ['header alone', Buffer.from('MSH|^~\\&|PAS'), true],
    ['empty encoding characters', Buffer.from('MSH||PAS|RXX01'), true],
    ['nothing', Buffer.alloc(0), false],
    ['no separator', Buffer.from('MSH'), false],
    ['a letter as separator', Buffer.from('MSHA^~\\&APAS'), false],
    ['another segment first', Buffer.from(PID), false],
    ['a web request', Buffer.from('GET / HTTP/1.1\r\n'), false],
  ])('%s', (_what, bytes, isReadable) => {
    expect(parseMessage(bytes) !== undefined).toBe(isReadable)
  })
})

test('segments of a name, what stands before, what follows', () => {
  const message = read(`${H}${PID}OBR|1||R1\rOBX|1|TX\rNTE|1\rOBX|2|TX\rOBR|2||R2\rOBX|1|NM\r`)
  const [first, second] = message.segments('OBR')
  if (!first || !second) throw new Error('two OBR expected')
  expect([first.index, second.index]).toEqual([1, 2])
  expect(message.following(first).map(segment => `${segment.name}${segment.index}`)).toEqual(['OBX1', 'NTE1', 'OBX2'])
  expect(message.segments('OBX').map(obx => message.before(obx, 'OBR')?.component(3))).toEqual(['R1', 'R1', 'R2'])
  expect(message.all.map(segment => segment.name).join(' ')).toBe('MSH EVN PID OBR OBX NTE OBX OBR OBX')
})

test('a profile may declare every lone line feed to be text', () => {
  const bytes = Buffer.from(`${H}OBX|1|TX|R||see\nPID|above|x\rPV1|1|O\r`)
  expect(parseMessage(bytes)?.segments('PID')).toHaveLength(1)
  const strict = parseMessage(bytes, { isLoneLineFeedTolerated: false })
  expect(strict?.segments('PID')).toHaveLength(0)
  expect(strict?.segments('PV1')).toHaveLength(1)
})

test('the header', () => {
  expect(read(H + PID).header).toMatchObject({
    sendingApplication: 'PAS',
    sendingFacility: 'RXX01',
    sentAt: '20260315101112+0000',
    type: 'ADT',
    trigger: 'A01',
    structure: 'ADT_A01',
    controlId: 'MSG001',
    processingId: 'P',
    version: '2.4',
    acceptCondition: 'AL',
    applicationCondition: 'NE',
    charset: 'UNICODE UTF-8',
  })
})
