import type { Random } from '../../synthetic/random.ts'

/** A message under the knife: its segments, still as bytes, and what else there is to borrow from. */
type Mutation = (message: Buffer, random: Random, others: readonly Buffer[]) => Buffer

const CR = 0x0d
const splitLines = (message: Buffer): Buffer[] => {
  const lines: Buffer[] = []
  let from = 0
  for (let at = message.indexOf(CR); at >= 0; at = message.indexOf(CR, from)) {
    lines.push(message.subarray(from, at))
    from = at + 1
  }
  if (from < message.length) lines.push(message.subarray(from))
  return lines
}
const joinLines = (lines: readonly Buffer[], terminator = '\r'): Buffer =>
  Buffer.concat(lines.flatMap(line => [line, Buffer.from(terminator)]))

/** What stands in fields of real messages and in nobody's specification. */
const oddities: readonly ((random: Random) => string | Buffer)[] = [
  () => '',
  () => '""',
  () => '""""',
  () => '__proto__',
  () => 'constructor',
  () => 'MSH|^~\\&|',
  () => '\\',
  () => '\\X\\',
  () => '\\X0D0A\\MSH|^~\\&|X',
  () => '\\XC3\\\\XA9\\',
  () => '\\.sp99999\\\\.sk-99999\\\\.br\\',
  () => '\\F\\S\\T\\R\\E\\\\H\\\\N\\',
  () => '\\C2842\\\\M24426A\\\\Z99\\',
  () => '19000229',
  () => '20260230256199.9999999+9999',
  () => '99999999999999999999',
  () => '-0.0000000000000000000001e999',
  () => '<>=≤',
  () => '\uFEFF\u202E\u0000',
  () => Buffer.from([0xc3, 0x28, 0xff, 0xfe, 0x80, 0x1b, 0x24, 0x42]),
  random => '^'.repeat(below(random, 5_000)),
  random => '~'.repeat(below(random, 5_000)),
  random => '&'.repeat(below(random, 5_000)),
  random => '\\'.repeat(below(random, 20_000)),
  random => '\\.br'.repeat(below(random, 10_000)),
  random => 'a'.repeat(below(random, 200_000)),
  random => 'fracture of the left and right hip? '.repeat(below(random, 3_000)),
  random => 'T-score -2.'.repeat(below(random, 3_000)),
  random => `${'no evidence of '.repeat(below(random, 2_000))}fracture`,
  random => ' '.repeat(below(random, 50_000)),
  random => '1'.repeat(below(random, 50_000)),
  random => '\n'.repeat(below(random, 20_000)),
  random => 'PID|1|\n'.repeat(below(random, 3_000)),
]

const segmentNames = [
  'PID',
  'PV1',
  'DG1',
  'PR1',
  'MRG',
  'OBR',
  'OBX',
  'ORC',
  'SCH',
  'TXA',
  'RXE',
  'EVN',
  'ZZZ',
  'MSH',
  'BHS',
  'BTS',
  'FTS',
]
const types = [
  'ADT^A01',
  'ADT^A03',
  'ADT^A17',
  'ADT^A24',
  'ADT^A37',
  'ADT^A40',
  'ADT^A45',
  'ORU^R01',
  'MDM^T10',
  'SIU^S12',
  'ORM^O01',
  'RDE^O11',
  'RAS^O17',
  'ACK',
  'ZZZ^Z99',
  '',
]
const charsets = [
  'UNICODE UTF-8',
  'UNICODE UTF-16',
  'UNICODE UTF-32',
  '8859/1',
  '8859/15',
  'ISO IR87',
  'GB 18030-2000',
  'BIG-5',
  'KS X 1001',
  '20260101',
  '~8859/2~ASCII',
  'x'.repeat(5_000),
]

