import { type Message, parseMessage } from '../src/sources/hl7v2/message.ts'
import { type Figure, figure, type Measure, median } from './figure.ts'

const header = (type: string) =>
  `MSH|^~\\&|PAS|RXX01|FLS|NOGW|20260315101112+0000||${type}|MSG001|P|2.4|||AL|NE|GBR|UNICODE UTF-8`
const pid =
  'PID|1||9990000018^^^NHS^NH~H123456^^^RXX01^PI||SPECIMEN^MARY ANN^^^MRS||19480229|2|||1 HIGH ST^^LEEDS^^LS1 4AB~FLAT 2^^YORK^^YO1 1AA||01130000000|||M|||||A^White^NHSETH||||||||N|01'
const pv1 =
  'PV1|1|I|W1^B2^3^RXX01||||C1234567^SMITH^JOHN^^^DR|||110|||||||||SP000001|||||||||||||||||||||||||20260315100000'

const adt = Buffer.from(
  [
    header('ADT^A01^ADT_A01'),
    'EVN|A01|20260315101112||||20260315100000',
    pid,
    'PD1|||^^B12345|G1234567^JONES',
    'NK1|1|SPECIMEN^JOHN|SPO||01130000001',
    pv1,
    'PV2|||FALL^Fall at home',
    'OBX|1|NM|HT^Height||162|cm|||||F',
    'DG1|1||S72.01^Fracture of neck of femur^I10||20260315|F',
    'DG1|2||I10.X^Hypertension^I10||20260315|F',
    'PR1|1||W46.1^Hemiarthroplasty^OPCS4||20260316|P',
    '',
  ].join('\r'),
)

const oru = Buffer.from(
  [
    header('ORU^R01^ORU_R01'),
    pid,
    pv1,
    'ORC|RE|ORD1|FIL1||CM||||20260315',
    'OBR|1|ORD1|FIL1|DXA^DXA hip and spine^LOCAL|||20260315101500||||||||||||||||||F',
    ...Array.from(
      { length: 35 },
      (_, at) =>
        `OBX|${at + 1}|TX|R${at}^Report line ${at}^LOCAL||Bone mineral density of the left hip measured by dual energy absorptiometry line ${at}||||||F|||2026031511`,
    ),
    '',
  ].join('\r'),
)

const adtPaths: readonly (readonly [string, number, number, number])[] = [
  ...[3, 4, 7, 9, 10, 11, 12, 18].map(field => ['MSH', field, 1, 1] as const),
  ...[2, 6].map(field => ['EVN', field, 1, 1] as const),
  ['PID', 3, 1, 1],
  ['PID', 3, 1, 4],
  ['PID', 3, 2, 1],
  ['PID', 3, 2, 5],
  ['PID', 5, 1, 1],
  ['PID', 5, 1, 2],
  ['PID', 7, 1, 1],
  ['PID', 8, 1, 1],
  ['PID', 11, 1, 5],
  ['PID', 11, 2, 5],
  ['PID', 22, 1, 1],
  ['PID', 32, 1, 1],
  ['PV1', 2, 1, 1],
  ['PV1', 3, 1, 4],
  ['PV1', 7, 1, 1],
  ['PV1', 10, 1, 1],
  ['PV1', 19, 1, 1],
  ['PV1', 44, 1, 1],
  ['DG1', 3, 1, 1],
  ['DG1', 3, 1, 3],
  ['DG1', 5, 1, 1],
  ['PD1', 3, 1, 3],
]
const oruPaths: readonly (readonly [string, number, number, number])[] = [
  ...adtPaths.filter(([name]) => name === 'MSH' || name === 'PID'),
  ...[2, 3, 4, 7, 25].map(field => ['OBR', field, 1, 1] as const),
  ...[2, 3, 5, 6, 11, 14].map(field => ['OBX', field, 1, 1] as const),
  ['PV1', 2, 1, 1],
]

/**
 * parseAdt, parseOru: messages a second, parsed and 32 fields read, one core; an ADT of 11 segments, an ORU of 40. Against the least
 * anybody must do: bytes to text, cut into segments and fields, no escapes, repetitions or character sets. Median of five rounds.
 */
export const parse: Measure = async () => [measure('parseAdt', adt, adtPaths), measure('parseOru', oru, oruPaths)]

function measure(name: string, bytes: Buffer, paths: typeof adtPaths): Figure {
  const read = () => {
    const message = parseMessage(bytes)
    if (!message) throw new Error('the benchmark message is not readable')
    return readAll(message, paths)
  }
  const value = perSecond(read)
  return figure(
    name,
    value,
    'messages/s',
    perSecond(() => cut(bytes)),
    { fields: paths.length, bytes: bytes.length },
  )
}

function readAll(message: Message, paths: typeof adtPaths): number {
  let length = 0
  for (const [name, field, repetition, component] of paths) {
    length += message.first(name)?.component(field, repetition, component).length ?? 0
  }
  return length
}

function cut(bytes: Buffer): number {
  let fields = 0
  for (const line of bytes.toString('utf8').split('\r')) fields += line.split('|').length
  return fields
}

function perSecond(work: () => number): number {
  const rates: number[] = []
  let sum = 0
  for (let round = 0; round < 5; round++) {
    const started = performance.now()
    let count = 0
    while (performance.now() - started < 250) {
      for (let at = 0; at < 200; at++) sum += work()
      count += 200
    }
    rates.push((count * 1000) / (performance.now() - started))
  }
  if (sum === 0) throw new Error('nothing was read')
  return median(rates)
}