/** Structure-aware: most of what comes out still begins like a message, so that the code behind the header is reached. */
export const mutations: readonly Mutation[] = [
  // One field becomes an oddity.
  (message, random) => onFields(message, random, () => bytesOf(random.pick(oddities)(random))),
  // One field becomes another message's field.
  (message, random, others) =>
    onFields(message, random, () => random.pick(fieldsOf(random.pick(splitLines(random.pick(others)))))),
  // One component is put behind a field.
  (message, random) =>
    onFields(message, random, field =>
      Buffer.concat([field, Buffer.from(random.pick(['^', '~', '&'])), bytesOf(random.pick(oddities)(random))]),
    ),
  // Segments lost, doubled, moved, many times over, from elsewhere, of a name.
  (message, random) => onLines(message, random, (lines, at) => lines.toSpliced(at, 1)),
  (message, random) =>
    onLines(message, random, (lines, at) =>
      lines.toSpliced(at, 0, ...Array.from({ length: below(random, 300) }, () => lines[at] ?? Buffer.alloc(0))),
    ),
  (message, random) =>
    onLines(message, random, (lines, at) => [...lines.toSpliced(at, 1), lines[at] ?? Buffer.alloc(0)]),
  (message, random, others) =>
    onLines(message, random, (lines, at) => lines.toSpliced(at, 0, random.pick(splitLines(random.pick(others))))),
  (message, random) =>
    onLines(message, random, (lines, at) =>
      lines.toSpliced(at, 0, Buffer.from(`${random.pick(segmentNames)}${random.pick(['|', '', '||', '|^~\\&|'])}`)),
    ),
  // Header: type, character set, separators.
  (message, random) => replaceIn(message, /^((?:[^|]*\|){8})[^|]*/, `$1${random.pick(types)}`),
  (message, random) =>
    replaceIn(message, /^((?:[^|\r]*\|){11}[^|\r]*)[^\r]*/, `$1${'|'.repeat(6)}${random.pick(charsets)}`),
  (message, random) =>
    Buffer.from(
      message.toString('latin1').replaceAll('|', random.pick(['$', '\t', '^', '~', '#', 'é', '|'])),
      'latin1',
    ),
  (message, random) =>
    replaceIn(
      message,
      /^MSH\|[^|]*/,
      `MSH|${random.pick(['', '^', '^~', '^~\\&#', '^^^^', '~^&\\', '^~\\&^~\\&', '    '])}`,
    ),
  // Line ends, encodings, a mark before everything.
  (message, random) => joinLines(splitLines(message), random.pick(['\n', '\r\n', '\r\r', '\n\r', ' \r', '\0\r', ''])),
  (message, random) => Buffer.from(message.toString('utf8'), random.pick(['utf16le', 'latin1', 'utf8'] as const)),
  (message, random) =>
    Buffer.concat([
      Buffer.from(random.pick(['\uFEFF', '\r\n\r\n', ' ', '\0\0', 'x', 'FHS|^~\\&|\rBHS|^~\\&|\r', 'BHS|\r'])),
      message,
    ]),
  // Batches with any count.
  (message, random, others) =>
    Buffer.concat([
      Buffer.from('BHS|^~\\&|PAS\r'),
      message,
      random.pick(others),
      Buffer.from(`BTS|${below(random, 4)}\rFTS|${below(random, 4)}\r`),
    ]),
  // Plain damage.
  (message, random) => message.subarray(0, below(random, message.length + 1)),
  (message, random) => damaged(message, random),
]

/** A message after one to five mutations. */
export function mutated(message: Buffer, random: Random, others: readonly Buffer[]): Buffer {
  let result = message
  for (let count = 1 + below(random, 5); count > 0; count--) {
    result = random.pick(mutations)(result, random, others)
    // What grows without end is a test of the machine, not of the reader.
    if (result.length > 2_000_000) return result.subarray(0, 2_000_000)
  }
  return result
}

function below(random: Random, count: number): number {
  return count < 1 ? 0 : random.int(0, count - 1)
}

function bytesOf(text: string | Buffer): Buffer {
  return typeof text === 'string' ? Buffer.from(text) : text
}

function fieldsOf(line: Buffer): Buffer[] {
  return line
    .toString('latin1')
    .split('|')
    .map(field => Buffer.from(field, 'latin1'))
}

function onLines(message: Buffer, random: Random, change: (lines: Buffer[], at: number) => Buffer[]): Buffer {
  const lines = splitLines(message)
  return lines.length === 0 ? message : joinLines(change(lines, below(random, lines.length)))
}

function onFields(message: Buffer, random: Random, change: (field: Buffer) => Buffer): Buffer {
  return onLines(message, random, (lines, at) => {
    const fields = fieldsOf(lines[at] ?? Buffer.alloc(0))
    const place = below(random, fields.length + 2)
    while (fields.length <= place) fields.push(Buffer.alloc(0))
    const changed = fields.with(place, change(fields[place] ?? Buffer.alloc(0)))
    return lines.with(
      at,
      Buffer.concat(changed.flatMap((field, index) => (index === 0 ? [field] : [Buffer.from('|'), field]))),
    )
  })
}

function replaceIn(message: Buffer, pattern: RegExp, replacement: string): Buffer {
  return Buffer.from(message.toString('latin1').replace(pattern, replacement), 'latin1')
}

function damaged(message: Buffer, random: Random): Buffer {
  const copy = Buffer.from(message)
  for (let count = below(random, 20); count > 0 && copy.length > 0; count--)
    copy[below(random, copy.length)] = below(random, 256)
  return copy
}
